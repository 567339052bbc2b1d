"""One module a board: which pin is which."""
