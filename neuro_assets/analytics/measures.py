"""Which features are measures of a person's days, and the values that count. What a feature is stands in science."""

from dataclasses import dataclass

from neuro_assets.features.catalog import FAMILIES
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.coverage import VALID_DAY
from neuro_assets.streams.features import MINUTE_TABLES, SLEEP_NIGHT
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY, USE_TABLES
from neuro_assets.streams.model import Table

VALUES = "analytics_values"
"""Temporary table: measure, participant_id, day, value (never null), is_expected (a day of coverage.valid_day)."""

_CHOSEN: dict[Table, tuple[str, ...]] = {
    MINUTE_TABLES["steps"][0]: ("total", "active_min", "sedentary_min", "peak_30_min"),
    MINUTE_TABLES["heart_rate"][0]: ("resting", "mean"),
    MINUTE_TABLES["calories"][0]: ("total",),
    MINUTE_TABLES["mets"][0]: ("mvpa_min",),
    MINUTE_TABLES["intensity"][0]: ("very_active_min", "sedentary_min"),
    SLEEP_NIGHT: ("total_asleep_min", "efficiency", "onset_min", "wake_min"),
    USE_TABLES["screen"]: ("total_min", "unlocks"),
    USE_TABLES["notification"]: ("received",),
    FEATURES_DATA_YIELD: ("worn_share",),
}
MEASURE_TABLES = (*_CHOSEN, FEATURES_SURVEY)
# Of a day that does not count, or may still get more, a total is no measure of the person but of wear.
_COUNTS = "coalesce(v.is_valid, v.is_handed_over, true)"
_WHOLE = "v.is_handed_over"


@dataclass(frozen=True)
class Measure:
    """A feature of whole days, or nights.

    Attributes:
        name: its table and column.
        unit: empty for a number without one.
        description: what it tells.
    """

    name: str
    unit: str
    description: str


def measures() -> dict[str, Measure]:
    """The measures by name, without the scores of surveys: those are the study's own."""
    found: dict[str, Measure] = {}
    for table, columns in _CHOSEN.items():
        for column in columns:
            feature = FAMILIES[table.name][column]
            name = f"{table.name}.{column}"
            found[name] = Measure(name, feature.unit, feature.description)
    return found


def measure_of(name: str) -> Measure:
    """The measure of a name; one of surveys where it is none of ours."""
    instrument, _, score = name.removeprefix("survey.").partition(".")
    return measures().get(name) or Measure(name, "", f"Score {score} of {instrument}, on days with an answer.")


def put_values(connection: Connection) -> int:
    """Make the table `VALUES` of the connection: what counts of the features that the lake has; returns its rows.

    Of minutes, days count that the protocol calls valid; where that is not told, days that were handed over to their
    end. A survey's score is a value of the day on which it was answered alone.
    """
    present = existing_columns(connection)
    has_days = VALID_DAY.qualified in present
    selects = [
        _select(table, column, has_days=has_days)
        for table, columns in _CHOSEN.items()
        for column in columns
        if column in present.get(table.qualified, {})
    ]
    if FEATURES_SURVEY.qualified in present:
        selects.append(
            "SELECT 'survey.' || instrument || '.' || score_name AS measure, participant_id, day, score AS value,"
            f" false AS is_expected FROM {FEATURES_SURVEY.qualified} WHERE age_days = 0 AND score IS NOT NULL"
        )
    columns = "measure VARCHAR, participant_id VARCHAR, day DATE, value DOUBLE, is_expected BOOLEAN"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {VALUES} ({columns})")
    if selects:
        connection.execute(f"INSERT INTO {VALUES} BY NAME {' UNION ALL BY NAME '.join(selects)}")
    return int(connection.execute(f"SELECT count(*) FROM {VALUES}").fetchall()[0][0])


def _select(table: Table, column: str, *, has_days: bool) -> str:
    where = [f"f.{column} IS NOT NULL"]
    if "segment" in table.column_names:
        where.append("f.segment = 'day'")
    if has_days and "is_valid_day" in table.column_names:
        where.append(_WHOLE if table is FEATURES_DATA_YIELD else _COUNTS)
    join = f"LEFT JOIN {VALID_DAY.qualified} v USING (participant_id, day)" if has_days else ""
    expected = "v.day IS NOT NULL" if has_days else "false"
    return (
        f"SELECT '{table.name}.{column}' AS measure, f.participant_id, f.day, f.{column} AS value,"
        f" {expected} AS is_expected FROM {table.qualified} f {join} WHERE {' AND '.join(where)}"
    )
