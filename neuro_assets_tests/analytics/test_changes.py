"""Change points of a study's people: planted ones are told, and how many are by chance is controlled."""

from collections.abc import Callable
from datetime import timedelta

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy.stats import false_discovery_control

from neuro_assets.analytics.changes import adjusted, judge, surest, tally
from neuro_assets.analytics.measures import VALUES
from neuro_assets_tests.analytics.conftest import CHANGE_DAY, DAYS, FIRST, STEPS, Planted, day_of, steps_of, table_of
from neuro_assets_tests.science.series_of_days import alike

# Of the 15 hypotheses of Benjamini and Hochberg 1995, JRSS B 57:289, four are rejected at 0.05.
PUBLISHED = [
    *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528),
    *(0.7590, 1.0),
]


def test_the_published_example_of_control_rejects_four():
    p = np.array(PUBLISHED)
    mixed = np.random.default_rng(1).permutation(len(p))
    found = adjusted(p[mixed])
    assert sorted(p[mixed][found <= 0.05]) == PUBLISHED[:4]
    assert found == pytest.approx(false_discovery_control(p[mixed]))
    assert adjusted([]).shape == (0,)


def test_planted_changes_are_told_and_the_others_hold(told: Planted):
    rows = table_of(told, "change_point").filter(pl.col("measure") == "steps.total").rows(named=True)
    of = {who: [row for row in rows if row["participant_id"] == who] for who in {r["participant_id"] for r in rows}}
    (down,) = of["down"]
    assert (down["verdict"], down["direction"], down["change"]) == ("changed", "down", 1)
    assert abs((down["day"] - CHANGE_DAY).days) <= 2
    assert down["lower"] < -4000 < down["upper"] < 0
    assert down["level_before"] == pytest.approx(9000, abs=500)
    assert down["weekend_effect"] == pytest.approx(1500, abs=700)
    assert (down["days"], down["first_day"], down["last_day"]) == (DAYS, FIRST, day_of(DAYS - 1))
    away = of["away"]
    assert [(r["change"], r["direction"], r["verdict"]) for r in away] == [(1, "down", "changed"), (2, "up", "changed")]
    assert all(abs((r["day"] - day_of(n)).days) <= 3 for r, n in zip(away, (21, 42), strict=True))
    (short,) = of["short"]
    assert (short["verdict"], short["days"]) == ("not_tested", 10)
    assert [short[name] for name in ("p", "q", "day", "phi", "level_before")] == [None] * 5
    holding = [r for who, own in of.items() if who.startswith("p") for r in own]
    assert [r["verdict"] for r in holding] == ["holding"] * 10
    assert all(r["change"] == 0 and r["p"] > 0.05 and 1 < r["detectable_sd"] < 3 for r in holding)


def test_people_who_change_about_the_same_day_are_counted(make_analytics: Callable[[], Planted]):
    """A new device for three of them; a fourth changes then, but the other way."""
    study = make_analytics()
    noise = 500 * alike(np.random.default_rng(3), 5, 60, 0.2)
    sizes, places = (4000, 4000, 4000, -4000, 0), (30, 31, 29, 30, 30)
    for who, size, place, own in zip("abcde", sizes, places, noise, strict=True):
        study.put(STEPS, steps_of(who, (9000 + own + size * (np.arange(60) >= place)).tolist()))
    rows = study.tell()["change_point"].rows(named=True)
    assert {r["participant_id"]: r["people_alike"] for r in rows} == {"a": 2, "b": 2, "c": 2, "d": 0, "e": None}


def test_the_tally_counts_each_person_once(told: Planted):
    found = table_of(told, "change_point")
    steps = tally(found).filter(pl.col("measure") == "steps.total").rows(named=True)
    assert steps == [
        {"measure": "steps.total", "changed": 2, "up": 1, "down": 2, "perhaps": 0, "holding": 10, "not_tested": 1}
    ]
    assert [r["participant_id"] for r in surest(found, 9)] in (["down", "away"], ["away", "down"])


def lake_of(values: np.ndarray) -> duckdb.DuckDBPyConnection:
    """The table of values, of (people, days)."""
    connection = duckdb.connect()
    people, days = values.shape
    frame = pl.DataFrame(
        {
            "measure": ["steps.total"] * values.size,
            "participant_id": np.repeat([f"{n:04}" for n in range(people)], days),
            "day": [FIRST + timedelta(days=n) for n in range(days)] * people,
            "value": values.ravel(),
            "is_expected": [True] * values.size,
        }
    )
    connection.register("frame", frame.to_arrow())
    connection.execute(f"CREATE TEMP TABLE {VALUES} AS SELECT * FROM frame")
    return connection


def test_a_weaker_change_within_a_record_is_as_sure_as_the_selection_of_records_lets_it_be():
    """Its p times tested records over those that passed; ten people, of whom two have a great and a lesser change."""
    values = alike(np.random.default_rng(8), 10, 120, 0.2)
    values[:2] += 5.0 * (np.arange(120) >= 40) + 1.6 * (np.arange(120) >= 80)
    found = judge(lake_of(values))
    first = found.group_by("participant_id", maintain_order=True).agg(pl.col("p").min(), pl.col("q").min())
    of_records = false_discovery_control(first["p"].to_numpy())
    assert first["q"].to_numpy() == pytest.approx(of_records)
    factor = 10 / (of_records <= 0.05).sum()
    q_of = dict(zip(first["participant_id"], of_records, strict=True))
    changes = found.filter((pl.col("change") > 0) & pl.col("participant_id").is_in(["0000", "0001"])).rows(named=True)
    assert len(changes) == 4
    weaker = [row for row in changes if row["p"] * factor > q_of[row["participant_id"]] + 1e-12]
    assert len(weaker) == 2
    for row in changes:
        assert row["q"] == pytest.approx(max(q_of[row["participant_id"]], min(1, row["p"] * factor)))
        assert row["verdict"] == ("changed" if row["q"] <= 0.05 else "perhaps")


@pytest.mark.verify
def test_of_the_people_called_changed_one_in_twenty_is_so_by_chance_at_most():
    """Sixty studies of 40 people, of whom 8 change by 2 SD; days are alike."""
    false, shares, power = [], [], []
    for study in range(60):
        values = alike(np.random.default_rng(study), 40, 75, 0.3)
        values[:8] += 2 * (np.arange(75) >= 40)
        found = judge(lake_of(values)).filter(pl.col("verdict") == "changed")["participant_id"].unique().to_list()
        wrong = sum(int(who) >= 8 for who in found)
        false.append(wrong)
        shares.append(wrong / max(1, len(found)))
        power.append((len(found) - wrong) / 8)
    print(f"\nfalse discovery rate {np.mean(shares):.3f}, power {np.mean(power):.2f}, people called so {np.sum(false)}")
    assert np.mean(shares) <= 0.05
    assert np.mean(power) > 0.8


@pytest.mark.verify
def test_where_nobody_changes_hardly_a_study_says_that_somebody_did():
    found = [judge(lake_of(alike(np.random.default_rng(n), 30, 75, 0.4))) for n in range(100)]
    wrong = float(np.mean([(frame["verdict"] == "changed").any() for frame in found]))
    alone = float(np.mean([(frame["change"] > 0).mean() for frame in found]))
    print(f"\nstudies with a change: {wrong:.2f}; records with one before control: {alone:.3f}")
    assert wrong <= 0.1
