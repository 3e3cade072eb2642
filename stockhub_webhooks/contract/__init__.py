"""Facts about what Stock Hub sends: topics, and the known codes with their labels."""
