"""Coverage of a range of days: every person's hours, what is there, and the reason for what is not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.coverage.gaps import GapRules, Syncs, read_syncs, tell_gap
from neuro_assets.coverage.minutes import Bools, MinuteGrid, read_minutes
from neuro_assets.coverage.roster import Periods, Person, last_seen, next_rows, roster
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection, gather_by_day
from neuro_assets.science.local_time import utc_spans
from neuro_assets.science.person_hours import PersonHours, person_hours
from neuro_assets.science.wear import WearParameters, worn
from neuro_assets.streams.catalogue import STREAMS, stream
from neuro_assets.streams.coverage import COVERAGE_TABLES, DAILY, HOURLY, REASONS
from neuro_assets.streams.model import Stream
from neuro_assets.study import CoverageRules, Study

# A block of people is some 10 million minutes: 100 MB.
_MINUTES_AT_ONCE = 10_000_000
# Runs of non-wear reach over midnight.
_MARGIN = timedelta(days=1)
_ORDER = {reason: n for n, reason in enumerate(REASONS)}
# What tells of a gap, and the reason that it is.
_OF_GAP = {
    "after_last_sync": "not_synced",
    "low_at_last_sync": "battery",
    "lost": "not_synced",
    "battery": "battery",
    "charged": "battery",
    "unknown": "unknown",
}


@dataclass(frozen=True)
class CoverageReport:
    """What was written."""

    people: int
    hours: int
    days: int


def expected_samples(study: Study) -> list[Stream]:
    """The streams of samples that the protocol expects."""
    return [s for s in STREAMS if s.name in study.expected_streams and s.sampling in {"interval", "instant"}]


def cover_days(
    connection: Connection, job: Ingest, first: date, last: date, now: datetime | None = None
) -> CoverageReport:
    """Write `coverage.hourly` and `coverage.daily` of the days `first` to `last`, and of those that follow from them.

    Runs of non-wear reach over midnight, so the days beside are written again. So are hours that waited for a sync
    which has come since, on whichever day. Hours that have not begun are left out: nothing is missing of them yet.

    Args:
        connection: with the tables of staging there.
        job: the study and the lake.
        first: first local day.
        last: last local day.
        now: the clock.
    """
    now = now or datetime.now(UTC)
    if missing_tables(connection, COVERAGE_TABLES):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, COVERAGE_TABLES)
    study = job.study
    streams = expected_samples(study)
    if not streams:
        return CoverageReport(0, 0, 0)
    read = tuple({s.name: s for s in (*streams, stream("steps"), stream("heart_rate"))}.values())
    people = roster(connection, study, streams)
    seen = last_seen(connection, read)
    window = study.window.closed(now.date())
    end = window.end or last
    hours = days = 0
    for since, until in [(first, last), *_waiting(connection, seen, first, last)]:
        since, until = max(since - _MARGIN, window.start), min(until + _MARGIN, end)
        if since <= until:
            hours += _cover(connection, job, people, streams, read, seen, since, until, now)
            days += (until - since).days + 1
    return CoverageReport(len(people), hours, days)


def _cover(
    connection: Connection,
    job: Ingest,
    people: Sequence[Person],
    streams: Sequence[Stream],
    read: Sequence[Stream],
    seen: Mapping[str, datetime],
    first: date,
    last: date,
    now: datetime,
) -> int:
    """Write a range of days in one transaction; returns how many hours of people and streams it has."""
    _prepare(connection)
    for block in _blocks(people, last - first):
        for frame in _block_frames(connection, job.study, block, streams, read, seen, first, last, now):
            connection.register("frame_hours", frame.to_arrow())
            connection.execute("INSERT INTO coverage_hours BY NAME SELECT * FROM frame_hours")
            connection.unregister("frame_hours")
    _hold(connection, first, last)
    with job.lake.transaction(connection, [t.qualified for t in COVERAGE_TABLES]):
        _write(connection, first, last)
    counted = connection.execute("SELECT count(*) FROM coverage_hours").fetchone()
    return counted[0] if counted else 0


def _waiting(connection: Connection, seen: Mapping[str, datetime], first: date, last: date) -> list[tuple[date, date]]:
    """Other days with hours that were told to wait for a sync, and have been overtaken by one."""
    frame = pl.DataFrame(
        {"participant_id": list(seen), "until": list(seen.values())},
        {"participant_id": pl.String, "until": pl.Datetime("us", "UTC")},
    )
    connection.register("frame_seen", frame.to_arrow())
    found = connection.execute(
        f"SELECT DISTINCT day FROM {HOURLY.qualified} JOIN frame_seen USING (participant_id)"
        " WHERE basis IN ('after_last_sync', 'low_at_last_sync') AND ts < date_trunc('minute', until)"
        " AND day NOT BETWEEN ? AND ? ORDER BY day",
        [first, last],
    ).fetchall()
    connection.unregister("frame_seen")
    ranges: list[tuple[date, date]] = []
    for (day,) in found:
        if ranges and (day - ranges[-1][1]).days == 1:
            ranges[-1] = ranges[-1][0], day
        else:
            ranges.append((day, day))
    return ranges


def _blocks(people: Sequence[Person], span: timedelta) -> Iterator[list[Person]]:
    """People whose clocks show the same, as many as fit memory."""
    same: dict[Periods, list[Person]] = {}
    for person in people:
        same.setdefault(person.periods, []).append(person)
    size = max(1, _MINUTES_AT_ONCE // (1440 * (span.days + 3)))
    for group in same.values():
        for n in range(0, len(group), size):
            yield group[n : n + size]


@dataclass(frozen=True)
class _Hours:
    """Counts of minutes for each person and hour, and which hours are told."""

    hours: PersonHours
    grid: MinuteGrid
    told: NDArray[np.intp]

    def count(self, minutes: Bools) -> NDArray[np.int16]:
        """How many of an hour's minutes are so, of the hours that are told."""
        begins = self.hours.start_min - self.grid.start_min
        return np.add.reduceat(minutes, begins, axis=1, dtype=np.int16)[:, self.told]


def _block_frames(
    connection: Connection,
    study: Study,
    block: list[Person],
    streams: Sequence[Stream],
    read: Sequence[Stream],
    seen: Mapping[str, datetime],
    first: date,
    last: date,
    now: datetime,
) -> Iterator[pl.DataFrame]:
    around = first - _MARGIN, last + _MARGIN
    hours = person_hours(utc_spans(block[0].periods, *around), *around)
    if not len(hours):
        return
    names = [p.participant_id for p in block]
    minutes = int(hours.start_min[-1] + hours.length_min[-1] - hours.start_min[0])
    start = int(hours.start_min[0])
    day_begins = hours.start_min[np.append(True, hours.day[1:] != hours.day[:-1])] - start
    grid = read_minutes(connection, names, read, start, day_begins, minutes)
    is_worn = _worn(grid, day_begins, study.coverage)
    is_asked = (hours.day >= np.datetime64(first)) & (hours.day <= np.datetime64(last))
    told = np.flatnonzero(is_asked & (hours.start_min < now.timestamp() // 60))
    if not len(told):
        return
    counted = _Hours(hours, grid, told)
    beyond = next_rows(connection, read, datetime.fromtimestamp((start + minutes) * 60, UTC))
    gaps = _Gaps(connection, study.coverage, block, seen, beyond, grid)
    any_row = counted.count(grid.any_row)
    places = gaps.reasons(hours, told, any_row)
    for s in streams:
        observed = grid.observed[s.name]
        yield _frame(
            study,
            block,
            s.name,
            hours,
            told,
            observed=counted.count(observed),
            worn_min=counted.count(is_worn),
            valid=counted.count(observed & is_worn),
            any_row=any_row,
            places=places,
        )


def _worn(grid: MinuteGrid, day_begins: NDArray[np.int64], rules: CoverageRules) -> Bools:
    parameters = WearParameters(
        zero_run_min=rules.wear.zero_run_min, heart_rate_bridge_min=rules.wear.heart_rate_bridge_min
    )
    has_rate = grid.observed["heart_rate"]
    if rules.wear.method != "automatic":
        return worn(rules.wear.method, grid.steps, has_rate, parameters)
    by_rate, by_steps = (worn(m, grid.steps, has_rate, parameters) for m in ("heart_rate", "zero_steps"))
    has_any = np.logical_or.reduceat(has_rate, day_begins, axis=1)
    return np.where(np.repeat(has_any, np.diff(day_begins, append=has_rate.shape[1]), axis=1), by_rate, by_steps)


class _Gaps:
    """Why minutes without any row are missing."""

    def __init__(
        self,
        connection: Connection,
        rules: CoverageRules,
        block: list[Person],
        seen: Mapping[str, datetime],
        beyond: Mapping[str, datetime],
        grid: MinuteGrid,
    ) -> None:
        self.grid = grid
        self.gap_rules = GapRules(rules.device_memory_days * 1440, rules.low_battery_pct, rules.empty_battery_pct)
        self.syncs = read_syncs(connection, [p.participant_id for p in block])
        self.names = [p.participant_id for p in block]
        self.until, self.beyond = (
            [int(at[n].timestamp() // 60) if n in at else None for n in self.names] for at in (seen, beyond)
        )

    def reasons(
        self, hours: PersonHours, told: NDArray[np.intp], any_row: NDArray[np.int16]
    ) -> dict[tuple[int, int], tuple[str, int | None]]:
        """(person, hour) -> what tells of the gap and when; for hours with a minute that has no row."""
        found: dict[tuple[int, int], tuple[str, int | None]] = {}
        length = hours.length_min[told]
        for person, hour in zip(*np.nonzero(any_row < length), strict=True):
            found[int(person), int(hour)] = self._of(int(person), int(hours.start_min[told[hour]]))
        return found

    def _of(self, person: int, start_min: int) -> tuple[str, int | None]:
        syncs: Syncs | None = self.syncs.get(self.names[person])
        if syncs is None:
            until = self.until[person]
            if until is None:
                return "after_last_sync", None
            return ("after_last_sync", until) if start_min >= until else ("unknown", None)
        rows = self.grid.any_row_of(person)
        following = rows[np.searchsorted(rows, start_min - self.grid.start_min) :]
        end = int(following[0]) + self.grid.start_min if len(following) else self.beyond[person]
        return tell_gap(syncs, start_min, end, self.gap_rules)


def _frame(
    study: Study,
    block: list[Person],
    name: str,
    hours: PersonHours,
    told: NDArray[np.intp],
    *,
    observed: NDArray[np.int16],
    worn_min: NDArray[np.int16],
    valid: NDArray[np.int16],
    any_row: NDArray[np.int16],
    places: dict[tuple[int, int], tuple[str, int | None]],
) -> pl.DataFrame:
    """The hours of a block in one stream, one row each."""
    people, count = len(block), len(told)
    start = hours.start_min[told]
    length = np.broadcast_to(hours.length_min[told], (people, count))
    missing = length - valid
    reason = np.full((people, count), "unknown", dtype=object)
    at = np.full((people, count), -1, dtype=np.int64)
    told_by = np.full((people, count), "", dtype=object)
    absent = length - any_row
    unworn = any_row - np.minimum(any_row, worn_min)
    is_unworn = (unworn > 0) & (unworn >= absent)
    reason[is_unworn] = "not_worn"
    told_by[is_unworn] = "rows"
    for (person, hour), (gap, moment) in places.items():
        if not is_unworn[person, hour]:
            reason[person, hour], told_by[person, hour] = _OF_GAP[gap], gap
            at[person, hour] = -1 if moment is None else moment
    expected = length.copy()
    for person, who in enumerate(block):
        for hold, since, until in _stretches(study, who, name, hours, told):
            is_so = np.zeros(count, dtype=np.bool_)
            is_so[since:until] = True
            reason[person, is_so], told_by[person, is_so] = hold, hold
            if hold in {"not_enrolled", "withdrawn"}:
                expected[person, is_so] = 0
    reason[missing == 0], told_by[missing == 0] = None, ""
    return pl.DataFrame(
        {
            "participant_id": np.repeat([p.participant_id for p in block], count),
            "day": np.tile(hours.day[told], people),
            "stream": [name] * (people * count),
            "hour": np.tile(hours.hour[told], people),
            "fold": np.tile(hours.fold[told], people),
            "start_min": np.tile(start, people),
            "length_min": length.ravel(),
            "expected_min": expected.ravel(),
            "observed_min": observed.ravel(),
            "worn_min": worn_min.ravel(),
            "valid_min": valid.ravel(),
            "missing_min": missing.ravel(),
            "reason": reason.ravel().tolist(),
            "told_by": told_by.ravel().tolist(),
            "told_min": at.ravel(),
        },
        schema_overrides={"reason": pl.String},
    )


def _stretches(
    study: Study, person: Person, name: str, hours: PersonHours, told: NDArray[np.intp]
) -> Iterator[tuple[str, int, int]]:
    """Hours with a reason that the protocol gives, the one with precedence last."""
    day, start = hours.day[told], hours.start_min[told]

    def place(of: date, *, after: bool = False) -> int:
        return int(np.searchsorted(day, np.datetime64(of), side="right" if after else "left"))

    for outage in study.coverage.outages:
        if not outage.streams or name in outage.streams:
            since, until = (np.searchsorted(start, m.timestamp() / 60) for m in (outage.since, outage.until))
            yield "source_failure", int(since), int(until)
    for lapse in person.lapses:
        yield "needs_reconsent", place(lapse.since), place(lapse.until, after=True) if lapse.until else len(day)
    if person.last_day:
        yield "withdrawn", place(person.last_day, after=True), len(day)
    yield "not_enrolled", 0, place(person.first_day)


def _prepare(connection: Connection) -> None:
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE coverage_hours (participant_id VARCHAR, day DATE, stream VARCHAR, hour TINYINT,"
        " fold TINYINT, start_min BIGINT, length_min INTEGER, expected_min INTEGER, observed_min INTEGER,"
        " worn_min INTEGER, valid_min INTEGER, missing_min INTEGER, reason VARCHAR, told_by VARCHAR, told_min BIGINT)"
    )


def _hold(connection: Connection, first: date, last: date) -> None:
    """Hours missing from days whose new version was refused."""
    after = ", ".join(f"'{r}'" for r, n in _ORDER.items() if n > _ORDER["held"])
    connection.execute(
        f"""
        UPDATE coverage_hours SET reason = 'held', told_by = 'held'
        WHERE reason IN ({after}) AND (stream, day) IN (
            SELECT (replace(table_name, 'staging.', ''), day) FROM ops.day_holds
            WHERE released_at IS NULL AND day BETWEEN ? AND ?)
        """,
        [first, last],
    )


_EVIDENCE = """
CASE told_by
    WHEN 'rows' THEN 'rows are there, without a sign of wear'
    WHEN 'after_last_sync' THEN 'nothing has been handed over since'
    WHEN 'low_at_last_sync' THEN 'nothing has been handed over since a low charge, which is used up'
    WHEN 'lost' THEN 'handed over nothing so old at the sync of ' || strftime({moment}, '%Y-%m-%d %H:%M') || ' UTC'
    WHEN 'battery' THEN 'charge of the sync of ' || strftime({moment}, '%Y-%m-%d %H:%M') || ' UTC was used up'
    WHEN 'charged' THEN 'off, and charged before the sync of ' || strftime({moment}, '%Y-%m-%d %H:%M') || ' UTC'
    WHEN 'unknown' THEN 'no rows, and no sync tells why'
    WHEN 'held' THEN 'ops.day_holds'
    WHEN 'source_failure' THEN 'coverage.outages of the protocol'
    WHEN 'needs_reconsent' THEN 'consent_lapsed of the participant'
    WHEN 'withdrawn' THEN 'withdrawn_on of the participant'
    WHEN 'not_enrolled' THEN 'enrolled_on of the participant, else the first day with data'
    WHEN '' THEN CASE WHEN reason IS NOT NULL THEN 'worn, and other streams have rows' END
END
"""


def _write(connection: Connection, first: date, last: date) -> None:
    evidence = _EVIDENCE.format(moment="make_timestamp(nullif(told_min, -1) * 60_000_000)")
    gather_by_day(connection, (last - first).days + 1)
    for table in COVERAGE_TABLES:
        connection.execute(f"DELETE FROM {table.qualified} WHERE day BETWEEN ? AND ?", [first, last])
    connection.execute(
        f"""
        INSERT INTO {HOURLY.qualified} BY NAME
        SELECT * EXCLUDE (start_min, told_by, told_min), make_timestamptz(start_min * 60_000_000) AS ts,
            nullif(told_by, '') AS basis, {evidence} AS evidence
        FROM coverage_hours ORDER BY day, participant_id, stream, start_min
        """
    )
    order = " ".join(f"WHEN '{r}' THEN {n}" for r, n in _ORDER.items())
    connection.execute(
        f"""
        INSERT INTO {DAILY.qualified} BY NAME
        WITH by_reason AS (
            SELECT participant_id, day, stream, reason, {evidence} AS evidence,
                sum(missing_min) FILTER (reason IS NOT NULL) AS minutes,
                sum(length_min) AS length_min, sum(expected_min) AS expected_min, sum(observed_min) AS observed_min,
                sum(worn_min) AS worn_min, sum(valid_min) AS valid_min, sum(missing_min) AS missing_min
            FROM coverage_hours GROUP BY ALL
        ), by_hour AS (
            SELECT *, sum(minutes) OVER (PARTITION BY participant_id, day, stream, reason) AS of_reason FROM by_reason
        )
        SELECT participant_id, day, stream, sum(length_min)::INTEGER AS length_min,
            sum(expected_min)::INTEGER AS expected_min, sum(observed_min)::INTEGER AS observed_min,
            sum(worn_min)::INTEGER AS worn_min, sum(valid_min)::INTEGER AS valid_min,
            sum(missing_min)::INTEGER AS missing_min,
            arg_min(reason, (-of_reason, CASE reason {order} END)) FILTER (reason IS NOT NULL) AS reason,
            arg_min(evidence, (-of_reason, CASE reason {order} END, -minutes, evidence)) FILTER (reason IS NOT NULL)
                AS evidence
        FROM by_hour GROUP BY ALL ORDER BY day, participant_id, stream
        """
    )
