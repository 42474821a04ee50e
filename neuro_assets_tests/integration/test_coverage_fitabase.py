"""The real Fitabase data: valid days, sensitivity and overview equal what a second program makes of the files.

The second program reads the CSV files with pandas and knows docs/coverage.md and the sentences of the rules; nothing
of `neuro_assets` computes for it. Every minute lies on a grid of true time, steps are whole numbers of sixtieths: a row
of an hour gives each of its minutes its share without rounding.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neuro_assets.coverage.compute import cover_days
from neuro_assets.coverage.people import judge_people
from neuro_assets.ingest.load import Ingest
from neuro_assets_tests.tables import load, read_table, stage

pytestmark = [pytest.mark.verify, pytest.mark.timeout(900)]

# A table or a column of pandas, which comes without types that hold.
Frame = Any

# Of both periods what the tables read. The public files have minutes as lines of an hour, in the second period alone.
KINDS = ("dailyActivity", "hourlySteps", "minuteStepsWide", "heartrate_seconds", "sleepDay")
EXPECTED = ("daily_activity", "daily_sleep", "steps", "heart_rate")
ZONE, FIRST, LAST = "America/New_York", date(2016, 3, 12), date(2016, 5, 13)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
# After the study nothing is expected: the moment is the end of its last day everywhere on Earth.
AS_OF = pd.Timestamp("2016-05-14 12:00", tz="UTC")
SECOND = (pd.Timestamp("2016-04-12"), pd.Timestamp("2016-05-12"))
MOMENT = "%m/%d/%Y %I:%M:%S %p"
TIME_OF = {
    "dailyActivity": ("ActivityDate", "%m/%d/%Y"),
    "hourlySteps": ("ActivityHour", MOMENT),
    "minuteStepsWide": ("ActivityHour", MOMENT),
    "heartrate_seconds": ("Time", MOMENT),
    "sleepDay": ("SleepDay", MOMENT),
}
RULES = (
    "ten_hours",
    "sixteen_hours",
    "rapids_minutes",
    "rapids_hours",
    "heartsteps",
    "adherent_hours",
    "abcd",
    "steps_1000",
    "active_day",
)
FACTS = (
    "length_min",
    "is_handed_over",
    "worn_min",
    "worn_06_23_min",
    "worn_08_20_min",
    "worn_awake_min",
    "heart_rate_min",
    "heart_rate_hours",
    "steps_daily",
    "steps_from_minutes",
)
COUNTS = ("days", "days_kept", "days_not_kept", "days_undecided")


@dataclass(frozen=True)
class Second:
    """What the second program says.

    Attributes:
        days: a row for each person and day: facts and a verdict of every rule; missing where it cannot be told.
        sensitivity: a row for each person and rule.
        overview: a row for each person.
    """

    days: Frame
    sensitivity: Frame
    overview: Frame


# The clock of New York over the study, a place for every minute of true time: 13 March has 1380 of them.
_UTC: Any = pd.date_range(
    pd.Timestamp(FIRST, tz=ZONE), pd.Timestamp("2016-05-14", tz=ZONE), freq="min", inclusive="left"
).tz_convert("UTC")
_WALL: Any = _UTC.tz_convert(ZONE).tz_localize(None)
_DAY, _HOUR = _WALL.normalize(), _WALL.hour


def _utc(wall: Frame) -> Frame:
    """Instants of wall clocks; one that spring skipped has the offset before it (docs/time-and-late-data.md)."""
    return wall.dt.tz_localize(ZONE, nonexistent=pd.Timedelta(hours=1)).dt.tz_convert("UTC")


def _read(path: Path, kind: str) -> Frame:
    """A file with `who`, `at` and `as_of`: how far its export had seen of the row's day."""
    column, form = TIME_OF[kind]
    rows: Frame = pd.read_csv(path, dtype={"Id": str}).rename(columns={"Id": "who"})
    at: Frame = pd.to_datetime(rows.pop(column), format=form)
    day_ends = at.dt.normalize() + pd.Timedelta(days=1)
    return rows.assign(at=at, as_of=day_ends.clip(upper=at.max()))


def _standing(root: Path, kind: str) -> Frame:
    """The rows of both exports that stand, with `who` and `at`.

    Of several rows of one measurement that of the export that saw most of its day stands: 12 April is partial in the
    first period and whole in the second. The row that sleepDay gives twice is one.
    """
    rows: Frame = pd.concat([_read(path, kind) for path in sorted(root.rglob(f"{kind}_merged.csv"))])
    assert rows["at"].dt.date.between(FIRST, LAST).all()
    best: Frame = rows[rows["as_of"] == rows.groupby(["who", "at"])["as_of"].transform("max")]
    best = best.drop(columns="as_of").drop_duplicates()
    # No two exports that saw as much of a day contradict each other, nor does one contradict itself.
    assert not best.duplicated(["who", "at"]).any()
    return best


def _place(instants: Frame) -> np.ndarray:
    """Places of instants on the grid."""
    return ((instants - _UTC[0]) // pd.Timedelta(minutes=1)).to_numpy()


def _sixtieths(hours: Frame, minutes: Frame) -> np.ndarray:
    """Steps of each minute of a person in sixtieths, -1 without a row.

    A row of an hour is shared out; where rows of minutes are, they stand instead. The row of 02:00 on 13 March, an hour
    that did not occur, lies on the same minutes as that of 03:00. The steps of both were taken: 4020332650 is the one
    with steps in these hours and a total of the vendor, 3,226; all hours hold 3,186, without that of 03:00 3,072.
    """
    found = np.full(len(_UTC), -1, dtype=np.int64)
    for start, value in zip(_place(hours["utc"]), hours["StepTotal"], strict=True):
        found[start : start + 60] = np.maximum(found[start : start + 60], 0) + value
    columns = [f"Steps{n:02d}" for n in range(60)]
    for start, values in zip(_place(minutes["utc"]), minutes[columns].to_numpy(), strict=True):
        found[start : start + 60] = 60 * values
    return found


def _worn_by_steps(sixtieths: np.ndarray) -> np.ndarray:
    """Minutes with steps, or in a run of fewer than 60 zeros. Runs reach over midnight; a minute without a row ends
    one, and counts as not worn."""
    state = pd.Series(np.sign(sixtieths))
    run = (state != state.shift()).cumsum()
    length = run.groupby(run).transform("size")
    return ((state == 1) | ((state == 0) & (length < 60))).to_numpy()


def _stands_for(has_reading: np.ndarray) -> np.ndarray:
    """Minutes that readings stand for: until the next one, as far as is usual on the day (median, up to 15 minutes)."""
    found = has_reading.copy()
    for day in pd.unique(_DAY[has_reading]):
        at = np.flatnonzero(has_reading & (day == _DAY))
        step = int(np.median(np.diff(at))) if len(at) > 2 else 1
        for n in range(1, step if step <= 15 else 1):
            inside = at[(at + n < len(found)) & (_DAY[np.minimum(at + n, len(found) - 1)] == day)]
            found[inside + n] = True
    return found


def _days_of_person(sixtieths: np.ndarray, has_reading: np.ndarray) -> Frame:
    """What the minutes of each day say: counts, and whether there is any row."""
    by_rate = _stands_for(has_reading)
    has_rate_that_day = pd.Series(by_rate).groupby(_DAY).transform("any").to_numpy()
    worn = np.where(has_rate_that_day, by_rate, _worn_by_steps(sixtieths))
    minutes: Frame = pd.DataFrame(
        {
            "length_min": 1,
            "worn_min": worn,
            "worn_06_23_min": worn & (_HOUR >= 6) & (_HOUR < 23),
            "worn_08_20_min": worn & (_HOUR >= 8) & (_HOUR < 20),
            "heart_rate_min": has_reading,
            "has_steps": sixtieths >= 0,
            "has_rows": (sixtieths >= 0) | by_rate,
            "sixtieths": np.maximum(sixtieths, 0),
        }
    )
    by_hour: Frame = minutes.groupby(_WALL.floor("h"))["heart_rate_min"].agg(["sum", "size"])
    good = by_hour["size"].where(2 * by_hour["sum"] > by_hour["size"], 0) / 60
    days: Frame = minutes.groupby(_DAY).sum()
    return days.assign(heart_rate_hours=good.groupby(good.index.normalize()).sum()).rename_axis("day")


def _days(root: Path) -> tuple[Frame, Frame, Frame]:
    """Person-days with facts and verdicts; the nights; and each person's first day and last data."""
    files = {kind: _standing(root, kind) for kind in KINDS}
    for kind in ("hourlySteps", "minuteStepsWide", "heartrate_seconds"):
        files[kind]["utc"] = _utc(files[kind]["at"])
    nights = files["sleepDay"]
    parts, people = [], []
    for who in sorted(set().union(*(f["who"] for f in files.values()))):
        own = {kind: f[f["who"] == who] for kind, f in files.items()}
        sixtieths = _sixtieths(own["hourlySteps"], own["minuteStepsWide"])
        has_reading = np.zeros(len(_UTC), dtype=bool)
        has_reading[_place(own["heartrate_seconds"]["utc"])] = True
        first_day = min(f["at"].min() for f in own.values() if len(f)).normalize()
        # A row of an hour, or a line of its minutes, is data to its end; a row of a day says that the day has begun,
        # and is counted as the person's last sign until the day's end.
        ends = [own[k]["utc"].max() + pd.Timedelta(hours=1) for k in ("hourlySteps", "minuteStepsWide") if len(own[k])]
        if len(own["heartrate_seconds"]):
            ends.append(own["heartrate_seconds"]["utc"].max() + pd.Timedelta(seconds=1))
        dated = pd.concat([own["dailyActivity"]["at"], own["sleepDay"]["at"]])
        begun = [dated.max().tz_localize(ZONE)] if len(dated) else []
        over = [(dated.max() + pd.Timedelta(days=1)).tz_localize(ZONE)] if len(dated) else []
        until = max([*ends, *over]).tz_convert("UTC")
        people.append({"participant_id": who, "first_day": first_day, "handed_over_at": until})
        days = _days_of_person(sixtieths, has_reading).loc[first_day:]
        day_ends = (days.index + pd.Timedelta(days=1)).tz_localize(ZONE)
        days["is_handed_over"] = day_ends <= max([*ends, *begun])
        days["steps_daily"] = own["dailyActivity"].set_index("at")["TotalSteps"].reindex(days.index)
        days["has_night"] = days.index.isin(own["sleepDay"]["at"])
        parts.append(days.reset_index().assign(participant_id=who))
    days = _judged(pd.concat(parts, ignore_index=True))
    return days, nights, pd.DataFrame(people)


def _judged(days: Frame) -> Frame:
    """Facts that cannot be told are missing, and every rule says yes, no or nothing (Kleene's logic)."""
    vendor, has_night, is_over = days["steps_daily"].astype("Int64"), days["has_night"], days["is_handed_over"]
    # Wear of a day without minutes is not known. Where nothing came at all though something later did, there is nothing
    # that a rule could keep.
    is_known: Frame = days["has_rows"] > 0
    is_empty: Frame = ~is_known & vendor.isna() & ~has_night & is_over

    def known(column: str) -> Frame:
        return days[column].astype("Int64").where(is_known)

    worn, sixtieths = known("worn_min"), days["sixtieths"].astype("Int64").where(days["has_steps"] > 0)
    # Sleep is known by its length alone: how much of the wear was awake is not.
    awake = worn.where(~has_night)
    rate_hours = days["heart_rate_hours"].astype("Float64").where(is_known)
    # The vendor's total of the day; where it is not there, the sum of the minutes, but where both are compared.
    steps = (60 * vendor).fillna(sixtieths)
    share = (5 * sixtieths >= 4 * 60 * vendor).where(vendor > 0)
    verdicts = {
        "ten_hours": worn >= 600,
        "sixteen_hours": worn >= 960,
        "rapids_minutes": 2 * known("heart_rate_min") >= days["length_min"],
        "rapids_hours": 2 * 60 * rate_hours >= days["length_min"],
        "heartsteps": known("worn_06_23_min") >= 480,
        "adherent_hours": known("worn_08_20_min") >= 600,
        "abcd": (awake >= 600).astype("boolean") & share.astype("boolean"),
        "steps_1000": steps >= 60 * 1000,
        "active_day": steps > 0,
    }
    found = pd.DataFrame(
        {
            "participant_id": days["participant_id"],
            "day": days["day"],
            "length_min": days["length_min"],
            "is_handed_over": is_over,
            "worn_min": worn,
            "worn_06_23_min": known("worn_06_23_min"),
            "worn_08_20_min": known("worn_08_20_min"),
            "worn_awake_min": awake,
            "heart_rate_min": known("heart_rate_min"),
            "heart_rate_hours": rate_hours,
            "steps_daily": vendor,
            "steps_from_minutes": sixtieths / 60,
        }
    )
    for rule, verdict in verdicts.items():
        said = verdict.astype("boolean").mask(is_empty, other=False)
        # A day that was not handed over to its end is not refused yet.
        found[f"by_{rule}"] = said.where(said.fillna(True) | is_over)
    return found.sort_values(["participant_id", "day"], ignore_index=True)


def _sensitivity(days: Frame) -> Frame:
    rows = []
    for who, own in days.groupby("participant_id"):
        for rule in RULES:
            said = own[f"by_{rule}"]
            counts = (len(own), int(said.sum()), int((~said).sum()), int(said.isna().sum()))
            rows.append({"participant_id": who, "rule": rule, **dict(zip(COUNTS, counts, strict=True))})
    return pd.DataFrame(rows)


def _overview(days: Frame, nights: Frame, people: Frame) -> Frame:
    """The last seven days are those up to the study's last, 13 May; the protocol's rule is that of ten hours."""
    since = pd.Timestamp(LAST) - pd.Timedelta(days=6)
    rows: list[dict[str, Any]] = []
    for who, first_day, until in people.itertuples(index=False):
        lately = days[(days["participant_id"] == who) & (days["day"] >= since)]
        whole = lately[lately["is_handed_over"]]
        slept = nights[(nights["who"] == who) & (nights["at"] >= since)]["TotalMinutesAsleep"]
        worn = whole["worn_min"].dropna().astype(float).mean() / 60
        silent = (AS_OF - until) / pd.Timedelta(hours=1)
        rows.append(
            {
                "participant_id": who,
                "status": "inactive" if silent >= 48 else "active",
                "first_day": first_day,
                "last_day": None,
                "as_of": AS_OF,
                "handed_over_at": until,
                "hours_silent": round(silent, 1),
                "battery_pct": None,
                "days_handed_over": len(whole),
                "days_valid": int(lately["by_ten_hours"].fillna(False).sum()),
                "worn_h_per_day": worn,
                "is_low_wear": None if np.isnan(worn) else worn < 10,
                "nights": len(slept),
                "sleep_h_per_night": slept.mean() / 60,
                "is_low_sleep": slept.mean() / 60 < 6 if len(slept) >= 3 else None,
                "last_contact": None,
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def root(shared_data: Path) -> Path:
    return shared_data / "fitabase"


@pytest.fixture(scope="module")
def second(root: Path) -> Second:
    days, nights, people = _days(root)
    return Second(days, _sensitivity(days), _overview(days, nights, people))


@pytest.fixture(scope="module")
def product(make_job: Callable[..., Ingest], root: Path) -> dict[str, Frame]:
    """The tables of the product, by name."""
    job = make_job(expected_streams=EXPECTED)
    paths = [p for kind in KINDS for p in sorted(root.rglob(f"{kind}_merged.csv"))]
    assert [o.outcome for o in load(job, *paths)] == ["loaded"] * 7
    for name in EXPECTED:
        assert not stage(job, name, FIRST, LAST).held
    with job.lake.connect() as connection:
        cover_days(connection, job, FIRST, LAST, now=NOW)
        people = judge_people(connection, job, now=NOW)
    tables = {name: frame.to_pandas() for name, frame in people.frames.items()}
    days = read_table(job.lake, "coverage.valid_day", "participant_id, day").to_pandas()
    return tables | {"coverage.valid_day": days}


def _cell(value: Any) -> Any:
    """A value as plain Python: missing is None, a date its midnight."""
    if value is None or pd.isna(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return pd.Timestamp(value)
    return float(value) if isinstance(value, (int, float, np.number)) else value


def assert_same(found: Frame, wanted: Frame, key: list[str], columns: Iterable[str]) -> None:
    """The same rows, and no cell that differs; numbers may by the rounding of a float."""
    mine, other = (f.assign(**{k: [_cell(v) for v in f[k]] for k in key}).set_index(key) for f in (found, wanted))
    mine, other = mine.sort_index(), other.sort_index()
    assert list(mine.index) == list(other.index)
    told = []
    for column in columns:
        for at, one, two in zip(mine.index, mine[column], other[column], strict=True):
            left, right = _cell(one), _cell(two)
            is_number = isinstance(left, float) and isinstance(right, float)
            if left != (pytest.approx(right, rel=1e-12, abs=0) if is_number else right):
                told.append(f"{at} {column}: product {left}, files {right}")
    print(*told[:50], sep="\n")
    assert told == []


def test_every_person_day_is_judged_as_by_the_files(product: dict[str, Frame], second: Second):
    """Facts and verdicts, day by day: sums that agree could still be made of other days."""
    columns = [*FACTS, *(f"by_{rule}" for rule in RULES)]
    assert_same(product["coverage.valid_day"], second.days, ["participant_id", "day"], columns)


def test_sensitivity_equals_the_files(product: dict[str, Frame], second: Second):
    found = product["coverage.valid_day_sensitivity"]
    people = second.days["participant_id"].nunique()
    print(f"\n{people} people, {len(second.days)} person-days; product / files")
    print(f"{'rule':16}{'kept':>15}{'not kept':>15}{'undecided':>15}")
    for rule in RULES:
        both = [f[f["rule"] == rule][list(COUNTS)].sum() for f in (found, second.sensitivity)]
        print(f"{rule:16}" + "".join(f"{both[0][c]:>8} /{both[1][c]:>5}" for c in COUNTS[1:]))
    assert set(found[found["is_protocol_rule"]]["rule"]) == {"ten_hours"}
    assert_same(found, second.sensitivity, ["participant_id", "rule"], COUNTS)


def test_days_without_a_step_are_not_active(product: dict[str, Frame], root: Path):
    """The second period has 940 person-days of 33 people, 77 of them without a step; the public files have 11 people.

    Refused is exactly what the vendor's file has as 0 and what was handed over to its end. Nobody else's day is.
    """
    (path,) = root.glob("period2*/dailyActivity_merged.csv")
    rows = pd.read_csv(path, dtype={"Id": str})
    rows["day"] = pd.to_datetime(rows["ActivityDate"], format="%m/%d/%Y")
    zero = rows[rows["TotalSteps"] == 0]
    days = product["coverage.valid_day"].assign(day=lambda f: pd.to_datetime(f["day"]))
    ours = days[days["participant_id"].isin(rows["Id"]) & days["day"].between(*SECOND)]
    refused = ours[ours["by_active_day"].isin([False])]
    undecided = ours[ours["by_active_day"].isna()]
    keys = {
        "zero": set(zip(zero["Id"], zero["day"], strict=True)),
        "refused": set(zip(refused["participant_id"], refused["day"], strict=True)),
        "undecided": set(zip(undecided["participant_id"], undecided["day"], strict=True)),
    }
    waiting = sorted(f"{who} {day:%m-%d}" for who, day in keys["zero"] - keys["refused"])
    print(f"\nsecond period: {len(zero)} of {len(rows)} person-days of {rows['Id'].nunique()} people without a step;")
    print(f"active_day refuses {len(refused)}, waits for {waiting}")
    assert (rows["Id"].nunique(), len(rows), len(zero)) == (11, 338, 31)
    assert keys["refused"] <= keys["zero"]
    assert keys["zero"] - keys["refused"] <= keys["undecided"]
    # Of the last day of the export, two devices had not handed over the end.
    assert waiting == ["1503960366 05-12", "8583815059 05-12"]
    # The one who left the record on 9 May has no rows of these days.
    no_rows = {("6117666160", pd.Timestamp(2016, 5, n)) for n in (10, 11, 12)}
    assert keys["undecided"] == (keys["zero"] - keys["refused"]) | no_rows


def test_overview_equals_the_files(product: dict[str, Frame], second: Second):
    found = product["coverage.overview"]
    told = second.overview
    shown = ["participant_id", "status", "days_valid", "worn_h_per_day", "is_low_wear", "nights", "sleep_h_per_night"]
    print(f"\n{told['status'].value_counts().to_dict()}; the last seven days of those with data in them")
    print(found[found["days_handed_over"] > 0][[*shown, "is_low_sleep"]].round(2).to_string(index=False))
    columns = [c for c in told.columns if c != "participant_id"]
    assert_same(found, told, ["participant_id"], columns)
