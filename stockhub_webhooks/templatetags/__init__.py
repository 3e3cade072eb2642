"""Template tags: ``stockhub`` for the shop's own pages, ``stockhub_overview`` for the overview in the admin."""
