"""Features of steps of 1,000 people: what a month costs, beside pandas' groupby-apply, and whether days add up."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from neuro_assets.features.by_minute import ensure_features, tell_days
from neuro_assets.features.by_rhythm import tell_rhythms
from neuro_assets.features.trailing import tell_spans
from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.science.features.steps import STEPS
from neuro_assets.streams.coverage import COVERAGE_TABLES, VALID_DAY
from neuro_assets.streams.features import CIRCADIAN_SPANS, MINUTE_TABLES
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets.study_features import FeatureRules
from neuro_assets_tests.benchmarks.homes import new_home
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.series import FIRST, PEOPLE
from neuro_assets_tests.benchmarks.series import fill as fill_series
from neuro_assets_tests.benchmarks.timing import apart, timed

GB = 1e9
DAYS, ONE = 30, timedelta(days=1)
_MONTH = """
import os
from datetime import date
from pathlib import Path
from neuro_assets.features.by_minute import tell_days
from neuro_assets.science.features.steps import STEPS
from neuro_assets_tests.benchmarks.homes import job_of
job = job_of(Path(os.environ["NEURO_HOME"]))
with job.lake.connect() as connection:
    tell_days(connection, job, STEPS, date.fromisoformat("{first}"), date.fromisoformat("{last}"))
"""
# Groups take the same time each: some are enough to know what all would take.
GROUPS = 600
FASTER, GROWTH_LIMIT = 10, 1.25


def features(root: Path) -> Section:
    """Series are generated in the lake; features are told of ten days and of a month, series to tables."""
    with new_home(root) as job:
        whole_days = job.study.model_copy(update={"features": FeatureRules(segments={}, windows=(7, 14, 28))})
        plain = type(job)(job.settings, job.lake, whole_days, job.sources)
        with job.lake.connect() as connection:
            with job.lake.transaction(connection, ["ddl"]):
                ensure_tables(connection, (*COVERAGE_TABLES, *SERIES_TABLES))
            (root / "plain").mkdir()
            fill_series(job, connection, root / "plain", 0, DAYS)
            with job.lake.transaction(connection, [VALID_DAY.qualified]):
                _cover(connection)
            tables = MINUTE_TABLES["steps"]
            ensure_features(connection, job, (*tables, CIRCADIAN_SPANS))
            last = FIRST + (DAYS - 1) * ONE
            few = timed(lambda: tell_days(connection, plain, STEPS, FIRST, FIRST + 9 * ONE))
            month = timed(lambda: tell_days(connection, plain, STEPS, FIRST, last))
            parts = timed(lambda: tell_days(connection, job, STEPS, FIRST, last))
            spans = timed(lambda: tell_spans(connection, job, STEPS, tables[0], FIRST, last))
            rhythms = timed(lambda: tell_rhythms(connection, job, FIRST, last))
            frame = _minutes(connection)
        of_its_own = apart(_MONTH.format(first=FIRST, last=last), job.settings.home)
        groups = frame.groupby(["participant_id", "day"]).ngroups
        by_pandas = timed(lambda: frame.groupby(["participant_id", "day"]).apply(_of_group, include_groups=False))
    pandas_month = by_pandas / groups * PEOPLE * DAYS
    of_pandas = f"pandas: groupby-apply of the same features, {groups} groups of {PEOPLE * DAYS:,} ({by_pandas:.0f} s)"
    lines = [
        (f"whole days, 10 days: {len(STEPS.features)} features", f"{few:.1f} s"),
        (f"whole days, {DAYS} days", f"{month:.1f} s"),
        (f"whole days and four parts of each, {DAYS} days", f"{parts:.1f} s"),
        ("spans of 7, 14 and 28 days that end on each", f"{spans:.1f} s"),
        ("rhythms of these spans", f"{rhythms:.1f} s"),
        (of_pandas, f"{pandas_month:.0f} s"),
        ("most memory of a process that tells whole days and parts", f"{of_its_own.peak_bytes / GB:.2f} GB"),
    ]
    return Section(
        "Features",
        f"Minutes of steps of {PEOPLE:,} people, from the rollups in the lake to tables of features in it. Minutes are"
        " read, told apart by wear, and written; pandas is given its groups in memory.",
        ("work", "cost"),
        lines,
        [
            Target("pandas over whole days", pandas_month / month, FASTER, "x", is_floor=True),
            Target(f"cost a day, {DAYS} days over 10", month / few / (DAYS / 10), GROWTH_LIMIT, "x"),
        ],
    )


def _cover(connection: Connection) -> None:
    """Everybody wore the device all day, as steps tell."""
    connection.execute(
        f"""
        INSERT INTO {VALID_DAY.qualified} BY NAME
        SELECT 'P' || lpad(p::VARCHAR, 4, '0') AS participant_id, DATE '{FIRST}' + d::INTEGER AS day,
            1440 AS length_min, true AS is_handed_over, 1440 AS worn_min, 0 AS heart_rate_min, true AS is_valid,
            'bench' AS rules
        FROM range({DAYS}) a(d), range({PEOPLE}) b(p)
        """
    )


def _minutes(connection: Connection) -> pd.DataFrame:
    people = max(GROUPS // DAYS, 1)
    found: pd.DataFrame = connection.execute(
        "SELECT participant_id, day, hour(local_ts) * 60 + minute(local_ts) AS clock, total AS value"
        " FROM imputed.series_1m WHERE participant_id < ? ORDER BY participant_id, ts",
        [f"P{people:04}"],
    ).df()
    return found


def _of_group(rows: pd.DataFrame) -> pd.Series:
    """The features of a day as one writes them with pandas."""
    value, clock = rows["value"], rows["clock"]
    walking = value > 0
    told = {"total": value.sum(), "mean": value.mean(), "sd": value.std()}
    told["first"], told["last"] = clock[walking].min(), clock[walking].max()
    told["cadence"] = value[walking].mean()
    for n in (1, 30, 60):
        told[f"peak_{n}"] = value.nlargest(n).mean()
    for n in (5, 20, 30, 60):
        told[f"best_{n}"] = value.rolling(n).mean().max()
    bands = pd.cut(value, [-1, 0, 19, 39, 59, 79, 99, 119, np.inf]).value_counts(sort=False)
    told |= {f"band_{n}": count for n, count in enumerate(bands)}
    active = value >= 10
    lengths = active.groupby((active != active.shift()).cumsum()).agg(["first", "size"])
    for kind in (True, False):
        own = lengths.loc[lengths["first"] == kind, "size"]
        ordered, n = np.sort(own.to_numpy()), len(own)
        told |= {f"{kind}_{name}": getattr(own, name)() for name in ("count", "sum", "mean", "max", "std")}
        gini = 2 * (np.arange(1, n + 1) * ordered).sum() / (n * ordered.sum()) - (n + 1) / n if n else np.nan
        told |= {f"{kind}_gini": gini * n / (n - 1) if n > 1 else np.nan, f"{kind}_end": 1 / own.mean()}
    return pd.Series(told)
