"""Read-only REST API of the stored documents, for shops whose frontend is not made with Django.

A host includes ``urls``. ``views`` has the lists, ``serializers`` their fields and ``bases`` what these share,
``permissions`` the required permissions, ``filters`` the parameters of the query, and ``pages`` the pagination.
"""
