"""A simulated study with known truth: are imputed totals right, and is nothing filled in that must not be?

The simulator plants enrolment, wear, batteries and syncs, and keeps what each minute truly was. Lapsed consent,
outages, a held day and short dropouts of the device are planted here, by taking away the rows that they would have kept
away.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from neuro_assets.coverage.compute import cover_days
from neuro_assets.imputation.compute import impute_days
from neuro_assets.imputation.models import record_of
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Lake
from neuro_assets.science.imputation.backtest import ALL, LIMIT, Question, backtest, verdicts
from neuro_assets.science.imputation.model import Hiding
from neuro_assets.science.imputation.rules import FLOORS
from neuro_assets.science.imputation.series import MINUTE
from neuro_assets.series.rollup import roll_up_days
from neuro_assets.settings import load_settings
from neuro_assets.simulate.minutes import MinuteStudy, minute_blocks, plant_minutes, write_minutes
from neuro_assets.simulate.minutes.reasons import Reason
from neuro_assets.simulate.minutes.series import INTENSITY_FROM_STEPS
from neuro_assets.streams.catalogue import stream
from neuro_assets.study import Study, load_study
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.integration.planted import load_minutes, one_device_plan, with_lapse
from neuro_assets_tests.tables import stage
from neuro_assets_tests.threads import THREADS

pytestmark = [pytest.mark.verify, pytest.mark.timeout(1800)]

PEOPLE, DAYS = 100, 28
STREAMS = ("steps", "heart_rate", "calories")
MODES = ("whole_record", "past_only")
DST = date(2016, 3, 13)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
# Beside what the simulator takes away a device records nothing so many times a day, for so long [min], at any time.
DROPOUTS = ((7.0, (5, 60)), (1.0, (61, 360)))
# Refusals that are of a gap as it was in the end, which a day that knows only the past cannot tell.
IN_THE_END = ("not_over", "too_long", "only_totals")
# The longest gap whose values are filled in.
LONGEST_MIN = {"steps": 60, "calories": 60, "heart_rate": 120}
TRUE, LOWER, UPPER = pl.col("true"), pl.col("lower_90"), pl.col("upper_90")


@dataclass(frozen=True)
class Planted:
    """What was taken away beside what the simulator does: days are local, stretches are UTC."""

    lapsed: dict[str, tuple[date, date]]
    held: date
    outages: list[tuple[datetime, datetime]]


@dataclass(frozen=True, eq=False)
class Simulated:
    """A study in a lake, covered and rolled up, and the truth of each minute of its people."""

    job: Ingest
    planted: Planted
    truth: pl.DataFrame
    first: date
    last: date


@dataclass(frozen=True, eq=False)
class Filled:
    """The study after imputation in one mode."""

    study: Simulated
    job: Ingest
    mode: str

    @cache  # noqa: B019
    def minutes(self, name: str) -> pl.DataFrame:
        """Every minute that imputation tells of a stream, and what it truly was."""
        rows = _frame(self.job, f"SELECT * REPLACE (ts AT TIME ZONE 'UTC' AS ts) FROM imputed.{name}_1m")
        columns = ["participant_id", "ts", "is_worn", "is_seen_off", "reason", "true"]
        truth = self.truth.rename({name: "true"}).select(columns)
        both = rows.join(truth, on=["participant_id", "ts"], how="left")
        assert both["true"].null_count() == 0
        return both

    @cached_property
    def truth(self) -> pl.DataFrame:
        """The truth, and whether steps were recorded in that minute, 0 of them, by a device that was off the wrist.

        For longer than what the protocol takes for a reading that failed.
        """
        recorded = _frame(
            self.job,
            "SELECT participant_id, ts AT TIME ZONE 'UTC' AS ts, true AS is_recorded FROM imputed.steps_1m"
            " WHERE observed_value IS NOT NULL",
        )
        both = self.study.truth.sort("participant_id", "ts").join(
            recorded, on=["participant_id", "ts"], how="left", maintain_order="left"
        )
        stretch = pl.struct("participant_id", "is_worn").rle_id()
        is_long = pl.len().over(stretch) > self.job.study.imputation.dropout_min
        return both.with_columns(is_seen_off=pl.col("is_recorded").is_not_null() & ~pl.col("is_worn") & is_long)

    @cache  # noqa: B019
    def gaps(self, name: str) -> pl.DataFrame:
        """Gaps of a stream: `true`, what they truly had, and how many of their minutes were worn, and were seen off."""
        times = "ts AT TIME ZONE 'UTC' AS ts, until_ts AT TIME ZONE 'UTC' AS until_ts"
        found = _frame(
            self.job, f"SELECT * REPLACE ({times}) FROM imputed.gap WHERE stream = '{name}' AND resolution = '1m'"
        )
        within = found.select("participant_id", "gap_id", "ts", "until_ts").sort("ts")
        minutes = self.truth.sort("ts").join_asof(
            within.with_columns(since="ts"), on="ts", by="participant_id", check_sortedness=False
        )
        true = (
            minutes.filter(pl.col("ts") < pl.col("until_ts"))
            .group_by("gap_id")
            .agg(
                true=pl.col(name).sum(),
                worn_min=pl.col("is_worn").sum().cast(pl.Int32),
                off_min=pl.col("is_seen_off").sum().cast(pl.Int32),
            )
        )
        return found.join(true, on="gap_id", how="left")


def _frame(job: Ingest, sql: str) -> pl.DataFrame:
    with job.lake.connect(read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).pl()


@pytest.fixture(scope="module")
def study(make_job: MakeJob, tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return simulated(make_job(), tmp_path_factory.mktemp("simulated"))


@pytest.fixture(scope="module", params=MODES)
def filled(request: pytest.FixtureRequest, study: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    return filled_in(study, request.param, tmp_path_factory.mktemp("filled") / "home")


def simulated(job: Ingest, out: Path) -> Simulated:
    """The study through files, ingest, staging, coverage and rollups, with what is planted here."""
    plan = one_device_plan(
        PEOPLE,
        DAYS,
        enrolment={"late": 0.2, "within_days": 8, "withdrawn": 0.15},
        battery={"forgotten": 0.4},
        events={},
        surveys=(),
    )
    simulation = plant_minutes(plan)
    write_minutes(simulation, out)
    days = [plan.start + timedelta(days=n) for n in range(DAYS)]
    protocol = load_study(out / "study.yaml")
    ids = sorted(p.participant_id for p in protocol.people)
    planted = Planted(
        lapsed={ids[n]: (days[8], days[13]) for n in (3, 11)},
        held=days[18],
        outages=[_outage(days[10], 15, 45), _outage(days[15], 14, 30), _outage(days[22], 17, 24 * 60)],
    )
    job = replace(job, study=_protocol(protocol, planted))
    load_minutes(job, out, ("minuteStepsNarrow", "minuteCaloriesNarrow", "heartrate"))
    for name in (*STREAMS, "device_sync"):
        stage(job, name, days[0], days[-1])
    _leave_out(job, planted, _dropouts(ids, days))
    with job.lake.connect() as connection:
        cover_days(connection, job, days[0], days[-1], now=NOW)
        roll_up_days(connection, job, days[0], days[-1])
    return Simulated(job, planted, truth_of(simulation), days[0], days[-1])


def filled_in(study: Simulated, mode: str, home: Path) -> Filled:
    """Impute in a copy of the home. The study's last day is over, so that its record is whole by itself."""
    shutil.copytree(study.job.settings.home, home)
    settings = load_settings({"NEURO_HOME": str(home), "NEURO_THREADS": THREADS})
    rules = {} if mode == "whole_record" else {"imputation": {"mode": mode}}
    told = study.job.study.model_validate(study.job.study.model_dump() | rules)
    told = told.model_copy(update={"people": study.job.study.people})
    job = Ingest(settings, Lake.from_settings(settings), told, study.job.sources)
    with job.lake.connect() as connection:
        impute_days(connection, job, study.first, study.last, now=NOW)
    return Filled(study, job, mode)


def _outage(day: date, hour: int, minutes: int) -> tuple[datetime, datetime]:
    since = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return since, since + timedelta(minutes=minutes)


def _protocol(protocol: Study, planted: Planted) -> Study:
    rules: dict[str, Any] = {
        "expected_streams": STREAMS,
        "coverage": {"outages": [{"since": since, "until": until} for since, until in planted.outages]},
    }
    people = [with_lapse(person, planted.lapsed.get(person.participant_id)) for person in protocol.people]
    return protocol.model_validate(protocol.model_dump() | rules).model_copy(update={"people": tuple(people)})


def _dropouts(people: list[str], days: list[date]) -> pl.DataFrame:
    """Minutes that a device failed to record, worn or not; they depend on nothing but chance."""
    rng = np.random.default_rng(20)
    begin = np.datetime64(days[0], "m")
    found = []
    for who in people:
        for a_day, (shortest, longest) in DROPOUTS:
            count = rng.poisson(a_day * len(days))
            since = rng.integers(0, len(days) * 1440, count)
            length = rng.integers(shortest, longest + 1, count)
            lost = np.unique(np.concatenate([np.arange(s, s + n) for s, n in zip(since, length, strict=True)]))
            found.append(pl.DataFrame({"participant_id": who, "ts": (begin + lost).astype("datetime64[us]")}))
    return pl.concat(found).unique()


def _leave_out(job: Ingest, planted: Planted, dropouts: pl.DataFrame) -> None:
    tables = [f"staging.{s}" for s in STREAMS]
    with job.lake.connect() as connection, job.lake.transaction(connection, [*tables, "ops.day_holds"]):
        connection.register("frame_lost", dropouts.to_arrow())
        for table in tables:
            for who, (since, until) in planted.lapsed.items():
                connection.execute(
                    f"DELETE FROM {table} WHERE participant_id = ? AND day BETWEEN ? AND ?", [who, since, until]
                )
            for outage in planted.outages:
                connection.execute(f"DELETE FROM {table} WHERE ts >= ? AND ts < ?", outage)
            connection.execute(f"DELETE FROM {table} WHERE day = ?", [planted.held])
            connection.execute(
                "INSERT INTO ops.day_holds VALUES (?, ?, 'planted', 9, 10, now(), NULL)", [table, planted.held]
            )
            connection.execute(
                f"DELETE FROM {table} t USING frame_lost l WHERE t.participant_id = l.participant_id"
                " AND date_trunc('minute', t.ts) = l.ts::TIMESTAMP AT TIME ZONE 'UTC'"
            )
        connection.unregister("frame_lost")


def truth_of(simulation: MinuteStudy) -> pl.DataFrame:
    """Every minute of everybody's days: participant_id, ts (UTC), day, is_worn, reason, and the true streams."""
    return pl.concat(_truths(simulation))


def _truths(simulation: MinuteStudy) -> Iterator[pl.DataFrame]:
    names = [reason.label for reason in Reason]
    for block in minute_blocks(simulation):
        row, minute = np.nonzero(block.reason != Reason.OUTSIDE)
        steps = block.steps[row, minute]
        # One device a person, that shows what is true.
        intensity = sum((steps >= least).astype(np.int8) for least in INTENSITY_FROM_STEPS)
        yield pl.DataFrame(
            {
                "participant_id": simulation.cohort.people.participant_id[block.first + row],
                "ts": simulation.clocks.utc(minute),
                "day": simulation.clocks.days[0] + block.day[row, minute],
                "is_worn": block.is_worn[row, minute],
                "reason": np.array(names)[block.reason[row, minute]],
                "steps": steps.astype(np.float64),
                "heart_rate": block.heart_rate_bpm[row, minute].astype(np.float64),
                "calories": block.kcal_of_intensity[row, intensity].astype(np.float64),
            }
        ).with_columns(pl.col("ts").cast(pl.Datetime("us")))


def worn_values(filled: Filled, name: str) -> pl.DataFrame:
    """Imputed minutes during which the device was on the wrist."""
    return filled.minutes(name).filter(pl.col("is_imputed") & pl.col("is_worn"))


def worn_totals(filled: Filled, name: str) -> pl.DataFrame:
    """Totals that are told of gaps during all of which it was."""
    columns = "gap_id, total, lower_90, upper_90"
    told = _frame(filled.job, f"SELECT {columns} FROM imputed.gap_total WHERE stream = '{name}'")
    return told.join(filled.gaps(name), on="gap_id", validate="1:1").filter(pl.col("worn_min") == pl.col("gap_min"))


def held_share(rows: pl.DataFrame) -> float:
    """Share of true values that lie in their interval."""
    return rows.select(TRUE.is_between(LOWER, UPPER).mean()).item()


def relative_bias(told: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    """Error of the sum as a share of the true sum, and its standard error, from gaps drawn anew."""
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, len(told), (500, len(told)))
    return told.sum() / true.sum() - 1, float(np.std(told[drawn].sum(axis=1) / true[drawn].sum(axis=1)))


@pytest.mark.parametrize("name", ["steps", "calories"])
def test_imputed_values_add_up_to_what_was_done(filled: Filled, name: str):
    """Within 5 % of the truth over all gaps whose values are filled in, as far as the device was worn in them."""
    gaps = worn_values(filled, name).group_by("participant_id", "gap_id").agg(pl.col("value", "true").sum(), pl.len())
    bias, error = relative_bias(gaps["value"].to_numpy(), gaps["true"].to_numpy())
    print(f"\n{filled.mode} {name}: {gaps['len'].sum()} values in {gaps.height} gaps, bias {bias:+.4f} +- {error:.4f}")
    assert gaps.height > 1_000
    assert abs(bias) <= 0.05


@pytest.mark.parametrize("name", ["steps", "calories"])
def test_totals_of_gaps_are_those_of_the_truth_and_lie_in_their_intervals(filled: Filled, name: str):
    totals = worn_totals(filled, name)
    bias, error = relative_bias(totals["total"].to_numpy(), totals["true"].to_numpy())
    print(f"\n{filled.mode} {name}: {totals.height} totals, bias {bias:+.4f} +- {error:.4f}, {held_share(totals):.4f}")
    for shortest, longest in ((1, 15), (16, 60), (61, 120), (121, 360)):
        of = totals.filter(pl.col("gap_min").is_between(shortest, longest))
        part, part_error = relative_bias(of["total"].to_numpy(), of["true"].to_numpy())
        print(
            f"  {shortest:3}-{longest:3} min {of.height:5} gaps {part:+.4f} +- {part_error:.4f}, {held_share(of):.4f}"
        )
    assert totals["gap_min"].max() > 300
    assert abs(bias) <= 0.05
    assert 0.85 <= held_share(totals) <= 0.95


def test_an_imputed_heart_rate_is_right_on_average(filled: Filled):
    values = worn_values(filled, "heart_rate")
    errors = values.group_by("method").agg(pl.len(), (pl.col("value") - pl.col("true")).mean().alias("error"))
    error = (values["value"] - values["true"]).mean()
    rmse = ((values["value"] - values["true"]) ** 2).mean() ** 0.5
    print(f"\n{filled.mode} heart_rate: {values.height} values, mean error {error:+.3f} bpm, rmse {rmse:.2f}")
    print("".join(f"  {method:7} {n:6} values {of:+.3f}\n" for method, n, of in errors.sort("method").rows()), end="")
    assert set(errors["method"]) == {"linear", "stack"}
    assert abs(error) <= 1


@pytest.mark.parametrize("name", ["heart_rate", "calories"])
def test_intervals_hold_nine_of_ten_single_values(filled: Filled, name: str):
    values = worn_values(filled, name)
    below, above = (values.select(is_so.mean()).item() for is_so in (TRUE < LOWER, TRUE > UPPER))
    share = held_share(values)
    print(f"\n{filled.mode} {name}: {values.height} values, {share:.4f}; {below:.4f} below, {above:.4f} above")
    assert 0.85 <= share <= 0.95


def unworn_days(study: Simulated) -> pl.DataFrame:
    """Person and day that was handed over and on which the device was never on the wrist, nothing else being wrong."""
    days = study.truth.group_by("participant_id", "day").agg((pl.col("reason") == "not_worn").all().alias("is_off"))
    kept_away = {study.planted.held, *(at.date() for outage in study.planted.outages for at in outage)}
    off = days.filter(pl.col("is_off") & ~pl.col("day").is_in(list(kept_away)))
    for who, (since, until) in study.planted.lapsed.items():
        off = off.filter((pl.col("participant_id") != who) | ~pl.col("day").is_between(since, until))
    return off.select("participant_id", "day").sort("participant_id", "day")


@pytest.mark.parametrize("name", STREAMS)
def test_a_day_without_wear_has_no_value(filled: Filled, name: str):
    """Neither the zeros, or the basal rate, that the device recorded nor an estimate; and it is told why.

    Where a longer gap holds more of something else, as a held day beside, that is what the gap is refused for.
    """
    off = unworn_days(filled.study)
    minutes = filled.minutes(name).join(off, on=["participant_id", "day"])
    gaps = filled.gaps(name).select("gap_id", why="reason", is_off=2 * pl.col("off_min") > pl.col("gap_min"))
    told = minutes.join(gaps, on="gap_id", how="left")
    table = told.group_by("is_off", "why", "refusal", "is_imputed", has=pl.col("value").is_not_null()).len().sort("len")
    print(f"\n{filled.mode} {name}: {off.height} days, {minutes.height} minutes")
    for is_off, why, refusal, is_imputed, has, count in table.rows():
        what = ("imputed" if is_imputed else "observed") if has else "no value"
        print(f"  {what:8} {count:6} min, gap of {why}, {refusal}{'' if is_off else ', mostly not seen off'}")
    assert minutes.height == 1440 * off.height - 60 * (off["day"] == DST).sum()
    assert minutes["value"].count() == 0
    assert set(told.filter("is_off").select("why", "refusal").unique().rows()) == {("not_worn", "not_allowed")}
    assert told.filter("is_off").height > 0.6 * told.height


@pytest.mark.parametrize("name", ["steps", "calories"])
def test_a_day_without_a_value_has_no_total(filled: Filled, name: str):
    """A 0 would be taken for a day on which nothing was done: of days off the wrist, held, lapsed, not in the study."""
    daily = _frame(filled.job, f"SELECT * FROM imputed.daily WHERE stream = '{name}' AND resolution = '1m'")
    values = filled.minutes(name).group_by("participant_id", "day").agg(pl.col("value").count().alias("values"))
    both = daily.join(values, on=["participant_id", "day"], how="left").with_columns(pl.col("values").fill_null(0))
    empty = both.filter(pl.col("values") == 0)
    total = pl.col("observed_total") + pl.col("imputed_total")
    with_total = empty.filter(total.is_not_null())
    print(
        f"\n{filled.mode} {name}: {empty.height} of {both.height} days have no value; {with_total.height} have a total,"
        f" {with_total.filter(pl.col('empty_min') == 0).height} of them as if nothing were missing"
    )
    assert empty.height > 100
    assert with_total.height == 0
    assert both.filter(pl.col("values") > 0).select(total.null_count()).item() == 0


def test_days_without_wear_do_not_lower_the_mean(filled: Filled):
    """Over days that are told but for half an hour, against the truth of the same days."""
    daily = _frame(filled.job, "SELECT * FROM imputed.daily WHERE stream = 'steps' AND resolution = '1m'")
    inside = filled.study.truth.filter(~pl.col("reason").is_in(["not_enrolled", "withdrawn"]))
    worn = inside.group_by("participant_id", "day").agg(pl.col("steps").sum(), pl.col("is_worn").any())
    both = daily.join(worn, on=["participant_id", "day"], validate="1:1")
    told = both.with_columns(total=pl.col("observed_total") + pl.col("imputed_total"))
    full = told.filter(pl.col("empty_min") <= 30)
    zeros = filled.minutes("steps").group_by("participant_id", "day").agg(
        zeros=pl.col("observed_value").sum(), rows=pl.col("observed_value").count()
    ).filter(pl.col("rows") > 0)  # fmt: skip
    print(
        f"\n{filled.mode}: {full.height} full days, mean {full['total'].mean():.0f} steps, true"
        f" {full['steps'].mean():.0f}; truly {told.filter('is_worn')['steps'].mean():.0f} over all worn days; zeros and"
        f" holes as they are, {zeros['zeros'].mean():.0f} over {zeros.height} days"
    )
    assert full.height > 100
    assert full["is_worn"].all()
    assert full["total"].mean() == pytest.approx(full["steps"].mean(), rel=0.02)


@pytest.mark.parametrize("name", STREAMS)
def test_what_was_seen_to_be_off_the_wrist_is_not_filled_in(filled: Filled, name: str):
    """Minutes of which steps were recorded, without a heart rate, by a device that was off."""
    off = filled.minutes(name).filter("is_seen_off")
    wrong = off.filter("is_imputed")
    print(
        f"\n{filled.mode} {name}: {off.height} minutes, {wrong.height} filled in, in {wrong['gap_id'].n_unique()} gaps"
    )
    assert off.height > 50_000
    assert wrong.height == 0


@pytest.mark.parametrize("name", STREAMS)
def test_a_refused_gap_has_no_value(filled: Filled, name: str):
    """Whatever it is refused for. By the past alone, a gap may be filled in to the end of the day it began on."""
    gaps = filled.gaps(name)
    refused = gaps.filter(pl.col("refusal").is_not_null())
    as_a_whole = refused.select("gap_id", "is_over", in_the_end="refusal", begins="day", whole_min="gap_min")
    within = filled.minutes(name).join(as_a_whole, on="gap_id")
    print(f"\n{filled.mode} {name}: {gaps.height} gaps")
    table = refused.group_by("reason", "refusal", "is_over").agg(pl.len(), pl.col("gap_min").sum())
    for reason, refusal, is_over, count, minutes in table.sort("reason", "refusal", "is_over").rows():
        print(f"  {reason:16} {refusal:12} {'over' if is_over else 'open':5} {count:5} gaps {minutes:7} min")
    told = set(refused.select("reason", "refusal").rows())
    expected = {("not_worn", "not_allowed"), ("held", "not_allowed"), ("needs_reconsent", "not_allowed"),
                ("battery", "too_long"), ("not_synced", "too_long"), ("source_failure", "too_long"),
                ("not_synced", "not_over")}  # fmt: skip
    assert expected - told == set()
    filled_in = within.filter(pl.col("value").is_not_null())
    # By then some of it was to come, and with it, it may be, another reason.
    is_open = pl.col("in_the_end").is_in(IN_THE_END) | (pl.col("gap_min") < pl.col("whole_min"))
    late = filled_in.filter(is_open & (pl.lit(filled.mode) == "past_only"))
    print(f"  filled in on the first evening and refused in the end: {late.height} minutes")
    assert filled_in.height == late.height
    assert within["refusal"].null_count() == late.height
    if filled.mode == "past_only":
        assert (late["day"] == late["begins"]).all()
        assert 0 < late.group_by("gap_id").len()["len"].max() <= LONGEST_MIN[name]


@pytest.mark.parametrize("name", STREAMS)
def test_planted_days_have_no_value(filled: Filled, name: str):
    """While consent had lapsed, on the held day, in the long outage, and after what was handed over last."""
    minutes, planted = filled.minutes(name), filled.study.planted
    lapse = pl.lit(value=False)
    for who, (since, until) in planted.lapsed.items():
        lapse |= (pl.col("participant_id") == who) & pl.col("day").is_between(since, until)
    long = max(planted.outages, key=lambda outage: outage[1] - outage[0])
    since, until = (at.replace(tzinfo=None) for at in long)
    last = (
        minutes.filter(pl.col("observed_value").is_not_null()).group_by("participant_id").agg(last=pl.col("ts").max())
    )
    kinds = {
        "lapsed": minutes.filter(lapse),
        "held": minutes.filter(pl.col("day") == planted.held),
        "outage": minutes.filter(pl.col("ts").is_between(since, until, closed="left")),
        "after the last": minutes.join(last, on="participant_id").filter(pl.col("ts") > pl.col("last")),
    }
    for kind, rows in kinds.items():
        print(f"\n{filled.mode} {name} {kind}: {rows.height} minutes, {rows['value'].count()} with a value", end="")
        assert rows.height > 1_000, kind
        assert rows["observed_value"].count() == 0, kind
    by_past = filled.mode == "past_only"
    # By the past alone, nobody knows on its first evening that a gap goes on.
    late = {"outage", "after the last"} if by_past else set()
    assert [kind for kind, rows in kinds.items() if rows["value"].count() and kind not in late] == []


def test_the_default_holds_on_a_simulated_heart_rate(study: Simulated):
    """One person's real heart rate is too thin to score, so it is scored on the simulator: that is what this says."""
    with study.job.lake.connect(read_only=True) as connection:
        people = [person.participant_id for person in study.job.study.people]
        of = stream("heart_rate")
        whose, record = record_of(connection, study.job.study, of, MINUTE, sorted(people), study.first, study.last)
    scores = backtest(record, Question(hiding=Hiding(least_share=0.8), floor=FLOORS["heart_rate"]))
    overall = {(s.length_min, s.method): s for s in scores if s.part_of_day == ALL and s.person is None}
    found = verdicts(scores)
    print(f"\nsimulated heart rate of {len(whose)} people")
    for verdict in found:
        best = overall[verdict.length_min, verdict.best]
        print(
            f"  {verdict.length_min:3} min {verdict.gaps:4} gaps rmse {overall[verdict.length_min, 'stack'].rmse:.3f}"
            f" best {verdict.best} {best.rmse:.3f}, ratio {verdict.to_best:.4f};"
            f" linear {overall[verdict.length_min, 'linear'].rmse:.3f}; coverage {verdict.coverage:.4f}"
        )
    assert [v.length_min for v in found] == list(MINUTE.lengths)
    assert max(v.to_best for v in found) <= LIMIT
    # What is told of gaps of up to five minutes.
    short = found[0]
    assert overall[5, "linear"].rmse <= LIMIT * overall[5, short.best].rmse
