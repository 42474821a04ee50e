"""Query times on a year of 1,000 people, written straight into the lake by the simulator."""

from datetime import date
from pathlib import Path

from neuro_assets.lake.lake import Lake
from neuro_assets.simulate.minutes import plant_minutes
from neuro_assets.simulate.minutes.plan import MinutePlan
from neuro_assets.simulated_lake import fill_lake
from neuro_assets_tests.benchmarks.homes import new_home
from neuro_assets_tests.benchmarks.report import Section
from neuro_assets_tests.benchmarks.timing import take_turns, timed

PEOPLE, DAYS, ROUNDS = 1_000, 365, 5
QUESTIONS = {
    "one person, one week, hour by hour": """
        SELECT local_ts, value FROM staging.steps
        WHERE participant_id = $who AND day BETWEEN DATE '2016-08-01' AND DATE '2016-08-07' ORDER BY local_ts
    """,
    "one person, the whole year, by day": """
        SELECT day, sum(value) FROM staging.steps WHERE participant_id = $who GROUP BY day ORDER BY day
    """,
    "everybody, one day": """
        SELECT participant_id, sum(value) FROM staging.steps WHERE day = DATE '2016-08-01' GROUP BY participant_id
    """,
    "everybody, one month, by day": """
        SELECT participant_id, day, sum(value) FROM staging.steps
        WHERE day BETWEEN DATE '2016-08-01' AND DATE '2016-08-31' GROUP BY ALL
    """,
    "everybody, the whole year: hours and total": """
        SELECT participant_id, count(*), sum(value) FROM staging.steps GROUP BY participant_id
    """,
    "who has no hour on which day of the year": """
        SELECT p.participant_id, d.day
        FROM (SELECT DISTINCT participant_id FROM staging.steps) p
        CROSS JOIN (SELECT DISTINCT day FROM staging.steps) d
        ANTI JOIN (SELECT DISTINCT participant_id, day FROM staging.steps) s USING (participant_id, day)
    """,
}


def queries(root: Path) -> Section:
    """A reader's questions, on one open read-only connection."""
    with new_home(root) as job:
        plan = MinutePlan(participants=PEOPLE, days=DAYS, start=date(2016, 3, 13), seed=1, resolution="hour")
        filling = timed(lambda: fill_lake(job.lake, plant_minutes(plan)))
        with job.lake.connect(read_only=True) as connection:
            count, who = connection.execute("SELECT count(*), min(participant_id) FROM staging.steps").fetchall()[0]

            def ask(sql: str) -> float:
                given = {"who": who} if "$who" in sql else {}
                return timed(lambda: connection.execute(sql, given).fetchall())

            times = take_turns(ROUNDS, {name: lambda _, sql=sql: ask(sql) for name, sql in QUESTIONS.items()})
        opening = take_turns(ROUNDS, {"open": lambda _: timed(lambda: _open(job.lake))})["open"]
    return Section(
        "Questions to a year",
        f"Hourly steps of {PEOPLE:,} people for {DAYS} days, {count:,} rows in {DAYS} encrypted partitions, simulated"
        f" into the lake in {filling:.0f} s. Opening a read-only connection takes {opening.shown}; medians of {ROUNDS}"
        " rounds on one that is open, answers fetched into Python.",
        ("question", "median (range)"),
        [(name, t.shown) for name, t in times.items()],
    )


def _open(lake: Lake) -> None:
    with lake.connect(read_only=True) as connection:
        connection.execute("SELECT 1").fetchall()
