"""Management commands. They parse arguments and print; the work is done in other modules.

``commands`` has them. ``output`` has their base class, and makes what they print safe for a terminal;
``person_options`` has the options of the commands about a customer.
"""
