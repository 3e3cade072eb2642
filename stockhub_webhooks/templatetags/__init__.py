"""For the shop's own templates."""
