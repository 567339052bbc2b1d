"""The band's application."""
