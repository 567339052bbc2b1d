"""Judges tables of minutes: the engine, its words, and the command `veriband judge`."""
