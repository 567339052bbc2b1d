"""The book with a ladder of those terminals only that a wearer lets have their alerts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from veriband.alerts.book import Book, Cause
from veriband.alerts.machine import Ladder, Rung
from veriband.configuration import BUILT_IN, Configuration
from veriband.context import utc_ms
from veriband.store import Store, consents
from veriband.store.consents import Grantee

OWN = BUILT_IN  # terminals that are this host itself, which knows it all


def book_of(store: Store, configuration: Configuration) -> Book:
    """The book of a store, as it is configured."""
    return Book(store, _ladder_of(store, configuration.ladder()), configuration.limits())


def _ladder_of(store: Store, ladder: Ladder) -> Callable[[Cause], Ladder]:
    def may_know(wearer: int, terminal: str) -> bool:
        to = Grantee(consents.TERMINAL, terminal)
        return terminal in OWN or consents.is_granted(store, wearer, consents.ALERTS, to, utc_ms())

    def of(cause: Cause) -> Ladder:
        wearer = cause.wearer
        if wearer is None:
            return ladder
        rungs = [
            Rung(rung.wait_ms, tuple(name for name in rung.terminals if may_know(wearer, name)))
            for rung in ladder.rungs
        ]
        return replace(ladder, rungs=tuple(rungs))

    return of


def not_granted(store: Store, configuration: Configuration) -> list[tuple[str, str]]:
    """(wearer, terminal) for each of the ladder's that a wearer does not let have their alerts."""
    names = {name for rung in configuration.ladder().rungs for name in rung.terminals}
    return [
        (wearer.name, name)
        for wearer in store.wearers()
        for name in sorted(names - set(OWN))
        if not consents.is_granted(
            store, wearer.id, consents.ALERTS, Grantee(consents.TERMINAL, name), utc_ms()
        )
    ]
