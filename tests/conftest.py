"""For all tests: hypothesis without deadlines, machines are shared; Ctrl-C as in a terminal."""

import signal

from hypothesis import settings

settings.register_profile("veriband", deadline=None)
settings.load_profile("veriband")
# Whoever starts the tests in the background may have SIGINT ignored, and so everything we start.
signal.signal(signal.SIGINT, signal.default_int_handler)
