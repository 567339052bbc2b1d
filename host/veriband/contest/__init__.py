"""Contests: who walked most, of what can be trusted."""
