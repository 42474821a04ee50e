"""Every public Fitabase file at once: each staging table equals what pandas makes of the files, row for row.

The second computation reads the files itself and knows one rule (docs/time-and-late-data.md): of several rows of
one measurement stands the one whose export saw most of its day; among equals, the later file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from neuro_assets.checks.agreement import Comparison, compare
from neuro_assets.ingest.load import Ingest
from neuro_assets.staging.stage import StagingReport
from neuro_assets.streams.catalogue import stream
from neuro_assets.trace import trace
from neuro_assets_tests.tables import load, query, read_table, stage

pytestmark = pytest.mark.verify

WINDOW = (date(2016, 3, 12), date(2016, 5, 13))
DATE, MOMENT = "%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p"
STAGED = (
    "heart_rate",
    "steps",
    "calories",
    "intensity",
    "weight",
    "daily_activity",
    "daily_steps",
    "daily_calories",
    "daily_intensity",
    "daily_sleep",
)
MINUTES = {
    "SedentaryMinutes": "sedentary_min",
    "LightlyActiveMinutes": "lightly_active_min",
    "FairlyActiveMinutes": "fairly_active_min",
    "VeryActiveMinutes": "very_active_min",
}
DISTANCES = {
    "SedentaryActiveDistance": "sedentary_active_distance_km",
    "LightActiveDistance": "light_active_distance_km",
    "ModeratelyActiveDistance": "moderately_active_distance_km",
    "VeryActiveDistance": "very_active_distance_km",
}
ACTIVITY = {"TotalSteps": "steps", "TotalDistance": "distance_km", "Calories": "calories_kcal"}
SLEEP = {
    "TotalSleepRecords": "sleep_records",
    "TotalMinutesAsleep": "minutes_asleep",
    "TotalTimeInBed": "minutes_in_bed",
}
DAILY = {
    "daily_activity": ("dailyActivity", "ActivityDate", DATE, ACTIVITY | MINUTES, 787),
    "daily_steps": ("dailySteps", "ActivityDay", DATE, {"StepTotal": "steps"}, 338),
    "daily_calories": ("dailyCalories", "ActivityDay", DATE, {"Calories": "calories_kcal"}, 338),
    "daily_intensity": ("dailyIntensities", "ActivityDay", DATE, MINUTES | DISTANCES, 338),
    "daily_sleep": ("sleepDay", "SleepDay", MOMENT, SLEEP, 139),
}


@dataclass(frozen=True)
class Real:
    """The lake with every public file in it, and what staging said."""

    job: Ingest
    reports: dict[str, StagingReport]

    def table(self, name: str) -> pd.DataFrame:
        """A staging table in the order of its key."""
        target = stream(name)
        return read_table(self.job.lake, target.qualified, ", ".join(target.key)).to_pandas()

    def compared(self, name: str) -> Comparison:
        """The agreement check of a stream."""
        with self.job.lake.connect(read_only=True) as connection:
            found = compare(connection, stream(name))
        assert found is not None
        return found


@pytest.fixture(scope="module")
def root(shared_data: Path) -> Path:
    return shared_data / "fitabase"


@pytest.fixture(scope="module")
def real(make_job: Callable[..., Ingest], root: Path) -> Real:
    job = make_job()
    paths = sorted(root.rglob("*.csv"))
    assert [o.outcome for o in load(job, *paths)] == ["loaded"] * 17
    return Real(job, {name: stage(job, name, *WINDOW) for name in STAGED})


@cache
def files_of(root: Path, kind: str) -> tuple[pd.DataFrame, ...]:
    """The files of a kind, the later period last; ids as texts."""
    paths = sorted(root.rglob(f"{kind}_merged.csv"))
    assert paths
    return tuple(pd.read_csv(p, dtype={"Id": str, "LogId": str}, float_precision="round_trip") for p in paths)


def standing(frames: list[pd.DataFrame], key: list[str]) -> pd.DataFrame:
    """The rows that stand, of frames with a column `at`, in the order of the key."""
    told = []
    for arrival, frame in enumerate(frames):
        inside = frame[frame["at"].dt.date.between(*WINDOW)]
        midnight = inside["at"].dt.normalize() + pd.Timedelta(days=1)
        told.append(inside.assign(saw=midnight.clip(upper=inside["at"].max()), arrival=arrival))
    rows = pd.concat(told).sort_values([*key, "saw", "arrival"], kind="stable")
    best = rows[rows["saw"] == rows.groupby(key)["saw"].transform("max")]
    best = best[best["arrival"] == best.groupby(key)["arrival"].transform("max")]
    return best.drop_duplicates().drop(columns=["saw", "arrival"]).reset_index(drop=True)


def samples(root: Path, kind: str, time: str, value: str, period_s: int) -> list[pd.DataFrame]:
    """(participant_id, at, period_s, value) of every file of a kind."""
    return [
        pd.DataFrame(
            {
                "participant_id": f["Id"],
                "at": pd.to_datetime(f[time], format=MOMENT),
                "period_s": period_s,
                "value": f[value].astype(float),
            }
        )
        for f in files_of(root, kind)
    ]


def unpivoted(root: Path, kind: str, prefix: str) -> list[pd.DataFrame]:
    """The minutes of wide files as samples, by a loop over the columns."""
    frames = []
    for f in files_of(root, kind):
        hour = pd.to_datetime(f["ActivityHour"], format=MOMENT)
        minutes = [
            pd.DataFrame(
                {
                    "participant_id": f["Id"],
                    "at": hour + pd.Timedelta(minutes=n),
                    "period_s": 60,
                    "value": f[f"{prefix}{n:02d}"].astype(float),
                }
            )
            for n in range(60)
        ]
        frames.append(pd.concat(minutes))
    return frames


def same(found: pd.DataFrame, wanted: pd.DataFrame, columns: dict[str, str]) -> None:
    """Equal values in every row; `columns` is (column found -> column wanted). Missing equals missing."""
    assert len(found) == len(wanted)
    for mine, other in columns.items():
        left, right = found[mine], wanted[other]
        unequal = ~((left == right) | (left.isna() & right.isna()))
        assert (mine, int(unequal.sum())) == (mine, 0)


SAMPLES = {
    "heart_rate": 17_666,
    "steps": 32_000 + 471_120,
    "calories": 32_000,
    "intensity": 32_000 + 471_120,
}


def of_samples(root: Path, name: str) -> pd.DataFrame:
    hours = {"steps": "StepTotal", "calories": "Calories", "intensity": "TotalIntensity"}
    kinds = {"steps": "hourlySteps", "calories": "hourlyCalories", "intensity": "hourlyIntensities"}
    wide = {"steps": ("minuteStepsWide", "Steps"), "intensity": ("minuteIntensitiesWide", "Intensity")}
    if name == "heart_rate":
        frames = [samples(root, "heartrate_seconds", "Time", "Value", 1)]
    else:
        frames = [samples(root, kinds[name], "ActivityHour", hours[name], 3600)]
    if name in wide:
        frames.append(unpivoted(root, *wide[name]))
    rows = pd.concat([standing(f, ["participant_id", "at"]) for f in frames])
    return rows.sort_values(["participant_id", "period_s", "at"]).reset_index(drop=True)


# The others are fewer rows of the same.
@pytest.mark.parametrize(
    ("name", "rows"),
    [pytest.param(*s, marks=[pytest.mark.verify] * (s[0] == "heart_rate")) for s in SAMPLES.items()],
    ids=SAMPLES,
)
def test_samples_row_for_row(real: Real, root: Path, name: str, rows: int):
    """Wall clock, period and value; the instant, but for the hour of 13 March that did not occur."""
    found, wanted = real.table(name), of_samples(root, name)
    assert len(found) == rows
    same(
        found, wanted, {"participant_id": "participant_id", "local_ts": "at", "period_s": "period_s", "value": "value"}
    )
    instants = wanted["at"].dt.tz_localize("America/New_York", nonexistent="NaT").dt.tz_convert("UTC")
    occurred = instants.notna()
    assert (found["time_quality"][~occurred] == "dst_gap").all()
    assert (found["time_quality"][occurred] == "ok").all()
    assert (found["ts"][occurred].dt.tz_convert("UTC") == instants[occurred]).all()
    assert int((~occurred).sum()) == (0 if name == "heart_rate" else 33)


def test_weighings_row_for_row(real: Real, root: Path):
    """The two of 12 April that both periods have come from the second; a log id is the wall clock in milliseconds."""
    frames = [f.assign(at=pd.to_datetime(f["Date"], format=MOMENT)) for f in files_of(root, "weightLogInfo")]
    wanted = standing(frames, ["Id", "at"])
    found = real.table("weight")
    assert (len(found), found["participant_id"].nunique(), int(found["fat_pct"].notna().sum())) == (89, 11, 3)
    same(
        found,
        wanted,
        {
            "participant_id": "Id",
            "local_ts": "at",
            "weight_kg": "WeightKg",
            "bmi": "BMI",
            "fat_pct": "Fat",
            "is_manual": "IsManualReport",
            "log_id": "LogId",
        },
    )
    assert (found["log_id"].astype("int64") == found["local_ts"].astype("datetime64[ms]").astype("int64")).all()
    assert found["log_id"].duplicated().any()
    report = real.reports["weight"]
    assert (report.total("rows_in"), report.total("rows_superseded")) == (91, 2)


@pytest.mark.parametrize(("name", "of"), DAILY.items(), ids=DAILY)
def test_days_row_for_row(real: Real, root: Path, name: str, of: tuple):
    kind, time, form, columns, rows = of
    frames = [f.assign(at=pd.to_datetime(f[time], format=form)) for f in files_of(root, kind)]
    wanted = standing(frames, ["Id", "at"])
    found = real.table(name)
    assert len(found) == rows
    assert (pd.to_datetime(found["day"]) == wanted["at"]).all()
    same(found, wanted, {"participant_id": "Id", **{mine: vendor for vendor, mine in columns.items()}})


@pytest.mark.parametrize(
    ("name", "hours", "column"),
    [("steps", "hourlySteps", "StepTotal"), ("intensity", "hourlyIntensities", "TotalIntensity")],
)
def test_minutes_add_up_to_the_hours(real: Real, root: Path, name: str, hours: str, column: str):
    """7,852 wide lines: 7,703 have an hour of their own, and not one differs. 149 hours from 11 May on are there
    by the minute alone, the 264 of 12 April by the hour alone."""
    rows = of_samples(root, name)
    minutes = rows[rows["period_s"] == 60]
    summed = minutes.groupby(["participant_id", minutes["at"].dt.floor("h").rename("at")])["value"].agg(
        ["sum", "count"]
    )
    assert (len(summed), set(summed["count"])) == (7852, {60})
    by_hour = rows[rows["period_s"] == 3600].set_index(["participant_id", "at"])["value"]
    both = summed.join(by_hour, how="inner")
    assert (len(both), int((both["sum"] != both["value"]).sum())) == (7703, 0)
    late = summed.index.difference(by_hour.index)
    assert (len(late), {d.date() for _, d in late}) == (149, {date(2016, 5, n) for n in (11, 12, 13)})
    people = set(files_of(root, hours)[1]["Id"])
    first = by_hour[[who in people and at.date() == date(2016, 4, 12) for who, at in by_hour.index]]
    assert len(first.index.difference(summed.index)) == 264
    found = real.compared(name)
    assert (found.compared, found.different, found.largest, found.first) == (7703, 0, 0, [])


@pytest.mark.parametrize(("name", "pairs"), [("daily_steps", 338), ("daily_calories", 338), ("daily_intensity", 1352)])
def test_daily_files_agree_with_the_summary(real: Real, name: str, pairs: int):
    """Four columns of minutes each day make 1,352 pairs; the distances are no part of the summary's columns."""
    found = real.compared(name)
    assert (found.compared, found.different, found.first) == (pairs, 0, [])


def test_calories_come_by_the_hour_alone(real: Real):
    assert real.compared("calories").compared == 0


def test_every_hour_counts_once(real: Real, root: Path):
    """By the minute where the minutes are there, else by the hour; the sums are the same as nothing differs."""
    rows = of_samples(root, "steps").assign(hour=lambda f: f["at"].dt.floor("h"))
    finest = rows[rows["period_s"] == rows.groupby(["participant_id", "hour"])["period_s"].transform("min")]
    (found,) = query(real.job.lake, "SELECT count(*), sum(value) FROM staging.steps_of_record")
    assert found == (len(finest), finest["value"].sum())
    assert len(finest) == 471_120 + 32_000 - 7_703


def test_every_row_is_accounted_for(real: Real, root: Path):
    """Lines of all files, 60 rows for a wide one; what gave way; nothing in quarantine, no day held."""
    lines = {p: len(pd.read_csv(p)) * (60 if "Wide" in p.name else 1) for p in root.rglob("*.csv")}
    total = {
        n: sum(r.total(n) for r in real.reports.values()) for n in real.reports["steps"].totals() if n != "days_held"
    }
    assert total["rows_in"] == sum(lines.values()) == 1_058_099
    assert total["rows_staged"] == 1_057_935
    # 8 days, 51 hours of three streams and 2 weighings of 12 April; a row that sleepDay has twice
    assert (total["rows_superseded"], total["rows_duplicate"], total["rows_quarantined"]) == (163, 1, 0)
    assert [r.held for r in real.reports.values()] == [[]] * len(STAGED)
    assert query(real.job.lake, "SELECT count(*) FROM ops.quarantine") == [(0,)]
    sql = (
        "SELECT count(*) FROM ops.staging_days"
        " WHERE rows_in <> rows_staged + rows_duplicate + rows_superseded + rows_quarantined"
    )
    assert query(real.job.lake, sql) == [(0,)]


def test_the_day_that_both_periods_have_comes_from_the_one_that_saw_all_of_it(real: Real, root: Path):
    """12 April: 8 person-days, 51 hours of three streams and 2 weighings of period 1 give way."""
    gave_way = {name: n for name, r in real.reports.items() if (n := r.total("rows_superseded"))}
    assert gave_way == {"steps": 51, "calories": 51, "intensity": 51, "weight": 2, "daily_activity": 8}
    both = files_of(root, "dailyActivity")[1].query("ActivityDate == '4/12/2016'")
    sql = (
        "SELECT participant_id FROM staging.daily_activity s JOIN ops.landing_files f USING (file_id)"
        " WHERE s.day = DATE '2016-04-12' AND f.last_day = DATE '2016-05-12' ORDER BY 1"
    )
    assert [who for (who,) in query(real.job.lake, sql)] == sorted(both["Id"])


def test_a_minute_is_traced_to_its_line_and_column(real: Real, root: Path):
    path = next(root.rglob("minuteStepsWide_merged.csv"))
    line = path.read_text().splitlines()[1]
    where = {"participant_id": "1503960366", "local_ts": "2016-04-13 00:07:00"}
    (row,) = trace(real.job, "staging.steps", where).children
    (file,) = row.children
    assert (row.facts["value"], row.facts["row_number"]) == (float(line.split(",")[2 + 7]), 1)
    assert file.title == "file minuteStepsWide_merged.csv, row 1"
    assert (file.facts["line"], file.facts["column"], file.facts["text"]) == (2, "Steps07", line)
    assert "plausible_rate" in file.facts["rules passed"]


def test_a_weighing_is_traced_to_its_file_and_to_the_row_that_gave_way(real: Real):
    where = {"participant_id": "8877689391", "local_ts": str(datetime(2016, 4, 12, 6, 47, 11))}
    (row,) = trace(real.job, "staging.weight", where).children
    (file,) = row.children
    assert "weight_kg in [20, 400]" in file.facts["rules passed"]
    assert "column" not in file.facts
    (other,) = file.children
    assert other.title.startswith("superseded: row ")
    assert other.facts["because"] == "another file saw more of that day"
