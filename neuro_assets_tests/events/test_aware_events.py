"""AWARE's tables from file to `staging.event` and to episodes: every expectation is worked out by hand."""

from datetime import UTC, date, datetime
from hashlib import md5

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.sessions.compute import sessionise_days
from neuro_assets.study import Participant, Window
from neuro_assets_tests.aware_files import OTHER, PHONE, ms, send, table
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.tables import query, stage

WINDOW = Window(start=date(2026, 3, 1), end=date(2026, 11, 30))
SPRING, AUTUMN, DAY = date(2026, 3, 8), date(2026, 11, 1), date(2026, 6, 1)
EVENTS = "SELECT event_type, app, duration_s, details FROM staging.event ORDER BY ts"


def of_day(job: Ingest, sql: str, *days: date) -> list[tuple]:
    for day in days:
        stage(job, "event", day)
    return query(job.lake, sql)


@pytest.fixture
def job(make_job: MakeJob) -> Ingest:
    """P1 has one phone and got another; it is New York's clock."""
    person = Participant(participant_id="P1", aliases={"aware": (PHONE, OTHER)})
    study = make_job(window=WINDOW, auto_enrol=False).study
    return make_job(study.model_copy(update={"people": (person,)}))


# America/New_York 2026: forward on 8 March at 02:00 (07:00 UTC), back on 1 November at 02:00 (06:00 UTC).
CHANGES = [
    ("2026-03-08T06:59:59.999", 1, "2026-03-08T01:59:59.999", 0, -300, "screen_on"),
    ("2026-03-08T07:00:00", 3, "2026-03-08T03:00:00", 0, -240, "unlock"),
    ("2026-11-01T05:30:00.5", 2, "2026-11-01T01:30:00.5", 0, -240, "lock"),
    ("2026-11-01T06:30:00.5", 0, "2026-11-01T01:30:00.5", 1, -300, "screen_off"),
    ("2026-11-01T07:00:00", 1, "2026-11-01T02:00:00", 0, -300, "screen_on"),
]


def test_milliseconds_are_the_persons_wall_clock_on_both_passes_of_an_hour(job: Ingest):
    send(job, table("screen", [(utc, status) for utc, status, *_ in CHANGES]), "screen.csv")
    sql = "SELECT participant_id, device_id, ts, local_ts, fold, utc_offset_min, event_type, tz_source"
    assert of_day(job, f"{sql} FROM staging.event ORDER BY ts", SPRING, AUTUMN) == [
        (
            *("P1", PHONE, datetime.fromisoformat(utc).replace(tzinfo=UTC)),
            *(datetime.fromisoformat(local), fold, offset, kind, "study"),
        )
        for utc, _, local, fold, offset, kind in CHANGES
    ]
    assert query(job.lake, "FROM ops.quarantine") == []


TABLES: dict[str, list[tuple]] = {
    "applications_foreground": [("2026-06-01T14:00:00", "com.example.mail", "Mail", 0),
                                ("2026-06-01T14:00:01", "android", "System, itself", 1)],
    "applications_notifications": [("2026-06-01T14:01:00", "com.example.chat", "Chat", "see you", "", "", 0, 16)],
    "battery": [("2026-06-01T14:02:00", 3, 81, 100, 4100, 28, 0, 2, "Li-ion"),
                ("2026-06-01T14:02:01", -1, 80, 100, 4090, 28, 0, 2, "Li-ion")],
    "calls": [("2026-06-01T14:03:00", 1, 62, "hash"), ("2026-06-01T14:03:01", 2, 5, "hash"),
              ("2026-06-01T14:03:02", 3, 0, "hash")],
    "messages": [("2026-06-01T14:04:00", 1, "hash"), ("2026-06-01T14:04:01", 2, "hash")],
}  # fmt: skip


def test_every_table_becomes_its_events(job: Ingest):
    outcomes = [send(job, table(name, rows), f"{n}.csv") for n, (name, rows) in enumerate(TABLES.items())]
    assert [o.line.raw_table for o in outcomes] == [f"raw.aware_{name}" for name in TABLES]
    assert of_day(job, EVENTS, DAY) == [
        ("app_focus", "com.example.mail", None, None),
        ("app_focus", "android", None, None),
        ("notification", "com.example.chat", None, '{"flags":16}'),
        ("custom", None, None, '{"kind":"battery","level":81,"scale":100,"status":3}'),
        ("custom", None, None, '{"kind":"battery","level":80,"scale":100,"status":-1}'),
        ("custom", None, 62.0, '{"duration_s":62,"kind":"call","type":"incoming"}'),
        ("custom", None, 5.0, '{"duration_s":5,"kind":"call","type":"outgoing"}'),
        ("custom", None, 0.0, '{"duration_s":0,"kind":"call","type":"missed"}'),
        ("custom", None, None, '{"kind":"message","type":"received"}'),
        ("custom", None, None, '{"kind":"message","type":"sent"}'),
    ]
    assert query(job.lake, "SELECT DISTINCT schema_version, device_id FROM staging.event") == [(1, PHONE)]
    # The id: `made:` and the MD5 of person as given, microseconds since 1970, type, app, device and metadata.
    instant = str(ms("2026-06-01T14:03:00") * 1000)
    call = (PHONE, instant, "custom", "", PHONE, '{"duration_s":62,"kind":"call","type":"incoming"}')
    made = f"made:{md5(chr(31).join(call).encode(), usedforsecurity=False).hexdigest()}"
    assert query(job.lake, "SELECT event_id FROM staging.event WHERE duration_s = 62") == [(made,)]


@pytest.mark.parametrize("turned", [1, -1])
def test_loaded_twice_in_either_order_an_event_is_one(job: Ingest, turned: int):
    """The later export has the rows of the first again, numbered anew: AWARE was installed again in between."""
    rows = [("2026-06-01T14:00:00", 1), ("2026-06-01T14:00:01", 3), ("2026-06-01T14:05:00", 0)]
    first, second = table("screen", rows[:2]), table("screen", rows[1:])
    for n, content in enumerate((first, second)[::turned]):
        send(job, content, f"{n}.csv")
    found = of_day(job, "SELECT ts, event_type FROM staging.event ORDER BY ts", DAY)
    assert [kind for _, kind in found] == ["screen_on", "unlock", "screen_off"]
    assert send(job, first, "again.csv").outcome == "duplicate"
    assert of_day(job, "SELECT ts, event_type FROM staging.event ORDER BY ts", DAY) == found
    assert query(job.lake, "FROM ops.quarantine") == []


# Unlocked 23:50 to 00:20 over midnight in New York, then on another phone, and once without an end.
SCREEN = [("2026-06-02T03:50:00", 3), ("2026-06-02T04:20:00", 2), ("2026-06-02T04:20:01", 0),
          ("2026-06-02T13:00:00", 1), ("2026-06-02T13:00:02", 3), ("2026-06-02T13:07:02", 0)]  # fmt: skip


def test_a_screen_log_becomes_episodes(job: Ingest):
    """30 min, in pieces of 10 and 20; 7 min; on the other phone 3 min at the same time, and one that never ends."""
    other = [("2026-06-02T13:01:00", 3), ("2026-06-02T13:04:00", 0), ("2026-06-02T14:00:00", 3)]
    for n, content in enumerate((table("screen", other, phone=OTHER), table("screen", SCREEN))):
        send(job, content, f"screen{n}.csv")
    for day in (date(2026, 6, 1), date(2026, 6, 2)):
        stage(job, "event", day)
    with job.lake.connect() as connection:
        sessionise_days(connection, job, date(2026, 6, 1), date(2026, 6, 2))
    sql = "SELECT day, device_id, status, round(episode_s)::INTEGER, piece FROM staging.screen_episode"
    assert query(job.lake, f"{sql} ORDER BY ts") == [
        (date(2026, 6, 1), PHONE, "closed", 1800, 0),
        (date(2026, 6, 2), PHONE, "closed", 1800, 1),
        (date(2026, 6, 2), PHONE, "closed", 420, 0),
        (date(2026, 6, 2), OTHER, "closed", 180, 0),
        (date(2026, 6, 2), OTHER, "unclosed", None, 0),
    ]
    assert query(job.lake, "SELECT day, sum_min FROM baselines.screen_day ORDER BY day") == [
        (date(2026, 6, 1), 10.0),
        (date(2026, 6, 2), 20.0 + 7.0 + 3.0),
    ]


def test_rows_that_are_none_of_the_stated_are_kept_out_one_by_one(job: Ingest):
    """Up to one in twenty; here one status of 30, one time of AWARE's that was never set, one phone of nobody."""
    rows: list[tuple] = [(f"2026-06-01T14:{n:02}:00", n % 4) for n in range(30)]
    rows[7] = (rows[7][0], 9)
    text = table("screen", rows).replace(f"9,{ms('2026-06-01T14:08:00')},", "9,0,")
    text = text.replace(f"{ms('2026-06-01T14:09:00')},{PHONE}", f"{ms('2026-06-01T14:09:00')},{PHONE[:-2]}bb")
    assert send(job, text, "screen.csv").outcome == "loaded"
    assert len(of_day(job, EVENTS, DAY)) == 27
    assert query(job.lake, "SELECT row_number, rule, column_name, value FROM ops.quarantine ORDER BY 1") == [
        (8, "unreadable_value", "event_type", "9"),
        (9, "unreadable_time", "timestamp", "0"),
        (10, "unknown_participant", None, f"{PHONE[:-2]}bb"),
    ]
