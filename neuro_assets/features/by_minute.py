"""Features of the streams of samples: each person's day, and its parts, from the minutes that count."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from neuro_assets.features.stretches import days_from, stretches
from neuro_assets.features.versions import definitions_of, outdated_days
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.lake.lake import Connection, gather_by_day, look_here_first
from neuro_assets.science.features.heart_rate import HeartRate
from neuro_assets.science.features.minutes import Minutes
from neuro_assets.science.features.model import Family, Floats
from neuro_assets.science.imputation.series import RESOLUTIONS
from neuro_assets.series.grid import Grid, read_grids
from neuro_assets.streams.catalogue import stream as stream_of
from neuro_assets.streams.coverage import VALID_DAY
from neuro_assets.streams.features import MINUTE_TABLES
from neuro_assets.streams.model import Table
from neuro_assets.streams.series import SERIES_1D
from neuro_assets.study_features import WHOLE_DAY, FeatureRules

# Days read in one go: a week of 1,000 people by the minute is some 10 million cells.
_AT_ONCE = 7
_ZONE_NAMES = ("fat_burn", "cardio", "peak")


@dataclass(frozen=True)
class FeatureReport:
    """What was written.

    Attributes:
        rows: table -> rows.
        days_beside: days that were not asked for, written because what they are told from is new.
    """

    rows: dict[str, int]
    days_beside: frozenset[date]


def tell_days(
    connection: Connection, job: Ingest, family: Family[Minutes, Floats], first: date, last: date
) -> FeatureReport:
    """Write the features of the days `first` to `last`, and of days whose rows follow other definitions by now.

    Args:
        connection: with the tables of the rollups and coverage there.
        job: the study and the lake.
        family: which features.
        first: first local day.
        last: last local day.
    """
    table = MINUTE_TABLES[family.name][0]
    rules = job.study.features
    definitions = definitions_of([family], [rules.segments, rules.heart_rate_zones_bpm])
    look_here_first(connection)
    asked = set(days_from(first, last))
    beside = set(outdated_days(connection, table, definitions)) - asked
    rows = 0
    for days in stretches(asked | beside, _AT_ONCE):
        frames = [*_frames(connection, job, family, days)]
        rows += _write(connection, job, table, days, frames, definitions)
    return FeatureReport({table.qualified: rows}, frozenset(beside))


def _frames(
    connection: Connection, job: Ingest, family: Family[Minutes, Floats], days: Sequence[date]
) -> Iterator[pl.DataFrame]:
    found = connection.execute(
        f"SELECT finest, day, list(participant_id ORDER BY participant_id) FROM {SERIES_1D.qualified}"
        " WHERE stream = ? AND day BETWEEN ? AND ? AND finest <> '1d' GROUP BY ALL ORDER BY ALL",
        [family.name, days[0], days[-1]],
    ).fetchall()
    steps = stream_of("steps") if family.seen is HeartRate else None
    for basis, resolution in RESOLUTIONS.items():
        whose = {day: set(people) for finest, day, people in found if finest == basis}
        people = sorted(set().union(*whose.values())) if whose else []
        told = [f for f in family if basis in f.bases]
        if not people or not told:
            continue
        stream = stream_of(family.name)
        grids = read_grids(connection, job.study, stream, resolution, people, days[0], days[-1], driver=steps)
        for grid in grids:
            for day in days:
                places = [n for n, who in enumerate(grid.people) if who in whose.get(day, ())]
                if places:
                    zones = _zones(connection, job.study.features, day) if family.seen is HeartRate else {}
                    yield from _tell(family, basis, grid, day, places, zones, job.study.features)


def _tell(
    family: Family[Minutes, Floats],
    basis: str,
    grid: Grid,
    day: date,
    places: Sequence[int],
    zones: Mapping[str, Sequence[float]],
    rules: FeatureRules,
) -> Iterator[pl.DataFrame]:
    """The rows of a day, a frame for the whole day and for each part of it."""
    cells = grid.cells.of_day(day)
    minute, length = grid.cells.minute[cells], grid.cells.length_min[cells]
    values = np.where(grid.counts[places, cells], grid.recorded[places, cells], np.nan)
    own = dict[str, Any]()
    if family.seen is HeartRate:
        nothing = (np.nan, np.nan, np.nan)
        own["zones"] = np.array([zones.get(grid.people[n], zones.get("", nothing)) for n in places])
        own["steps"] = None if grid.driver is None else grid.driver[places, cells]
    step_min = RESOLUTIONS[basis].step_min
    whole = family.seen(values, minute, step_min, **own)
    parts = {WHOLE_DAY: (0, 1440)} | {name: (s.start, s.end) for name, s in rules.segments.items()}
    for segment, (start, end) in parts.items():
        # An hour that two parts share is of neither.
        inside = (minute >= start) & (minute + step_min <= end)
        seen = whole if segment == WHOLE_DAY else whole.of(inside)
        here = slice(None) if segment == WHOLE_DAY else inside
        is_there = ~np.isnan(values[:, here])
        yield pl.DataFrame(
            {
                "participant_id": [grid.people[n] for n in places],
                "day": [day] * len(places),
                "segment": [segment] * len(places),
                "basis": [basis] * len(places),
                "length_min": np.full(len(places), length[here].sum(), dtype=np.int32),
                "observed_min": (is_there * length[here]).sum(axis=1).astype(np.int32),
                **{f.name: f.compute(seen) if basis in f.bases else np.full(len(places), np.nan) for f in family},
            }
        )


def _zones(connection: Connection, rules: FeatureRules, day: date) -> dict[str, Sequence[float]]:
    """Where the zones of the heart rate begin, by person; of those whom nothing is known of under an empty name."""
    found = connection.execute(
        "SELECT participant_id, zone, min_bpm FROM staging.heart_rate_zones WHERE day = ? AND min_bpm IS NOT NULL",
        [day],
    ).fetchall()
    edges: dict[str, dict[str, float]] = {}
    for who, zone, bpm in found:
        edges.setdefault(who, {})[zone] = bpm
    told: dict[str, Sequence[float]] = {
        who: [own[z] for z in _ZONE_NAMES] for who, own in edges.items() if all(z in own for z in _ZONE_NAMES)
    }
    if rules.heart_rate_zones_bpm:
        told[""] = rules.heart_rate_zones_bpm
    return told


def _write(
    connection: Connection,
    job: Ingest,
    table: Table,
    days: Sequence[date],
    frames: Sequence[pl.DataFrame],
    definitions: str,
) -> int:
    """Put the rows of the days in the place of those that are there."""
    schema = ", ".join(f"{c.name} {c.type}" for c in table.columns if c.name not in {"is_valid_day", "definitions"})
    connection.execute(f"CREATE OR REPLACE TEMP TABLE made_features ({schema})")
    if frames:
        connection.register("frame_features", pl.concat(frames).fill_nan(None).to_arrow())
        connection.execute("INSERT INTO made_features BY NAME SELECT * FROM frame_features")
        connection.unregister("frame_features")
    bound = {"first": days[0], "last": days[-1]}
    gone = f"FROM {table.qualified} WHERE day BETWEEN $first AND $last"
    if not frames and not connection.execute(f"SELECT 1 {gone} LIMIT 1", bound).fetchone():
        return 0
    with job.lake.transaction(connection, [table.qualified]):
        connection.execute(f"DELETE {gone}", bound)
        gather_by_day(connection, len(days))
        written = connection.execute(
            f"""
            INSERT INTO {table.qualified} BY NAME
            SELECT m.*, v.is_valid AS is_valid_day, $definitions AS definitions
            FROM made_features m LEFT JOIN {VALID_DAY.qualified} v
                ON v.participant_id = m.participant_id AND v.day = m.day AND v.day BETWEEN $first AND $last
            ORDER BY {", ".join(f"m.{c}" for c in table.sort_by)}
            """,
            bound | {"definitions": definitions},
        ).fetchall()
    return int(written[0][0])


def ensure_features(connection: Connection, job: Ingest, tables: Iterable[Table]) -> None:
    """Make the tables of features, or the columns of theirs, that are missing."""
    with job.lake.transaction(connection, ["ddl"]):
        ensure_tables(connection, tables)
