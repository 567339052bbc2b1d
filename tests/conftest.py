"""For all tests: hypothesis without deadlines, since machines are shared."""

from hypothesis import settings

settings.register_profile("veriband", deadline=None)
settings.load_profile("veriband")
