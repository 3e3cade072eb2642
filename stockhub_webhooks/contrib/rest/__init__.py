"""What is kept, to read over HTTP: for a shop whose pages are not Django's. Nothing can be written here.

``serializers`` say what is shown, ``permissions`` to whom, ``filters`` which of it, ``pages`` in what portions;
``urls`` is what a host includes.
"""
