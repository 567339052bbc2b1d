"""Enrols a band: gives it a key of this store's to seal with."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import tzinfo

from veriband.contest.seals import id_of, keys_of
from veriband.errors import BadBatch, EnrolledElsewhere
from veriband.link.session import Session
from veriband.link.sync import UtcMs, set_clock
from veriband.store import Store
from veriband.store.roster import Band
from veriband_protocol.control import KEY_BYTES


async def enrol(
    session: Session, store: Store, band: Band, utc_ms: UtcMs, zone: tzinfo, *,
    replace: bool = False, draw: Callable[[int], bytes] = secrets.token_bytes,
) -> bool:  # fmt: skip
    """Have the band seal with a key of this store's; False when it does already.

    The key is stored before the band has it, and the clock set after, so that what is sealed has
    its time from this computer: also when the band has the key, since the last enrolment may have
    been cut off between the two. `draw`: so many random bytes. Raises EnrolledElsewhere unless
    `replace`, ClockImplausible, and what Session raises.
    """
    theirs = await session.key_id()
    is_new = theirs not in map(id_of, keys_of(store, band))
    if is_new:
        if theirs and not replace:
            raise EnrolledElsewhere(band.address, theirs)
        key = draw(KEY_BYTES)
        store.add_key(band, key, utc_ms())
        if await session.enrol(key) != id_of(key):
            raise BadBatch(band.address, "it seals with another key than it was given")
    await set_clock(session, utc_ms, store.zone_on(band, utc_ms(), zone))
    return is_new
