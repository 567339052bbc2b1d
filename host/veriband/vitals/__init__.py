"""Vital signs by period of a detection cycle, from wherever they are."""
