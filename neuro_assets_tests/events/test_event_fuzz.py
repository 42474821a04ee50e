"""Malformed batches of events: refused with a reason, or each record staged, kept out with its rule, or there already.

Records are counted, and those that are plainly good or bad are judged, a second time from the bytes of the batch.
"""

import csv
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from neuro_assets.events.counts import BatchCounts, batch_counts
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.streams.events import EVENT_TYPES
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.events.test_event_staging import FIELDS, WINDOW, array, as_csv, jsonl
from neuro_assets_tests.tables import load, query, stage

Record = dict[str, Any]

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "null", "NaN", "-", "\x00", "\ufeff", "P1", "1", "9" * 400, "2026-06-01T10:00:00Z", "timestamp"]
    ),
)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
_MOMENTS = st.datetimes(datetime(2026, 5, 30), datetime(2026, 6, 3))
_TIMES = st.one_of(
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(lambda t: t.isoformat() + "Z"),
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(lambda t: t.isoformat(" ")),
    st.builds(
        lambda t, sign, h, m: f"{t.isoformat()}{sign}{h:02d}:{m:02d}",
        _MOMENTS, st.sampled_from("+-"), st.integers(0, 30), st.integers(0, 70),
    ),
)  # fmt: skip
_OPTIONAL: Mapping[str, st.SearchStrategy[Any]] = dict.fromkeys(
    ("event_id", "app", "device_id", "duration", "metadata", "schema_version", "x"), _VALUES
)
_GOOD: st.SearchStrategy[Record] = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from(["P1", "P2"]),
        "timestamp": st.builds("{:%Y-%m-%dT%H:%M:%S}{}".format, _MOMENTS, st.sampled_from(["Z", "-04:00", "+05:30"])),
        "event_type": st.sampled_from(EVENT_TYPES),
    },
    optional={"duration": st.sampled_from([0, 2.5, -1, "long"]), "event_id": st.sampled_from(["e1", "e2"])},
)
_RECORDS = _GOOD | st.fixed_dictionaries(
    {
        "user_id": st.one_of(st.sampled_from(["P1", "P2"]), _VALUES),
        "timestamp": st.one_of(_TIMES, _TIMES, _VALUES),
        "event_type": st.one_of(st.sampled_from(EVENT_TYPES), _VALUES),
    },
    optional=_OPTIONAL,
)
_DAMAGE = st.one_of(
    st.just(lambda b: b),
    st.just(lambda b: b),
    st.just(lambda b: b),
    st.builds(lambda share: lambda b: b[: int(len(b) * share)], st.floats(0, 1)),
    st.builds(lambda at, piece: lambda b: b[: at % (len(b) + 1)] + piece + b[at % (len(b) + 1) :],
              st.integers(0, 5_000), st.binary(min_size=1, max_size=4)),
)  # fmt: skip


def as_parquet(rows: list[Record]) -> bytes:
    """All columns as text."""
    out, names = io.BytesIO(), list(dict.fromkeys(n for row in rows for n in row))
    told = [{k: v if isinstance(v, str | None) else json.dumps(v) for k, v in row.items()} for row in rows]
    pq.write_table(pa.table({n: pa.array([r.get(n) for r in told], pa.string()) for n in names}), out)
    return out.getvalue()


FORMATS: dict[str, Callable[[list[Record]], bytes]] = {
    "jsonl": jsonl, "json": array, "csv": as_csv, "parquet": as_parquet,
}  # fmt: skip


def malformed_batches(count: int) -> list[tuple[str, bytes]]:
    """(name, bytes) of batches that hypothesis made up: loading them together takes minutes less.

    Some have records twice, some all records of an earlier batch, in another format or in the same.
    """
    made: list[tuple[str, bytes]] = []
    sent: list[list[Record]] = []

    @examples(max_examples=count, phases=[Phase.generate], database=None, derandomize=True, deadline=None,
              suppress_health_check=tuple(HealthCheck))  # pyright: ignore[reportArgumentType]  # fmt: skip
    @given(st.lists(_RECORDS, min_size=1, max_size=6), st.sampled_from([*FORMATS, "jsonl", "csv"]), _DAMAGE,
           st.integers(0, 3), st.integers(0, 20))  # fmt: skip
    def make(rows: list[Record], form: str, damage: Callable[[bytes], bytes], twice: int, again: int):
        rows = [*rows, *rows[: max(0, twice - 1)], *(sent[-again] if 0 < again <= min(5, len(sent)) else [])]
        sent.append(rows[:6])
        made.append((f"{len(made):04}.{form}", damage(FORMATS[form](rows))))

    make()
    return made


# -- a second reading -------------------------------------------------------------------------------------------------


def records_of(content: bytes, reading: Mapping[str, Any]) -> list[Any]:
    """The records of a batch, read by the standard library; those that are no objects too."""
    if reading["format"] == "parquet":
        return pq.read_table(pa.BufferReader(content)).to_pylist()
    text = content.decode(reading["encoding"])
    if reading["format"] == "csv":
        separator = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}[reading["separator"]]
        lines = io.StringIO(text, newline="")
        for _ in range(reading["header_line"] - 1):
            lines.readline()
        csv.field_size_limit(len(text) + 1)
        records = csv.reader(lines, delimiter=separator, strict=True)
        header, *rows = (r for r in records if len(r) > 1 or "".join(r).strip())
        return [dict(zip((h.strip() for h in header), row, strict=False)) for row in rows]
    found = list(_values(text.removeprefix("\ufeff")))
    return found[0] if text.lstrip("\ufeff \t\r\n").startswith("[") else found


def _values(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(strict=False), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        value, at = decoder.raw_decode(text, at)
        yield value


_RFC3339 = re.compile(r"2026-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-](0\d|1[0-3]):[0-5]\d)")
_NAIVE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?")


def texts_of(record: Any) -> dict[str, str]:
    """The fields of the contract as text; empty where there is nothing."""
    told = record if isinstance(record, dict) else {}
    cells = {n: told.get(n) for n in FIELDS}
    return {n: v.strip() if isinstance(v, str) else "" if v is None else json.dumps(v) for n, v in cells.items()}


def instant(text: str) -> datetime | None:
    """A time that is as the contract has it, and well within the study."""
    try:
        at = datetime.fromisoformat(text).astimezone(UTC) if _RFC3339.fullmatch(text) else None
    except ValueError:
        return None
    return at if at and 2 < at.timetuple().tm_yday < 364 else None


def wall_clock(text: str) -> datetime | str:
    """The clock that a time shows, in UTC that of New York, where the people of the trial are; else the text."""
    at = instant(text)
    if at is None:
        return text
    written = datetime.fromisoformat(text)
    return (at.astimezone(ZoneInfo("America/New_York")) if not written.utcoffset() else written).replace(tzinfo=None)


# What programs write where there is no id.
NOBODY = {"NA", "N/A", "NAN", "NULL", "NONE"}


def verdict(cells: Mapping[str, str]) -> bool | None:
    """True: good beyond doubt; False: to be kept out beyond doubt; None: not told here."""
    who, when, kind, lasted = (cells[n] for n in ("user_id", "timestamp", "event_type", "duration"))
    if (
        "" in {who, when, kind}
        or who.upper() in NOBODY
        or kind not in EVENT_TYPES
        or _NAIVE.fullmatch(when)
        or lasted in {"long", "-1"}
    ):
        return False
    is_plain = not any(cells[n] for n in ("app", "device_id", "metadata", "schema_version"))
    is_plain &= lasted in {"", "0", "2.5"} and cells["event_id"] in {"", "e1", "e2"} and who in {"P1", "P2"}
    return True if is_plain and instant(when) else None


# -- the proof --------------------------------------------------------------------------------------------------------


class Trial:
    """A lake that was given many batches, and has staged them."""

    def __init__(self, job: Ingest, batches: list[tuple[str, bytes]]) -> None:
        self.job, self.tally = job, Counter(batches=len(batches))
        paths = [job.settings.landing / name for name, _ in batches]
        paths[0].parent.mkdir(exist_ok=True)
        for path, (_, content) in zip(paths, batches, strict=True):
            path.write_bytes(content)
        self.outcomes = load(job, *paths)
        assert len(self.outcomes) == len(batches)
        stage(job, "event", WINDOW.start, WINDOW.end)
        self.raw = self._rows("SELECT file_id, row_number FROM raw.events_batch")
        self.staged = self._rows("SELECT file_id, row_number FROM staging.event")
        self.kept_out = self._rows("SELECT file_id, row_number, rule FROM ops.quarantine")
        self.read = {o.file_id: self._read(o) for o in self.outcomes if o.outcome == "loaded"}
        self.decided = {
            self._moment(self.read[file][0][n])
            for events in (self.staged, self.kept_out) for file, rows in events.items() for n, *_ in rows
        }  # fmt: skip

    def _rows(self, sql: str) -> defaultdict[str, list[tuple]]:
        found = defaultdict[str, list[tuple]](list)
        for file, *row in query(self.job.lake, sql):
            found[file].append(tuple(row))
        return found

    def _read(self, outcome: FileOutcome) -> tuple[dict[int, dict[str, str]], int]:
        """Number -> fields of each record, and how many lines are none."""
        path, reading = self.job.settings.home / outcome.line.stored_path, json.loads(outcome.line.reading or "{}")
        rows = records_of(path.read_bytes(), reading)
        records = {n: texts_of(row) for n, row in enumerate(rows, 1)}
        if reading["format"] == "csv":  # blank lines, and the header line again
            records = {n: c for n, c in records.items() if any(c.values()) and c["timestamp"] != "timestamp"}
        return records, len(rows) - len(records)

    @staticmethod
    def _moment(cells: Mapping[str, str]) -> tuple[str, datetime | str]:
        """By person and moment on the wall clock the contract knows an event again."""
        who = "" if cells["user_id"].upper() in NOBODY else cells["user_id"]
        return who, wall_clock(cells["timestamp"])

    def run(self) -> Counter[str]:
        """Ask after every batch and every record."""
        with self.job.lake.connect(read_only=True) as connection:
            for outcome in self.outcomes:
                assert outcome.outcome in {"loaded", "duplicate", "rejected"}
                self.tally[outcome.outcome] += 1
                if outcome.outcome == "rejected":
                    self._refused(outcome)
                elif outcome.outcome == "loaded":
                    self._loaded(outcome, batch_counts(connection, outcome.file_id))
        days = query(
            self.job.lake,
            "SELECT sum(rows_staged), sum(rows_duplicate + rows_superseded), count(*) FILTER (status <> 'accepted')"
            " FROM ops.staging_days WHERE table_name = 'staging.event'",
        )
        assert days == [(self.tally["records staged"], self.tally["records deduplicated"], 0)]
        return self.tally

    def _refused(self, outcome: FileOutcome) -> None:
        line, file = outcome.line, outcome.file_id
        self.tally[f"refused: {line.reason_code}"] += 1
        stored = self.job.settings.home / line.stored_path
        assert stored.is_file()
        assert line.stored_path.startswith("rejected/")
        told = json.loads(stored.with_name(f"{stored.name}.reason.json").read_text(encoding="utf-8"))
        assert told["code"] == line.reason_code != "unreadable_file", told
        assert told["reason"] == line.reason, told
        assert len(told["what"]) > 10, told
        assert told["remedy"], told
        if line.reason_code == "broken_csv" or (line.reason_code == "damaged_file" and "json" in outcome.name):
            assert re.search(r"\b(line|record) \d", told["what"]), told
        assert [*self.raw[file], *self.staged[file], *self.kept_out[file]] == [], told

    def _loaded(self, outcome: FileOutcome, counts: BatchCounts) -> None:
        """Every record is in one place, and none in two."""
        file = outcome.file_id
        records, left_out = self.read[file]
        assert len(self.raw[file]) == len(records), outcome
        staged, kept_out = {event[0] for event in self.staged[file]}, {n for n, _ in self.kept_out[file]}
        assert {n for (n,) in self.raw[file]} == {*records} >= staged | kept_out, outcome
        assert len(self.staged[file]) == len(staged), outcome
        assert not staged & kept_out, outcome
        assert all(rule for _, rule in self.kept_out[file]), outcome
        again = {*records} - staged - kept_out
        for n, cells in records.items():
            good = verdict(cells)
            assert good is not True or n not in kept_out or self._is_undecided(file, n), (n, cells)
            assert good is not False or n not in staged, (n, cells)
            self.tally.update({f"judged {good}": 1})
        # Of the same event another record is staged, or it is that one which is bad and decides.
        unseen = [records[n] for n in again if self._moment(records[n]) not in self.decided]
        assert not unseen, outcome
        account = BatchCounts(len(records), len(staged), len(kept_out), len(again), 0, left_out)
        assert counts == account, outcome
        self.tally.update({"records in": len(records), "records staged": len(staged)})
        self.tally.update({"records rejected": len(kept_out), "records deduplicated": len(again)})
        self.tally.update(f"kept out: {rule}" for _, rule in self.kept_out[file])

    def _is_undecided(self, file: str, row: int) -> bool:
        """Another record of the batch has the same id and moment, and differs; or the line breaks off."""
        return {r for n, r in self.kept_out[file] if n == row} <= {"conflicting_duplicate", "unfinished_line"}


def prove(make_job: MakeJob, count: int) -> Counter[str]:
    job = make_job(window=WINDOW, gates={"max_failed_share": 1})
    tally = Trial(job, malformed_batches(count)).run()
    print("".join(f"\n{n:>7} {name}" for name, n in sorted(tally.items())))
    return tally


@pytest.mark.verify
def test_some_malformed_batches(make_job: MakeJob):
    tally = prove(make_job, 20)
    assert tally["loaded"] >= 3


@pytest.mark.verify
@pytest.mark.timeout(1200)
def test_a_malformed_batch_is_loaded_or_refused_with_a_reason_and_nothing_is_lost(make_job: MakeJob):
    tally = prove(make_job, 1_200)
    assert tally["batches"] >= 1_000
    assert min(tally["loaded"], tally["rejected"]) >= 0.15 * tally["batches"]
    outcomes = ("records staged", "records rejected", "records deduplicated", "judged True", "judged False")
    assert min(tally[name] for name in outcomes) >= 50
