"""What Stock Hub sends: its topics and statuses, and a client that sends as it does. No Django, no database."""
