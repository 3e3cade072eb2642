"""What is printed beside the nine scenarios: it has no goal, but nothing may be lost or happen twice."""

DRILLS = {}
