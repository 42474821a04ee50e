"""The values of features for the rows of a model, one query a table. What becomes of them belongs elsewhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from neuro_assets.lake.lake import Connection
from neuro_assets.models.outcomes import AsOf
from neuro_assets.models.references import FeatureRef, Key
from neuro_assets.science.models.samples import Floats
from neuro_assets.streams.features import SLEEP_NIGHT
from neuro_assets.streams.features_use import FEATURES_SURVEY, OLDEST_DAYS
from neuro_assets.streams.model import Table
from neuro_assets.streams.surveys import SURVEY_RESPONSE, SURVEY_SUBMISSION
from neuro_assets.study_models import ModelDeclaration, Summary
from neuro_assets.surveys.model import Codebook

Moments = NDArray[np.datetime64]
# Of the day that the person woke up into, not of the night.
AFTER_THE_NIGHT = frozenset({"naps", "nap_asleep_min", "total_asleep_min", "total_in_bed_min", "logs"})
_DAY_ENDS = "epoch_us((f.day + 1)::TIMESTAMP) - r.offset_us"
_NIGHT_ENDS = "epoch_us(f.until)"
# A person's last response of an instrument up to the row's day; all its answers are of one moment. Where one of the
# whole study counts, a later one takes its place, or makes it not count, only once it is there.
_LAST_RESPONSES = f"""
    SELECT r.row, f.participant_id, f.day, f.ts, f.instrument, f.response_id
    FROM model_rows r JOIN (
        SELECT *, row_number() OVER (
            PARTITION BY participant_id, instrument ORDER BY ts, lpad(replace(response_id, '#', ''), 20, '0')
        ) AS number
        FROM {SURVEY_SUBMISSION.qualified} WHERE instrument IN (SELECT unnest($instruments)) AND day <= $last
    ) f ON f.participant_id = r.participant_id AND f.day BETWEEN r.since AND r.until AND epoch_us(f.ts) <= r.at_us
    WHERE f.is_of_record OR list_contains($replaced::VARCHAR[], f.instrument)
    QUALIFY row_number() OVER (PARTITION BY r.row, f.instrument ORDER BY f.number DESC) = 1
        AND (f.number = 1 OR NOT list_contains($only_one_of::VARCHAR[], f.instrument))
"""


@dataclass(frozen=True)
class SampleColumn:
    """A feature as rows have it.

    Attributes:
        name: of the feature, or of its summary.
        feature: what it is of.
        statistic: `mean` or `sd` over days, `last` of them, or `day` of the only one there is.
        of_morning: whether it is of the night that ended on the outcome's day.
    """

    name: str
    feature: FeatureRef
    statistic: str
    of_morning: bool = False


@dataclass(frozen=True, eq=False)
class Values:
    """What was read.

    Attributes:
        values: column -> (n,), NaN where there is none.
        known_at: column -> (n,) when the latest of what it was computed from was over; NaT where there is none.
        late_nights: rows whose night ended after the answer, or at an unknown time.
    """

    values: Mapping[str, Floats]
    known_at: Mapping[str, Moments]
    late_nights: int = 0


def columns_of(model: ModelDeclaration, features: Iterable[FeatureRef]) -> list[SampleColumn]:
    """The columns that features become in the rows of a model."""
    found = []
    for feature in features:
        if model.summary is None:
            is_night = feature.table is SLEEP_NIGHT and feature.column not in AFTER_THE_NIGHT
            found.append(SampleColumn(feature.name, feature, "day", is_night and model.same_morning_sleep))
        elif not feature.is_of_day:
            found.append(SampleColumn(feature.name, feature, "last"))
        else:
            found += [SampleColumn(f"{s}({feature.name})", feature, s) for s in model.summary.statistics]
    return found


def read_values(
    connection: Connection,
    model: ModelDeclaration,
    frame: pl.DataFrame,
    columns: Sequence[SampleColumn],
    as_of: AsOf,
    codebooks: Mapping[str, Codebook],
) -> Values:
    """The values of columns in each row.

    Args:
        connection: to the lake.
        model: for horizon and summary.
        frame: rows, with participant_id, day, at_us and offset_us as `outcomes.Rows` has them. Whether they have an
            outcome does not matter.
        columns: what to read.
        as_of: nothing later is read.
        codebooks: by instrument, for which of several responses counts.
    """
    connection.register("model_rows", _spans(model, frame).to_arrow())
    values: dict[str, Floats] = {}
    known: dict[str, Moments] = {}
    for own in _readings(columns):
        found = connection.execute(*_query(model, own, frame, as_of, codebooks)).pl()
        place = found["row"].to_numpy()
        moments: dict[str, Moments] = {}
        for name in (c for c in found.columns if c.startswith("known")):
            moments[name] = np.full(frame.height, np.datetime64("NaT"), dtype="datetime64[us]")
            moments[name][place] = found[name].cast(pl.Datetime("us")).to_numpy()
        for n, (column, slot) in enumerate(zip(own, _slots(own), strict=True)):
            values[column.name] = np.full(frame.height, np.nan)
            values[column.name][place] = found[f"value{n}"].cast(pl.Float64).to_numpy()
            known[column.name] = moments[f"known{slot}"]
    late = _late_nights(connection) if any(c.of_morning for c in columns) else 0
    connection.unregister("model_rows")
    return Values({c.name: values[c.name] for c in columns}, {c.name: known[c.name] for c in columns}, late)


def _spans(model: ModelDeclaration, frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by number, with the days `since` to `until` that their features are from."""
    until = pl.col("day").dt.offset_by(f"-{model.horizon_days}d")
    # Without a summary a feature is of one day; only the answers to items are looked for further back.
    back = (model.summary.over_days if model.summary else OLDEST_DAYS) - 1
    return frame.select("participant_id", "day", "at_us", "offset_us", until=until).with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64), since=pl.col("until").dt.offset_by(f"-{back}d")
    )


def _readings(columns: Sequence[SampleColumn]) -> Iterator[list[SampleColumn]]:
    """Columns that one query reads: of a table, and of its nights of the same morning apart."""
    found: dict[tuple[str, bool], list[SampleColumn]] = {}
    for column in columns:
        found.setdefault((column.feature.table.qualified, column.of_morning), []).append(column)
    yield from found.values()


def _slot_of(column: SampleColumn) -> tuple[tuple[Key, ...], str]:
    """Rows of the table that a column is in, and when they are known; columns that share it share a moment."""
    feature = column.feature
    if feature.is_item:
        return feature.keys, "epoch_us(f.ts)"
    if feature.table is FEATURES_SURVEY:
        return feature.keys, "epoch_us(f.answered_ts)"
    if feature.table is SLEEP_NIGHT and feature.column not in AFTER_THE_NIGHT:
        return feature.keys, _NIGHT_ENDS if column.of_morning else f"coalesce({_NIGHT_ENDS}, {_DAY_ENDS})"
    return feature.keys, _DAY_ENDS


def _slots(columns: Sequence[SampleColumn]) -> list[int]:
    """The number of each column's slot."""
    numbers: dict[object, int] = {}
    return [numbers.setdefault(_slot_of(column), len(numbers)) for column in columns]


def _query(
    model: ModelDeclaration,
    columns: Sequence[SampleColumn],
    frame: pl.DataFrame,
    as_of: AsOf,
    codebooks: Mapping[str, Codebook],
) -> tuple[str, dict[str, object]]:
    """The query of columns of one table, and what is bound to it."""
    bound: dict[str, object] = _days_read(model, columns[0], frame)
    made: dict[int, str] = {}
    selected: list[str] = []
    for n, (column, slot) in enumerate(zip(columns, _slots(columns), strict=True)):
        if slot not in made:
            made[slot] = _condition(model, column, slot, as_of, bound)
            selected.append(f"max({_slot_of(column)[1]}) FILTER (WHERE {made[slot]}) AS known{slot}")
        selected.append(f"{_told(column, made[slot], model.summary)} AS value{n}")
    source = _source(columns[0].feature.table, columns, codebooks, bound)
    return f"SELECT r.row, {', '.join(selected)} FROM {source} GROUP BY r.row", bound


def _days_read(model: ModelDeclaration, column: SampleColumn, frame: pl.DataFrame) -> dict[str, object]:
    """The first and the last day of the table that any row can need: other files are not opened."""
    rows = _spans(model, frame)
    first = rows["since" if model.summary or column.feature.is_item else "until"].min()
    last = rows["until"].max()
    if column.of_morning:
        first, last = rows["day"].min(), rows["day"].max()
    return {"first": first, "last": last}


def _condition(model: ModelDeclaration, column: SampleColumn, slot: int, as_of: AsOf, bound: dict[str, object]) -> str:
    """Which rows of the table a slot is made of."""
    keys, stamp = _slot_of(column)
    parts = []
    for n, (key, value) in enumerate(keys):
        bound[f"key{slot}_{n}"] = value
        parts.append(f'f."{key}" = $key{slot}_{n}')
    # What somebody answered after the outcome never tells of it, whatever an association may use.
    if column.of_morning or column.feature.table is FEATURES_SURVEY:
        parts.append(f"{stamp} <= r.at_us")
    if as_of.moment_us is not None:
        bound["as_of"] = as_of.moment_us
        parts.append(f"{stamp} <= $as_of")
        if column.feature.table is FEATURES_SURVEY:
            parts.append(f"{_DAY_ENDS} <= $as_of")  # the last answer of a day is known when the day is over
    return " AND ".join(parts) or "true"


def _told(column: SampleColumn, condition: str, summary: Summary | None) -> str:
    """The aggregate that makes one value of the rows of a slot."""
    value = f'f."{column.feature.column}"'
    if column.feature.is_item or column.statistic == "day" or summary is None:
        return f"any_value({value}) FILTER (WHERE {condition})"
    if column.statistic == "last":
        return f"arg_max({value}, f.day) FILTER (WHERE {condition} AND {value} IS NOT NULL)"
    aggregate = {"mean": "avg", "sd": "stddev_samp"}[column.statistic]
    where = f"FILTER (WHERE {condition})"
    # Added up in the order of days: the last digit of a sum depends on it, and a seed's model on the last digit.
    told = f"{aggregate}({value} ORDER BY f.day) {where}"
    return f"CASE WHEN count({value}) {where} >= {summary.least:d} THEN {told} END"


def _source(
    table: Table, columns: Sequence[SampleColumn], codebooks: Mapping[str, Codebook], bound: dict[str, object]
) -> str:
    """Rows of the model beside those of the table that are theirs."""
    if table is SURVEY_RESPONSE:
        bound["instruments"] = sorted({str(dict(c.feature.keys)["instrument"]) for c in columns})
        once = {name: book.repeat.keep for name, book in codebooks.items() if book.repeat.within == "study"}
        bound["replaced"] = [name for name, kept in once.items() if kept != "first"]
        bound["only_one_of"] = [name for name, kept in once.items() if kept == "none"]
        return f"""
            ({_LAST_RESPONSES}) r JOIN {table.qualified} f USING (participant_id, day, ts, instrument, response_id)
            WHERE f.day BETWEEN $first AND $last
        """
    if columns[0].of_morning:
        days = "f.day = r.day"
    elif columns[0].statistic == "day":
        days = "f.day = r.until"
    else:
        days = "f.day BETWEEN r.since AND r.until"
    # Tables are sorted by these columns: most of a file is not read.
    keys: dict[str, list[str | int]] = {}
    for key, value in (pair for column in columns for pair in column.feature.keys):
        keys.setdefault(key, []).append(value)
    parts = ["f.day BETWEEN $first AND $last"]
    for key, wanted in keys.items():
        named = {f"any_{key}_{n}": value for n, value in enumerate(dict.fromkeys(wanted))}
        bound.update(named)
        parts.append(f'f."{key}" IN ({", ".join(f"${name}" for name in named)})')
    return (
        f"model_rows r JOIN {table.qualified} f ON f.participant_id = r.participant_id AND {days}"
        f" WHERE {' AND '.join(parts)}"
    )


def _late_nights(connection: Connection) -> int:
    row = connection.execute(
        f"SELECT count(*) FROM model_rows r JOIN {SLEEP_NIGHT.qualified} f"
        " ON f.participant_id = r.participant_id AND f.day = r.day"
        f" WHERE {_NIGHT_ENDS} > r.at_us OR f.until IS NULL"
    ).fetchone()
    return row[0] if row else 0
