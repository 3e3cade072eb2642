"""Commands: arguments only, the work is in modules."""
