"""Search, story and export: facts for the pages of the office, without HTML."""
