"""Power profiles: how a band can be reached, and what that costs it."""

RESPONSIVE = 0  # at any time
ENDURANCE = 1  # in a short window every PERIOD_S; it sleeps between
NAMES = ("responsive", "endurance")

PERIOD_S = 40  # from window to window: a heart rate, 11 s, is to be had within a minute
