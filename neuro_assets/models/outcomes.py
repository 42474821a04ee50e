"""The rows that a model has: people's days with an outcome, when that was known, and the group they are in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.surveys import SURVEY_RESPONSE, SURVEY_SCORE, SURVEY_SUBMISSION
from neuro_assets.study import Study, zone_periods
from neuro_assets.study_models import PARTICIPANT, PERSON, ModelDeclaration, Outcome
from neuro_assets.study_references import near, parse_reference
from neuro_assets.surveys.model import Codebook

_SCHEMA = {
    "participant_id": pl.String,
    "day": pl.Date,
    "at_us": pl.Int64,
    "offset_us": pl.Int64,
    "response_id": pl.String,
    "score": pl.Float64,
    "is_of_record": pl.Boolean,
}
_NUMBERS = ("DOUBLE", "FLOAT", "DECIMAL", "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_SCORES = f"""
    SELECT participant_id, day, epoch_us(ts) AS at_us, epoch_us(local_ts) - epoch_us(ts) AS offset_us, response_id,
        score, is_of_record
    FROM {SURVEY_SCORE.qualified} WHERE instrument = $instrument AND score_name = $name
"""
_ITEMS = f"""
    SELECT r.participant_id, r.day, epoch_us(r.ts) AS at_us, epoch_us(r.local_ts) - epoch_us(r.ts) AS offset_us,
        r.response_id, r.value AS score, s.is_of_record
    FROM {SURVEY_RESPONSE.qualified} r JOIN {SURVEY_SUBMISSION.qualified} s
        USING (participant_id, day, ts, instrument, response_id)
    WHERE r.instrument = $instrument AND r.item = $name
"""
# Without a moment of its own a row is known when its day is over.
_TABLE = """
    SELECT t.participant_id, t.day, {at} AS at_us,
        epoch_us((t.day + 1)::TIMESTAMP) - {ends} AS offset_us,
        {response_id} AS response_id, t."{column}"::DOUBLE AS score, true AS is_of_record
    FROM {table} t LEFT JOIN people_zones z
        ON z.participant_id = t.participant_id AND t.day >= z.since AND t.day < z.until
    {where}
"""
# When the local day of a row `t` is over, of a person whose zone is `z`.
DAY_ENDS = "epoch_us(timezone(coalesce(z.zone, $zone), (t.day + 1)::TIMESTAMP))"
_EARLIER = """
    SELECT *, median(score) OVER earlier AS own_median, count(score) OVER earlier AS n_earlier FROM outcomes_of_days
    WINDOW earlier AS (PARTITION BY participant_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
"""
_GROUPS = f"""
    SELECT participant_id, arg_min(coalesce(code, value::VARCHAR, answer), (ts, response_id)) AS "group"
    FROM {SURVEY_RESPONSE.qualified}
    WHERE instrument = $instrument AND item = $name AND NOT is_missing
"""


@dataclass(frozen=True)
class AsOf:
    """Up to when something plays a part: a moment, or the end of each person's local day."""

    moment_us: int | None = None
    day: date | None = None

    @classmethod
    def of(cls, as_of: datetime | date | None) -> "AsOf":
        """From a moment with a zone, or a day.

        Raises:
            ValueError: a moment without a zone.
        """
        if isinstance(as_of, datetime):
            if as_of.tzinfo is None:
                raise ValueError(f"as_of: {as_of} has no zone; write a day, or a moment with one")
            return cls(moment_us=round(as_of.timestamp() * 1_000_000))
        return cls(day=as_of)

    def holds(self) -> pl.Expr:
        """Of a frame with `day` and `at_us`: which rows are no later."""
        if self.moment_us is not None:
            return pl.col("at_us") <= self.moment_us
        return pl.col("day") <= self.day if self.day else pl.lit(value=True)


@dataclass(frozen=True)
class Rows:
    """Rows of a model before their features are known.

    Attributes:
        frame: participant_id, day, at_us (when the outcome was recorded, microseconds since 1970), offset_us (of the
            wall clock then), response_id, score, is_positive, group; in the order of people and days.
        dropped: why -> how many answers are not among them.
    """

    frame: pl.DataFrame
    dropped: Mapping[str, int]


def read_rows(
    connection: Connection,
    study: Study,
    model: ModelDeclaration,
    as_of: AsOf,
    codebooks: Mapping[str, Codebook] | None = None,
) -> Rows:
    """The rows of a declaration: one a person and day, or one a person.

    Args:
        connection: to the lake.
        study: for zones.
        model: the declaration.
        as_of: nothing later plays a part.
        codebooks: by instrument; which of several responses counts follows from those that there were by then.

    Raises:
        ValueError: a table or column that is not there, or several rows of a day that nothing tells apart.
    """
    dropped: dict[str, int] = {}
    codebook = (codebooks or {}).get(model.outcome.instrument or "")

    def keep(frame: pl.DataFrame, kept: pl.DataFrame, why: str) -> pl.DataFrame:
        if frame.height > kept.height:
            dropped[why] = frame.height - kept.height
        return kept

    found = _outcomes(connection, study, model.outcome)
    found = keep(found, found.filter(as_of.holds()), "after_as_of")
    found = keep(found, found.filter(_of_record(as_of, codebook)), "not_of_record")
    found = keep(found, found.filter(pl.col("score").is_not_null() & pl.col("score").is_not_nan()), "no_outcome")
    found = keep(found, _one_a_day(found, model.outcome), "another_of_the_day")
    told = _judged(connection, model, found)
    told = keep(told, told.filter(pl.col("is_positive").is_not_null()), "too_few_earlier")
    if model.unit == PARTICIPANT and model.summary:
        chosen = told.unique("participant_id", keep=model.summary.answer, maintain_order=True)
        told = keep(told, chosen, "another_of_the_person")
    grouped = _grouped(connection, model, told, as_of)
    return Rows(keep(told, grouped.filter(pl.col("group").is_not_null()), "no_group"), dropped)


def _outcomes(connection: Connection, study: Study, outcome: Outcome) -> pl.DataFrame:
    """Everything that was answered, as `_SCHEMA` says."""
    if outcome.instrument:
        bound = {"instrument": outcome.instrument, "name": outcome.score or outcome.item}
        found = connection.execute(_SCORES if outcome.score else _ITEMS, bound).pl()
    else:
        found = _of_table(connection, study, outcome)
    # #2 is before #10.
    ordinal = pl.col("response_id").str.replace("#", "", literal=True).str.zfill(20)
    return found.cast(_SCHEMA).sort("participant_id", "day", "at_us", ordinal)  # pyright: ignore[reportArgumentType]


def _of_record(as_of: AsOf, codebook: Codebook | None) -> pl.Expr:
    """Which responses count, of sorted ones: as the lake says, or as it would have said at an earlier time.

    A later response may take the place of one, or make none of them count, which nobody knew before it came.
    """
    if codebook is None or as_of == AsOf() or codebook.repeat.within == "moment":
        return pl.col("is_of_record")
    repeat = codebook.repeat
    group = ["participant_id"] if repeat.within == "study" else ["participant_id", "day"]
    place, count = pl.int_range(1, pl.len() + 1).over(group), pl.len().over(group)
    return {"first": place == 1, "last": place == count, "none": count == 1}[repeat.keep]


def _of_table(connection: Connection, study: Study, outcome: Outcome) -> pl.DataFrame:
    columns = _columns_of(connection, outcome)
    bound: dict[str, str | int | bool] = {"zone": study.default_time_zone or "UTC"}
    bound |= {f"key{n}": value for n, value in enumerate(outcome.where.values())}
    where = " AND ".join(f't."{key}" = $key{n}' for n, key in enumerate(outcome.where))
    sql = _TABLE.format(
        at="epoch_us(t.ts)" if "ts" in columns else DAY_ENDS,
        ends=DAY_ENDS,
        response_id="t.response_id" if "response_id" in columns else "''",
        column=outcome.column,
        table=outcome.table,
        where=f"WHERE {where}" if where else "",
    )
    connection.register("people_zones", zones_of(study).to_arrow())
    found = connection.execute(sql, bound).pl()
    connection.unregister("people_zones")
    if "ts" not in columns and found.select("participant_id", "day").is_duplicated().any():
        twice = found.filter(found.select("participant_id", "day").is_duplicated()).row(0, named=True)
        raise ValueError(
            f"outcome: {outcome.table} has several rows of {twice['participant_id']} on {twice['day']};"
            f" say which ones with `where`, such as {{segment: day}}; its columns are {', '.join(columns)}"
        )
    return found


def _columns_of(connection: Connection, outcome: Outcome) -> Mapping[str, str]:
    """The columns of an outcome's table; nothing that is not one gets into SQL."""
    present = existing_columns(connection)
    columns = present.get(outcome.table or "", {})
    if not columns:
        raise ValueError(f"outcome: the lake has no table {outcome.table}; {near(outcome.table or '', present)}")
    for name in ("participant_id", "day", outcome.column or "", *outcome.where):
        if name not in columns:
            raise ValueError(f"outcome: {outcome.table} has no column '{name}'; {near(name, columns)}")
    if not columns[outcome.column or ""].startswith(_NUMBERS):
        numbers = [name for name, type_ in columns.items() if type_.startswith(_NUMBERS)]
        raise ValueError(f"outcome: {outcome.table}.{outcome.column} is no number; these are: {', '.join(numbers)}")
    return columns


def zones_of(study: Study) -> pl.DataFrame:
    """Which zone each person is in, by local day: participant_id, since, until, zone."""
    schema = {"participant_id": pl.String, "since": pl.Date, "until": pl.Date, "zone": pl.String}
    rows = [(p.participant_id, *period[:3]) for p in study.people for period in zone_periods(study, p)]
    return pl.DataFrame(rows, schema=schema, orient="row")


def _one_a_day(found: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
    """One row a person and day: of several the first, the last, or their mean, which is known with the last."""
    key = ("participant_id", "day")
    if outcome.of_day != "mean":
        return found.unique(key, keep=outcome.of_day, maintain_order=True)
    return found.group_by(key, maintain_order=True).agg(
        pl.last("at_us", "offset_us"), pl.col("response_id").str.join(", "), pl.mean("score")
    )


def _judged(connection: Connection, model: ModelDeclaration, found: pl.DataFrame) -> pl.DataFrame:
    """With `is_positive`: null where a person's own median has too few outcomes of earlier days."""
    score = pl.col("score")
    if model.positive_at_least is not None:
        return found.with_columns(is_positive=score >= model.positive_at_least)
    if model.positive_at_most is not None:
        return found.with_columns(is_positive=score <= model.positive_at_most)
    connection.register("outcomes_of_days", found.to_arrow())
    told = connection.execute(_EARLIER).pl().sort("participant_id", "day")
    connection.unregister("outcomes_of_days")
    median = pl.col("own_median")
    side = score > median if model.positive_above_own_median else score < median
    is_known = pl.col("n_earlier") >= model.least_earlier
    return told.with_columns(is_positive=pl.when(is_known).then(side)).drop("own_median", "n_earlier")


def _grouped(connection: Connection, model: ModelDeclaration, told: pl.DataFrame, as_of: AsOf) -> pl.DataFrame:
    """With `group`: the person, or what the person answered first, which no later answer changes."""
    if model.group_by == PERSON:
        return told.with_columns(group=pl.col("participant_id"))
    item = parse_reference(model.group_by)
    bound: dict[str, object] = {"instrument": item.of, "name": item.column}
    sql = _GROUPS
    if as_of.moment_us is not None:
        sql, bound["as_of"] = f"{sql} AND epoch_us(ts) <= $as_of", as_of.moment_us
    elif as_of.day:
        sql, bound["as_of"] = f"{sql} AND day <= $as_of", as_of.day
    groups = connection.execute(f"{sql} GROUP BY participant_id", bound).pl()
    return told.join(groups.cast({"group": pl.String}), on="participant_id", how="left", maintain_order="left")
