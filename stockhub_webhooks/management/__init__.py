"""Management commands. They parse arguments and print; the work is done in other modules.

``commands`` has them. ``output`` is their base class, with safe output; ``person_options`` are the options about a
customer.
"""
