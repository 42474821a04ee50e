"""The population summary: against pandas and statsmodels, by hand, and in any order of the rows."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from neuro_assets_tests.analytics.conftest import (
    DAYS,
    FIRST,
    STEPS,
    VALID_DAY,
    Planted,
    days_of,
    put_people,
    steps_of,
    table_of,
)

Make = Callable[[], Planted]


def again(values: pd.DataFrame) -> dict[str, float]:
    """A measure's summary from its days, by sums of squares around grand and own means."""
    days = values.assign(weekend=pd.to_datetime(values["day"]).dt.dayofweek >= 5)
    by_person = days.groupby("participant_id")["value"]
    n, means = by_person.size(), by_person.mean()
    k, total = len(n), len(days)
    around_own = ((days["value"] - days["participant_id"].map(means)) ** 2).sum()
    around_all = ((days["value"] - days["value"].mean()) ** 2).sum()
    within2 = around_own / (total - k)
    between2 = max(0, ((around_all - around_own) / (k - 1) - within2) / ((total - (n**2).sum() / total) / (k - 1)))
    split = days.pivot_table(index="participant_id", columns="weekend", values="value", aggfunc=["mean", "count"])
    enough = split[(split["count"][True] >= 2) & (split["count"][False] >= 5)]
    contrast = enough["mean"][True] - enough["mean"][False]
    return {
        "people": k,
        "days": total,
        "mean": means.mean(),
        "mean_upper": means.mean() + t.ppf(0.975, k - 1) * means.sem(),
        "sd_between": np.sqrt(between2),
        "sd_within": np.sqrt(within2),
        "icc": between2 / (between2 + within2),
        "q25": means.quantile(0.25),
        "median": means.median(),
        "q75": means.quantile(0.75),
        "weekend_people": len(contrast),
        "weekend_difference": contrast.mean(),
        "weekend_lower": contrast.mean() - t.ppf(0.975, len(contrast) - 1) * contrast.sem(),
    }


def test_it_is_what_pandas_makes_of_the_days(told: Planted):
    values = told.values().to_pandas()
    rows = {row["measure"]: row for row in table_of(told, "population_summary").rows(named=True)}
    assert set(rows) == {"steps.total", "sleep.total_asleep_min", "sleep.efficiency", "survey.phq9.total"}
    for name in ("steps.total", "sleep.total_asleep_min"):
        wanted = again(values[values["measure"] == name])
        assert {k: rows[name][k] for k in wanted} == {k: pytest.approx(v, rel=1e-9) for k, v in wanted.items()}
    steps = rows["steps.total"]
    assert (steps["people"], steps["weekend_people"], steps["unit"]) == (13, 13, "count")
    assert steps["weekend_lower"] < 1500 < steps["weekend_upper"]


def test_missing_days_are_those_that_were_expected_and_have_no_value(told: Planted):
    rows = {row["measure"]: row for row in table_of(told, "population_summary").rows(named=True)}
    steps, sleep = rows["steps.total"], rows["sleep.total_asleep_min"]
    assert (steps["days_expected"], steps["days"]) == (13 * DAYS, 12 * DAYS + 10)
    assert steps["missing_share"] == pytest.approx((DAYS - 10) / (13 * DAYS))
    assert (sleep["people"], sleep["days_expected"], sleep["days"]) == (3, 3 * DAYS, 3 * (DAYS - 13))
    assert (rows["survey.phq9.total"]["days_expected"], rows["survey.phq9.total"]["missing_share"]) == (None, None)
    assert rows["sleep.efficiency"]["sd_within"] == pytest.approx(0, abs=1e-9)


def test_two_people_by_hand(make_analytics: Make):
    """A week from Monday: 1 to 5, then 9 and 9; and a person with one day of 10."""
    study = make_analytics()
    study.put(STEPS, [*steps_of("a", [1.0, 2.0, 3.0, 4.0, 5.0, 9.0, 9.0]), *steps_of("b", [10.0])])
    study.put(VALID_DAY, [*days_of("a", 14), *days_of("b", 6)])
    (row,) = study.tell()["population_summary"].rows(named=True)
    assert (row["people"], row["days"], row["days_per_person"]) == (2, 8, 4)
    assert row["mean"] == pytest.approx((33 / 7 + 10) / 2)
    assert row["missing_share"] == pytest.approx(12 / 20)
    assert (row["weekend_people"], row["weekend_difference"], row["weekend_lower"]) == (1, 6, None)
    assert row["first_day"] == FIRST


def test_the_order_of_rows_changes_nothing(told: Planted, make_analytics: Make):
    other = make_analytics()
    put_people(other, backwards=True)
    found = other.tell()
    for name in ("population_summary", "change_point"):
        assert found[name].equals(table_of(told, name)), name
