"""Template tags for the shop's own pages, and for the overview in the admin."""
