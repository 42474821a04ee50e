"""A day follows from its own rows: whatever came first, and however often it is rolled up."""

from datetime import date, timedelta

import pytest

from neuro_assets.series import rollup
from neuro_assets_tests.series.conftest import ONE_DAY, Planted, at, minutes

FIRST, LAST = date(2019, 11, 4), date(2019, 11, 6)
# Not whole numbers: in another order they add up to others in the last digits.
RATES = [0.1 + n / 7 for n in range(59)]


def put_all(study: Planted, days: list[int]) -> None:
    for day in days:
        study.put("steps", "a", at(day), minutes([0.0, 3.0, 8.0], 24))
        study.put("steps", "b", at(day, 6), [250.0] * 12, period_s=3600)
        study.put("calories", "a", at(day), minutes(RATES, 24))
        study.put("heart_rate", "a", at(day, 8), [60.0 + n % 37 for n in range(4000)], period_s=1, every_s=7)


@pytest.fixture(scope="module")
def whole(make_job):
    """Three days staged, covered and rolled up at once; tests do not change them."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        study = made(make_job, stack)
        put_all(study, [4, 5, 6])
        study.cover(FIRST, LAST)
        study.roll_up(FIRST, LAST)
        yield study


def made(make_job, stack) -> Planted:
    job = make_job(window={"start": "2019-10-01", "end": "2020-04-30"}, default_time_zone="UTC",
                   expected_streams=("steps", "heart_rate", "calories"))  # fmt: skip
    return Planted(job, stack.enter_context(job.lake.connect()))


@pytest.mark.verify
def test_days_in_any_order_and_more_than_once_are_the_same(whole, planted, monkeypatch):
    expected = whole.tables()
    assert {name: len(rows) for name, rows in expected.items()} == {
        "series_1m": 3 * (1440 + 1440 + 467), "series_1h": 3 * (24 + 12 + 24 + 8), "series_1d": 3 * 4,
    }  # fmt: skip
    study: Planted = planted(expected_streams=("steps", "heart_rate", "calories"))
    monkeypatch.setattr(rollup, "_ROWS_AT_ONCE", 5_000)
    put_all(study, [6, 4])
    study.cover(FIRST, LAST)
    study.roll_up(LAST)
    put_all(study, [5])
    study.cover(FIRST, LAST)
    study.roll_up(FIRST, LAST)
    assert study.tables() == expected


@pytest.mark.verify
def test_a_touched_day_changes_alone(whole, planted):
    before = whole.tables()
    study: Planted = planted(expected_streams=("steps", "heart_rate", "calories"))
    put_all(study, [4, 5, 6])
    study.cover(FIRST, LAST)
    study.roll_up(FIRST, LAST)
    study.put("steps", "c", at(5, 12), [100.0] * 60)
    report = study.roll_up(FIRST + ONE_DAY)
    assert report.rows["imputed.series_1d"] == 5
    after = study.tables()
    for name, rows in before.items():
        assert {r[1] for r in set(after[name]) ^ set(rows)} == {FIRST + ONE_DAY}, name
    study.connection.execute("DELETE FROM staging.steps WHERE participant_id = 'c'")
    study.roll_up(FIRST + ONE_DAY)
    assert study.tables() == before


def test_what_is_observed_and_worn_is_what_coverage_counts(whole):
    """Hours with a row; hours without one are in coverage alone."""
    apart = """
        SELECT count(*), count(*) FILTER (h.observed_min <> round(s.observed_share * s.length_min, 6)),
            count(*) FILTER (h.worn_min <> round(s.worn_share * s.length_min, 6)), count(*) FILTER (h.ts <> s.ts),
            count(*) FILTER (h.length_min <> s.length_min)
        FROM imputed.series_1h s JOIN coverage.hourly h USING (participant_id, day, stream, hour, fold)
    """
    assert whole.rows(apart) == [(3 * (24 + 12 + 24 + 8), 0, 0, 0, 0)]
    of_days = """
        SELECT count(*), count(*) FILTER (d.observed_min <> round(s.observed_share * s.length_min, 6)),
            count(*) FILTER (d.worn_min <> round(s.worn_share * s.length_min, 6))
        FROM imputed.series_1d s JOIN coverage.daily d USING (participant_id, day, stream)
    """
    assert whole.rows(of_days) == [(12, 0, 0)]
    worn = "SELECT sum(m.worn_share), sum(h.worn_min) FROM (SELECT sum(worn_share) AS worn_share FROM imputed.series_1m"
    in_hours = "(SELECT sum(worn_min) AS worn_min FROM coverage.hourly WHERE participant_id = 'a' AND stream = 'steps')"
    both = whole.rows(f"{worn} WHERE participant_id = 'a' AND stream = 'steps') m, {in_hours} h")
    assert both[0][0] == both[0][1] > 0


def test_rows_that_are_staged_meanwhile_are_not_made_old_again(planted, monkeypatch):
    """The day is staged anew while it is computed: it is computed again."""
    study: Planted = planted()
    study.put("steps", "a", at(5, 8), [1.0])
    make, times = rollup._make, []

    def late(connection, *given):
        found = make(connection, *given)
        times.append(found)
        if len(times) == 1:
            study.put("steps", "a", at(5, 9), [2.0])
            study.connection.execute(
                """
                INSERT INTO ops.staging_days BY NAME
                SELECT 'staging.steps' AS table_name, DATE '2019-11-05' AS day, 'accepted' AS status, now() AS staged_at
                """
            )
        return found

    monkeypatch.setattr(rollup, "_make", late)
    study.roll_up(date(2019, 11, 5))
    assert times == [1, 2]
    assert study.rows("SELECT n, total FROM imputed.series_1d") == [(2, 3)]


def test_days_are_cut_where_samples_become_many_and_never_within(monkeypatch):
    monkeypatch.setattr(rollup, "_ROWS_AT_ONCE", 10)
    first = date(2019, 11, 1)
    counts = {first + timedelta(days=n): rows for n, rows in enumerate([4, 6, 1, 0, 30, 0, 5])}
    days = [(a.day, b.day) for a, b in rollup._stretches(counts, first, first + timedelta(days=6))]
    assert days == [(1, 2), (3, 4), (5, 6), (7, 7)]
    assert list(rollup._stretches({}, first, first)) == [(first, first)]
