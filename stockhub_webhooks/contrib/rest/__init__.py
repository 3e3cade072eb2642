"""Read-only REST API of the stored documents, for shops whose pages are not made by Django.

``serializers`` say what is shown, ``permissions`` to whom, ``filters`` which of it, ``pages`` in what portions;
``urls`` is what a host includes.
"""
