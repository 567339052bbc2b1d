"""The minute's work: it is closed, and what waits goes to flash in time."""

import asyncio
import time

_FLUSH_MIN = 10  # a loss of power costs at most so many minutes


class Minutes:
    """Closes minutes of `clock` with `sampler` and tells `vitals` of them; `battery` is measured
    before what waits is put on flash."""

    def __init__(self, clock, sampler, journal, record, vitals, battery) -> None:
        self._clock = clock
        self._sampler = sampler
        self._journal = journal
        self._record = record
        self._vitals = vitals
        self._battery = battery

    async def run(self, call) -> None:
        """Go on for ever; `call` is called once a minute."""
        waited = 0
        while True:
            call()
            await asyncio.sleep_ms(max(0, time.ticks_diff(self._clock.due, time.ticks_ms())))
            if not self._sampler.tick():
                continue
            self._vitals.walked(self._sampler.steps)
            waited += 1
            if waited >= _FLUSH_MIN or self._journal.full():
                self._battery()
                if self._record.flush():
                    waited = 0
