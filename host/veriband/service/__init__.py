"""Veriband as a service of systemd's."""
