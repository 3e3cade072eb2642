"""Management commands. They parse arguments and print; the work is done in other modules."""
