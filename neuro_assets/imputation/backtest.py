"""The back-test of a study's own record: what was observed is hidden, and every method's errors are kept."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.imputation.models import mode_of, record_of
from neuro_assets.imputation.resolutions import people_of
from neuro_assets.imputation.rules import imputed_streams
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables, missing_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.science.imputation.backtest import Question, Score, backtest
from neuro_assets.science.imputation.model import CROSS, Hiding
from neuro_assets.science.imputation.rules import FLOORS
from neuro_assets.science.imputation.series import RESOLUTIONS, Record, Resolution
from neuro_assets.streams.coverage import HOURLY
from neuro_assets.streams.imputed import BACKTEST, GAP, PATTERNS
from neuro_assets.streams.model import Stream
from neuro_assets.streams.series import SERIES_1D

# The last days that are tested on: the past of one model, and as many again.
DAYS = 112
_PEOPLE = 300


@dataclass(frozen=True)
class Tested:
    """One stream at one resolution, tested with one pattern of gaps."""

    stream: str
    resolution: str
    pattern: str
    people: list[str]
    first: date
    last: date
    scores: list[Score]


def run_backtest(
    connection: Connection,
    job: Ingest,
    *,
    streams: Sequence[str] = (),
    seed: int = 1,
    gaps: int = 600,
    with_arima: bool = False,
    now: datetime | None = None,
) -> list[Tested]:
    """Test all streams that are imputed, or the named ones, on the last days of the study.

    Gaps are hidden at random, and once more at the times of day at which the study's own gaps begin. Of more than 300
    people the first 300 by a stable order of chance are tested.

    Args:
        connection: with the tables of the rollups, coverage and gaps there.
        job: the study and the lake.
        streams: names; all by default.
        seed: of the chance by which gaps are chosen.
        gaps: how many of each length.
        with_arima: an ARIMA is fitted before each gap as well, which takes hours where all else takes minutes.
        now: the clock.
    """
    found: list[Tested] = []
    mode = mode_of(job.study, (now or datetime.now(UTC)).date())
    for stream in imputed_streams(job.study):
        if streams and stream.name not in streams:
            continue
        for resolution in RESOLUTIONS.values():
            span = _span(connection, job, stream)
            people, record = _record(connection, job, stream, resolution, span) if span else ([], None)
            if span is None or record is None or not people:
                continue
            for pattern in PATTERNS:
                starts = _starts(connection, stream, resolution) if pattern == "seen" else {}
                if pattern == "seen" and not starts:
                    continue
                question = Question(
                    hiding=Hiding(least_share=record.usual_share),
                    gaps=gaps,
                    methods=(*(("arima",) if with_arima else ()), *(() if record.driver is None else (CROSS,))),
                    mode=mode,
                    seed=seed,
                    starts=starts,
                    floor=FLOORS.get(stream.name, 0.0),
                )
                try:
                    scores = backtest(record, question)
                except ValueError:
                    continue
                if scores:
                    found.append(Tested(stream.name, resolution.name, pattern, people, *span, scores))
    return found


def _span(connection: Connection, job: Ingest, stream: Stream) -> tuple[date, date] | None:
    """The last days of the study that have values of the stream."""
    window = job.window
    found = connection.execute(
        f"SELECT max(day) FROM {SERIES_1D.qualified} WHERE stream = ? AND day BETWEEN ? AND ?",
        [stream.name, window.start, window.end],
    ).fetchall()[0][0]
    return None if found is None else (max(found - timedelta(days=DAYS - 1), window.start), found)


def _record(
    connection: Connection, job: Ingest, stream: Stream, resolution: Resolution, span: tuple[date, date]
) -> tuple[list[str], Record]:
    whose = people_of(connection, stream, resolution, *span)
    if len(whose) > _PEOPLE:
        whose = sorted(np.random.default_rng(0).permutation(whose)[:_PEOPLE].tolist())
    return record_of(connection, job.study, stream, resolution, whose, *span, with_driver=True)


def _starts(connection: Connection, stream: Stream, resolution: Resolution) -> dict[int, NDArray[np.integer]]:
    """Length [min] -> minutes of the day at which the study's own gaps of about that length begin."""
    found = connection.execute(
        f"""
        SELECT h.hour::INTEGER * 60 + date_diff('minute', h.ts, g.ts) AS minute, g.gap_min
        FROM {GAP.qualified} g JOIN {HOURLY.qualified} h
            ON h.participant_id = g.participant_id AND h.stream = g.stream AND h.day = g.day
            AND g.ts >= h.ts AND g.ts < h.ts + to_minutes(h.length_min)
        WHERE g.stream = ? AND g.resolution = ? AND g.reason <> 'not_worn' AND g.is_over
        """,
        [stream.name, resolution.name],
    ).fetchnumpy()
    lengths = np.array(resolution.lengths)
    near = np.argmin(np.abs(np.log(np.maximum(found["gap_min"], 1))[:, None] - np.log(lengths)[None]), axis=1)
    return {
        int(length): np.asarray(found["minute"])[near == n].astype(np.int64)
        for n, length in enumerate(lengths)
        if (near == n).any()
    }


def rows_of(tested: Sequence[Tested]) -> pl.DataFrame:
    """The rows of `imputed.backtest`."""

    def rows() -> Iterator[dict[str, Any]]:
        for test in tested:
            for score in test.scores:
                told = {k: v for k, v in vars(score).items() if k not in {"person", "values"}}
                yield {
                    "stream": test.stream,
                    "resolution": test.resolution,
                    "pattern": test.pattern,
                    "first_day": test.first,
                    "last_day": test.last,
                    "hidden_values": score.values,
                    "participant_id": None if score.person is None else test.people[score.person],
                } | {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in told.items()}

    types = {"VARCHAR": pl.String, "DATE": pl.Date, "INTEGER": pl.Int32, "DOUBLE": pl.Float64}
    schema = {c.name: types[c.type] for c in BACKTEST.columns}
    return pl.DataFrame(list(rows()), schema=schema) if tested else pl.DataFrame(schema=schema)


def write_backtest(connection: Connection, job: Ingest, tested: Sequence[Tested]) -> int:
    """Put the scores in the place of the earlier ones of the same streams; returns how many rows."""
    if missing_tables(connection, [BACKTEST]):
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, [BACKTEST])
    frame = rows_of(tested)
    with job.lake.transaction(connection, [BACKTEST.qualified]):
        connection.execute(
            f"DELETE FROM {BACKTEST.qualified} WHERE stream IN (SELECT unnest(?))", [[t.stream for t in tested]]
        )
        connection.register("frame_scores", frame.to_arrow())
        order = ", ".join(BACKTEST.sort_by)
        connection.execute(f"INSERT INTO {BACKTEST.qualified} BY NAME SELECT * FROM frame_scores ORDER BY {order}")
        connection.unregister("frame_scores")
    return frame.height
