"""Sealed batches: an honest chain is opened whole, and whatever somebody does to one is told."""

from __future__ import annotations

import json
import struct
from binascii import b2a_base64
from collections.abc import Callable, Iterator
from datetime import UTC
from itertools import pairwise, product
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from veriband.cli import main
from veriband.contest import seals
from veriband.contest.seals import clock_jumps, dated, id_of, opened, seal_of
from veriband.contest.standings import standings
from veriband.records import Kind
from veriband.store import Store
from veriband_protocol import VERSION, items, wire
from veriband_protocol.items import MINUTE_MS

KEY, OTHER = bytes(range(32)), bytes(32)
EPOCH = 0xBAD5EED
NOON_S = 1_789_999_980
ANCHOR = bytes((items.ANCHOR, 10, 0)) + struct.pack("<IHhB", NOON_S, 0, 120, items.SOURCE_HOST)


def sealed(
    body: bytes, seq: int, t_ms: int, before: bytes, key: bytes = KEY, epoch: int = EPOCH
) -> bytes:
    """A batch as a band sends it."""
    batch = wire.pack_batch(VERSION, epoch, seq, 1, t_ms, body, 10**6, id_of(key), before)
    wire.put_seal(batch, seal_of(key, batch))
    return bytes(batch)


def chain(bodies: list[bytes], key: bytes = KEY, before: bytes = wire.NO_SEAL) -> list[bytes]:
    """Batches of minutes (a byte each), the first with an anchor before them."""
    batches: list[bytes] = []
    seq = t_ms = 0
    for k, body in enumerate(bodies):
        before = wire.unpack_batch(batches[-1])[-1] if batches else before
        batches.append(sealed(ANCHOR + body if k == 0 else body, seq, t_ms, before, key))
        seq += len(body) + (k == 0)
        t_ms += len(body) * MINUTE_MS
    return batches


BODIES = [bytes((10, 20, 30)), bytes((40, 50)), bytes((60,)), bytes((70, 80))]


def steps(batches: list[bytes]) -> list[int]:
    return [i.steps for i in opened(batches, [KEY]).items().values() if i.steps is not None]


def altered(batches: list[bytes]) -> list[bytes]:
    """Somebody writes more steps into a minute, and gives the batch the CRC that it has then."""
    batch = bytearray(batches[1])
    batch[wire.HEADER_BYTES] += 50
    wire.put_seal(batch, wire.unpack_batch(batches[1])[-1])
    return [batches[0], bytes(batch), *batches[2:]]


def dropped(batches: list[bytes]) -> list[bytes]:
    return batches[:1] + batches[2:]


def repeated(batches: list[bytes]) -> list[bytes]:
    return [*batches[:2], *batches[1:]]


def reordered(batches: list[bytes]) -> list[bytes]:
    return [batches[0], batches[2], batches[1], batches[3]]


def renumbered(batches: list[bytes]) -> list[bytes]:
    """A minute is given a second time, under the number of another."""
    found = wire.unpack_batch(batches[2])
    again = wire.pack_batch(VERSION, EPOCH, 7, 1, *found[4:6], 10**6, id_of(KEY), *found[8:9])
    wire.put_seal(again, found[-1])
    return [*batches[:3], bytes(again), *batches[3:]]


def forged(batches: list[bytes]) -> list[bytes]:
    """A batch under a key that somebody else has drawn."""
    return [*batches[:3], sealed(b"\x7f\x7f", 7, 6 * MINUTE_MS, wire.NO_SEAL, OTHER)]


def damaged(batches: list[bytes]) -> list[bytes]:
    return [batches[0], batches[1][:-1], *batches[2:]]


def test_an_honest_chain_is_opened_whole() -> None:
    its = opened(chain(BODIES), [KEY])
    assert its.faults == []
    assert steps(chain(BODIES)) == [10, 20, 30, 40, 50, 60, 70, 80]
    when = [utc_ms for utc_ms, _, item in dated(its.items()) if item.steps is not None]
    assert when == [NOON_S * 1000 + k * MINUTE_MS for k in range(8)]


@pytest.mark.parametrize(
    ("tamper", "told", "kept"),
    [
        (altered, "from number 4 on of log 0BAD5EED was altered", [10, 20, 30, 60, 70, 80]),
        (dropped, "Numbers 4 to 5 of log 0BAD5EED are missing", [10, 20, 30, 60, 70, 80]),
        (repeated, "from number 4 on of log 0BAD5EED is there more than once", None),
        (reordered, "from number 4 on of log 0BAD5EED does not stand where it was sent", None),
        (renumbered, "from number 7 on of log 0BAD5EED was altered", None),
        (forged, "is not sealed with a key that was enrolled here", [10, 20, 30, 40, 50, 60]),
        (damaged, "A batch is damaged", [10, 20, 30, 60, 70, 80]),
    ],
)
def test_what_somebody_did_is_told_and_what_is_sealed_stays(
    tamper: Callable[[list[bytes]], list[bytes]], told: str, kept: list[int] | None
) -> None:
    tampered = tamper(chain(BODIES))
    faults = opened(tampered, [KEY]).faults
    assert any(told in fault for fault in faults), faults
    assert steps(tampered) == (kept or [10, 20, 30, 40, 50, 60, 70, 80])


@given(st.integers(0, 3), st.data())
def test_no_bit_of_a_batch_can_be_changed(which: int, data: st.DataObject) -> None:
    batches = chain(BODIES)
    spoilt = bytearray(batches[which])
    bit = data.draw(st.integers(0, (len(spoilt) - 4) * 8 - 1))
    spoilt[bit // 8] ^= 1 << bit % 8
    wire.put_seal(spoilt, bytes(spoilt[-wire.SEAL_BYTES - 4 : -4]))  # its CRC is right
    batches[which] = bytes(spoilt)
    its = opened(batches, [KEY])
    assert its.faults
    assert len(its.batches) == 3


@pytest.mark.parametrize("length", range(1, 6))
def test_no_order_but_the_true_one_goes_unnoticed(length: int) -> None:
    honest = chain(BODIES)
    for order in product(range(len(honest)), repeat=length):
        is_true = all(after == before + 1 for before, after in pairwise(order))
        faults = opened([honest[k] for k in order], [KEY]).faults
        assert bool(faults) != is_true, order  # its ends may be missing


@pytest.mark.parametrize("first", [0, 1, 2])
def test_hosts_have_a_chain_each_whatever_they_had_stored_before(first: int) -> None:
    chains = [
        chain(BODIES),
        chain([b"".join(BODIES)], before=b"of a key"),
        chain([BODIES[0] + BODIES[1], *BODIES[2:]], before=b"of other"),
    ]
    batches = [data for its in chains[first:] + chains[:first] for data in its]
    assert opened(batches, [KEY]).faults == []
    assert steps(batches) == [10, 20, 30, 40, 50, 60, 70, 80]


def test_what_one_host_had_before_a_loss_of_power_stays() -> None:
    hole = sealed(bytes((items.HOLE, 2, 0x80, 0x04)), 5, 4 * MINUTE_MS, b"of other")
    for batches in ([*chain(BODIES), hole], [hole, *chain(BODIES)]):
        assert opened(batches, [KEY]).faults == []
        assert steps(batches) == [10, 20, 30, 40, 50, 60, 70, 80]


def test_a_host_of_a_thousand_lies_is_told_briefly() -> None:
    *told, last = opened([b"x" * k for k in range(1000)], [KEY]).faults
    assert len(told) == 20
    assert last == "And 980 more."


def test_totals_are_counted_on_along_the_chain() -> None:
    def total(tag: int, count: int) -> bytes:
        return bytes((tag, 2)) + count.to_bytes(2, "little")

    first = sealed(total(items.COUNT, 65_500) + total(items.TOTAL, 65_530), 0, 0, wire.NO_SEAL)
    second = sealed(total(items.TOTAL, 10), 2, MINUTE_MS, wire.unpack_batch(first)[-1])
    assert steps([first, second]) == [30, 16]
    third = sealed(total(items.TOTAL, 40), 3, 2 * MINUTE_MS, wire.unpack_batch(second)[-1])
    its = opened([first, third], [KEY])
    assert [i.steps for i in its.items().values()][-1] == 0, "of what is not known, no step counts"
    counts = ((items.COUNT, 65_500), (items.TOTAL, 65_530), (items.TOTAL, 10))
    whole = sealed(b"".join(total(*its) for its in counts), 0, 0, wire.NO_SEAL)
    assert steps([second, whole]) == [30, 16], "another host may know"
    far = sealed(total(items.TOTAL, 4000), 9, 9 * MINUTE_MS, wire.unpack_batch(second)[-1])
    its = opened([first, second, far], [KEY])
    assert [i.steps for i in its.items().values()][-1] == 0, "nor what lies between"
    assert [fault[:20] for fault in its.faults] == ["Numbers 3 to 8 of lo"]


def test_a_clock_that_was_set_to_another_time_is_told() -> None:
    later = bytearray(ANCHOR)
    struct.pack_into("<I", later, 3, NOON_S + 3 * 3600)
    batches = [sealed(ANCHOR + b"\x05" + bytes(later) + b"\x05" + ANCHOR, 0, 0, wire.NO_SEAL)]
    its = opened(batches, [KEY])
    assert its.faults == []
    assert clock_jumps(its.items()) == [
        "The band's clock was set forward by 179 min.",
        "The band's clock was set back by 181 min.",
    ]


def test_a_clock_that_creeps_is_told() -> None:
    def set_to(s: int) -> bytes:
        anchor = bytearray(ANCHOR)
        struct.pack_into("<I", anchor, 3, NOON_S + s)
        return bytes(anchor)

    its = opened([sealed(b"".join(map(set_to, (0, 50, 100, 99, 130))), 0, 0, wire.NO_SEAL)], [KEY])
    assert clock_jumps(its.items()) == ["The band's clock was set forward by 1 min."]


@pytest.mark.parametrize(
    ("later_s", "source", "told"),
    [
        (600, items.SOURCE_HOST, "the boot began 8 min after what came before it ended."),
        (-7200, items.SOURCE_HOST, "the boot began 122 min before what came before it ended."),
        (125, items.SOURCE_KEPT, None),
    ],
)
def test_a_clock_that_a_loss_of_power_took_is_told(
    later_s: int, source: int, told: str | None
) -> None:
    boot = bytes((items.BOOT, 3, 2, items.CAUSE_POWER_ON, 0))
    anchor = bytearray(ANCHOR)
    struct.pack_into("<I", anchor, 3, NOON_S + later_s + 120)
    anchor[-1] = source
    body = ANCHOR + b"\x05\x06" + boot + b"\x07\x08" + bytes(anchor)
    jumps = clock_jumps(opened([sealed(body, 0, 0, wire.NO_SEAL)], [KEY]).items())
    if told is None:
        assert jumps == []
    else:
        assert jumps == [f"In boot 2 the band had no clock for 2 min, then it was set: {told}"]


def test_a_key_is_named_by_the_first_bytes_of_its_hash() -> None:
    assert seals.key_id(chain(BODIES)[0]) == id_of(KEY) != id_of(OTHER)


# The commands. What they do with a real band's batches is in tests/whole.

ADDRESS = "C0:98:E5:00:00:01"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """anna's band, enrolled, in a contest."""
    store = Store(tmp_path / "veriband.db")
    band = store.add_band(ADDRESS, None, 0)
    store.add_key(band, KEY, 0)
    anna = store.add_wearer("anna")
    store.assign(band, anna, 0)
    store.add_contest("spring", NOON_S * 1000, (NOON_S + 3600) * 1000, "gated", True, [anna], True)
    yield store
    store.close()


def run(store: Store, *arguments: str) -> Result:
    command = ["--store", str(store.path), "--zone", "UTC", "contest", *arguments]
    return CliRunner().invoke(main, command)


def handed_in(path: Path, batches: list[bytes]) -> str:
    path.write_text("Veriband sealed batches 1\n" + "".join(map(line_of, batches)))
    return str(path)


def line_of(batch: bytes) -> str:
    return b2a_base64(batch).decode()


def test_files_are_verified_and_taken(store: Store, tmp_path: Path) -> None:
    file = handed_in(tmp_path / "anna.sealed", [*chain(BODIES), *chain(BODIES, OTHER)])
    its = run(store, "verify", "spring", file)
    assert (
        f"{file}: 4 batches name keys that were not enrolled here; they are left.\n" in its.output
    )
    assert f"anna, {ADDRESS}: 8 of 60 minutes are sealed; nothing is wrong\n" in its.output
    assert its.exit_code == 0
    assert run(store, "take", file).output.endswith(f"{ADDRESS}: 9 new items\n")
    (line,) = run(store, "take", file, "--json").stdout.splitlines()
    assert json.loads(line) == {"band": ADDRESS, "items": 0, "faults": []}
    assert standings(store, store.contest("spring"), UTC)[0].counted == 360


def test_files_of_one_wearer_that_have_the_same_in_them_are_one(
    store: Store, tmp_path: Path
) -> None:
    early = handed_in(tmp_path / "early", chain(BODIES)[:2])
    late = handed_in(tmp_path / "late", chain(BODIES))
    other = handed_in(tmp_path / "other", chain([*BODIES[:1], b"".join(BODIES[1:])]))
    both = tmp_path / "both"
    both.write_text(Path(other).read_text() + Path(late).read_text().splitlines(True)[0])
    files = (early, late, late, str(both))
    assert (
        "8 of 60 minutes are sealed; nothing is wrong\n"
        in run(store, "verify", "spring", *files).output
    )
    for file in files:
        assert run(store, "take", file).exit_code == 0
    assert "nothing is wrong\n" in run(store, "verify", "spring").output
    twice = tmp_path / "twice"
    twice.write_text(Path(late).read_text() * 2)
    assert "is there more than once" in run(store, "verify", "spring", str(twice)).output


def test_what_a_band_sealed_for_somebody_else_is_left(store: Store) -> None:
    (band,) = store.bands()
    for data in [*chain(BODIES[:1], OTHER), *chain(BODIES, before=b"of other")]:
        store.take(band, EPOCH, opened([data], [KEY, OTHER]).batches[0].items, 0, data)
    its = run(store, "verify", "spring")
    assert "8 of 60 minutes are sealed; nothing is wrong\n" in its.output


def test_what_a_store_has_from_a_host_that_knew_less_was_not_altered(store: Store) -> None:
    (band,) = store.bands()
    hole = sealed(bytes((items.HOLE, 2, 0x80, 0x04)), 5, 4 * MINUTE_MS, b"of other")
    for data in (hole, *chain(BODIES)):
        store.take(band, EPOCH, opened([data], [KEY]).batches[0].items, 0, data)
    its = run(store, "verify", "spring")
    assert "8 of 60 minutes are sealed; nothing is wrong\n" in its.output
    store.db.execute("UPDATE item SET kind = ?, raw = x'7f' WHERE seq = 6", (Kind.HOLE,))
    its = run(store, "verify", "spring")
    assert "Number 6 of log 0BAD5EED was altered in the store" in its.output


def test_a_file_without_the_enrolment_is_told(store: Store, tmp_path: Path) -> None:
    event = bytes((items.EVENT, 6, 0, items.EVENT_KEY)) + id_of(KEY).to_bytes(4, "little")
    enrolled = sealed(event + ANCHOR + b"\x05", 0, 0, wire.NO_SEAL)
    for batch, is_told in ((enrolled, False), (chain(BODIES)[0], True)):
        its = run(store, "verify", "spring", handed_in(tmp_path / "anna", [batch]))
        assert its.exit_code == 0
        assert ("The enrolment is not among what is sealed" in its.output) is is_told


def test_what_is_wrong_in_a_file_is_told_and_the_rest_taken(store: Store, tmp_path: Path) -> None:
    file = handed_in(tmp_path / "anna.sealed", altered(chain(BODIES)))
    taken = run(store, "take", file)
    assert taken.exit_code == 1
    assert "from number 4 on of log 0BAD5EED was altered" in taken.output
    assert standings(store, store.contest("spring"), UTC)[0].counted == 270


def test_nothing_handed_in_is_wrong(store: Store, tmp_path: Path) -> None:
    its = run(store, "verify", "spring", handed_in(tmp_path / "empty", []))
    assert "0 of 60 minutes are sealed; this is wrong:\n  Nothing that it sealed" in its.output
    assert its.exit_code == 1
    its = run(store, "hand-in", str(tmp_path / "new"))
    assert its.exit_code == 1
    assert "No band has sealed anything here" in its.output


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "this is no file of"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "this is no file of"),
        ("Veriband sealed batches 1\nAAAA\n", "line 2: no batch (batch of 3 bytes)"),
        ("Veriband sealed batches 1\n" + line_of(chain(BODIES)[0])[:-9], "line 2: no batch ("),
        ("Veriband sealed batches 1\n" + "A" * 40_000, "line 2: no batch ("),
    ],
)
def test_another_file_is_refused_with_its_line(
    store: Store, tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "anna.sealed"
    file.write_text(text, "utf-8")
    for command in (["verify", "spring"], ["take"]):
        its = run(store, *command, str(file))
        assert its.exit_code == 2
        assert why in its.output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_disk_that_is_full_has_nothing_written(store: Store) -> None:
    (band,) = store.bands()
    store.take(band, EPOCH, [], 0, chain(BODIES)[0])
    its = run(store, "hand-in", "/dev/full")
    assert its.exit_code == 1
    assert "No space is left" in its.output
    assert "were written" not in its.output
