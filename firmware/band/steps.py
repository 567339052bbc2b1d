"""The step sampler: each minute the chip's cumulative count becomes an increment."""

import time

from band.clock import MINUTE_MS
from drivers.lsm6dsox import LOST
from veriband_protocol import items

NO_ANSWER = LOST - 1
_TRIES = 3
_LATE_MS = 3000  # a minute read later than this is none


class StepSampler:
    """Closes minutes from `chip` into `journal` at the edges of `clock`.

    With `totals` the journal gets the chip's cumulative count each minute, not the increment.
    """

    def __init__(self, chip, journal, clock, kept, totals: bool = False) -> None:
        self._chip = chip
        self._journal = journal
        self._clock = clock
        self._kept = kept
        self._totals = totals
        self._continues = False  # the journal has the count that the next total goes on from
        self._answers = True
        self._was_reset = False  # the chip, and no item tells it yet
        self.count = None  # the chip's at the last item; None: unknown
        self.steps = 0  # of the last minute; 0 when a gap came instead

    def begin(self, count):
        """Find the chip; the steps since `count`, its count at the last item (None: unknown).

        A running one goes on counting, so steps made while the band restarted are not lost. None
        when it does not answer; when it does later, its steps are in a gap.
        """
        self.count = count
        now = self._read()
        if now == NO_ANSWER:
            return None
        steps = self._since(now)
        self.count = now
        self._was_reset = False
        return steps

    def tick(self) -> bool:
        """Close the minute if it is due; whether it was. A plain minute allocates nothing."""
        late = time.ticks_diff(time.ticks_ms(), self._clock.due)
        if late < 0:
            return False
        span = self._clock.close(late)
        try:
            self._close(span, late % MINUTE_MS)
        except OSError:
            pass  # flash failed: the minute stays open, the chip goes on counting for us
        self._kept.save(self._journal, self.count, self._clock)
        return True

    def _close(self, span: int, late: int) -> None:
        if self._journal.full():
            self._journal.flush()
        self.steps = 0
        count = self._read()
        if count == NO_ANSWER:
            self.miss()
            return
        steps = self._since(count)
        is_plain = self._answers and not self._was_reset and self.count is not None
        if is_plain and span == MINUTE_MS and late <= _LATE_MS and steps <= items.MAX_MINUTE_STEPS:
            self._minute(steps, count)
        else:
            self._journal.gap(span, steps, self._reason(span, late))
            self._continues = False
        self.count = count
        self._was_reset = False
        self._clock.open_ms = 0
        if not self._answers:
            self._answers = True
            self._journal.event(0, items.EVENT_SENSOR_BACK)

    def _minute(self, steps: int, count: int) -> None:
        self.steps = steps
        if not (self._totals and steps):
            self._journal.minute(steps)
            return
        if not self._continues:
            self._journal.total(items.COUNT, self.count)
            self._continues = True
        self._journal.total(items.TOTAL, count)

    def _since(self, count: int) -> int:
        """Steps since the last item, now that the chip stands at `count`."""
        return 0 if self.count is None else (count - self.count) & 0xFFFF

    def _reason(self, span: int, late: int) -> int:
        if self._was_reset:
            return items.REASON_SENSOR_RESET
        if not self._answers or self.count is None:
            return items.REASON_NO_READING
        if late > _LATE_MS or span >= 2 * MINUTE_MS:
            return items.REASON_LATE
        return items.REASON_IMPLAUSIBLE if span == MINUTE_MS else items.REASON_CLOCK

    def _read(self) -> int:
        """The chip's count, NO_ANSWER when it is silent; one that was reset is started again."""
        for _ in range(_TRIES):
            try:
                count = self._chip.steps()
                if count == LOST:  # what it had counted since the last item is lost
                    self._was_reset = True
                    self.count = count = 0
                    self._chip.start()
                return count
            except OSError:
                pass
        return NO_ANSWER

    def miss(self) -> None:
        """The chip is silent: journal that, once."""
        if self._answers:
            self._answers = False
            self._journal.event(self._clock.since_item_ms(), items.EVENT_SENSOR_LOST)
