"""The page "order story" in the admin: the facts of `stockhub_webhooks.office.story`, in words.

``page`` has the view, ``page_tables`` its tables, ``picture`` the row of steps, ``history`` the timeline,
``support_message_page`` the text to copy for Winkelstraat, ``notes_page`` the notes, ``links`` the links,
``phrases`` the shared words.
"""
