"""The step sampler: each minute the chip's cumulative count becomes an increment."""

import time

from band.clock import MINUTE_MS
from drivers.lsm6dsox import LOST
from veriband_protocol import items

NO_ANSWER = LOST - 1
_TRIES = 3
_LATE_MS = 3000  # a minute read later than this is none


class StepSampler:
    """Closes minutes from `chip` into `journal` at the edges of `clock`."""

    def __init__(self, chip, journal, clock, kept) -> None:
        self._chip = chip
        self._journal = journal
        self._clock = clock
        self._kept = kept
        self._answers = True
        self.count = 0  # the chip's count at the last item

    def begin(self, count) -> int:
        """Start the chip; the steps since `count`, its count at the last item (None: unknown)."""
        try:
            fresh = self._chip.begin()
            self.count = self._chip.steps()
        except OSError:
            self._lost()
            self.count = 0
            return 0
        return 0 if fresh or count is None else (self.count - count) & 0xFFFF

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
        count = self._read()
        if count == NO_ANSWER:
            return
        if count == LOST:  # what the chip had counted since the last item is lost
            self._chip.begin()
            self._journal.gap(span, 0, items.REASON_SENSOR_RESET)
            count = 0
        else:
            steps = (count - self.count) & 0xFFFF
            if span == MINUTE_MS and late <= _LATE_MS and steps <= items.MAX_MINUTE_STEPS:
                self._journal.minute(steps)
            else:
                self._journal.gap(span, steps, self._reason(span, late))
        self.count = count
        self._clock.open_ms = 0
        if not self._answers:
            self._answers = True
            self._journal.event(0, items.EVENT_SENSOR_BACK)

    def _reason(self, span: int, late: int) -> int:
        if not self._answers:
            return items.REASON_NO_READING
        if late > _LATE_MS or span >= 2 * MINUTE_MS:
            return items.REASON_LATE
        return items.REASON_IMPLAUSIBLE if span == MINUTE_MS else items.REASON_CLOCK

    def _read(self) -> int:
        """The chip's count, LOST when it was reset, NO_ANSWER when it is silent."""
        for _ in range(_TRIES):
            try:
                return self._chip.steps()
            except OSError:
                pass
        if self._answers:
            self._lost()
        return NO_ANSWER

    def _lost(self) -> None:
        self._answers = False
        self._journal.event(self._clock.since_item_ms(), items.EVENT_SENSOR_LOST)
