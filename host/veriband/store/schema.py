"""The store's tables, and how an older store becomes a newer one."""

VERSION = 6
APPLICATION_ID = 0x56657262  # "Verb", in the file's header from version 2 on

TABLES = """
CREATE TABLE band (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    secret BLOB,                      -- what its passkeys are made from, written at flashing
    added_utc_ms INTEGER NOT NULL
);
-- How far each log of each band has been stored: the next number. The host owns it. total: the
-- step chip's count by the last item that had one, where the band uploads totals.
CREATE TABLE cursor (
    band INTEGER NOT NULL REFERENCES band,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    total INTEGER,
    PRIMARY KEY (band, epoch)
) WITHOUT ROWID;
-- Everything a band recorded: records.Item. utc_ms is its begin, NULL until an anchor dates it.
CREATE TABLE item (
    band INTEGER NOT NULL REFERENCES band,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    t_ms INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    steps INTEGER,
    utc_ms INTEGER,
    count INTEGER NOT NULL,
    detail INTEGER NOT NULL,
    raw BLOB NOT NULL,
    PRIMARY KEY (band, epoch, seq)
) WITHOUT ROWID;
CREATE INDEX item_by_time ON item (band, utc_ms);
CREATE TABLE anchor (
    band INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    boot_utc_ms INTEGER NOT NULL,     -- UTC at the boot's time 0, by this anchor
    offset_min INTEGER NOT NULL,
    PRIMARY KEY (band, epoch, seq)
) WITHOUT ROWID;
-- What the host noticed: bands that vanished, bad answers, numbers that were overwritten. What
-- repeats itself is one row.
CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    first_utc_ms INTEGER NOT NULL,
    last_utc_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    band INTEGER REFERENCES band,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE INDEX notice_by_band ON notice (band, id);
CREATE TABLE wearer (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    sex TEXT,
    birth_year INTEGER,
    height_m REAL,
    rest_bpm REAL,
    zone TEXT
);
-- Who wears a band since when, and until when, NULL of who still does.
CREATE TABLE assignment (
    band INTEGER NOT NULL REFERENCES band,
    from_utc_ms INTEGER NOT NULL,
    to_utc_ms INTEGER,
    wearer INTEGER NOT NULL REFERENCES wearer,
    PRIMARY KEY (band, from_utc_ms)
) WITHOUT ROWID;
-- sealed: what no enrolled band has sealed is unverified.
CREATE TABLE contest (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    from_utc_ms INTEGER NOT NULL,
    to_utc_ms INTEGER NOT NULL,
    rule TEXT NOT NULL,
    counts_unverified INTEGER NOT NULL,
    sealed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE entry (
    contest INTEGER NOT NULL REFERENCES contest,
    wearer INTEGER NOT NULL REFERENCES wearer,
    PRIMARY KEY (contest, wearer)
) WITHOUT ROWID;
-- When items came: those up to seq, from the row before on.
CREATE TABLE arrival (
    band INTEGER NOT NULL REFERENCES band,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    PRIMARY KEY (band, epoch, seq)
) WITHOUT ROWID;
-- Sealed batches as received, in the order in which they came.
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    band INTEGER NOT NULL REFERENCES band,
    epoch INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX batch_by_band ON batch (band, epoch);
-- What bands were enrolled with here, to seal what they send.
CREATE TABLE seal_key (
    key BLOB PRIMARY KEY,
    band INTEGER NOT NULL REFERENCES band,
    utc_ms INTEGER NOT NULL
) WITHOUT ROWID;
-- Readings that no band took. source: "typed in", or "meter" and its address. stamp: when that was
-- by the meter's own clock, and whose by its own number, empty of what was typed in. remarks: what
-- the meter said about it. forgotten: taken back, and kept so that no meter brings it back.
CREATE TABLE entered (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    wearer INTEGER NOT NULL REFERENCES wearer,
    utc_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    stamp TEXT NOT NULL,
    remarks TEXT NOT NULL,
    came_utc_ms INTEGER NOT NULL,
    forgotten INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX entered_by_time ON entered (wearer, utc_ms);
CREATE INDEX entered_by_source ON entered (source, stamp);
-- Their vital signs: records.Sign, without a quality.
CREATE TABLE entered_sign (
    entered INTEGER NOT NULL REFERENCES entered ON DELETE CASCADE,
    vital INTEGER NOT NULL,
    status INTEGER NOT NULL,
    first INTEGER NOT NULL,
    second INTEGER NOT NULL,
    PRIMARY KEY (entered, vital)
) WITHOUT ROWID;
-- Standard meters. user: the meter's own number of the wearer, -1 for whoever uses it.
CREATE TABLE meter (
    address TEXT NOT NULL,
    user INTEGER NOT NULL,
    wearer INTEGER NOT NULL REFERENCES wearer,
    vital INTEGER NOT NULL,            -- what it measures first: items.VITAL_*
    PRIMARY KEY (address, user)
) WITHOUT ROWID;
-- Where a wearer lived before, up to which time. Since the last of them it is wearer.zone.
CREATE TABLE residence (
    wearer INTEGER NOT NULL REFERENCES wearer,
    until_utc_ms INTEGER NOT NULL,
    zone TEXT NOT NULL,
    PRIMARY KEY (wearer, until_utc_ms)
) WITHOUT ROWID;
-- store.consents.Grant.
CREATE TABLE consent (
    wearer INTEGER NOT NULL REFERENCES wearer,
    data TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
);
CREATE INDEX consent_by_wearer ON consent (wearer);
-- What there may be an alert about, of a wearer (NULL: of this host), and the alert that it
-- belongs to, or why it was held back.
CREATE TABLE cause (
    wearer INTEGER REFERENCES wearer,
    subject TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    alert INTEGER REFERENCES alert,
    why TEXT
);
CREATE UNIQUE INDEX cause_once ON cause (coalesce(wearer, 0), subject, since_ms);
-- alerts.book.Entry, of the newest of its causes.
CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    wearer INTEGER REFERENCES wearer,
    subject TEXT NOT NULL,
    cause_ms INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    until_ms INTEGER,
    cycle TEXT,
    facts TEXT NOT NULL,
    raised_ms INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    phase TEXT NOT NULL,
    rung INTEGER NOT NULL,
    version INTEGER NOT NULL,
    loud INTEGER NOT NULL,
    over_ms INTEGER,
    acknowledged_by TEXT,
    note TEXT NOT NULL,
    closed_ms INTEGER
);
CREATE UNIQUE INDEX alert_open ON alert (coalesce(wearer, 0), subject) WHERE closed_ms IS NULL;
CREATE TABLE alert_step (
    id INTEGER PRIMARY KEY,
    alert INTEGER NOT NULL REFERENCES alert,
    utc_ms INTEGER NOT NULL,
    what TEXT NOT NULL,
    by TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX step_by_alert ON alert_step (alert);
-- The version of an alert that a terminal has confirmed (0: none) and the one that it is to have,
-- since when the two differ.
CREATE TABLE outbox (
    alert INTEGER NOT NULL REFERENCES alert,
    terminal TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    has INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    PRIMARY KEY (alert, terminal)
) WITHOUT ROWID;
"""

# By the version that they lead away from. What they make is what TABLES makes.
MIGRATIONS = {
    1: """
ALTER TABLE notice RENAME TO each;
CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    first_utc_ms INTEGER NOT NULL,
    last_utc_ms INTEGER NOT NULL,
    count INTEGER NOT NULL,
    band INTEGER REFERENCES band,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
);
INSERT INTO notice
    SELECT min(id), min(utc_ms), max(utc_ms), count(*), band, kind, text
    FROM (
        SELECT *, row_number() OVER (PARTITION BY band ORDER BY id)
            - row_number() OVER (PARTITION BY band, kind, text ORDER BY id) AS run
        FROM each
    )
    GROUP BY band, kind, text, run;
DROP TABLE each;
CREATE INDEX notice_by_band ON notice (band, id)
""",
    2: """
ALTER TABLE cursor RENAME TO older;
CREATE TABLE cursor (
    band INTEGER NOT NULL REFERENCES band,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    total INTEGER,
    PRIMARY KEY (band, epoch)
) WITHOUT ROWID;
INSERT INTO cursor SELECT band, epoch, seq, NULL FROM older;
DROP TABLE older;
CREATE TABLE wearer (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    sex TEXT,
    birth_year INTEGER,
    height_m REAL,
    rest_bpm REAL,
    zone TEXT
);
CREATE TABLE assignment (
    band INTEGER NOT NULL REFERENCES band,
    from_utc_ms INTEGER NOT NULL,
    to_utc_ms INTEGER,
    wearer INTEGER NOT NULL REFERENCES wearer,
    PRIMARY KEY (band, from_utc_ms)
) WITHOUT ROWID;
CREATE TABLE contest (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    from_utc_ms INTEGER NOT NULL,
    to_utc_ms INTEGER NOT NULL,
    rule TEXT NOT NULL,
    counts_unverified INTEGER NOT NULL
);
CREATE TABLE entry (
    contest INTEGER NOT NULL REFERENCES contest,
    wearer INTEGER NOT NULL REFERENCES wearer,
    PRIMARY KEY (contest, wearer)
) WITHOUT ROWID;
CREATE TABLE arrival (
    band INTEGER NOT NULL REFERENCES band,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    PRIMARY KEY (band, epoch, seq)
) WITHOUT ROWID;
INSERT INTO arrival SELECT band, epoch, seq - 1, 0 FROM cursor
""",
    3: """
ALTER TABLE contest ADD COLUMN sealed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    band INTEGER NOT NULL REFERENCES band,
    epoch INTEGER NOT NULL,
    utc_ms INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX batch_by_band ON batch (band, epoch);
CREATE TABLE seal_key (
    key BLOB PRIMARY KEY,
    band INTEGER NOT NULL REFERENCES band,
    utc_ms INTEGER NOT NULL
) WITHOUT ROWID
""",
    4: """
CREATE TABLE entered (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    wearer INTEGER NOT NULL REFERENCES wearer,
    utc_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    stamp TEXT NOT NULL,
    remarks TEXT NOT NULL,
    came_utc_ms INTEGER NOT NULL,
    forgotten INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX entered_by_time ON entered (wearer, utc_ms);
CREATE INDEX entered_by_source ON entered (source, stamp);
CREATE TABLE entered_sign (
    entered INTEGER NOT NULL REFERENCES entered ON DELETE CASCADE,
    vital INTEGER NOT NULL,
    status INTEGER NOT NULL,
    first INTEGER NOT NULL,
    second INTEGER NOT NULL,
    PRIMARY KEY (entered, vital)
) WITHOUT ROWID;
CREATE TABLE meter (
    address TEXT NOT NULL,
    user INTEGER NOT NULL,
    wearer INTEGER NOT NULL REFERENCES wearer,
    vital INTEGER NOT NULL,
    PRIMARY KEY (address, user)
) WITHOUT ROWID
""",
    5: """
CREATE TABLE residence (
    wearer INTEGER NOT NULL REFERENCES wearer,
    until_utc_ms INTEGER NOT NULL,
    zone TEXT NOT NULL,
    PRIMARY KEY (wearer, until_utc_ms)
) WITHOUT ROWID;
CREATE TABLE consent (
    wearer INTEGER NOT NULL REFERENCES wearer,
    data TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
);
CREATE INDEX consent_by_wearer ON consent (wearer);
CREATE TABLE cause (
    wearer INTEGER REFERENCES wearer,
    subject TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    alert INTEGER REFERENCES alert,
    why TEXT
);
CREATE UNIQUE INDEX cause_once ON cause (coalesce(wearer, 0), subject, since_ms);
CREATE TABLE alert (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    wearer INTEGER REFERENCES wearer,
    subject TEXT NOT NULL,
    cause_ms INTEGER NOT NULL,
    severity INTEGER NOT NULL,
    until_ms INTEGER,
    cycle TEXT,
    facts TEXT NOT NULL,
    raised_ms INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    phase TEXT NOT NULL,
    rung INTEGER NOT NULL,
    version INTEGER NOT NULL,
    loud INTEGER NOT NULL,
    over_ms INTEGER,
    acknowledged_by TEXT,
    note TEXT NOT NULL,
    closed_ms INTEGER
);
CREATE UNIQUE INDEX alert_open ON alert (coalesce(wearer, 0), subject) WHERE closed_ms IS NULL;
CREATE TABLE alert_step (
    id INTEGER PRIMARY KEY,
    alert INTEGER NOT NULL REFERENCES alert,
    utc_ms INTEGER NOT NULL,
    what TEXT NOT NULL,
    by TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX step_by_alert ON alert_step (alert);
CREATE TABLE outbox (
    alert INTEGER NOT NULL REFERENCES alert,
    terminal TEXT NOT NULL,
    wanted INTEGER NOT NULL,
    has INTEGER NOT NULL,
    since_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    PRIMARY KEY (alert, terminal)
) WITHOUT ROWID
""",
}
# What a store of version 1 is known by: it has no application id.
FIRST_TABLES = {"band", "cursor", "item", "anchor", "notice"}
