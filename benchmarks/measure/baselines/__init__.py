"""What a shop would write itself instead: `views.bare`, `nested` with DRF, and `row_by_row` in a job of its own."""
