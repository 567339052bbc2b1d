"""Alerts: what life they have, who is told, and what is owed to whom."""
