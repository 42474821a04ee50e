"""Imputing a day of 1,000 people, from the lake to the lake, against an ARIMA for each person."""

import os
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from neuro_assets.simulate.minutes import changed, plant_minutes, scenario
from neuro_assets.simulated_lake import fill_lake
from neuro_assets_tests.benchmarks.coverage import expect_streams, put_syncs
from neuro_assets_tests.benchmarks.homes import new_home
from neuro_assets_tests.benchmarks.memory import GB
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import Apart, apart
from neuro_assets_tests.tables import one

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "1000"))
DAYS, NEW_DAYS, FITTED = 14, 3, 10
STREAMS = ("steps", "heart_rate", "calories")
_OPEN = """
from datetime import UTC, date, datetime
from pathlib import Path
from neuro_assets_tests.benchmarks.homes import job_of
from neuro_assets_tests.benchmarks.timing import timed
import os
job = job_of(Path(os.environ["NEURO_HOME"]))
first, last = date.fromisoformat("{first}"), date.fromisoformat("{last}")
"""
_PREPARE = """
from neuro_assets.coverage.compute import cover_days
from neuro_assets.series.rollup import roll_up_days
with job.lake.connect() as connection:
    told["cover"] = timed(lambda: cover_days(connection, job, first, last, datetime(2030, 1, 1, tzinfo=UTC)))
    told["roll_up"] = timed(lambda: roll_up_days(connection, job, first, last))
"""
_IMPUTE = """
from neuro_assets.imputation.compute import ensure_imputation, impute_days
from neuro_assets.imputation.models import learn_all
from neuro_assets.imputation.rules import imputed_streams
with job.lake.connect() as connection:
    ensure_imputation(connection, job)
    learn = lambda: list(learn_all(connection, job, imputed_streams(job.study), "past_only", first, last, anew=False))
    told["learn"] = timed(learn)
    found = []
    told["impute"] = timed(lambda: found.append(impute_days(connection, job, first, last)))
    told["values"], told["beside"] = found[0].imputed, len(found[0].days_beside)
"""
# What a script would do: read a person's minutes, fit, and take what is predicted where one is missing.
_ARIMA = """
import warnings
import numpy as np
from statsmodels.tsa.arima.model import ARIMA
warnings.simplefilter("ignore")
told["seconds"], told["fits"] = 0.0, 0
with job.lake.connect(read_only=True) as connection:
    for stream in {streams!r}:
        people = connection.execute(
            f"SELECT participant_id FROM imputed.{{stream}}_1m WHERE day = ? GROUP BY ALL"
            " HAVING count(value) BETWEEN 600 AND count(*) - 1 ORDER BY 1 LIMIT {fitted}",
            [last],
        ).fetchall()
        for (who,) in people:
            values = connection.execute(
                f"SELECT CASE WHEN NOT is_imputed THEN value END AS value FROM imputed.{{stream}}_1m"
                " WHERE day = ? AND participant_id = ? ORDER BY ts", [last, who]
            ).fetchnumpy()["value"]
            values = np.ma.filled(values.astype(float), np.nan)
            def fill():
                predicted = ARIMA(values, order=(5, 1, 0)).fit().predict()
                return np.where(np.isnan(values), predicted, values)
            told["seconds"] += timed(fill)
            told["fits"] += 1
"""


def imputed_day(root: Path) -> Section:
    """A simulated fortnight with every effect but travel, straight in the lake; its last days are new, one by one."""
    plan = changed(
        scenario("full"), participants=PEOPLE, days=DAYS, zones={"America/New_York": 3, "America/Los_Angeles": 1}
    )
    study, first = plant_minutes(plan), plan.start
    with new_home(root) as job:
        expect_streams(job, first, DAYS, STREAMS, imputation={"mode": "past_only"})
        rows = sum(f.rows for f in fill_lake(job.lake, study, STREAMS))
        put_syncs(job, study)

        def ran(code: str, since: int, until: int) -> Apart:
            days: dict[str, date] = {"first": first + timedelta(days=since), "last": first + timedelta(days=until)}
            return apart((_OPEN + code).format(**days, streams=STREAMS, fitted=FITTED), job.settings.home)

        # The last day is cut off by the last export.
        behind = DAYS - 1 - NEW_DAYS
        prepared = ran(_PREPARE, 0, DAYS - 1)
        whole = ran(_IMPUTE, 0, behind - 1)
        new = [ran(_IMPUTE, day, day) for day in range(behind, DAYS - 1)]
        arima = ran(_ARIMA, DAYS - 2, DAYS - 2)
        people = one(job.lake, "SELECT count(DISTINCT participant_id) FROM imputed.daily")
    a_fit = arima.told["seconds"] / arima.told["fits"]
    day = median(m.told["impute"] for m in new)
    loop = a_fit * PEOPLE * len(STREAMS)
    told = {name: f"{whole.told[name]:.1f} s" for name in ("learn", "impute")}
    before = f"{prepared.told['cover']:.0f} + {prepared.told['roll_up']:.0f} s"
    fits = f"{arima.told['fits']:.0f} fits"
    lines = [
        (f"coverage and rollups of {DAYS} days", before, prepared),
        (f"learn the models of {behind} days", told["learn"], whole),
        (f"impute {behind} days at once: {whole.told['values']:,.0f} values", told["impute"], whole),
        (f"impute one more day: {median(m.told['values'] for m in new):,.0f} values", f"{day:.1f} s", new[0]),
        (f"an ARIMA(5,1,0) for each person and stream of that day, from {fits}", f"{loop:,.0f} s", arima),
    ]
    return Section(
        "Imputing a day",
        f"{people:,} simulated people, {DAYS} days, {', '.join(STREAMS)} by the minute ({rows:,} rows), past only: from"
        " the tables of coverage and rollups to the tables of gaps, totals and values, with the days beside that"
        f" change. A process each; of one more day the median of {NEW_DAYS} days. The loop is {FITTED} people's fits"
        f" of each stream (statsmodels), without reading or writing, times {PEOPLE:,}.",
        ("work", "time", "memory of the process"),
        [(name, seconds, f"{m.peak_bytes / GB:.2f} GB") for name, seconds, m in lines],
        (
            Target("the loop of ARIMA over one more day", loop / day, 5, "x", is_floor=True),
            Target("memory of one more day", max(m.peak_bytes for m in new) / GB, 4, "GB"),
        ),
    )
