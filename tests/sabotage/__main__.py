"""`make sabotage`: breaks one line at a time in a copy; a test of the whole must notice."""

from __future__ import annotations

import signal

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while it loads: no traceback

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("firmware", "host", "protocol", "simulator", "tests")
WORKERS = 2

DAY = "tests/whole/test_day.py"
SECURITY = "tests/whole/test_security.py"
TROUBLE = "tests/whole/test_trouble.py"
SEALS = "tests/whole/test_seals.py"
JUDGE = "tests/whole/test_judge.py"
STRIP = "tests/whole/test_strip.py"
BODY = "tests/whole/test_body.py"
VITALS = "tests/whole/test_vitals.py"
CYCLES = "tests/whole/test_cycles.py"
PPG = "tests/whole/test_ppg.py"
METER = "tests/whole/test_meter.py"
BRIDGE = "tests/whole/test_strip_read.py"
PRESSURE = "tests/whole/test_pressure.py"
SERVICES = "tests/whole/test_services.py"
HOSTILE = f"{SERVICES}::test_a_hostile_listener_gets_the_heart_rate_and_nothing_else"
POWER = "tests/whole/test_power.py"
ALERTS = "tests/whole/test_alerts.py"
ASK = "tests/whole/test_ask.py"
WEARERS = "tests/whole/test_wearers.py"
LIES = "tests/campaign/test_campaigns.py::test_a_daemon_refuses_lies_and_says_why"


@dataclass(frozen=True)
class Breakage:
    """One line changed, and the test that must turn red."""

    what: str
    file: str
    line: str
    broken: str
    test: str


BREAKAGES = (
    Breakage(
        "what is asked for waits for the next sync",
        "host/veriband/link/supervisor.py",
        "        asked, self._asked = self._asked, []", "        asked, self._asked = [], []", ASK,
    ),
    Breakage(
        "what was measured because it was asked for waits for the next sync",
        "host/veriband/link/supervisor.py",
        "        if asked:\n", "        if False:\n", ASK,
    ),
    Breakage(
        "an alert is raised, and no terminal told",
        "host/veriband/alerts/book.py", ".rungs[: entry.alert.rung]", ".rungs[:0]", ALERTS,
    ),
    Breakage(
        "an alert goes on though its cause is over",
        "host/veriband/alerts/book.py",
        "        is_over = cause.until_ms is not None", "        is_over = False", ALERTS,
    ),
    Breakage(
        "one reading outside is not followed by another",
        "host/veriband/alerts/attention.py",
        "        return (vital,)", "        return ()", ALERTS,
    ),
    Breakage(
        "a band that is away is well",
        "host/veriband/alerts/hops.py",
        "    if now_ms - quiet_since_ms > patience.band_ms:", "    if False:", ALERTS,
    ),
    Breakage(
        "who was erased has left sealed batches",
        "host/veriband/store/erasure.py",
        "        if seq <= last and end > first:", "        if False:", WEARERS,
    ),
    Breakage(
        "a meter's reading is stored each time that it is sent",
        "host/veriband/store/entered.py", "entry.source != TYPED_IN and", "False and", METER,
    ),
    Breakage(
        "whose a meter's reading is does not matter",
        "host/veriband/link/meter.py", "users.get(user) or users.get(WHOEVER)",
        "next(iter(users.values()), None)", METER,
    ),
    Breakage(
        "a meter that measured nothing has measured 2,047 mmHg",
        "host/veriband/link/measurement.py", "range(0x7FE, 0x803)", "range(0)", METER,
    ),
    Breakage(
        "a strip on a PC is left with its LEDs lit",
        "host/veriband/bridge/reading.py",
        "            chip.stop()", "            chip.lost", BRIDGE,
    ),
    Breakage(
        "the step counter is read from another register",
        "firmware/drivers/lsm6dsox.py", "_STEP_COUNTER = 0x62", "_STEP_COUNTER = 0x63", DAY,
    ),
    Breakage(
        "a reset of the step chip goes unseen",
        "firmware/drivers/lsm6dsox.py", " << 8 if counting else LOST", " << 8", DAY,
    ),
    Breakage(
        "the step counter's wrap is not undone",
        "firmware/band/steps.py",
        "0 if self.count is None else (count - self.count) & 0xFFFF",
        "0 if self.count is None else max(0, count - self.count)", DAY,
    ),
    Breakage(
        "what waited in RTC memory is forgotten at a reset",
        "firmware/band/app.py",
        "kept.load()",
        "None", DAY,
    ),
    Breakage(
        "the hour's steps without a reading are dropped",
        "firmware/band/steps.py",
        "            self._journal.gap(span, steps, self._reason(span, late))",
        "            self._journal.gap(span, 0, self._reason(span, late))",
        f"{TROUBLE}::test_a_silent_sensor_is_a_gap_with_all_its_steps",
    ),
    Breakage(
        "the clock is set and no anchor kept",
        "firmware/band/control.py",
        "self._journal.anchor(after_ms, utc_ms, self._clock.offset_min(), items.SOURCE_HOST)",
        "pass", DAY,
    ),
    Breakage(
        "numbers that were sent are used again after a loss of power",
        "firmware/band/journal.py",
        "        return self._hole(self.ring.reserved)",
        "        return 0",
        f"{TROUBLE}::test_a_power_loss_costs_at_most_ten_minutes_and_no_number_twice",
    ),
    Breakage(
        "a flush that failed is not tried again before the next",
        "firmware/band/minutes.py",
        "                if self._record.flush():\n                    waited = 0",
        "                self._record.flush()\n                waited = 0",
        f"{TROUBLE}::test_a_flush_that_failed_and_a_loss_of_power_cost_ten_minutes",
    ),
    Breakage(
        "a batch's CRC is not checked",
        "protocol/veriband_protocol/wire.py",
        "    if crc32(data[:-4]) & 0xFFFFFFFF != crc:",
        "    if False:",
        f"{TROUBLE}::test_a_bad_batch_is_noted_and_asked_for_again",
    ),
    Breakage(
        "a seal is not looked at",
        "host/veriband/contest/seals.py",
        "    if not hmac.compare_digest(seal, seal_of(keys[its_key], data)):",
        "    if False:",
        f"{SEALS}::test_a_daemon_that_tampers_is_found_and_gains_nothing",
    ),
    Breakage(
        "a seal is over half a batch",
        "firmware/band/seal.py",
        "        inner.update(data)",
        "        inner.update(data[: len(data) // 2])",
        f"{SEALS}::test_what_a_band_seals_is_handed_in_taken_and_ranked",
    ),
    Breakage(
        "a seal follows none",
        "firmware/band/sync.py",
        "        return at.seq, frames, seal",
        "        return at.seq, frames, wire.NO_SEAL",
        "tests/whole/test_backlog.py::test_a_long_backlog_is_one_chain",
    ),
    Breakage(
        "credit is not counted",
        "firmware/band/sync.py",
        "            stream.credit -= 1",
        "            pass",
        "tests/whole/test_backlog.py::test_a_band_sends_as_many_batches_as_it_has_credit_for",
    ),
    Breakage(
        "a batch from the past is taken",
        "host/veriband/link/sync.py",
        "            if batch.seq < cursor:",
        "            if False:",
        f"{TROUBLE}::test_a_bad_batch_is_noted_and_asked_for_again",
    ),
    Breakage(
        "a batch from the future is taken",
        "host/veriband/link/doubt.py",
        "    if batch.seq > max(cursor, state.oldest) or batch.upto > state.upto:",
        "    if False:",
        f"{TROUBLE}::test_a_bad_batch_is_noted_and_asked_for_again",
    ),
    Breakage(
        "the cursor is off by one",
        "host/veriband/link/sync.py",
        "            cursor, upto = items[-1].seq + items[-1].count, batch.upto",
        "            cursor, upto = items[-1].seq + items[-1].count + 1, batch.upto", DAY,
    ),
    Breakage(
        "a time that runs back is believed",
        "host/veriband/link/doubt.py", "    if begin < known or (", "    if (", LIES,
    ),
    Breakage(
        "a time that has not come is believed",
        "host/veriband/link/doubt.py",
        "    if latest > (state.boot, state.t_ms):",
        "    if False:", LIES,
    ),
    Breakage(
        "frames are kept that nobody asked for",
        "host/veriband/link/session.py", "            if self._is_flooded:",
        "            if False:", LIES,
    ),
    Breakage(
        "a band that went back is believed",
        "host/veriband/link/sync.py",
        "    if state.upto < cursor:",
        "    if False:",
        f"{TROUBLE}::test_a_band_whose_flash_was_put_back_is_refused_and_the_store_kept",
    ),
    Breakage(
        "reading needs no encryption",
        "firmware/band/table.py",
        "_READ = 0x0002 | 0x0200 | 0x0400", "_READ = 0x0002",
        f"{SECURITY}::test_an_unpaired_central_reads_nothing_and_is_told_nothing",
    ),
    Breakage(
        "pairing is always open",
        "firmware/band/door.py",
        "        if self._pairing.is_open():\n            self._radio.bonding",
        "        if True:\n            self._radio.bonding",
        f"{SECURITY}::test_pairing_closes_after_a_minute_and_after_three_attempts",
    ),
    Breakage(
        "a passkey can be used again",
        "firmware/band/pairing.py",
        "        self.counter = counter + 1",
        "        self.counter = counter",
        f"{SECURITY}::test_a_passkey_is_good_once_and_a_wrong_one_never",
    ),
    Breakage(
        "the passkeys' counter is not kept",
        "firmware/band/pairing.py",
        "        self._notes.keep(self._notes.PASSKEYS, counter + 1)",
        "        pass",
        f"{SECURITY}::test_the_counter_never_goes_back_over_resets_and_losses_of_power",
    ),
    Breakage(
        "a stranger's attempt deletes the bond",
        "firmware/band/radio.py",
        "        if value is None:",
        "        if value is None and not setattr(self._bonds, '_secrets', []):",
        f"{SECURITY}::test_a_bond_outlives_resets_and_a_strangers_attempts_under_its_address",
    ),
    Breakage(
        "a chip that was silent at the start is taken to stand at 0",
        "firmware/band/steps.py",
        "        self.count = count\n        now = self._read()",
        "        self.count = 0\n        now = self._read()",
        f"{TROUBLE}::test_a_chip_that_is_silent_when_the_band_starts_gives_no_false_step",
    ),
    Breakage(
        "the count from before a chip's reset is subtracted",
        "firmware/band/steps.py",
        "                    self.count = count = 0\n",
        "                    count = 0\n",
        f"{TROUBLE}::test_a_chip_that_fails_while_it_is_started_again_gives_no_false_step",
    ),
    Breakage(
        "the zone's next change is thrown away",
        "firmware/band/clock.py",
        "        self.zone = (offset_min, change_utc_s, then_min)",
        "        self.zone = (offset_min, 0, 0)",
        f"{TROUBLE}::test_the_wearers_clock_changes_without_a_host",
    ),
    Breakage(
        "a bus that a chip holds stays held",
        "firmware/band/bus.py",
        "_CLOCKS = 9",
        "_CLOCKS = 0",
        f"{VITALS}::test_whatever_the_shared_bus_does_no_step_is_lost_or_doubled",
    ),
    Breakage(
        "of two strips that talk at once one is believed",
        "firmware/band/strip.py",
        "        if where in _ONE:",
        "        if where:",
        f"{STRIP}::test_with_one_in_each_socket_neither_is_used",
    ),
    Breakage(
        "a strip's label is believed without its CRC",
        "firmware/drivers/at24c02.py",
        " and _crc(page) == 0",
        "",
        f"{STRIP}::test_what_is_on_it_is_found_by_asking",
    ),
    Breakage(
        "the watchdog is fed without asking the tasks",
        "firmware/band/tasks.py",
        "            if bell.is_awaited:\n                return\n",
        "            pass\n",
        f"{BODY}::test_a_task_that_hangs_starts_the_band_again_and_costs_no_step",
    ),
    Breakage(
        "handing the band on forgets the wearer's files, and the seal key with them",
        "firmware/band/app.py",
        "handover.wiped(self._notes, log, wearer)", "handover.wiped(self._notes, log)",
        f"{BODY}::test_a_band_that_is_handed_on_has_nothing_left_of_its_wearer",
    ),
    Breakage(
        "handing the band on is over before all is wiped",
        "firmware/band/handover.py",
        "    RTC().memory(bytes(_RTC_BYTES))", "    notes.keep(notes.HAND_OVER, 0)\n"
        "    RTC().memory(bytes(_RTC_BYTES))",
        f"{BODY}::test_handing_on_that_loses_its_power_is_finished_at_the_next_start",
    ),
    Breakage(
        "the motor does not care for the cover",
        "firmware/band/app.py",
        "self._strip.opens_cover() and not", "not",
        f"{BODY}::test_the_motor_runs_only_for_a_strip_in_the_cover_and_a_charged_battery",
    ),
    Breakage(
        "the motor runs while flash is written",
        "firmware/band/motor.py",
        "        self._motor.pause()\n        self._partition.writeblocks(*where)",
        "        self._partition.writeblocks(*where)",
        f"{BODY}::test_the_motor_rests_while_flash_is_written_and_no_minute_is_late",
    ),
    Breakage(
        "a low battery is told each time it is measured",
        "firmware/band/batteries.py",
        "        if is_low and not was_low:", "        if is_low:",
        f"{BODY}::test_a_battery_that_gets_low_is_told_once_each_time",
    ),
    Breakage(
        "contacts are looked at while they bounce",
        "firmware/band/strip.py",
        "            await self._settled()\n",
        "",
        f"{STRIP}::test_contacts_that_bounce_are_one_event",
    ),
    Breakage(
        "whatever answers at the hub's address is taken for it",
        "firmware/band/strip.py",
        "            if await self._has_hub():",
        "            if await self._has_hub() or True:",
        f"{STRIP}::test_what_is_on_it_is_found_by_asking",
    ),
    Breakage(
        "a calibration of 30 days ago is used",
        "firmware/band/pressure.py",
        "- self._utc_s < control.CALIBRATION_S", "- self._utc_s < 2 * control.CALIBRATION_S",
        f"{PRESSURE}::test_what_a_cuff_taught_it_tells_a_finger_for_30_days",
    ),
    Breakage(
        "systolic and diastolic are swapped",
        "firmware/drivers/max32664.py",
        "bpm, self.systolic, self.diastolic, spo2 =", "bpm, self.diastolic, self.systolic, spo2 =",
        f"{PRESSURE}::test_what_a_cuff_taught_it_tells_a_finger_for_30_days",
    ),
    Breakage(
        "half of what the hub learned is kept",
        "firmware/band/pressure.py",
        "            if vector != await self._hub.vector():", "            if False:",
        f"{PRESSURE}::test_a_calibration_that_fails_says_why_and_leaves_the_last_one",
    ),
    Breakage(
        "red and infrared are swapped as they are read",
        "firmware/drivers/max30102.py",
        "            red[k] = (fifo[i] & 3) << 16 | fifo[i + 1] << 8 | fifo[i + 2]\n"
        "            infrared[k] = (",
        "            infrared[k] = (fifo[i] & 3) << 16 | fifo[i + 1] << 8 | fifo[i + 2]\n"
        "            red[k] = (",
        f"{PPG}::test_the_pulse_is_in_the_infrared_light",
    ),
    Breakage(
        "the wrong LED is lit",
        "firmware/drivers/max30102.py", "bytes((red, infrared))", "bytes((infrared, red))",
        f"{CYCLES}::test_only_who_wants_spo2_has_the_red_led_lit",
    ),
    Breakage(
        "the arm's rate is not guarded",
        "firmware/band/heart.py",
        "        if self.moving:\n            self._guard(_STEP * steps)",
        "        if self.moving:\n            pass",
        f"{PPG}::test_the_arms_rhythm_is_not_taken_for_the_pulse",
    ),
    Breakage(
        "only the strongest of the arm's rhythms is guarded",
        "firmware/band/heart.py",
        "        slowest, fastest = _refined(arm, top) // 4, 4 * _refined(arm, top)",
        "        slowest = fastest = _refined(arm, top)",
        f"{PPG}::test_the_arms_rhythm_is_not_taken_for_the_pulse",
    ),
    Breakage(
        "a band that nobody wears is taken for one without a pulse",
        "firmware/band/pulse.py",
        "                return items.STATUS_NOT_WORN",
        "                return items.STATUS_NO_PULSE",
        f"{VITALS}::test_steps_that_nobody_wears_are_struck",
    ),
    Breakage(
        "the host ignores that a band is not worn",
        "host/veriband/judge/diary.py",
        "    result[unworn[count[unworn] == 0]] = 0.0",
        "    pass",
        f"{VITALS}::test_steps_that_nobody_wears_are_struck",
    ),
    Breakage(
        "the heart rate after the window is taken for the window's",
        "host/veriband/judge/diary.py",
        "    at, status, bpm = rates[:, 0],",
        "    at, status, bpm = rates[:, 0] - 25 * MINUTE_MS,",
        f"{VITALS}::test_a_heart_that_beats_fast_after_the_window_clears_nobody",
    ),
    Breakage(
        "no heart rate is asked for at a suspicion",
        "host/veriband/link/supervisor.py",
        "                        await session.measure(vital)",
        "                        pass",
        f"{VITALS}::test_the_daemon_asks_when_the_window_first_turns_suspicious",
    ),
    Breakage(
        "active minutes are not followed by a heart rate",
        "firmware/band/vitals.py",
        "        if steps >= ACTIVE_STEPS or",
        "        if steps >= 10 * ACTIVE_STEPS or",
        f"{VITALS}::test_active_minutes_have_a_heart_rate_and_idle_ones_none",
    ),
    Breakage(
        "the ratio of ratios is the other way round",
        "firmware/band/oxygen.py",
        "        share = both * 1000 // own",
        "        share = both * 1000 // reds",
        f"{CYCLES}::test_a_night_of_25_hours_has_one_measurement_in_each_period",
    ),
    Breakage(
        "the saturation of an arm that moves is believed",
        "firmware/band/pulse.py",
        "        elif self._heart.moving:",
        "        elif False:",
        f"{CYCLES}::test_who_is_on_their_feet_is_measured_at_the_first_quiet_minute",
    ),
    Breakage(
        "the red LED is lit for each heart rate",
        "firmware/band/pulse.py",
        "_RED if with_red else 0",
        "_RED",
        f"{CYCLES}::test_only_who_wants_spo2_has_the_red_led_lit",
    ),
    Breakage(
        "a period is measured twice",
        "firmware/band/cycles.py",
        "            self._kept.periods = (newest, done | 1 << newest - self._period)",
        "            pass",
        f"{CYCLES}::test_a_night_of_25_hours_has_one_measurement_in_each_period",
    ),
    Breakage(
        "the periods that are done are forgotten at a reset",
        "firmware/band/kept.py",
        "            self.periods = (newest, done)",
        "            pass",
        f"{CYCLES}::test_a_night_of_25_hours_has_one_measurement_in_each_period",
    ),
    Breakage(
        "periods do not follow the clock when it changes",
        "firmware/band/cycles.py",
        "clock.offset_at(utc_min * 60)",
        "clock.zone[0]",
        f"{CYCLES}::test_a_night_of_25_hours_has_one_measurement_in_each_period",
    ),
    Breakage(
        "a period's last minute is not used",
        "firmware/band/cycles.py",
        "self._period_in(1) != self._period",
        "False",
        f"{CYCLES}::test_a_night_of_25_hours_has_one_measurement_in_each_period",
    ),
    Breakage(
        "the host's cycles begin at midnight",
        "host/veriband/analysis/cycles.py",
        "_EARLY = timedelta(hours=1)",
        "_EARLY = timedelta(hours=0)",
        f"{CYCLES}::test_a_night_of_25_hours_has_one_measurement_in_each_period",
    ),
    Breakage(
        "one service can be read without encryption",
        "firmware/band/table.py",
        "(uuids.PLX_FEATURES, _READ)", "(uuids.PLX_FEATURES, 0x0002)", HOSTILE,
    ),
    Breakage(
        "a broadcast is of everything",
        "firmware/band/radio.py",
        "        is_open = self.broadcasts and handle == self.heart_rate",
        "        is_open = self.broadcasts", HOSTILE,
    ),
    Breakage(
        "listeners take the host's place, too",
        "firmware/band/door.py",
        "            if self._is_full():",
        "            if False:",
        f"{SERVICES}::test_neighbours_who_listen_leave_a_place_for_the_host",
    ),
    Breakage(
        "intervals between beats are told in milliseconds",
        "firmware/band/live.py",
        "intervals.append(interval * 32 // 25)",
        "intervals.append(interval * 5 // 4)",
        f"{SERVICES}::test_a_heart_at_rest_is_heard_beat_by_beat",
    ),
    Breakage(
        "an SFLOAT's exponent has the other sign",
        "protocol/veriband_protocol/sfloat.py",
        "(exponent & 0x0F) << 12", "(-exponent & 0x0F) << 12",
        "tests/protocol/test_sfloat.py",
    ),
    Breakage(
        "the wrap of an uploaded total is not undone",
        "host/veriband/records.py",
        "(now - before) & 0xFFFF, Kind.MINUTE, 0",
        "max(0, now - before), Kind.MINUTE, 0", DAY,
    ),
    Breakage(
        "49 differences are enough to be suspected",
        "host/veriband/analysis/claims.py",
        "COUNT_THRESHOLD = 49", "COUNT_THRESHOLD = 48",
        f"{JUDGE}::test_the_letter_wants_more_than_49_of_56_within_3_steps",
    ),
    Breakage(
        "the smallest difference is not dropped",
        "host/veriband/analysis/claims.py",
        "    for extreme in (difference.max(axis=1), difference.min(axis=1)):",
        "    for extreme in (difference.max(axis=1),):",
        f"{JUDGE}::test_the_letter_wants_more_than_49_of_56_within_3_steps",
    ),
    Breakage(
        "idle minutes are judged",
        "host/veriband/analysis/gated.py",
        "ACTIVE_STEPS = 40", "ACTIVE_STEPS = 0",
        f"{JUDGE}::test_honest_people_are_not_accused_and_seldom_suspected",
    ),
    Breakage(
        "nobody is fitter than the average",
        "host/veriband/analysis/expected.py",
        "LENIENT = 0.6", "LENIENT = 1.0",
        f"{JUDGE}::test_honest_people_are_not_accused_and_seldom_suspected",
    ),
    Breakage(
        "wear is ignored",
        "host/veriband/analysis/gated.py",
        "np.logical_and(of.rate == 0, of.steps > 0)", "np.logical_and(of.rate == 0, of.steps < 0)",
        f"{JUDGE}::test_a_few_steps_that_nobody_wore_are_struck_too",
    ),
    Breakage(
        "slow walkers are accused by their heart rate",
        "host/veriband/analysis/gated.py",
        "ACCUSED_KMH = 5.5", "ACCUSED_KMH = 0",
        f"{JUDGE}::test_slow_cheaters_at_rest_are_inconclusive_not_accused",
    ),
    Breakage(
        "of minutes that are given twice one is believed",
        "host/veriband/analysis/grid.py",
        "        self._steps.ravel()[cells[differs]] = DOUBLED",
        "        pass",
        f"{JUDGE}::test_what_nobody_can_have_walked_is_set_aside_aloud",
    ),
    Breakage(
        "impossible steps are judged",
        "host/veriband/minutes/table.py",
        "            steps = np.where(many, UNREAD, steps)",
        "            pass",
        f"{JUDGE}::test_what_nobody_can_have_walked_is_set_aside_aloud",
    ),
    Breakage(
        "a band that sleeps does not switch its radio off",
        "firmware/band/profile.py", "                self._radio.off()",
        "                pass", POWER,
    ),
    Breakage(
        "a band that sleeps waits for its next task awake",
        "firmware/band/sleep.py", "            lines.light_sleep(left)",
        "            super().wait_io_event(left)", POWER,
    ),
    Breakage(
        "a band sleeps past its tasks",
        "firmware/band/sleep.py", "lines.light_sleep(left)", "lines.light_sleep(left + 4000)",
        POWER,
    ),
    Breakage(
        "the button does not wake the band",
        "firmware/band/button.py", ", wakes=True)", ")", POWER,
    ),
    Breakage(
        "the pins of a band that slept have no edges any more",
        "firmware/band/lines.py", "            pin.irq(on_edge, _EDGES)",
        "            pass", POWER,
    ),
    Breakage(
        "what has changed at a pin meanwhile is not told",
        "firmware/band/lines.py", "if pin.value() != level:", "if False:", POWER,
    ),
    Breakage(
        "pins that wake interrupt for ever",
        "firmware/band/lines.py", "state = machine.disable_irq()", "state = True", POWER,
    ),
    Breakage(
        "a profile that was chosen is not kept over a reset",
        "firmware/band/profile.py", '            settings.save("profile", profile)',
        "            pass", POWER,
    ),
    Breakage(
        "the radio goes off while somebody is connected",
        "firmware/band/radio.py", "return bool(self.peers or self.queue or self.broadcasts)",
        "return False", POWER,
    ),
    Breakage(
        "the radio goes off while pairing is open",
        "firmware/band/profile.py", " or self._door.is_open()", "", POWER,
    ),
    Breakage(
        "the radio is on too seldom for a heart rate within a minute",
        "protocol/veriband_protocol/profile.py", "PERIOD_S = 40", "PERIOD_S = 55", POWER,
    ),
    Breakage(
        "the store does not know which band sleeps",
        "host/veriband/store/store.py", "told[0][0] == bytes((ENDURANCE,))", "False", POWER,
    ),
)  # fmt: skip


def copy_tree(target: Path) -> None:
    """A copy of the sources, without what was built."""
    for folder in FOLDERS:
        shutil.copytree(
            ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", "typings")
        )
    shutil.copy(ROOT / "pyproject.toml", target)


def run_tests(tree: Path, *tests: str) -> tuple[int, str]:
    """pytest's exit status over the sources in `tree`, and what it printed."""
    paths = [str(tree / folder) for folder in ("host", "protocol", "simulator")] + [str(tree)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    build = subprocess.run(
        [sys.executable, "firmware/build.py"], cwd=tree, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if build.returncode:
        return 99, build.stdout + build.stderr
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=tree, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def attempt(breakage: Breakage) -> str | None:
    """Try one breakage: None when its test turned red, else what is wrong."""
    with tempfile.TemporaryDirectory(prefix="veriband-sabotage-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        path = tree / breakage.file
        text = path.read_text()
        if text.count(breakage.line) != 1:
            return f"{breakage.file} has {text.count(breakage.line)} times: {breakage.line!r}"
        path.write_text(text.replace(breakage.line, breakage.broken))
        status, output = run_tests(tree, breakage.test)
    if status == 1 and " failed" in output:
        return None
    if status == 0:
        return f"{breakage.test} stayed green"
    return f"{breakage.test} did not run (pytest exit {status}):\n{output[-2000:]}"


def main() -> int:
    """Run them all; 1 when one went unnoticed."""
    tests = sorted({breakage.test for breakage in BREAKAGES})
    with tempfile.TemporaryDirectory(prefix="veriband-sabotage-") as folder:
        copy_tree(Path(folder))
        status, output = run_tests(Path(folder), *tests)
    if status:
        print(f"Unbroken, the tests must be green; they are not:\n{output[-4000:]}")
        return 1
    unnoticed = 0
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for breakage, wrong in zip(BREAKAGES, pool.map(attempt, BREAKAGES), strict=True):
                print(f"{'UNNOTICED' if wrong else 'noticed  '}  {breakage.what}", flush=True)
                if wrong:
                    unnoticed += 1
                    print(f"           {wrong}")
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise
    # The form that CI reads test counts from.
    print(f"{len(BREAKAGES) - unnoticed} passed, {unnoticed} failed")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
