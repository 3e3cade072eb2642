"""Access to the database: connections, time limits, kept statements and indexes."""
