"""From a stored message to its documents, events and receiver calls.

`pipeline` takes a message through all steps, and `apply` writes its documents.
"""
