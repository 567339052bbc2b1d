"""Judges a band's wearer while the day goes on, and says when a heart rate is needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import tzinfo

import numpy as np

from veriband.analysis import rest
from veriband.analysis.gated import ACTIVE_STEPS
from veriband.analysis.judgement import Suspicions
from veriband.analysis.live import HOURS, Live, undecided
from veriband.analysis.segments import HOUR, Ints
from veriband.civil import offset_min
from veriband.judge import diary
from veriband.judge.words import Words
from veriband.store import Store
from veriband.store.roster import Band, Wearer
from veriband_protocol.items import MINUTE_MS, VITAL_HEART_RATE

ACTIVE_S = 60.0  # between syncs while the wearer walks
RECENT_MIN = 3  # a minute that ended so long ago is not now
_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class _Told:
    """A suspicion as it was told last: minutes from `begin` to before `end`."""

    ground: int
    begin: int
    end: int
    verdict: int

    def is_same(self, later: _Told) -> bool:
        """Whether `later` is this one, grown, or with its begin out of sight."""
        overlaps = later.begin < self.end and self.begin < later.end
        return self.ground == later.ground and overlaps


class Watch:
    """The rule `gated` over the newest hours of whoever wears `band`.

    `on_suspicion` is told each suspicion in a sentence, when it turns up and when its verdict
    changes. `zone`: of wearers who have none of their own.
    """

    def __init__(
        self,
        store: Store,
        band: Band,
        zone: tzinfo,
        on_suspicion: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._band = band
        self._zone = zone
        self._on_suspicion = on_suspicion
        self._wearer: Wearer | None = None
        self._live: Live | None = None
        self._begun_ms = 0  # when what is known of the wearer was looked up
        self._fed = 0  # the newest minute that the live judge has
        self._seen = 0  # the newest minute that was judged for the first time
        self._told: list[_Told] = []
        self.active = False  # the newest minute is one of now, and an active one

    @property
    def within_s(self) -> float:
        """As in link.supervisor.Watcher."""
        return ACTIVE_S if self.active else math.inf

    def look(self, now_utc_ms: int) -> tuple[int, ...]:
        """Judge what came since the last look; the heart rate, if it is needed now.

        Raises VeribandError.
        """
        self.active = False
        wearer = self._store.wearer_of(self._band, now_utc_ms)
        if wearer is None:
            return ()
        is_of_today = self._begun_ms <= now_utc_ms <= self._begun_ms + _DAY_MS
        if self._live is None or wearer != self._wearer or not is_of_today:
            self._begin(wearer, now_utc_ms)
        assert self._live is not None
        # From a minute earlier on, as minutes may begin before they are due.
        new = diary.read(self._store, wearer, self._fed * MINUTE_MS, now_utc_ms)
        needed = False
        for minute, steps, rate in zip(new.minute, new.steps, new.heart_rate, strict=True):
            if minute <= self._fed:
                continue
            self._fed = int(minute)
            found = self._live.arrive(0, self._fed, int(steps), float(rate))
            if minute <= self._seen:
                continue
            self._seen = self._fed
            self._tell(found, wearer)
            needed = needed or undecided(found, self._seen)
            self.active = bool(steps >= ACTIVE_STEPS)
        self.active = self.active and self._seen >= now_utc_ms // MINUTE_MS - RECENT_MIN
        return (VITAL_HEART_RATE,) if needed and self.active else ()

    def _begin(self, wearer: Wearer, now_utc_ms: int) -> None:
        """Look up what is known of the wearer, and begin with the last hours."""
        if wearer != self._wearer:
            self._told.clear()
            self._seen = 0
        history = diary.read(self._store, wearer, now_utc_ms - diary.HISTORY_MS, now_utc_ms)
        known = diary.about(wearer, now_utc_ms)
        if len(history.minute):
            known = rest.learn(history.segments(wearer.zone_or(self._zone)), known)
        self._live, self._wearer, self._begun_ms = Live(known), wearer, now_utc_ms
        self._fed = now_utc_ms // MINUTE_MS - HOURS * HOUR
        self._seen = min(self._seen, now_utc_ms // MINUTE_MS)  # this computer's clock was set back

    def _tell(self, found: Suspicions, wearer: Wearer) -> None:
        """Tell what is new, or has another verdict now."""
        before, self._told = self._told, []
        for i in range(len(found)):
            columns = (found.ground, found.begin, found.end, found.verdict)
            now = _Told(*(int(column[i]) for column in columns))
            if not any(then.is_same(now) and then.verdict == now.verdict for then in before):
                self._on_suspicion(self._sentence(found.take(np.array([i])), wearer))
            self._told.append(now)

    def _sentence(self, its: Suspicions, wearer: Wearer) -> str:
        zone = wearer.zone_or(self._zone)

        def offsets(minutes: Ints) -> Ints:
            return np.array([offset_min(zone, int(m) * 60) for m in minutes], np.int64)

        words = Words([wearer.name], "gated", False)
        local = replace(its, offset=offsets(its.begin), end_offset=offsets(its.end))
        return words.sentence(next(words.suspicions(local)))
