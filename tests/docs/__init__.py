"""The documentation: its pages, its blocks of code, and the site that is built of them."""
