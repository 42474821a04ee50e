"""Features over trailing spans of days: what a person's days have been like up to each day, and nothing after it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from neuro_assets.features.stretches import days_from
from neuro_assets.features.versions import definitions_of, outdated_days
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection, gather_by_day
from neuro_assets.science.features.model import Family, Floats
from neuro_assets.science.features.trailing import span_of
from neuro_assets.streams.features import TRAILING, trailing_table
from neuro_assets.streams.model import Table

_DAY = timedelta(days=1)
# Days whose spans are held in memory at once.
_AT_ONCE = 31
_AMONG = "(SELECT unnest($days::DATE[]))"


def tell_spans(
    connection: Connection,
    job: Ingest,
    family: Family,
    base: Table,
    first: date,
    last: date,
    besides: Iterable[date] = (),
) -> tuple[int, frozenset[date]]:
    """Write the spans that end on the days `first` to `last`, and those that reach into them; rows, and days beside.

    A day of which nobody has anything has no rows: it comes with the first day that somebody has.

    Args:
        connection: with the features of the days written.
        job: the study and the lake.
        family: which features.
        base: their table of days.
        first: first local day of which something is new.
        last: last local day.
        besides: other days of which something is new.
    """
    table = trailing_table(family)
    windows = job.study.features.windows
    definitions = definitions_of([family], windows)
    asked = set(days_from(first, last))
    reached = {day + n * _DAY for day in asked | set(besides) for n in range(max(windows) + 1)}
    written = sorted(reached | set(outdated_days(connection, table, definitions)))
    is_whole = "segment = 'day'" if "segment" in base.column_names else "true"
    found = connection.execute(
        f"SELECT DISTINCT day FROM {base.qualified} WHERE {is_whole} AND day IN {_AMONG} ORDER BY day",
        {"days": written},
    ).fetchall()
    wanted = [day for (day,) in found]
    frames = [f for n in range(0, len(wanted), _AT_ONCE) for f in _frames(
        connection, family, base, is_whole, wanted[n : n + _AT_ONCE], windows)]  # fmt: skip
    gone = f"FROM {table.qualified} WHERE day IN {_AMONG}"
    if not frames and not connection.execute(f"SELECT 1 {gone} LIMIT 1", {"days": written}).fetchone():
        return 0, frozenset()
    rows = 0
    with job.lake.transaction(connection, [table.qualified]):
        connection.execute(f"DELETE {gone}", {"days": written})
        if frames:
            gather_by_day(connection, len(wanted))
            told = pl.concat(frames).fill_nan(None).with_columns(definitions=pl.lit(definitions))
            connection.register("frame_spans", told.sort(table.sort_by).to_arrow())
            connection.execute(f"INSERT INTO {table.qualified} BY NAME SELECT * FROM frame_spans")
            connection.unregister("frame_spans")
            rows = told.height
    return rows, frozenset(wanted) - asked


def _frames(
    connection: Connection, family: Family, base: Table, is_whole: str, days: Sequence[date], windows: Sequence[int]
) -> Iterator[pl.DataFrame]:
    """The rows of some days, a frame for each and each length of span."""
    names = [f.name for f in family if f.is_trailing]
    begin = days[0] - max(windows) * _DAY
    found = connection.execute(
        f"SELECT participant_id, day, {', '.join(names)} FROM {base.qualified}"
        f" WHERE {is_whole} AND day BETWEEN ? AND ? ORDER BY participant_id, day",
        [begin, days[-1]],
    ).pl()
    people = found["participant_id"].unique(maintain_order=True)
    who = found["participant_id"].replace_strict(people, np.arange(len(people)), return_dtype=pl.Int64).to_numpy()
    at = (found["day"] - begin).dt.total_days().to_numpy()
    length = (days[-1] - begin).days + 1
    values = np.full((len(people), len(names), length), np.nan)
    for place, name in enumerate(names):
        values[who, place, at] = found[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    is_there = np.zeros((len(people), length), dtype=np.bool_)
    is_there[who, at] = True
    is_weekend = np.array([(begin + n * _DAY).weekday() >= 5 for n in range(length)])
    for day in days:
        place = (day - begin).days
        for window in windows:
            count = is_there[:, place - window + 1 : place + 1].sum(axis=1)
            some = np.flatnonzero(count)
            told: dict[str, Floats] = span_of(values[some], place, window, is_weekend)
            yield pl.DataFrame(
                {
                    "participant_id": people.gather(some),
                    "day": pl.Series([day], dtype=pl.Date).new_from_index(0, len(some)),
                    "window_days": pl.Series([window], dtype=pl.Int16).new_from_index(0, len(some)),
                    "days": count[some].astype(np.int32),
                    **{f"{name}_{t}": told[t][:, n] for n, name in enumerate(names) for t in TRAILING},
                }
            )
