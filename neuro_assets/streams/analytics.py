"""The tables of analytics: what a study's people are like, and whether each of them holds their level."""

from neuro_assets.streams.columns import PARTICIPANT
from neuro_assets.streams.model import Column, Table

VERDICTS: dict[str, str] = {
    "changed": "the level changed, at the false discovery rate of the whole table",
    "perhaps": "by this record alone it changed; among so many records chance gives that as well",
    "holding": "no change was found; detectable_sd tells how great one would have been seen",
    "not_tested": "too few days with a value, or most of them the same",
}
DIRECTIONS = ("up", "down")

_MEASURE = Column("measure", "VARCHAR", "Table and column of the feature; of surveys the instrument and its score")
_UNIT = Column("unit", "VARCHAR", "Unit of the measure; empty for a number without one")
_OF = "in the measure's unit"


def _value(name: str, description: str, *, nullable: bool = True, ge: float | None = None) -> Column:
    return Column(name, "DOUBLE", f"{description}, {_OF}", nullable=nullable, ge=ge)


def _share(name: str, description: str) -> Column:
    return Column(name, "DOUBLE", description, nullable=True, ge=0, le=1)


def _people(name: str, description: str, ge: int = 0) -> Column:
    return Column(name, "INTEGER", description, "count", ge=ge)


def _days(name: str, description: str, *, nullable: bool = False, ge: int = 0) -> Column:
    return Column(name, "INTEGER", description, "days", nullable=nullable, ge=ge)


POPULATION_SUMMARY = Table(
    "analytics",
    "population_summary",
    (
        _MEASURE,
        _UNIT,
        Column("description", "VARCHAR", "What it tells of a day"),
        _people("people", "People with a day that has a value", 1),
        _days("days", "Days with a value, of all of them", ge=1),
        Column("first_day", "DATE", "First of these days"),
        Column("last_day", "DATE", "Last of them"),
        Column("days_per_person", "DOUBLE", "Median over people of their days with a value", "days", ge=1),
        _days("days_expected", "Days of coverage.valid_day of these people; empty where nothing tells", nullable=True),
        _share("missing_share", "Share of the days expected that have no value; empty for surveys"),
        _value("mean", "Mean over people of their own means", nullable=False),
        _value("mean_lower", "Lower end of the 95 % interval of that mean, over people"),
        _value("mean_upper", "Upper end"),
        _value("sd_between", "SD between people's true means: what few days a person add to it is taken out", ge=0),
        _value("sd_within", "SD of a person's days around the own mean, of all people together", ge=0),
        _share("icc", "Share of the variance of single days that is between people"),
        _value("q25", "Lower quartile of people's means", nullable=False),
        _value("median", "Median of people's means", nullable=False),
        _value("q75", "Upper quartile of people's means", nullable=False),
        _people("weekend_people", "People with two Saturdays or Sundays and five other days"),
        _value("weekend_difference", "Mean over these people of their weekend days' mean less that of other days"),
        _value("weekend_lower", "Lower end of its 95 % interval, over people"),
        _value("weekend_upper", "Upper end"),
    ),
    "What the study's people are like, a row for each measure that anybody has a value of. Each person counts once in"
    " a mean, however many days there are.",
    sort_by=("measure",),
)
CHANGE_POINT = Table(
    "analytics",
    "change_point",
    (
        PARTICIPANT,
        _MEASURE,
        _UNIT,
        Column("verdict", "VARCHAR", "; ".join(f"{k}: {v}" for k, v in VERDICTS.items()), isin=tuple(VERDICTS)),
        Column("change", "SMALLINT", "Which change of the record, from 1 on; 0 where none was found", ge=0),
        Column("day", "DATE", "First day with a value at the new level; empty without a change", nullable=True),
        Column("direction", "VARCHAR", "Of the change; empty where the two levels are the same number", nullable=True,
               isin=DIRECTIONS),
        Column("people_alike", "INTEGER", "Other people whose measure changed in the same direction at most three days"
               " away: many of them speak of a device, a season or a rule, not of the person", "count", nullable=True,
               ge=0),
        _value("level_before", "Median of the days before, back to the change before; of weekdays, see weekend_effect"),
        _value("level_after", "Median of the days from it on, up to the next change; of weekdays as well"),
        _value("difference", "level_after - level_before"),
        _value("lower", "Lower end of its 95 % interval, which allows for the day having been searched"),
        _value("upper", "Upper end"),
        Column("difference_sd", "DOUBLE", "The difference in the person's own SDs", "standard deviations",
               nullable=True),
        _days("days_before", "Days with a value in the level before", nullable=True, ge=1),
        _days("days_after", "Days with a value in the level after", nullable=True, ge=1),
        _share("p", "Chance of such a change where there is none; without a change, that of one level throughout"),
        _share("q", "The same after control of the false discovery rate over all people and measures"),
        _days("days", "Days of the record with a value", ge=1),
        Column("first_day", "DATE", "First of these days"),
        Column("last_day", "DATE", "Last of them"),
        _value("level", "Median of all these days, of weekdays where there is a weekend effect", nullable=False),
        _value("sd", "The person's own SD within levels, from the median absolute deviation", nullable=False, ge=0),
        _value("weekend_effect", "Saturdays and Sundays less the weekdays around them, taken out before: a median;"
               " 0 with fewer than four of them", nullable=False),
        _share("phi", "Correlation of a day with the day before, within levels"),
        Column("detectable_sd", "DOUBLE", "Change in the middle of such a record that is seen in about four of"
               " five; empty with fewer than 28 days, in which none is seen so often", "standard deviations",
               nullable=True, ge=0),
    ),
    "Whether each person's measures hold the level of the own record before or changed, when, by how much and how sure"
    " that is: a row for each change, or one that tells that there is none.",
    sort_by=("participant_id", "measure", "change"),
)  # fmt: skip
ANALYTICS_TABLES = (POPULATION_SUMMARY, CHANGE_POINT)
