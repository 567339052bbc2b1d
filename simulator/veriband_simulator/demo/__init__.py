"""`veriband demo`: a scenario through whole bands and the real daemon. It alone imports host."""
