"""A host project that does everything it can to get in the way."""
