"""Journals what happens, as it happens, and keeps what is not on flash in RTC memory."""


class Record:
    """Into `journal` by `clock`, kept in `kept` with the count of `sampler`.

    When flash fails, what finds no room is dropped: minutes need the room that is left.
    """

    def __init__(self, journal, clock, kept, sampler) -> None:
        self._sampler = sampler
        self._journal = journal
        self._clock = clock
        self._kept = kept
        self.on_reading = lambda ago_ms, signs: None  # called with each reading

    def event(self, code: int, data: bytes = b"") -> None:
        """What has just happened, items.EVENT_*."""
        try:
            self._journal.event(self._clock.since_item_ms(), code, data)
        except OSError:
            pass
        self.save()

    def reading(self, ago_ms: int, signs: bytes) -> None:
        """Vital signs (items.pack_sign) as they were so long ago, or since the last item."""
        try:
            self._journal.reading(max(0, self._clock.since_item_ms() - ago_ms), signs)
        except OSError:
            pass
        self.save()
        self.on_reading(ago_ms, signs)

    def save(self) -> None:
        """Keep what is not on flash in RTC memory."""
        self._kept.save(self._journal, self._sampler.count, self._clock)

    def flush(self) -> bool:
        """Put what waits on flash; False when it waits on, to be tried again after a minute."""
        self.save()  # so that a reset in mid-flush finds what goes to flash, there or here
        try:
            self._journal.flush()
        except OSError:
            return False  # minutes stay open when there is no room left for them
        self.save()
        return True
