"""Doctor: `stockhub_doctor` checks the installation, and whether a message arrives.

``examination`` looks from inside: settings, database, receivers, runner, spool. ``address`` looks from outside, at the
URLs that Stock Hub will call; ``explanations`` and ``no_answer`` say what a wrong response or none means. Both yield
``findings``, which ``findings_text`` formats. ``support_message`` writes the mail that activates the webhooks, and
``keys`` creates a key, and ``rotation`` says when the old one can go.
"""
