"""Random studies whose rows, syncs, holds and rules come in any order: coverage is what all of it at once gives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.study import CoverageRules
from neuro_assets_tests.coverage.conftest import FIRST, Planted, day
from neuro_assets_tests.tables import read_table

pytestmark = [pytest.mark.verify, pytest.mark.timeout(600)]

SEEDS = range(8)
PEOPLE = [
    {"participant_id": "a", "enrolled_on": FIRST},
    {"participant_id": "b", "enrolled_on": date(2019, 11, 4), "withdrawn_on": date(2019, 11, 22)},
    {"participant_id": "c", "consent_lapsed": [{"since": date(2019, 11, 8), "until": date(2019, 11, 10)}]},
]
NAMES = ("a", "b", "c", "unlisted")
LONG_AGO_SETTLED = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass
class Delivery:
    """What comes at one time, and the days that it touches."""

    puts: list[Callable[[Planted], None]] = field(default_factory=list)
    days: set[date] = field(default_factory=set)

    def add(self, put: Callable[[Planted], None], since: datetime, until: datetime) -> None:
        self.puts.append(put)
        last = (until - timedelta(minutes=1)).date()
        self.days |= {since.date() + timedelta(days=n) for n in range((last - since.date()).days + 1)}

    def ranges(self) -> Iterator[tuple[date, date]]:
        """The touched days as runs of days, as one run of the assets is asked for them."""
        first = None
        for one in sorted(self.days):
            if one - timedelta(days=1) not in self.days:
                first = one
            if one + timedelta(days=1) not in self.days:
                assert first is not None
                yield first, one


def random_deliveries(rng: Random) -> list[Delivery]:
    """Stretches of wear, of lying on a table and of nothing; syncs with a charge that drains; a held day."""
    found = [Delivery() for _ in range(rng.randint(3, 5))]
    for who in NAMES:
        comes_with = rng.choice(found)
        at, charge = day(1, rng.choice([0, 0, 30, 100])), rng.uniform(40, 100)
        until = day(30, 24) if rng.random() < 0.5 else day(rng.randint(8, 30))
        has_syncs = rng.random() < 0.8
        while at < until:
            comes_with = rng.choice(found) if rng.random() < 0.2 else comes_with
            end = min(at + timedelta(minutes=round(60 * 2 ** rng.uniform(-1, 6.5))), until)
            how = rng.choices(["worn", "off", "nothing"], [5, 2, 3])[0]
            if how != "nothing":
                comes_with.add(_stretch(how, who, at, end), at, end)
            charge -= (end - at).total_seconds() / 86400 * 15
            if charge < rng.uniform(-20, 40):
                charge = rng.uniform(60, 100)
            if has_syncs and rng.random() < 0.6:
                moment, told = end - timedelta(minutes=1), rng.choice([None, max(0, round(charge))])
                comes_with.add(_sync(who, moment, told), moment, end)
            at = end
    held = day(rng.randint(5, 20))
    rng.choice(found).add(_hold("steps", held.date()), held, held + timedelta(days=1))
    return found


def _stretch(how: str, who: str, at: datetime, end: datetime) -> Callable[[Planted], None]:
    return lambda study: getattr(study, how)(who, at, end)


def _sync(who: str, moment: datetime, charge: int | None) -> Callable[[Planted], None]:
    return lambda study: study.syncs(who, [(moment, charge)])


def _hold(stream: str, held: date) -> Callable[[Planted], None]:
    def put(study: Planted) -> None:
        with study.job.lake.transaction(study.connection, ["ops.day_holds"]):
            study.connection.execute(
                "INSERT INTO ops.day_holds BY NAME SELECT 'staging.' || ? AS table_name, ?::DATE AS day,"
                " 'too many rows failed' AS reason, 9 AS failed_rows, 10 AS total_rows, now() AS held_at",
                [stream, held],
            )

    return put


def random_rules(rng: Random) -> CoverageRules:
    """Another protocol than the one that the study began with."""
    rules: dict[str, Any] = {"low_battery_pct": rng.randint(10, 35)}
    if rng.random() < 0.5:
        since = day(rng.randint(2, 25), 12).replace(tzinfo=UTC)
        rules["outages"] = [{"since": since, "until": since + timedelta(hours=rng.randint(2, 40))}]
    if rng.random() < 0.3:
        rules["wear"] = {"method": "zero_steps"}
    return CoverageRules.model_validate(rules)


def under(study: Planted, rules: CoverageRules) -> Planted:
    protocol = study.job.study.model_copy(update={"coverage": rules})
    return replace(study, job=replace(study.job, study=protocol))


def tables(job: Ingest) -> dict[str, pl.DataFrame]:
    return {t.name: read_table(job.lake, t.qualified, "ALL") for t in COVERAGE_TABLES}


@pytest.mark.parametrize("seed", SEEDS)
def test_any_order_of_a_random_study_gives_what_all_at_once_gives(planted: Callable[..., Planted], seed: int):
    """Days after the last that anything came for are not covered yet where days come one by one."""
    rng = Random(seed)
    deliveries, rules = random_deliveries(rng), random_rules(rng)
    whole = under(planted(people=PEOPLE), rules)
    for delivery in deliveries:
        for put in delivery.puts:
            put(whole)
    whole.cover(now=LONG_AGO_SETTLED)
    at_once = tables(whole.job)
    study = planted(people=PEOPLE)
    if rng.random() < 0.3:
        study.cover(now=LONG_AGO_SETTLED)
    order, rules_come_with = rng.sample(deliveries, len(deliveries)), rng.randrange(len(deliveries))
    for n, delivery in enumerate(order):
        study = under(study, rules) if n == rules_come_with else study
        for put in delivery.puts:
            put(study)
        ranges = list(delivery.ranges())
        for first, last in rng.sample(ranges, len(ranges)):
            study.cover(first, last, LONG_AGO_SETTLED)
    found = tables(study.job)
    days = found["daily"].select(since=pl.col("day").min(), until=pl.col("day").max()).row(0)
    assert (days[1] - days[0]).days > 5
    for name, expected in at_once.items():
        assert found[name].rows() == expected.filter(pl.col("day").is_between(*days)).rows(), name
