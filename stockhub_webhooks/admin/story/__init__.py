"""The order story in the admin: `stockhub_webhooks.office.story`'s facts, in the office's words.

``page`` is the page, ``tables`` what stands on it, ``picture`` the life of the order as SVG, ``history`` the timeline,
``letter`` the text to copy for Winkelstraat, ``links`` the ways out, ``phrases`` the words that all of them share.
"""
