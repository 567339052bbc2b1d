"""The simulated world: clock, wearers, chips, flash and air, round the real firmware."""
