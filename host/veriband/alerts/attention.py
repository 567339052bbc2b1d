"""Looks at what came from a band, for whoever wears it, and enters what it finds in the book."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import tzinfo

from veriband.alerts import anomalies
from veriband.alerts.book import Book
from veriband.analysis.ranges import Range
from veriband.store import Store
from veriband.store.roster import Band, Wearer

SOON_S = 300.0  # between syncs while another reading is wanted: three of them take ten minutes


class Attention:
    """What is watched of all wearers, by `ranges`, or `to_the_letter`; `on_look` is called after
    each look. `zone`: of wearers who have none of their own."""

    def __init__(
        self,
        store: Store,
        book: Book,
        ranges: Sequence[Range],
        zone: tzinfo,
        *,
        to_the_letter: bool = False,
        on_look: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._book = book
        self._ranges = ranges
        self._zone = zone
        self._to_the_letter = to_the_letter
        self._on_look = on_look

    def look(self, wearer: Wearer, now_ms: int) -> int | None:
        """As anomalies.look. Raises VeribandError."""
        stays = self._store.stays(wearer, self._zone)
        try:
            return anomalies.look(
                self._store, self._book, wearer, stays, self._ranges, now_ms,
                to_the_letter=self._to_the_letter,
            )  # fmt: skip
        finally:
            self._on_look()

    def to(self, band: Band) -> OfBand:
        """The same, to what comes from a band."""
        return OfBand(self, self._store, band)


class OfBand:
    """A link.supervisor.Watcher of a band."""

    def __init__(self, attention: Attention, store: Store, band: Band) -> None:
        self._attention = attention
        self._store = store
        self._band = band
        self.within_s = math.inf

    def look(self, now_utc_ms: int) -> tuple[int, ...]:
        """As in Watcher: another reading, while one is outside of its range."""
        self.within_s = math.inf
        wearer = self._store.wearer_of(self._band, now_utc_ms)
        vital = None if wearer is None else self._attention.look(wearer, now_utc_ms)
        if vital is None:
            return ()
        self.within_s = SOON_S
        return (vital,)
