"""For templates: the shop's own, and the first page of the app in the admin."""
