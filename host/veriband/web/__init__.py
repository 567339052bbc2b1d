"""The web pages: a contest and a day of somebody in it, live, to be looked at only."""
