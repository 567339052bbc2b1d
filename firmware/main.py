"""What the board runs after boot.py: the band, and a restart should it ever end."""

from band.app import run

run()
