"""Which pin is which on this board, and the one that must be low before anything else happens."""

from machine import Pin

from band import settings


def board():
    """The module of boards/ that the settings name."""
    name = settings.given().get("board", "esp32s3")
    return getattr(__import__("boards." + name), name)


def motor_off() -> None:
    """As the band starts, and when it has failed."""
    Pin(board().MOTOR, Pin.OUT, value=0)
