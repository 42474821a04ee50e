"""A simulated study with known causes: is what is missing told by its reason, hour by hour?

The simulator plants enrolment, wear, batteries and syncs; lapsed consent, an outage and a held day are planted here, by
leaving out the rows that they would have kept away.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from neuro_assets.coverage.compute import cover_days
from neuro_assets.coverage.people import judge_people
from neuro_assets.ingest.load import Ingest
from neuro_assets.simulate.minutes import plant_minutes, write_minutes
from neuro_assets.study import load_study
from neuro_assets_tests.integration.planted import load_minutes, one_device_plan, with_lapse
from neuro_assets_tests.tables import stage

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1200)]

PEOPLE, DAYS = 100, 30
# What the simulator calls a reason, and what it is here.
REASON_OF = {
    "not_worn": "not_worn",
    "not_synced": "not_synced",
    "lost": "not_synced",
    "battery": "battery",
    "withdrawn": "withdrawn",
    "not_enrolled": "not_enrolled",
}
STREAMS = ("steps", "heart_rate")


# Share of the evenings on which charging a low battery is forgotten -> the least recall and precision that is asked
# for. A pause of syncing and an empty battery within it leave the same trace, none; the shipped scenario has many.
LEAST = {0.4: 0.9, 0.6: 0.85}


@dataclass(frozen=True)
class Study:
    """What was planted, and the home it was loaded into."""

    job: Ingest
    least: float
    out: Path
    lapsed: dict[str, tuple[date, date]]
    truth: pl.DataFrame
    first: date
    last: date


@pytest.fixture(scope="module", params=LEAST, ids=lambda share: f"{share:.0%} forgotten")
def study(
    request: pytest.FixtureRequest, make_job: Callable[..., Ingest], tmp_path_factory: pytest.TempPathFactory
) -> Study:
    out = tmp_path_factory.mktemp("simulated")
    plan = one_device_plan(
        PEOPLE,
        DAYS,
        enrolment={"late": 0.3, "within_days": 10, "withdrawn": 0.2},
        battery={"forgotten": request.param},
    )
    write_minutes(plant_minutes(plan), out)
    days = [plan.start + timedelta(days=n) for n in range(DAYS)]
    held, outage = days[12], (days[16], days[17])
    ids = sorted(pl.read_csv(out / "participants.csv")["participant_id"])
    lapsed = {ids[n]: (days[8], days[13]) for n in (3, 11, 19, 27)}
    protocol = load_study(out / "study.yaml")
    stretch = [datetime(d.year, d.month, d.day, 17, tzinfo=UTC) for d in outage]
    people = tuple(with_lapse(p, lapsed.get(p.participant_id)) for p in protocol.people)
    rules = {"outages": [{"since": stretch[0], "until": stretch[1]}]}
    overrides: dict[str, Any] = {"expected_streams": STREAMS, "coverage": rules}
    job = make_job()
    told = protocol.model_validate(protocol.model_dump() | overrides)
    job = replace(job, study=told.model_copy(update={"people": people}))
    load_minutes(job, out, ("minuteStepsNarrow", "heartrate"))
    for name in STREAMS:
        stage(job, name, days[0], days[-1])
    stage(job, "device_sync", days[0], days[-1])
    _leave_out(job, lapsed, stretch, held)
    with job.lake.connect() as connection:
        cover_days(connection, job, days[0], days[-1], now=datetime(2030, 1, 1, tzinfo=UTC))
    return Study(job, LEAST[request.param], out, lapsed, _truth(out, lapsed, stretch, held), days[0], days[-1])


def _leave_out(job: Ingest, lapsed: dict[str, tuple[date, date]], outage: list[datetime], held: date) -> None:
    tables = [f"staging.{s}" for s in STREAMS]
    with job.lake.connect() as connection, job.lake.transaction(connection, [*tables, "ops.day_holds"]):
        for table in tables:
            for who, (since, until) in lapsed.items():
                connection.execute(
                    f"DELETE FROM {table} WHERE participant_id = ? AND day BETWEEN ? AND ?", [who, since, until]
                )
            connection.execute(f"DELETE FROM {table} WHERE ts >= ? AND ts < ?", outage)
            connection.execute(f"DELETE FROM {table} WHERE day = ?", [held])
            connection.execute("INSERT INTO ops.day_holds VALUES (?, ?, 'planted', 9, 10, now(), NULL)", [table, held])


def _truth(out: Path, lapsed: dict[str, tuple[date, date]], outage: list[datetime], held: date) -> pl.DataFrame:
    """Person, beginning of the hour, true reason; `there` where half of the hour or more is recorded."""
    hours = pl.read_parquet(out / "truth/hourly.parquet").with_columns(pl.col("from_utc").dt.replace_time_zone("UTC"))
    names = list(REASON_OF)
    known = {f"{n}_min" for n in (*names, "recorded")}
    others = [c for c in hours.columns if c.endswith("_min") and c not in {*known, "length_min"}]
    assert hours.select(pl.sum_horizontal(others).sum()).item() == 0
    most = pl.concat_list([f"{n}_min" for n in names]).list.arg_max()
    told = most.replace_strict(dict(enumerate(REASON_OF.values())), return_dtype=pl.String)
    local_day = pl.col("hour_local").dt.date()
    is_out = (pl.col("from_utc") >= outage[0]) & (pl.col("from_utc") < outage[1])
    in_lapse = pl.lit(value=False)
    for who, (since, until) in lapsed.items():
        in_lapse |= (pl.col("participant_id") == who) & local_day.is_between(since, until)
    is_asked = ~told.is_in(["not_enrolled", "withdrawn"]) | (2 * pl.col("recorded_min") >= pl.col("length_min"))
    reason = (
        pl.when(is_asked & (local_day == held)).then(pl.lit("held"))
        .when(is_asked & in_lapse).then(pl.lit("needs_reconsent"))
        .when(is_asked & is_out).then(pl.lit("source_failure"))
        .when(2 * pl.col("recorded_min") >= pl.col("length_min")).then(pl.lit("there"))
        .otherwise(told)
    )  # fmt: skip
    return hours.select("participant_id", pl.col("from_utc").alias("ts"), reason.alias("truth"))


@pytest.mark.parametrize("stream", STREAMS)
def test_every_reason_is_found_and_right(study: Study, stream: str):
    with study.job.lake.connect(read_only=True) as connection:
        found = connection.execute(
            "SELECT participant_id, ts, CASE WHEN 2 * valid_min >= length_min THEN 'there' ELSE reason END AS told"
            " FROM coverage.hourly WHERE stream = ?",
            [stream],
        ).pl()
    both = study.truth.join(found, on=["participant_id", "ts"], how="left")
    assert both["told"].null_count() == 0
    table = both.pivot(on="told", index="truth", values="ts", aggregate_function="len").fill_null(0).sort("truth")
    reasons = sorted(both["truth"].unique())
    print(f"\n{stream}: {both.height} participant-hours; rows are the truth")
    with pl.Config(tbl_rows=20, tbl_cols=20, tbl_width_chars=200):
        print(table.select("truth", *[r for r in [*reasons, "unknown"] if r in table.columns]))
    wrong: list[str] = []
    for reason in (r for r in reasons if r != "there"):
        true, told, hit = (
            both.filter(test).height
            for test in (
                pl.col("truth") == reason,
                pl.col("told") == reason,
                (pl.col("truth") == reason) & (pl.col("told") == reason),
            )
        )
        recall, precision = hit / true, hit / told if told else 0.0
        print(f"  {reason:16} {true:6} hours  recall {recall:.3f}  precision {precision:.3f}")
        least = study.least if reason in {"battery", "not_synced"} else 0.9
        wrong += [reason] * (min(recall, precision) < least)
    assert set(reasons) == {*REASON_OF.values(), "held", "needs_reconsent", "source_failure", "there"}
    assert wrong == []


ZONE = ZoneInfo("America/New_York")


def planted_contacts(study: Study, now: datetime) -> dict[str, str]:
    """Whom a coordinator who knew the truth would speak to at a moment, and about what.

    Silent for two days; else not worn for ten hours on any of the last three days that were handed over, for that
    reason. Who has left, has not begun, or had spoken lately about consent is somebody else's list.
    """
    syncs = pl.read_csv(study.out / "truth/device_sync.csv", try_parse_dates=True)
    syncs = syncs.with_columns(pl.col("synced_utc").dt.replace_time_zone("UTC"))
    hours = pl.read_parquet(study.out / "truth/hourly.parquet")
    found: dict[str, str] = {}
    for person in study.job.study.people:
        who, today = person.participant_id, now.astimezone(ZONE).date()
        assert person.enrolled_on
        if today < person.enrolled_on or (person.withdrawn_on and today > person.withdrawn_on):
            continue
        if who in study.lapsed and study.lapsed[who][0] <= today <= study.lapsed[who][1]:
            found[who] = "needs_reconsent"
            continue
        own = syncs.filter((pl.col("participant_id") == who) & (pl.col("synced_utc") <= now))["synced_utc"]
        begin = datetime.combine(person.enrolled_on, time(), ZONE)
        last = max([begin, *own])
        if now - last >= timedelta(hours=48):
            found[who] = "silent"
            continue
        days = hours.filter(pl.col("participant_id") == who).group_by(pl.col("hour_local").dt.date().alias("day")).agg(
            pl.col("recorded_min").sum(), pl.col("not_worn_min").sum(), pl.col("length_min").sum()
        ).sort("day")  # fmt: skip
        until = last.astimezone(ZONE).date()
        known = days.filter((pl.col("day") >= person.enrolled_on) & (pl.col("day") < until)).tail(3)
        absent = known["length_min"] - known["recorded_min"]
        if known.height == 3 and (known["recorded_min"] < 600).all() and (2 * known["not_worn_min"] > absent).all():
            found[who] = "not_worn"
    return found


@pytest.mark.parametrize("day", [5, 10, 26])
def test_the_worklist_names_the_right_people(study: Study, day: int):
    """In the morning of three days: before anything else was planted, while consent has lapsed, and near the end."""
    now = datetime.combine(study.first + timedelta(days=day), time(9, 30), ZONE).astimezone(UTC)
    with study.job.lake.connect(read_only=True) as connection:
        rows = judge_people(connection, study.job, now).frames["coverage.worklist"]
    print(f"\n{now:%Y-%m-%d %H:%M} UTC: {rows.height} of {PEOPLE} people")
    with pl.Config(tbl_rows=100, tbl_width_chars=230, fmt_str_lengths=180, tbl_hide_dataframe_shape=True):
        print(rows.select("participant_id", "priority", "reason", "since", "days", "told"))
    silent = {"not_synced", "battery", "nothing_yet"}
    told = {who: "silent" if why in silent else why for who, why in rows.select("participant_id", "reason").rows()}
    assert told == planted_contacts(study, now)
