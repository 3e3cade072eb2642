"""What Stock Hub sends: its topics and statuses, and a client that sends as it does. No Django, no database.

``topics``, ``statuses`` and ``documented`` (fields and versions) are the contract. ``recognition`` finds the topic of a
body, and ``addresses`` that of a URL. ``amounts``, ``telephones`` and ``links`` judge values; ``client`` sends.
"""
