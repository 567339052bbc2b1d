"""A strip read from this computer, over a USB bridge."""
