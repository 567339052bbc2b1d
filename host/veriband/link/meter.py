"""Standard meters: blood pressure (1810) and pulse oximeters (1822), paired with and fetched from.

A meter wakes when something was measured, sends what it has by indications, and goes. The
system confirms each as it comes; what a meter does not see confirmed it sends again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError, BleakGATTProtocolError

from veriband.errors import BandNotFound, VeribandError
from veriband.link import measurement
from veriband.link.deadline import within
from veriband.link.measurement import Measurement
from veriband.link.radio import Radio
from veriband.link.session import ANSWER_S, CONNECT_S
from veriband.store import Store
from veriband.store.entered import WHOEVER, Meter
from veriband.store.roster import Wearer
from veriband_protocol.items import VITAL_BLOOD_PRESSURE, VITAL_SPO2
from veriband_protocol.uuids import JOURNAL_DATA, standard

FIND_S = 60.0
PAIR_S = 45.0
QUIET_S = 20.0  # without a reading: it has no more
DEADLINE_S = 300.0  # for what follows on finding it
REST_S = 30.0  # before a meter that was just fetched from is looked for again
MOST_READINGS = 1000  # in one connection
_DATE_TIME, _RECORDS = standard(0x2A08), standard(0x2A52)
_ALL_RECORDS = b"\x01\x01"
_UNAUTHENTICATED = (0x05, 0x0F)
_SOURCES: dict[str, tuple[int, Callable[[bytes], Measurement]]] = {
    standard(0x2A35): (VITAL_BLOOD_PRESSURE, measurement.blood_pressure),
    standard(0x2A5E): (VITAL_SPO2, measurement.oximetry),
}
KINDS = {VITAL_BLOOD_PRESSURE: "blood-pressure meter", VITAL_SPO2: "pulse oximeter"}
UtcMs = Callable[[], int]


class MeterError(VeribandError):
    """Something is wrong with a meter, of which nothing wrong was stored."""


class MeterAway(MeterError):
    """A meter is not heard: it sleeps, as they do between measurements."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"Meter {address} was not found: measure with it, or switch its Bluetooth on, near "
            "this computer."
        )


@dataclass(frozen=True)
class Fetched:
    """What a meter sent: how many readings were new, and those that were not taken, and why."""

    new: int
    refused: tuple[str, ...]


async def pair(
    radio: Radio, store: Store, address: str, user: int, wearer: Wearer, passkey: int | None,
    utc_ms: UtcMs, zone: tzinfo,
) -> tuple[Meter, Fetched]:  # fmt: skip
    """Pair with a meter, know it as that wearer's, and take what it has.

    `passkey`: the one that it wants, if it wants one. `zone`: as in `fetch`. Raises MeterError,
    NoRadio, StoreError.
    """
    zone = wearer.zone_or(zone)
    answering = nullcontext()
    if passkey is not None and radio.agent is not None:
        answering = radio.agent.answering(address, passkey)
    async with answering, _session(radio, address, FIND_S, utc_ms, zone) as session:
        await session.pair()
        await session.begin()
        meter = store.add_meter(address, user, wearer, session.vital)
        return meter, await _stored(session, store, meter.address, utc_ms, zone)


async def fetch(
    radio: Radio, store: Store, address: str, utc_ms: UtcMs, zone: tzinfo, find_s: float = FIND_S
) -> Fetched:
    """Store what a meter has, waiting for it for `find_s`.

    Each reading is stored as it comes; one that was stored before is not stored again. Its clock
    is that of its first user, or of `zone` if nobody knows where they live. Raises MeterAway,
    MeterError, NoRadio and StoreError.
    """
    users = [meter for meter in store.meters() if meter.address == address.upper()]
    zone = users[0].wearer.zone_or(zone) if users else zone
    async with _session(radio, address, find_s, utc_ms, zone) as session:
        await session.begin()
        return await _stored(session, store, address.upper(), utc_ms, zone)


async def keep(
    radio: Radio, store: Store, address: str, utc_ms: UtcMs, zone: tzinfo, *,
    on_fetched: Callable[[Fetched], None], on_trouble: Callable[[VeribandError], None],
) -> None:  # fmt: skip
    """Fetch from a meter whenever it is near, for ever. A trouble that repeats itself is told
    once."""
    told = ""
    while True:
        try:
            on_fetched(await fetch(radio, store, address, utc_ms, zone))
            told = ""
        except MeterAway:
            continue
        except VeribandError as error:
            if str(error) != told:
                told = str(error)
                on_trouble(error)
        await asyncio.sleep(REST_S)


async def _stored(
    session: _Session, store: Store, address: str, utc_ms: UtcMs, zone: tzinfo
) -> Fetched:
    new, refused = 0, list[str]()
    async for payload in session.payloads():
        now_ms = utc_ms()
        try:
            found = session.decode(payload)
            meter = _owner(store, address, found.user)
            entry = found.entry(meter.source, zone, now_ms)
        except ValueError as error:
            refused.append(f"Meter {address} sent a reading that was not taken: {error}.")
            store.notice(now_ms, None, "meter", refused[-1])
        else:
            new += store.enter(meter.wearer, entry, now_ms) is not None
    return Fetched(new, tuple(refused))


def _owner(store: Store, address: str, user: int) -> Meter:
    """Raises ValueError when nobody here is that user."""
    users = {meter.user: meter for meter in store.meters() if meter.address == address}
    found = users.get(user) or users.get(WHOEVER)
    if found:
        return found
    if user == WHOEVER:
        raise ValueError(
            "it does not say whose it is; 'veriband pair --meter' without --user makes one wearer "
            "the only one"
        )
    raise ValueError(
        f"it is of the meter's user {user}, who is nobody here; 'veriband pair --meter --user "
        f"{user}' says who that is"
    )


@asynccontextmanager
async def _session(
    radio: Radio, address: str, find_s: float, utc_ms: UtcMs, zone: tzinfo
) -> AsyncGenerator[_Session]:
    """A connection to a meter, which ends with it. Raises MeterAway, MeterError, NoRadio."""
    address = address.upper()
    try:
        device, _ = await radio.find(address, find_s)
    except BandNotFound:
        raise MeterAway(address) from None
    incoming: asyncio.Queue[bytes | None] = asyncio.Queue()
    client = radio.connect(device, CONNECT_S, lambda: incoming.put_nowait(None))
    try:
        async with asyncio.timeout(DEADLINE_S):
            with _translated(address, "connecting"):
                await within(CONNECT_S + ANSWER_S, client.connect())
            yield _Session(client, address, incoming, utc_ms, zone)
    except VeribandError:
        raise
    except TimeoutError as error:
        raise MeterError(f"Meter {address} took too long; it will be tried again.") from error
    except Exception as error:
        raise MeterError(
            f"Meter {address}: something that should not happen did ({type(error).__name__}: "
            f"{error}); it will be tried again. Please report it, with this line."
        ) from error
    finally:
        with suppress(Exception):
            await within(ANSWER_S, client.disconnect())


@contextmanager
def _translated(address: str, what: str) -> Generator[None]:
    try:
        yield
    except BleakGATTProtocolError as error:
        if error.code in _UNAUTHENTICATED:
            raise MeterError(
                f"Meter {address} does not trust this computer: put it into its pairing mode (see "
                f"its manual), then run 'veriband pair --meter {address}'; add --passkey if it "
                "has one."
            ) from error
        raise MeterError(f"Meter {address} refused {what} ({error}).") from error
    except (BleakError, TimeoutError, OSError, EOFError) as error:
        raise MeterError(
            f"Meter {address} went silent during {what}; it will be tried again."
        ) from error


class _Session:
    """An open connection; what comes in is put into `incoming`, None when it ends."""

    def __init__(
        self, client: BleakClient, address: str, incoming: asyncio.Queue[bytes | None],
        utc_ms: UtcMs, zone: tzinfo,
    ) -> None:  # fmt: skip
        self._client = client
        self._address = address
        self._incoming = incoming
        self._utc_ms = utc_ms
        self._zone = zone
        if self._has(JOURNAL_DATA):
            raise MeterError(
                f"{address} is a band, whose readings come with its journal: pair with it without "
                "--meter."
            )
        found = [uuid for uuid in _SOURCES if self._has(uuid)]
        if not found:
            raise MeterError(
                f"{address} is no blood-pressure meter and no pulse oximeter with spot checks."
            )
        self._source = found[0]
        self.vital, self.decode = _SOURCES[self._source]

    def _has(self, uuid: str) -> BleakGATTCharacteristic | None:
        try:
            return self._client.services.get_characteristic(uuid)
        except BleakError as error:  # it is gone already, or has several
            raise MeterError(
                f"Meter {self._address} does not tell what it has ({error}); it will be tried "
                "again."
            ) from error

    async def pair(self) -> None:
        """Where there is pairing. One that was refused turns up with what needs it."""
        with suppress(MeterError, NotImplementedError), _translated(self._address, "pairing"):
            await within(PAIR_S, self._client.pair())

    async def begin(self) -> None:
        """Set its clock, if that can be set, and have it send what it has."""
        with suppress(MeterError):  # some have none, or keep it to themselves
            await self._set_clock()

        def came(_: BleakGATTCharacteristic, data: bytearray) -> None:
            if self._incoming.qsize() < MOST_READINGS:
                self._incoming.put_nowait(bytes(data))

        with _translated(self._address, "subscribing"):
            await within(ANSWER_S, self._client.start_notify(self._source, came))
        records = self._has(_RECORDS)
        if records is None:
            return

        def answered(_: BleakGATTCharacteristic, data: bytearray) -> None:
            """How many there were, which the quiet tells as well."""

        with suppress(MeterError), _translated(self._address, "asking for its records"):
            await within(ANSWER_S, self._client.start_notify(records, answered))
            await within(ANSWER_S, self._client.write_gatt_char(records, _ALL_RECORDS, True))

    async def _set_clock(self) -> None:
        clock = self._has(_DATE_TIME)
        if clock is None or "write" not in clock.properties:
            return
        now = datetime.fromtimestamp(self._utc_ms() / 1000, self._zone)
        value = measurement.pack_time(now)
        with _translated(self._address, "setting its clock"):
            await within(ANSWER_S, self._client.write_gatt_char(clock, value, True))

    async def payloads(self) -> AsyncGenerator[bytes]:
        """What it sends, until it ends the connection or has no more. Raises MeterError."""
        for _ in range(MOST_READINGS):
            try:
                payload = await within(QUIET_S, self._incoming.get())
            except TimeoutError:
                return
            if payload is None:
                return
            yield payload
        raise MeterError(f"Meter {self._address} sends without end; what came first was stored.")
