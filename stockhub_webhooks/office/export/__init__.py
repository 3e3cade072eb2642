"""CSV export of orders and their documents for the bookkeeper.

``periods`` defines the date ranges, ``tables`` the columns of each topic, ``rows`` reads the documents in chunks, and
``sheet`` writes CSV that a Dutch Excel opens, ``workbook`` an Excel workbook.
"""
