"""Standard meters: paired with, fetched from, sent again, cut off, lying."""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bumble import gatt
from bumble.core import UUID
from bumble.device import Connection, Device
from click.testing import CliRunner, Result

from tests.whole.rig import live, radio_of, until_cancelled
from veriband import cli, run_command
from veriband.cli import main
from veriband.errors import VeribandError
from veriband.link import meter as meters
from veriband.link.meter import Fetched, MeterAway, MeterError
from veriband.link.radio import Radio
from veriband.records import Sign
from veriband.store import Store
from veriband.store.entered import WHOEVER, Entry
from veriband.store.roster import Wearer
from veriband.store.store import LATEST
from veriband.vitals import meter_command
from veriband_protocol import uuids
from veriband_protocol.items import (
    STATUS_FAILED,
    STATUS_OK,
    VITAL_BLOOD_PRESSURE,
    VITAL_HEART_RATE,
    VITAL_SPO2,
)
from veriband_simulator.central import Central
from veriband_simulator.meter import Meter
from veriband_simulator.remote import in_background
from veriband_simulator.world import METER, World

INDICATE = gatt.Characteristic.Properties.INDICATE
BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 11, 25, 7, 30, tzinfo=BERLIN)
OMRON_FAILED = bytes.fromhex("16ff07ff07ff07e807061716230aff070000")  # a cuff's, with Err in sight


def pressure(systolic: int, diastolic: int, pulse: int, at: datetime, user: int = 255) -> bytes:
    """A 2A35 in mmHg with everything."""
    clock = (at.year, at.month, at.day, at.hour, at.minute, at.second)
    flags = 0x1E
    return struct.pack(
        "<B3HH5BHBH", flags, systolic, diastolic, 0x7FF, *clock, pulse, user, 0
    )  # fmt: skip


def oxygen(percent: int, pulse: int) -> bytes:
    """A 2A5E without a time."""
    return struct.pack("<BHH", 0, percent, pulse)


def signs(systolic: int, diastolic: int, pulse: int) -> set[Sign]:
    return {
        Sign(VITAL_BLOOD_PRESSURE, STATUS_OK, systolic, diastolic),
        Sign(VITAL_HEART_RATE, STATUS_OK, pulse, 0),
    }


FIRST = pressure(128, 82, 71, START.replace(tzinfo=None))
SECOND = pressure(124, 80, 69, START.replace(tzinfo=None) + timedelta(minutes=3))


@dataclass
class Rig:
    """A meter, a computer and a store with a wearer."""

    world: World
    computer: Central
    meter: Meter
    store: Store
    wearer: Wearer
    fetched: list[Fetched] = field(default_factory=list)
    troubles: list[VeribandError] = field(default_factory=list)

    @property
    def radio(self) -> Radio:
        return radio_of(self.computer)

    async def pair(
        self, passkey: int | None = None, user: int = WHOEVER, wearer: Wearer | None = None
    ) -> Fetched:
        _, found = await meters.pair(
            self.radio, self.store, METER, user, wearer or self.wearer, passkey,
            self.world.utc_ms, BERLIN,
        )  # fmt: skip
        return found

    async def fetch(self, find_s: float = 30.0) -> Fetched:
        return await meters.fetch(self.radio, self.store, METER, self.world.utc_ms, BERLIN, find_s)

    def daemon(self) -> asyncio.Task[None]:
        return asyncio.create_task(
            meters.keep(
                self.radio, self.store, METER, self.world.utc_ms, BERLIN,
                on_fetched=self.fetched.append, on_trouble=self.troubles.append,
            )
        )  # fmt: skip

    def kept(self, wearer: Wearer | None = None) -> list[Entry]:
        return [entry for _, entry in self.store.entered(wearer or self.wearer, 0, LATEST)]

    def values(self) -> list[set[Sign]]:
        return [set(entry.signs) for entry in self.kept()]


def told(
    folder: Path,
    story: Callable[[Rig], Coroutine[Any, Any, None]],
    computer: str = "keyboard",
    **options: Any,
) -> None:
    async def whole() -> None:
        world = World(1, START)
        central = await world.computer(io=computer)
        meter = await world.add_meter(**options)
        store = Store(folder / "veriband.db")
        try:
            await story(Rig(world, central, meter, store, store.add_wearer("anna")))
        finally:
            store.close()
            world.close()

    live(whole())


@pytest.mark.parametrize(
    ("security", "computer", "passkey"),
    [("none", "keyboard", None), ("none", "none", None), ("bond", "none", None),
     (123_456, "keyboard", 123_456)],
)  # fmt: skip
def test_a_meter_is_paired_with_and_what_it_has_is_taken(
    tmp_path: Path, security: str | int, computer: str, passkey: int | None
) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure(FIRST)
        assert await r.pair(passkey) == Fetched(1, ())
        (entry,) = r.kept()
        assert set(entry.signs) == signs(128, 82, 71)
        assert (entry.source, entry.remarks) == (f"meter {METER}", "")
        assert entry.utc_ms == START.timestamp() * 1000
        assert (r.meter.waiting, r.meter.sent) == ([], [FIRST])
        known = [(m.address, m.user, m.wearer, m.vital) for m in r.store.meters()]
        assert known == [(METER, WHOEVER, r.wearer, VITAL_BLOOD_PRESSURE)]
        assert security == "none" or await r.computer.bond(METER)
        await asyncio.sleep(180)
        await r.meter.measure(SECOND)
        assert await r.fetch() == Fetched(1, ())
        assert r.values() == [signs(128, 82, 71), signs(124, 80, 69)]

    told(tmp_path, story, computer, security=security)


@pytest.mark.parametrize(
    ("security", "computer", "passkey"),
    [("bond", "keyboard", None), (123_456, "keyboard", 654_321)],
)
def test_a_meter_that_does_not_let_us_in_is_not_known_and_says_what_to_do(
    tmp_path: Path, security: str | int, computer: str, passkey: int | None
) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure(FIRST)
        with pytest.raises(MeterError, match=rf"Meter {METER} (does not trust|went silent)"):
            await r.pair(passkey)
        assert r.store.meters() == []
        assert r.kept() == []
        assert r.meter.waiting == [FIRST], "it still has it"

    told(tmp_path, story, computer, security=security)


def test_a_meter_that_sends_everything_again_each_time_adds_nothing(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure(FIRST, FIRST, SECOND)
        assert await r.pair() == Fetched(2, ())
        for _ in range(3):
            r.meter.waiting = [SECOND, FIRST]
            await asyncio.sleep(3600)
            await r.meter.wake()
            assert await r.fetch() == Fetched(0, ())
        assert r.values() == [signs(128, 82, 71), signs(124, 80, 69)]

    told(tmp_path, story)


def test_a_link_that_is_cut_at_any_pdu_loses_and_doubles_no_reading(tmp_path: Path) -> None:
    """Indications, confirmations, subscriptions: cut off at each of the link's PDUs in turn."""
    whole = [pressure(120 + k, 80, 70, datetime(2026, 11, 25, 6, k)) for k in range(2)]

    async def story(r: Rig) -> None:
        await r.meter.measure()
        await r.pair()
        cuts = 0
        for cut_at in itertools.count(1):
            r.store.db.execute("DELETE FROM entered")
            r.meter.waiting, r.meter.sent = list(whole), []
            seen = itertools.count(1)

            def mangle(
                _source: str, _target: str, data: bytes, seen: Any = seen, at: int = cut_at
            ) -> bytes | None:
                if next(seen) == at:
                    r.world.air.set_in_range(METER, False)
                    return None
                return data

            r.world.air.mangle = mangle
            await r.meter.wake()
            try:
                await r.fetch()
            except MeterError:
                pass
            r.world.air.mangle = None
            r.world.air.set_in_range(METER, True)
            await asyncio.sleep(60)
            if next(seen) <= cut_at:
                break
            cuts += 1
            await r.meter.wake()
            await r.fetch()
            assert r.values() == [signs(120 + k, 80, 70) for k in range(2)], cut_at
            assert r.meter.waiting == []
            await asyncio.sleep(60)
        assert cuts > 8

    told(tmp_path, story)


LIES = {
    "is cut": FIRST[:-1],
    "it is cut": b"",
    "the systolic, is the higher one": pressure(82, 128, 71, datetime(2026, 11, 25, 7)),
    "a systolic pressure of 301": pressure(301, 128, 71, datetime(2026, 11, 25, 7)),
    "no blood pressure of a living person": pressure(12, 8, 71, datetime(2026, 11, 25, 7)),
    "a heart rate of 2 bpm": pressure(128, 82, 2, datetime(2026, 11, 25, 7)),
    "a time that no clock shows": FIRST[:9] + b"\x0d" + FIRST[10:],
    "is no blood pressure": b"\x00" + b"\x00\x80" * 3,
}


@pytest.mark.parametrize("why", LIES)
def test_a_reading_that_cannot_be_is_refused_with_the_reason_and_the_others_are_taken(
    tmp_path: Path, why: str
) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure(LIES[why], FIRST)
        found = await r.pair()
        assert found.new == 1
        (sentence,) = found.refused
        assert sentence.startswith(f"Meter {METER} sent a reading that was not taken: ")
        assert why in sentence
        assert [notice.text for notice in r.store.notices(None)] == [sentence]
        assert r.values() == [signs(128, 82, 71)]

    told(tmp_path, story)


def test_a_meter_without_end_is_left_and_what_it_sent_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meters, "MOST_READINGS", 30)

    async def story(r: Rig) -> None:
        r.meter.waiting = [
            pressure(100 + k % 60, 80, 70, datetime(2026, 11, 24) + timedelta(seconds=k))
            for k in range(60)
        ]
        await r.meter.wake()
        with pytest.raises(MeterError, match="sends without end"):
            await r.pair()
        assert len(r.kept()) == 30

    told(tmp_path, story)


def test_a_meter_that_connects_and_says_nothing_is_left_in_time(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        r.meter.linger_s = 10**6
        await r.meter.measure(FIRST)
        before = r.world.utc_ms()
        assert await r.pair() == Fetched(1, ())
        assert r.world.utc_ms() - before < 1000 * (meters.QUIET_S + 10)

    told(tmp_path, story)


def test_a_measurement_that_failed_is_kept_as_one_without_values(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure(OMRON_FAILED)
        assert await r.pair() == Fetched(1, ())
        (entry,) = r.kept()
        assert entry.signs == (Sign(VITAL_BLOOD_PRESSURE, STATUS_FAILED, 0, 0),)
        assert r.store.taken(r.wearer, 0, LATEST) == [entry]

    told(tmp_path, story)


def test_an_oximeters_readings_and_its_records_are_taken(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        r.meter.sent = [oxygen(95, 60)]
        await r.meter.measure(oxygen(97, 64))
        assert await r.pair() == Fetched(2, ())
        found = {sign for entry in r.kept() for sign in entry.signs}
        assert found == {
            Sign(VITAL_SPO2, STATUS_OK, 97, 0), Sign(VITAL_HEART_RATE, STATUS_OK, 64, 0),
            Sign(VITAL_SPO2, STATUS_OK, 95, 0), Sign(VITAL_HEART_RATE, STATUS_OK, 60, 0),
        }  # fmt: skip
        assert all(abs(e.utc_ms - r.world.utc_ms()) < 60_000 for e in r.kept()), "when they came"
        (known,) = r.store.meters()
        assert known.vital == VITAL_SPO2
        await r.meter.wake()
        assert await r.fetch() == Fetched(0, ()), "as it is asked for all its records again"

    told(tmp_path, story, kind="oximeter", has_records=True)


def test_a_meters_clock_is_set_where_it_can_be(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure(FIRST)
        await r.pair()
        assert r.meter.clock[:6] == struct.pack("<H4B", 2026, 11, 25, 7, 30)

    told(tmp_path, story, has_clock=True)


def test_a_meters_clock_is_that_of_where_its_wearer_lives(tmp_path: Path) -> None:
    at = datetime(2026, 11, 25, 14, 30)  # in Shanghai, when it is 7:30 in Berlin

    async def story(r: Rig) -> None:
        li = r.store.add_wearer("li", zone="Asia/Shanghai")
        await r.meter.measure(pressure(128, 82, 71, at))
        await r.pair(wearer=li)
        r.meter.waiting = [pressure(124, 80, 69, at)]
        await r.meter.wake()
        await r.fetch()
        assert r.meter.clock[4:6] == bytes((14, 30))
        assert [entry.utc_ms for entry in r.kept(li)] == [START.timestamp() * 1000] * 2

    told(tmp_path, story, has_clock=True)


def test_each_user_of_a_meter_has_their_own_readings(tmp_path: Path) -> None:
    at = datetime(2026, 11, 25, 7)

    async def story(r: Rig) -> None:
        bob = r.store.add_wearer("bob")
        await r.meter.measure(pressure(128, 82, 71, at, user=1))
        assert await r.pair(user=1) == Fetched(1, ())
        r.meter.waiting = [
            pressure(140, 90, 80, at, user=2),
            pressure(111, 70, 60, at, user=3),
            pressure(112, 70, 60, at),
            pressure(129, 82, 71, at, user=1),
        ]
        await r.meter.wake()
        found = await r.fetch()
        assert found.new == 1
        assert [why.partition(": ")[2].partition(";")[0] for why in found.refused] == [
            "it is of the meter's user 2, who is nobody here",
            "it is of the meter's user 3, who is nobody here",
            "it does not say whose it is",
        ]
        r.meter.waiting = [pressure(140, 90, 80, at, user=2)]
        await r.meter.wake()
        assert await r.pair(user=2, wearer=bob) == Fetched(1, ())
        assert r.values() == [signs(128, 82, 71), signs(129, 82, 71)]
        (his,) = r.kept(bob)
        assert his.utc_ms == at.replace(tzinfo=BERLIN).timestamp() * 1000, "it has one clock"

    told(tmp_path, story)


def test_the_daemon_fetches_whenever_the_meter_wakes(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure(FIRST)
        await r.pair()
        keeping = r.daemon()
        expected: list[set[Sign]] = [signs(128, 82, 71)]
        for k in range(1, 6):
            await asyncio.sleep(3600 * 1.7)
            now = datetime.fromtimestamp(r.world.utc_ms() / 1000, BERLIN).replace(tzinfo=None)
            await r.meter.measure(pressure(120 + k, 80, 70, now))
            expected.append(signs(120 + k, 80, 70))
            await asyncio.sleep(45)
            assert r.values() == expected, f"within 45 s of measurement {k}"
        r.world.air.set_in_range(METER, False)
        await asyncio.sleep(3600)
        await until_cancelled(keeping)
        assert r.troubles == []
        assert [found.new for found in r.fetched if found.new] == [1] * 5

    told(tmp_path, story)


def test_two_computers_on_one_store_take_a_reading_once(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure()
        await r.pair()
        second = radio_of(await r.world.computer("F0:0D:5E:00:00:02"))
        r.meter.linger_s = 15  # advertises no more while it is connected
        for k in range(3):
            at = datetime(2026, 11, 25, 6, k)
            await r.meter.measure(pressure(120, 80, 70, at))
            await asyncio.gather(
                r.fetch(),
                meters.fetch(second, r.store, METER, r.world.utc_ms, BERLIN, 60),
                return_exceptions=True,
            )
            assert len(r.kept()) == k + 1
            await asyncio.sleep(120)

    told(tmp_path, story)


def test_a_meter_that_sleeps_is_away(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        with pytest.raises(MeterAway, match="measure with it, or switch its Bluetooth on"):
            await r.fetch()

    told(tmp_path, story)


def test_a_meter_that_forgot_its_bond_says_so(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure(FIRST)
        await r.pair()
        keystore = r.meter._device.keystore
        assert keystore is not None
        await keystore.delete_all()
        await r.meter.measure(SECOND)
        with pytest.raises(MeterError, match=rf"Meter {METER} (went silent|does not trust)"):
            await r.fetch()
        assert r.meter.waiting == [SECOND]

    told(tmp_path, story, "none", security="bond")


def test_a_band_is_no_meter(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        data = gatt.Characteristic[bytes](UUID(uuids.JOURNAL_DATA), INDICATE, 0, b"")
        r.meter._device.add_service(gatt.Service(UUID(uuids.JOURNAL_SERVICE), [data]))
        await r.meter.measure(FIRST)
        with pytest.raises(MeterError, match="is a band, whose readings come with its journal"):
            await r.pair()
        assert r.store.meters() == []

    told(tmp_path, story)


def test_a_meter_whose_table_is_nonsense_is_refused(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        twice = [
            gatt.Characteristic[bytes](UUID.from_16_bits(0x2A35), INDICATE, 0, b"") for _ in "12"
        ]
        r.meter._device.add_service(gatt.Service(UUID.from_16_bits(0x1810), twice))
        await r.meter.measure(FIRST)
        with pytest.raises(MeterError, match=f"Meter {METER} does not tell what it has"):
            await r.pair()
        assert r.store.meters() == []

    told(tmp_path, story)


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_a_meter_that_hangs_up_is_said_to_have_or_has_given_everything(
    tmp_path: Path, after_s: float
) -> None:
    async def story(r: Rig) -> None:
        def connected(_: Connection) -> None:
            loop = asyncio.get_running_loop()
            loop.call_later(after_s, lambda: in_background(r.meter.disconnect()))

        r.meter._device.on(Device.EVENT_CONNECTION, connected)
        await r.meter.measure(FIRST)
        try:
            await r.pair()
        except MeterError as error:
            assert METER in str(error)  # noqa: PT017
        assert len(r.kept()) >= len(r.meter.sent)

    told(tmp_path, story)


def test_an_oximeter_without_spot_checks_is_refused(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        await r.meter.measure(oxygen(97, 64))
        with pytest.raises(MeterError, match="no pulse oximeter with spot checks"):
            await r.pair()
        assert r.store.meters() == []

    told(tmp_path, story, kind="continuous oximeter")


# The commands.


def test_the_commands_pair_list_fetch_and_forget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: str) -> Result:
        path = str(tmp_path / "veriband.db")
        done = CliRunner().invoke(main, ["--store", path, "--zone", "Europe/Berlin", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.output
        return done

    def lived(measured: bytes | None, *arguments: str) -> str:
        """What a command prints in a world of its own, where the meter has measured that."""

        def play(work: Coroutine[Any, Any, None]) -> None:
            async def whole() -> None:
                world = World(1, START)
                radio = radio_of(await world.computer())
                for module in (cli, meter_command):
                    monkeypatch.setattr(module, "system_radio", lambda: radio)
                    monkeypatch.setattr(module, "utc_ms", world.utc_ms)
                meter = await world.add_meter()
                if measured is not None:
                    await meter.measure(measured)
                await work

            live(whole())

        monkeypatch.setattr(asyncio, "run", play)
        return run(*arguments).output

    assert "There is no wearer yet" in lived(FIRST, "pair", "--meter", METER)
    run("wearer", "add", "anna")
    assert f"{METER}    -60 dBm  blood-pressure meter" in lived(FIRST, "scan").replace(
        METER.replace(":", "-"), ""
    )
    assert lived(FIRST, "pair", "--meter", METER.lower()).splitlines() == [
        f"Paired with blood-pressure meter {METER} of anna.",
        f"{METER}: 1 new reading",
    ]
    assert run("meter", "list").output == f"{METER}  blood-pressure meter of anna\n"
    assert lived(SECOND, "meter", "fetch") == f"{METER}: 1 new reading\n"
    assert lived(SECOND, "sync") == f"{METER}: 0 new readings\n"
    assert lived(None, "sync") == "", "a meter that sleeps is no fault"
    assert f"Meter {METER} was not found" in lived(None, "meter", "fetch", METER)
    first, _, caution = run("enter", "list").output.splitlines()
    assert first == (
        f"1: anna, 2026-11-25 07:30: blood pressure 128/82 mmHg, heart rate 71 bpm, meter {METER}"
    )
    assert "no medical device" in caution
    assert "the system still has" in run("meter", "forget", METER).output.lower()
    assert "run 'veriband pair --meter" in run("meter", "fetch").output
    assert "is not known here" in run("meter", "forget", METER).output


def test_the_daemon_runs_with_a_meter_and_no_band(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "veriband.db"
    with closing(Store(path)) as store:
        store.add_meter(METER, WHOEVER, store.add_wearer("anna"), VITAL_BLOOD_PRESSURE)

    def play(work: Coroutine[Any, Any, None]) -> None:
        async def whole() -> None:
            world = World(1, START)
            radio = radio_of(await world.computer())
            monkeypatch.setattr(run_command, "system_radio", lambda: radio)
            monkeypatch.setattr(run_command, "utc_ms", world.utc_ms)
            running = asyncio.create_task(work)
            meter = await world.add_meter()
            for reading in (FIRST, FIRST[:-1], FIRST[:-1], SECOND):
                await asyncio.sleep(300)
                await meter.measure(reading)
            await asyncio.sleep(300)
            await until_cancelled(running)

        live(whole())

    monkeypatch.setattr(asyncio, "run", play)
    done = CliRunner().invoke(
        main, ["--store", str(path), "--zone", "Europe/Berlin", "run", "--no-web"]
    )
    assert done.exit_code == 0, done.output
    refused = f"Meter {METER} sent a reading that was not taken: it is cut."
    lines = [f"{METER}: 1 new reading", f"{METER}: 0 new readings", refused]
    assert [line for line in done.output.splitlines() if line == lines[0]] == lines[:1] * 2
    assert set(done.output.splitlines()) == set(lines)


def test_a_trouble_that_repeats_itself_is_told_once(tmp_path: Path) -> None:
    async def story(r: Rig) -> None:
        keeping = r.daemon()
        for _ in range(5):
            await r.meter.measure(FIRST)
            await asyncio.sleep(120)
        await until_cancelled(keeping)
        (trouble,) = r.troubles
        assert f"Meter {METER} does not trust this computer" in str(trouble)

    told(tmp_path, story, security="bond")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("pair", METER, "--meter", "--secret", "00" * 20), "are of bands, not of meters"),
        (("pair", METER, "--wearer", "anna"), "add --meter"),
        (("pair", METER, "--meter", "--user", "255"), "0<=x<=254"),
        (("pair", METER, "--meter", "--passkey", "1234567"), "0<=x<=999999"),
        (("meter", "fetch", METER), f"run 'veriband pair --meter {METER}' first"),
        (("meter", "fetch", "--wait", "nan"), "not a finite number"),
    ],
)
def test_wrong_use_is_a_sentence(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    path = tmp_path / "veriband.db"
    store = Store(path)
    store.add_wearer("anna")
    store.close()
    done = CliRunner().invoke(main, ["--store", str(path), *arguments])
    assert done.exit_code != 0
    assert isinstance(done.exception, SystemExit)
    assert says in done.output
