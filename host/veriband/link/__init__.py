"""The link to bands: find, pair, sync, keep at it."""
