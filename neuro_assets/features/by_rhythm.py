"""The daily rhythm of streams over trailing spans of days, from their hours by the wall clock."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from neuro_assets.features.by_minute import FeatureReport
from neuro_assets.features.stretches import days_from, stretches, write_days
from neuro_assets.features.versions import definitions_of, outdated_days
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection, look_here_first
from neuro_assets.science.features.circadian import CIRCADIAN
from neuro_assets.science.features.model import Floats
from neuro_assets.science.features.rhythm import Span
from neuro_assets.science.imputation.series import HOUR
from neuro_assets.series.grid import Grid, read_grids
from neuro_assets.series.rollup import can_be_rolled_up
from neuro_assets.streams.catalogue import stream as stream_of
from neuro_assets.streams.features import CIRCADIAN_SPANS
from neuro_assets.streams.model import Stream
from neuro_assets.streams.series import SERIES_1D
from neuro_assets.study import Study

_DAY = timedelta(days=1)
_AT_ONCE = 31


def rhythm_streams(study: Study) -> list[Stream]:
    """The streams whose rhythm the protocol asks for."""
    return [s for s in map(stream_of, study.features.circadian_streams) if can_be_rolled_up(s)]


def tell_rhythms(connection: Connection, job: Ingest, first: date, last: date) -> FeatureReport:
    """Write the spans that end on the days `first` to `last`, and those that reach into them.

    A day of which nobody has anything of a stream has no rows of it.

    Args:
        connection: with the tables of the rollups and coverage there.
        job: the study and the lake.
        first: first local day of which something is new.
        last: last local day.
    """
    rules = job.study.features
    definitions = definitions_of([CIRCADIAN], [rules.circadian_streams, rules.windows])
    look_here_first(connection)
    asked = set(days_from(first, last))
    reached = set(days_from(first, last + max(rules.windows) * _DAY))
    written = reached | set(outdated_days(connection, CIRCADIAN_SPANS, definitions))
    rows, beside = 0, set[date]()
    for days in stretches(written, _AT_ONCE):
        frames = [frame for stream in rhythm_streams(job.study) for frame in _frames(connection, job, stream, days)]
        frame = pl.concat(frames).with_columns(definitions=pl.lit(definitions)) if frames else pl.DataFrame()
        rows += write_days(connection, job.lake, CIRCADIAN_SPANS, days, frame)
        beside |= set(frame["day"].unique().to_list()) if frames else set()
    return FeatureReport({CIRCADIAN_SPANS.qualified: rows}, frozenset(beside - asked))


def _frames(connection: Connection, job: Ingest, stream: Stream, days: Sequence[date]) -> Iterator[pl.DataFrame]:
    windows = job.study.features.windows
    begin = days[0] - (max(windows) - 1) * _DAY
    found = connection.execute(
        f"SELECT participant_id, list(DISTINCT day) FROM {SERIES_1D.qualified}"
        " WHERE stream = ? AND day BETWEEN ? AND ? AND finest <> '1d' GROUP BY 1 ORDER BY 1",
        [stream.name, begin, days[-1]],
    ).fetchall()
    with_any = {day for _, own in found for day in own}
    wanted = [day for day in days if day in with_any]
    if not wanted:
        return
    people = [who for who, _ in found]
    for grid in read_grids(connection, job.study, stream, HOUR, people, begin, days[-1]):
        values = _by_clock(grid, begin, (days[-1] - begin).days + 1)
        for day in wanted:
            place = (day - begin).days + 1
            for window in windows:
                yield _told(grid.people, stream, day, window, values[:, place - window : place])


def _told(people: Sequence[str], stream: Stream, day: date, window: int, values: Floats) -> pl.DataFrame:
    count = (~np.isnan(values)).any(axis=2).sum(axis=1)
    some = np.flatnonzero(count)
    span = Span(np.ascontiguousarray(values[some]))
    return pl.DataFrame(
        {
            "participant_id": [people[int(n)] for n in some],
            "day": pl.Series([day], dtype=pl.Date).new_from_index(0, len(some)),
            "stream": [stream.name] * len(some),
            "window_days": pl.Series([window], dtype=pl.Int16).new_from_index(0, len(some)),
            "days": count[some].astype(np.int32),
            **{f.name: f.compute(span) for f in CIRCADIAN},
        },
        schema_overrides={"participant_id": pl.String, "stream": pl.String},
    )


def _by_clock(grid: Grid, begin: date, days: int) -> Floats:
    """(people, days, 24), what counts of each hour of the clock; of an hour that it shows twice the mean.

    The hour that the clock skips has nothing.
    """
    place = (grid.cells.day - np.datetime64(begin)).astype(np.int64) * 24 + grid.cells.minute // 60
    counted = np.where(grid.counts, grid.recorded, np.nan)
    hours = np.full((len(grid.people), days * 24), np.nan)
    again = grid.cells.fold == 1
    hours[:, place[~again]] = counted[:, ~again]
    both = np.stack([hours[:, place[again]], counted[:, again]])
    n = (~np.isnan(both)).sum(axis=0)
    hours[:, place[again]] = np.divide(np.nansum(both, axis=0), n, out=np.full(n.shape, np.nan), where=n > 0)
    return hours.reshape(len(grid.people), days, 24)
