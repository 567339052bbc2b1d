"""What the pages say: each language says all of it, in a module of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGE = "lang"  # a page's parameter, and the cookie that keeps it


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of a language, with its `tag` (RFC 5646) and its own `name`.

    What stands in braces is put in by whoever shows the text. Tables of words are by the English
    word that the code has; those of periods in their order, 0 from 23:00 on.
    """

    tag: str
    name: str

    # Around each page.
    nav: str
    wearers: str
    contests: str
    operator: str
    languages: str
    updated: str
    live: str
    not_live: str
    no_answer: str
    failed: str
    local_only: str
    no_diagnosis: str
    not_there: str
    no_such_page: str
    unreadable: str
    not_shown: str
    tried_again: str
    refused: str
    refused_why: str
    back: str

    # Of time.
    minutes_ago: str
    hours_ago: str
    days_ago: str
    no_data: str
    this_computers_time: str
    zone: str

    # The carer's page.
    caring: str
    nobody: str
    nobody_yet: str
    counts: str
    urgency: Mapping[str, str]
    severity: Mapping[str, str]
    phase: Mapping[str, str]
    no_band: str
    well_title: str
    wearer: str
    data: str
    band: str
    hops_title: str
    hop: Mapping[str, str]
    hop_state: Mapping[str, str]
    hop_text: Mapping[str, str]  # by hop and state; none: the hop's own, which is English
    silence: Mapping[str, str]  # by hop; none: the alert's own, which is English
    since: str
    anomalies: str
    faults: str
    this_computer: str
    closed_title: str
    facts: str
    above: str
    below: str
    uncalibrated: str
    own: str
    one_reading: str
    readings: str
    reading_outside: str
    last_outside: str
    over_since: str
    goes_on: str
    cycle: str
    whole: str
    partial: str
    result: str
    index: Mapping[str, str]
    acknowledged_by: str
    acknowledge_of: str
    your_name: str
    note: str
    send: str
    name_wanted: str
    already: str
    is_closed: str
    held_back: str
    held_back_why: Mapping[str, str]
    steps_title: str
    step: Mapping[str, str]
    alert_caution: str

    # Readings.
    period: str
    time: str
    source: str
    vital: Mapping[str, str]
    vital_status: Mapping[str, str]
    sources: Mapping[str, str]
    periods: tuple[str, ...]

    # A wearer's page.
    all_wearers: str
    has_alerts: str
    today: str
    by_the_hour: str
    nothing_today: str
    cycle_title: str
    cycle_until: str
    tradition: str
    organ: str
    organs: tuple[str, ...]
    no_reading: str
    under_way: str
    to_come: str
    face: str
    vitals_title: str
    as_table: str
    readings_title: str
    vital_caution: str
    not_calibrated: str
    estimated: str
    measure_title: str
    measure_why: str
    measure: str
    measure_asked: str
    measure_elsewhere: str
    measure_not_here: str

    # The operator's page.
    store_size: str
    no_band_known: str
    worn_by_nobody: str
    recorded_until: str
    undated: str
    gaps_title: str
    gap: str
    battery_title: str
    battery_low: str
    cell_low: str
    notices_title: str
    often: str
    owed_title: str
    owed: str
    radio_title: str
    none: str

    # A contest's page, and a day in it.
    no_contest: str
    no_contest_yet: str
    how_to_begin: str
    then_shown: str
    newest_contest: str
    leaderboard: str
    why: str
    late_title: str
    came_late: str
    nothing_from: str
    other_contests: str
    begins_in: str
    goes_on_for: str
    contest_over: str
    window: str
    days: str
    hours: str
    minutes: str
    nothing_yet: str
    days_nav: str
    heart_and_steps: str
    as_tables: str
    every_minute: str
    nothing_has_come: str
    data_end: str
    nothing_of_day: str
    nothing_against: str
    nothing_recorded: str
    stretch: str
    loose: str
    one_minute: str
    whole_minutes: str
    some_of: str
    in_all: str
    none_of_day: str
    heart_panel: str
    steps_panel: str
    no_heart_rate: str
    heart_between: str
    day_in_words: str
    of_these: str
    tables_below: str
    column: Mapping[str, str]
    verdict: Mapping[str, str]
    mark: Mapping[str, str]
    weekdays: tuple[str, ...]
    hour_heads: tuple[str, ...]
    minute_heads: tuple[str, ...]
