"""What a declared model learns from, read from the lake: rows, and for each of them what was known when.

Point-in-time correct: a feature is of `horizon_days` before the outcome's day or earlier, and with `as_of` nothing that
is dated later plays a part. What was not in the lake by then is told by a connection to the lake as it was
(`Lake.connect(as_of=...)`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.lake.ddl import missing_tables
from neuro_assets.lake.lake import ALIAS, Connection
from neuro_assets.models.outcomes import AsOf, read_rows
from neuro_assets.models.reading import Moments, SampleColumn, Values, columns_of, read_values
from neuro_assets.models.references import Resolved, resolve, vocabulary_of
from neuro_assets.science.models.leaks import Known
from neuro_assets.science.models.samples import Samples
from neuro_assets.streams.model import Table
from neuro_assets.streams.surveys import SURVEY_RESPONSE, SURVEY_SUBMISSION
from neuro_assets.study import Study
from neuro_assets.study_models import PARTICIPANT, ModelDeclaration
from neuro_assets.surveys.model import Codebook


class NoRowsError(ValueError):
    """Nothing is left to learn from; the message says where the answers went."""

    def __init__(self, model: ModelDeclaration, dropped: Mapping[str, int]) -> None:
        """Tell it of a model whose answers were dropped so."""
        where = ", ".join(f"{why} {count}" for why, count in dropped.items()) or "there are none"
        super().__init__(f"no rows with the outcome {model.outcome} ({where})")
        self.dropped = dropped


@dataclass(frozen=True, eq=False)
class Dataset:
    """What a model learns from, and where that is from.

    Attributes:
        samples: rows in the order of people and days; the day is that of the outcome.
        known: for the scan for leaks: when each outcome, and the latest of what each feature was computed from, was
            recorded (UTC), and what of the leak list could be read.
        response_id: (n,) of the outcome's response; of a mean several with commas between; empty for other tables.
        columns: what each column of `samples` is, in their order.
        dropped: why -> how many answers are no row: after_as_of, not_of_record, no_outcome, another_of_the_day,
            too_few_earlier, another_of_the_person, no_group, no_feature.
        snapshot_id: the lake's version that was read.
        definitions: table, or instrument -> the versions of definitions, or of the codebook, that its rows follow.
        told: what a reader of the model's card has to know.
    """

    samples: Samples
    known: Known
    response_id: NDArray[np.str_]
    columns: tuple[SampleColumn, ...]
    dropped: Mapping[str, int]
    snapshot_id: int
    definitions: Mapping[str, tuple[str, ...]]
    told: tuple[str, ...]

    @property
    def outcome_at(self) -> Moments:
        """(n,) when the outcome was recorded, UTC; where a table has no moments, when the local day was over."""
        at = self.known.outcome_at
        return np.empty(0, dtype="datetime64[us]") if at is None else at.astype("datetime64[us]")


def build_dataset(
    connection: Connection,
    study: Study,
    model: ModelDeclaration,
    codebooks: Iterable[Codebook] = (),
    as_of: datetime | date | None = None,
) -> Dataset:
    """The rows of a declared model.

    Args:
        connection: to the lake, not within a transaction.
        study: for parts of the day, spans, zones.
        model: the declaration.
        codebooks: of the study's instruments.
        as_of: nothing dated after this moment, or after this local day of each person, plays a part.

    Raises:
        ValueError: a feature, table or column that there is not, with a remedy; a moment without a zone.
        NoRowsError: no row is left.
    """
    limit, vocabulary = AsOf.of(as_of), vocabulary_of(study, codebooks)
    resolved, books = resolve(model, vocabulary), vocabulary.codebooks
    with _one_snapshot(connection) as snapshot_id:
        _require_tables(connection, resolved)
        rows = read_rows(connection, study, model, limit, books)
        if rows.frame.is_empty():
            raise NoRowsError(model, rows.dropped)
        features, withheld = columns_of(model, resolved.features), columns_of(model, resolved.withheld)
        values = read_values(connection, model, rows.frame, [*features, *withheld], limit, books)
        has_any = np.any([~np.isnan(values.values[c.name]) for c in features], axis=0)
        dropped = dict(rows.dropped) | ({"no_feature": int((~has_any).sum())} if not has_any.all() else {})
        if not has_any.any():
            raise NoRowsError(model, dropped)
        frame = rows.frame.filter(pl.Series(has_any))
        definitions = _definitions(connection, resolved, model, frame)
    last = _last_outcome(rows.frame, model).filter(pl.Series(has_any)) if _tells_outcome(model, features) else None
    samples = _samples(frame, features, values, has_any, last)
    return Dataset(
        samples,
        _known(model, frame, features, withheld, values, has_any),
        frame["response_id"].to_numpy().astype(np.str_),
        tuple(features),
        dropped,
        snapshot_id,
        definitions,
        tuple(_told(model, samples, values)),
    )


@contextmanager
def _one_snapshot(connection: Connection) -> Iterator[int]:
    """Everything within is read from one version of the lake, whose number is handed out."""
    connection.execute("BEGIN TRANSACTION READ ONLY")
    try:
        row = connection.execute(f"FROM {ALIAS}.current_snapshot()").fetchone()
        yield int(row[0]) if row else -1
    finally:
        connection.execute("ROLLBACK")


def _require_tables(connection: Connection, resolved: Resolved) -> None:
    wanted: dict[str, Table] = {f.table.qualified: f.table for f in (*resolved.features, *resolved.withheld)}
    if any(f.is_item for f in (*resolved.features, *resolved.withheld)):
        wanted[SURVEY_SUBMISSION.qualified] = SURVEY_SUBMISSION
    if missing := missing_tables(connection, wanted.values()):
        names = ", ".join(t.qualified for t in missing)
        raise ValueError(f"features: the lake has no {names} yet; materialize it, or ask for other features")


def _tells_outcome(model: ModelDeclaration, features: Sequence[SampleColumn]) -> bool:
    """Whether features of rows by the day are answers to the outcome's instrument, or of its table."""
    if model.unit == PARTICIPANT:
        return False
    if model.outcome.instrument:
        return any(dict(c.feature.keys).get("instrument") == model.outcome.instrument for c in features)
    return any(c.feature.table.qualified == model.outcome.table for c in features)


def _last_outcome(frame: pl.DataFrame, model: ModelDeclaration) -> pl.Series:
    """Of each row the person's outcome of `horizon_days` before its day or earlier; null where there is none."""
    known = frame.select("participant_id", "day", last=pl.col("is_positive").cast(pl.Float64))
    asked = frame.select("participant_id", day=pl.col("day").dt.offset_by(f"-{max(model.horizon_days, 1)}d"))
    return asked.join_asof(known, on="day", by="participant_id", check_sortedness=False)["last"]


def _samples(
    frame: pl.DataFrame,
    features: Sequence[SampleColumn],
    values: Values,
    kept: NDArray[np.bool_],
    last: pl.Series | None,
) -> Samples:
    return Samples(
        np.column_stack([values.values[c.name][kept] for c in features]),
        tuple(c.name for c in features),
        frame["is_positive"].cast(pl.Int8).to_numpy(),
        frame["participant_id"].to_numpy().astype(np.str_),
        frame["group"].to_numpy().astype(np.str_),
        frame["day"].to_numpy().astype("datetime64[D]"),
        frame["score"].to_numpy(),
        None if last is None else last.to_numpy().astype(np.float64),
    )


def _known(
    model: ModelDeclaration,
    frame: pl.DataFrame,
    features: Sequence[SampleColumn],
    withheld: Sequence[SampleColumn],
    values: Values,
    kept: NDArray[np.bool_],
) -> Known:
    # A row's day is the outcome's; what is of the same morning was over before the answer, which `known_at` holds.
    return Known(
        leak_list=tuple(c.name for c in withheld),
        withheld={c.name: values.values[c.name][kept] for c in withheld},
        known_at={c.name: values.known_at[c.name][kept] for c in features},
        outcome_at=frame["at_us"].cast(pl.Datetime("us")).to_numpy(),
        known_after_days={c.name: 0 if c.of_morning else -model.horizon_days for c in features},
        outcome_after_days=0,
    )


def _definitions(
    connection: Connection, resolved: Resolved, model: ModelDeclaration, frame: pl.DataFrame
) -> dict[str, tuple[str, ...]]:
    """The versions that the rows of tables follow, up to the last outcome's day."""
    found: dict[str, tuple[str, ...]] = {}
    last = frame["day"].max()
    for table in {f.table.qualified: f.table for f in resolved.features}.values():
        if "definitions" in table.column_names:
            sql = f"SELECT DISTINCT definitions FROM {table.qualified} WHERE day <= ? ORDER BY 1"
            found[table.qualified] = tuple(v for (v,) in connection.execute(sql, [last]).fetchall())
    instruments = {str(dict(f.keys)["instrument"]) for f in resolved.features if "instrument" in dict(f.keys)}
    for instrument in sorted(instruments | ({model.outcome.instrument} if model.outcome.instrument else set())):
        sql = (
            f"SELECT DISTINCT version FROM {SURVEY_RESPONSE.qualified}"
            " WHERE instrument = ? AND day <= ? ORDER BY version"
        )
        found[instrument] = tuple(str(v) for (v,) in connection.execute(sql, [instrument, last]).fetchall())
    return found


def _told(model: ModelDeclaration, samples: Samples, values: Values) -> Iterator[str]:
    yield f"positive: {model.rule}; {samples.prevalence:.0%} of {len(samples)} rows of {samples.n_people} people"
    if model.association:
        yield "an association, not a prediction: features are of the outcome's own day, and may have come after it"
    else:
        days = "the day" if model.horizon_days == 1 else f"{model.horizon_days} days"
        yield f"features are of {days} before the outcome's day, or earlier"
    if samples.last is not None:
        yield (
            "earlier answers are among the features, so that a baseline has them, too: last_outcome, the person's"
            " outcome before"
        )
    if model.same_morning_sleep:
        yield "features of the main sleep are of the night before the answer, as far as it ended before the answer"
    if values.late_nights:
        yield f"{values.late_nights} nights are left out: they ended after the answer, or nobody knows when"
    empty = [name for n, name in enumerate(samples.names) if np.isnan(samples.values[:, n]).all()]
    if empty:
        yield f"no row has {', '.join(empty)}"
