"""Batches of events from file to `staging.event`: every expectation is worked out by hand."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from neuro_assets.events.counts import BatchCounts, batch_counts
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.streams import events as declared
from neuro_assets.study import Participant, Window, ZonePeriod
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.tables import load, query, stage

DAY = date(2026, 6, 1)
WINDOW = Window(start=date(2026, 1, 1), end=date(2026, 12, 31))
FIELDS = (
    "event_id",
    "user_id",
    "timestamp",
    "event_type",
    "app",
    "device_id",
    "duration",
    "metadata",
    "schema_version",
)


def event(**fields: Any) -> dict[str, Any]:
    """An ordinary event, with fields replaced; those that are None are left out."""
    told = {"event_id": "a", "user_id": "P1", "timestamp": "2026-06-01T10:00:00-04:00", "event_type": "unlock"}
    return {k: v for k, v in (told | fields).items() if v is not None}


def jsonl(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(r) + "\n" for r in rows).encode()


def array(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return json.dumps(list(rows), indent=1).encode()


def as_csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    out = io.StringIO()
    writer: csv.DictWriter[str] = csv.DictWriter(out, FIELDS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in row.items()})
    return out.getvalue().encode()


def parquet(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Metadata as a struct, which has every member in every row."""
    out = io.BytesIO()
    pl.DataFrame(list(rows), infer_schema_length=None).write_parquet(out)
    return out.getvalue()


def parquet_text(rows: Iterable[Mapping[str, Any]]) -> bytes:
    out = io.BytesIO()
    told = [{k: json.dumps(v) if isinstance(v, dict) else v for k, v in r.items()} for r in rows]
    pl.DataFrame(told, infer_schema_length=None).write_parquet(out)
    return out.getvalue()


def zipped(rows: Iterable[Mapping[str, Any]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("events.jsonl", jsonl(rows))
    return out.getvalue()


FORMATS = {
    "jsonl": jsonl,
    "json": array,
    "csv": as_csv,
    "parquet": parquet,
    "text.parquet": parquet_text,
    "zip": zipped,
}


def send(job: Ingest, content: bytes, name: str = "events.jsonl") -> list[FileOutcome]:
    path = job.settings.landing / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return load(job, path)


def staged(job: Ingest, first: date = DAY, last: date | None = None) -> list[tuple]:
    """(event_id, instant, wall clock, fold, offset, origin of the zone) of all events of the days."""
    stage(job, "event", first, last)
    sql = "SELECT event_id, ts, local_ts, fold, utc_offset_min, tz_source FROM staging.event ORDER BY ts, event_id"
    return query(job.lake, sql)


def rejected(job: Ingest) -> list[tuple]:
    return query(job.lake, "SELECT row_number, rule, column_name, value FROM ops.quarantine ORDER BY ALL")


def counts(job: Ingest, outcome: FileOutcome) -> BatchCounts:
    with job.lake.connect(read_only=True) as connection:
        return batch_counts(connection, outcome.file_id)


@pytest.fixture
def job(make_job: MakeJob) -> Ingest:
    return make_job(window=WINDOW)


SEVERAL = [
    event(event_id=None, app="mail", device_id="d1", duration=2.5, metadata={"b": "x", "a": 1}),
    event(event_id=None, timestamp="2026-06-01T14:00:01.25Z", event_type="lock", metadata={"a": 2}),
    event(event_id="given", timestamp="2026-06-01 10:00:02-0400", event_type="custom", schema_version=1),
]


@pytest.mark.parametrize("form", FORMATS)
def test_an_event_is_the_same_in_every_format(make_job: MakeJob, form: str):
    """`made:` and the MD5 of participant, microseconds since 1970, type, app, device and metadata."""
    from hashlib import md5

    job = make_job(window=WINDOW)
    assert {o.outcome for o in send(job, FORMATS[form](SEVERAL), f"events.{form}")} <= {"loaded", "unpacked"}
    found = staged(job)
    first = "\x1f".join(("P1", "1780322400000000", "unlock", "mail", "d1", '{"a":1,"b":"x"}'))
    second = "\x1f".join(("P1", "1780322401250000", "lock", "", "", '{"a":2}'))
    ids = [f"made:{md5(t.encode(), usedforsecurity=False).hexdigest()}" for t in (first, second)]
    assert [row[0] for row in found] == [*ids, "given"]
    assert [row[2].time().isoformat() for row in found] == ["10:00:00", "10:00:01.250000", "10:00:02"]
    told = query(job.lake, "SELECT event_type, app, device_id, duration_s, details, schema_version FROM staging.event"
                 " ORDER BY ts")  # fmt: skip
    assert told == [
        ("unlock", "mail", "d1", 2.5, '{"a":1,"b":"x"}', 1),
        ("lock", None, None, None, '{"a":2}', 1),
        ("custom", None, None, None, None, 1),
    ]
    assert rejected(job) == []


def test_a_batch_in_all_formats_is_one_batch(job: Ingest):
    for form in FORMATS:
        send(job, FORMATS[form](SEVERAL), f"events.{form}")
    assert len(staged(job)) == 3


# America/New_York 2026: clocks go forward on 8 March at 02:00 (-05:00 to -04:00), back on 1 November at 02:00.
TIMES = [
    ("2026-03-08T01:59:59.5-05:00", "2026-03-08T06:59:59.5", "2026-03-08T01:59:59.5", 0, -300),
    ("2026-03-08T03:00:00-04:00", "2026-03-08T07:00:00", "2026-03-08T03:00:00", 0, -240),
    ("2026-03-08T06:59:59Z", "2026-03-08T06:59:59", "2026-03-08T01:59:59", 0, -300),
    ("2026-03-08 07:00:00z", "2026-03-08T07:00:00", "2026-03-08T03:00:00", 0, -240),
    ("2026-11-01T00:59:59-0400", "2026-11-01T04:59:59", "2026-11-01T00:59:59", 0, -240),
    ("2026-11-01T01:30:00-04:00", "2026-11-01T05:30:00", "2026-11-01T01:30:00", 0, -240),
    ("2026-11-01T01:30:00-05", "2026-11-01T06:30:00", "2026-11-01T01:30:00", 1, -300),
    ("2026-11-01t05:30:00z", "2026-11-01T05:30:00", "2026-11-01T01:30:00", 0, -240),
    ("2026-11-01T06:30:00+00:00", "2026-11-01T06:30:00", "2026-11-01T01:30:00", 1, -300),
    ("2026-11-01T02:00:00-05:00", "2026-11-01T07:00:00", "2026-11-01T02:00:00", 0, -300),
    ("2026-06-01T22:30:00+02:00", "2026-06-01T20:30:00", "2026-06-01T22:30:00", 0, 120),
    ("2026-06-01T23:30+05:45", "2026-06-01T17:45:00", "2026-06-01T23:30:00", 0, 345),
    ("2026-06-01T00:15:00.123456789+14:00", "2026-05-31T10:15:00.123456", "2026-06-01T00:15:00.123456", 0, 840),
    ("2026-06-02T03:30:00Z", "2026-06-02T03:30:00", "2026-06-01T23:30:00", 0, -240),
]


def test_a_time_is_where_its_zone_says(job: Ingest):
    """Of (as written, instant, wall clock, fold, offset)."""
    batch = [event(event_id=f"{n:02}", timestamp=written) for n, (written, *_) in enumerate(TIMES)]
    (outcome,) = send(job, jsonl(batch))
    assert outcome.outcome == "loaded"
    days = {datetime.fromisoformat(local).date() for _, _, local, _, _ in TIMES}
    found = {row[0]: row[1:] for day in sorted(days) for row in staged(job, day)}
    for n, (written, instant, local, fold, offset) in enumerate(TIMES):
        is_utc = written[-1] in "zZ" or written.endswith("+00:00")
        ts, wall = datetime.fromisoformat(instant).replace(tzinfo=UTC), datetime.fromisoformat(local)
        assert found[f"{n:02}"] == (ts, wall, fold, offset, "study" if is_utc else "payload"), written
    assert len(found) == len(TIMES)


def test_utc_is_placed_by_the_zone_history_of_the_person(make_job: MakeJob):
    """P1 goes from New York to Oslo on 2 June; 22:30 UTC is 18:30 there, and 00:30 of the day after here."""
    zones = (ZonePeriod(since=date(2026, 1, 1), zone="America/New_York"),
             ZonePeriod(since=date(2026, 6, 2), zone="Europe/Oslo"))  # fmt: skip
    person = Participant(participant_id="P1", zones=zones)
    job = make_job(make_job(window=WINDOW).study.model_copy(update={"people": (person,)}))
    send(job, jsonl([event(timestamp="2026-06-01T22:30:00Z"), event(timestamp="2026-06-03T22:30:00Z")]))
    assert [row[2:] for row in staged(job, DAY, date(2026, 6, 4))] == [
        (datetime(2026, 6, 1, 18, 30), 0, -240, "participant"),
        (datetime(2026, 6, 4, 0, 30), 0, 120, "participant"),
    ]


@pytest.mark.parametrize("is_turned", [False, True])
def test_the_same_event_in_two_batches_is_one_in_either_order(make_job: MakeJob, *, is_turned: bool):
    """Once in UTC, once with the offset, once twice in the batch; with the sender's id and without."""
    job = make_job(window=WINDOW)
    first = jsonl(
        [event(), event(), event(event_id=None, timestamp="2026-06-01T10:00:05-04:00", metadata={"a": 1, "b": 2})]
    )
    second = jsonl(
        [
            event(timestamp="2026-06-01T14:00:00Z"),
            event(event_id=None, timestamp="2026-06-01T14:00:05Z", metadata={"b": 2, "a": 1}),
        ]
    )
    one, two = (second, first) if is_turned else (first, second)
    outcomes = [*send(job, one, "one.jsonl"), *send(job, two, "two.jsonl")]
    assert len(staged(job)) == 2
    found = [counts(job, o) for o in outcomes]
    assert sum(c.received for c in found) == 5
    assert sum(c.staged for c in found) == 2
    assert sum(c.deduplicated for c in found) == 3
    assert all(c.received == c.staged + c.rejected + c.deduplicated + c.waiting for c in found)


@pytest.mark.parametrize("is_turned", [False, True])
def test_an_event_that_is_told_otherwise_is_the_later_batches(make_job: MakeJob, *, is_turned: bool):
    """Both batches saw as much of the day: the one that arrived last stands, as in all streams."""
    job = make_job(window=WINDOW)
    batches = [jsonl([event(duration=1)]), jsonl([event(duration=2)])]
    for n, content in enumerate(batches[::-1] if is_turned else batches):
        send(job, content, f"{n}.jsonl")
    staged(job)
    assert query(job.lake, "SELECT duration_s FROM staging.event") == [(1.0 if is_turned else 2.0,)]


def test_an_event_told_in_two_ways_by_one_batch_is_not_chosen(job: Ingest):
    (outcome,) = send(job, jsonl([event(duration=1), event(duration=2)]))
    assert staged(job) == []
    assert [row[:2] for row in rejected(job)] == [(1, "conflicting_duplicate"), (2, "conflicting_duplicate")]
    assert counts(job, outcome) == BatchCounts(2, 0, 2, 0, 0, 0)


def test_what_is_rejected_says_why_and_where(job: Ingest):
    rows = [
        event(event_id="good"),
        event(event_id="b", timestamp="2026-06-01T10:00:01"),
        event(event_id="c", timestamp="2026-06-01"),
        event(event_id="d", timestamp=None),
        event(event_id="e", user_id=None),
        event(event_id="f", event_type="teleport"),
        event(event_id="g", duration=-0.5),
        event(event_id="h", duration="long"),
        event(event_id="i", metadata=[1, 2]),
        event(event_id="j", metadata="text"),
        event(event_id="k", schema_version=9),
        event(event_id="l", schema_version=1.5),
        event(event_id="m", timestamp="2025-06-01T10:00:00Z"),
        {"colour": "blue"},
        event(event_id="o", event_type=None),
        event(event_id="p", timestamp="2026-02-30T10:00:00Z"),
        event(event_id="q", timestamp=1780322400),
    ]
    (outcome,) = send(job, jsonl(rows))
    assert [row[0] for row in staged(job)] == ["good"]
    assert rejected(job) == [
        (2, "no_time_zone", "timestamp", "2026-06-01T10:00:01"),
        (3, "unreadable_time", "timestamp", "2026-06-01"),
        (4, "unreadable_time", "timestamp", None),
        (5, "missing_participant", None, None),
        (6, "event_type_values", "event_type", "teleport"),
        (7, "duration_s_range", "duration_s", "-0.5"),
        (8, "unreadable_value", "duration_s", "long"),
        (9, "unreadable_value", "details", "[1,2]"),
        (10, "unreadable_value", "details", "text"),
        (11, "known_schema_version", "schema_version", "9"),
        (12, "unreadable_value", "schema_version", "1.5"),
        (13, "outside_window", "timestamp", "2025-06-01"),
        (14, "not_a_record", "timestamp", None),
        (15, "event_type_missing", "event_type", None),
        (16, "unreadable_time", "timestamp", "2026-02-30T10:00:00Z"),
        (17, "unreadable_time", "timestamp", "1780322400"),
    ]
    assert counts(job, outcome) == BatchCounts(17, 1, 16, 0, 0, 0)


def test_rows_without_a_readable_time_say_nothing_against_the_others(job: Ingest):
    """Elsewhere a file of which more than 5 % cannot be dated is refused as a whole."""
    (outcome,) = send(job, jsonl([event(timestamp="2026-06-01T10:00:00")] * 9 + [event()]))
    assert outcome.outcome == "loaded"
    assert len(staged(job)) == 1
    assert counts(job, outcome) == BatchCounts(10, 1, 9, 0, 0, 0)


def test_a_batch_of_one_event_without_its_person_is_in_quarantine(job: Ingest):
    (outcome,) = send(job, as_csv([event(user_id="")]), "events.csv")
    assert counts(job, outcome).waiting == 1
    assert staged(job) == []
    assert rejected(job) == [(1, "missing_participant", None, None)]
    assert counts(job, outcome) == BatchCounts(1, 0, 1, 0, 0, 0)


def test_records_that_are_no_events_at_all_are_counted_all_the_same(job: Ingest):
    (outcome,) = send(job, jsonl([event()]) + b'{}\n5\nnull\n[1]\n"x"\n')
    assert len(staged(job)) == 1
    assert [row[:2] for row in rejected(job)] == [(n, "not_a_record") for n in range(2, 7)]
    assert counts(job, outcome) == BatchCounts(6, 1, 5, 0, 0, 0)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (jsonl([event(), event()]) + b'{"event_id": "c", "user_', "line 3"),
        (jsonl([event()]) + b'{"event_id": \n' + jsonl([event()]), "line 2"),
        (b"[" + jsonl([event()]).strip() + b',{"event_id"', "record 2"),
    ],
)
def test_broken_json_is_refused_with_its_place(job: Ingest, content: bytes, place: str):
    (outcome,) = send(job, content)
    assert outcome.line.reason_code == "damaged_file"
    assert f"({place})" in (outcome.line.reason or "")


def test_a_later_version_is_read_beside_the_first(job: Ingest, monkeypatch: pytest.MonkeyPatch):
    """Version 2 has one more optional field; a version nobody knows stays out, row by row."""
    monkeypatch.setattr(declared, "SCHEMA_VERSIONS", (1, 2))
    rows = [
        event(event_id="v1"),
        event(event_id="v2", schema_version=2, battery=80),
        event(event_id="v3", schema_version=3),
    ]
    send(job, jsonl(rows))
    assert [row[0] for row in staged(job)] == ["v1", "v2"]
    assert query(job.lake, "SELECT schema_version FROM staging.event ORDER BY event_id") == [(1,), (2,)]
    assert rejected(job) == [(3, "known_schema_version", "schema_version", "3")]


def test_sent_and_staged_again_nothing_changes(job: Ingest):
    send(job, jsonl(SEVERAL))
    before = staged(job)
    assert send(job, jsonl(SEVERAL))[0].outcome == "duplicate"
    assert staged(job) == before


def test_a_new_zone_of_the_protocol_reads_the_batch_again(make_job: MakeJob):
    from neuro_assets.ingest.replay import _placed_by_zone

    job = make_job(window=WINDOW)
    (outcome,) = send(job, jsonl([event()]))
    with job.lake.connect(read_only=True) as connection:
        assert [line.file_id for line in _placed_by_zone(connection, job, ["P1"])] == [outcome.file_id]
