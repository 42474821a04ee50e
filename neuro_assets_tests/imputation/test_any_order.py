"""Given the models, a day follows from what is around it: in whatever order days are made, and however often.

A late file changes the day it touches, and of other days what a gap in reach makes another one.
"""

from collections.abc import Callable
from datetime import date

import pytest

from neuro_assets.cli import app as cli
from neuro_assets_tests.imputation.conftest import (
    FIRST,
    GAPS_OF_B,
    LAST,
    MON,
    SUN,
    TUE,
    WED,
    MakePlanted,
    Planted,
    gaps,
    moment,
    walk,
)
from neuro_assets_tests.series.conftest import ONE_DAY

MODELS = ("model", "model_person", "model_clock")
# The length of a gap, which is told with the day's rows, is known only afterwards.
DAY = "SELECT * EXCLUDE (gap_min) FROM imputed.calories_{} WHERE day = ? ORDER BY participant_id, ts"


@pytest.fixture(params=["1h", pytest.param("1m", marks=pytest.mark.verify)])
def known(request: pytest.FixtureRequest) -> tuple[Planted, str]:
    """A lake with a model, and the resolution that is looked at."""
    return request.getfixturevalue({"1h": "by_hours", "1m": "filled"}[request.param]), request.param


def empty_again(study: Planted) -> None:
    """Nothing is there but the models."""
    tables = ("observed", "gap", "gap_total", "daily", "calories_1m", "calories_1h")
    study.write(*(f"DELETE FROM imputed.{name}" for name in tables))


@pytest.mark.verify
def test_in_any_order_one_by_one_twice_and_at_once_it_is_the_same(known, copied):
    source, _ = known
    expected = source.imputed()
    study = copied(source)
    study.impute(FIRST, LAST)
    assert study.imputed() == expected
    empty_again(study)
    assert study.rows("SELECT count(*) FROM imputed.daily") == [(0,)]
    for n in (5, 2, 6, 0, 3, 1, 4):
        study.impute(FIRST + n * ONE_DAY)
    assert study.imputed() == expected


@pytest.mark.verify
def test_in_whatever_order_days_of_a_whole_record_come_it_is_the_same(known, copied):
    source, _ = known
    study = copied(source, imputation={"mode": "whole_record"})
    study.impute(FIRST, LAST)
    expected = study.imputed()
    empty_again(study)
    for n in (3, 6, 0, 4, 1, 5, 2):
        study.impute(FIRST + n * ONE_DAY)
    assert study.imputed() == expected


@pytest.mark.parametrize("change", ["gone", pytest.param("other", marks=pytest.mark.verify)])
@pytest.mark.parametrize("cut", [pytest.param(MON, marks=pytest.mark.verify), TUE])
@pytest.mark.verify
def test_of_the_past_nothing_that_came_after_a_day_decides_it(known, copied, cut: date, change: str):
    """Rows of later days are taken away, or are three times as much with gaps elsewhere."""
    source, name = known
    expected = source.rows(DAY.format(name), cut)
    study = copied(source)
    if change == "gone":
        study.write(f"DELETE FROM staging.calories WHERE day > '{cut}'")
    else:
        study.write(
            f"DELETE FROM staging.calories WHERE day > '{cut}' AND hour(local_ts) BETWEEN 1 AND 2",
            f"UPDATE staging.calories SET value = 3 * value WHERE day > '{cut}'",
        )
    study.prepare(cut + ONE_DAY, LAST)
    study.impute(cut + ONE_DAY, LAST)
    study.impute(cut)
    assert study.rows(DAY.format(name), cut) == expected
    assert any(row[7] for row in expected) == (cut == TUE or name == "1m")


@pytest.mark.verify
def test_of_the_past_a_reason_that_holds_of_later_hours_refuses_nothing_before_them(by_hours, copied):
    """On Tuesday at 22:00 `b` falls silent, and on Wednesday consent lapses."""
    tuesday = "SELECT * EXCLUDE (gap_min) FROM imputed.calories_1h WHERE participant_id = 'b' AND day = ? ORDER BY ts"
    expected = by_hours.rows(tuesday, TUE)
    people = [{"participant_id": "b", "consent_lapsed": [{"since": WED}]}, {"participant_id": "c"}]
    study = copied(by_hours, people=people, auto_enrol=True)
    study.write(f"DELETE FROM staging.calories WHERE participant_id = 'b' AND day = '{WED}'")
    study.everything(WED)
    study.impute(TUE)
    assert gaps(study, "b", "calories", "reason, gap_min")[-1] == ("needs_reconsent", 26 * 60)
    assert study.rows(tuesday, TUE) == expected


@pytest.mark.verify
def test_a_whole_record_is_filled_in_from_both_sides(make_planted: MakePlanted):
    """The same hours of Tuesday evening, with Wednesday at 20 and at 100."""
    told = {}
    for level in (20.0, 100.0):
        it = make_planted(
            window={"start": FIRST, "end": LAST}, expected_streams=("calories",), imputation={"mode": "whole_record"}
        )
        it.put("calories", "a", moment(FIRST), walk(8, 24 * 6 - 2), period_s=3600)
        it.put("calories", "a", moment(WED), [level + n % 3 for n in range(24)], period_s=3600)
        it.everything(FIRST, LAST)
        assert it.rows("SELECT DISTINCT mode FROM imputed.calories_1h") == [("whole_record",)]
        told[level] = it.rows("SELECT local_ts, value FROM imputed.calories_1h WHERE is_imputed ORDER BY 1")
    low, high = told.values()
    assert [at for at, _ in low] == [moment(TUE, 22), moment(TUE, 23)] == [at for at, _ in high]
    # The last hour is next to what came after, and is drawn to it.
    assert high[1][1] - low[1][1] > high[0][1] - low[0][1] > 0


def snapshot(study: Planted) -> int:
    return study.connection.execute("SELECT max(snapshot_id) FROM ducklake_snapshots('lake')").fetchall()[0][0]


def brought(study: Planted, gap: tuple) -> None:
    """A late file fills a gap of `b`."""
    study.put("calories", "b", gap[0], [70.0] * (gap[1] // 60), period_s=3600)
    study.everything(gap[0].date())


@pytest.mark.verify
def test_a_late_file_makes_its_gap_observed_and_leaves_every_other_row_as_it_was(by_hours, copied):
    study, late = copied(by_hours), GAPS_OF_B[1]
    before = snapshot(study)
    brought(study, late)
    filled = "SELECT hour(local_ts), value, is_imputed, gap_id FROM imputed.calories_1h WHERE participant_id = 'b'"
    assert study.rows(f"{filled} AND day = ? AND hour(local_ts) BETWEEN 8 AND 10 ORDER BY 1", TUE) == [
        (hour, 70, False, None) for hour in (8, 9, 10)
    ]
    changed = """
        SELECT participant_id, day, count(*) FROM (
            (FROM imputed.{table} EXCEPT ALL FROM imputed.{table} AT (VERSION => {version}))
            UNION ALL (FROM imputed.{table} AT (VERSION => {version}) EXCEPT ALL FROM imputed.{table})
        ) GROUP BY ALL ORDER BY ALL
    """
    found = {
        name: {row[:2] for row in study.rows(changed.format(table=name, version=before))}
        for name in ("calories_1h", "observed", "gap", "gap_total", "daily")
    }
    for name in MODELS:
        model = f"imputed.{name}"
        assert study.rows(f"FROM {model} EXCEPT FROM {model} AT (VERSION => {before})") == []
    # The evening's gap goes on into Wednesday.
    assert found["calories_1h"] <= {("b", TUE), ("b", WED)}
    assert ("b", TUE) in found["calories_1h"]
    assert found["observed"] == found["gap"] == {("b", TUE)}
    assert {day for _, day in found["daily"] | found["gap_total"]} <= {TUE, WED}
    was = f"SELECT hour(local_ts), value IS NULL, is_imputed FROM imputed.calories_1h AT (VERSION => {before})"
    assert study.rows(f"{was} WHERE participant_id = 'b' AND gap_min = 180 ORDER BY 1") == [
        (hour, False, True) for hour in (8, 9, 10)
    ]


@pytest.mark.verify
def test_days_beside_are_as_if_all_had_been_made_anew(by_hours, copied):
    study = copied(by_hours)
    brought(study, GAPS_OF_B[1])
    expected = study.imputed()
    empty_again(study)
    study.impute(FIRST, LAST)
    assert study.imputed() == expected


@pytest.mark.verify
def test_the_total_of_a_gap_beside_follows_what_is_seen_of_its_edge(by_hours, copied):
    """Totals alone are told; that of Tuesday night is written with Wednesday, of which no value changes."""
    rules = {"mode": "past_only", "streams": {"calories": {"longest_min": 0}}}
    study = copied(by_hours, imputation=rules)
    study.impute(FIRST, LAST)
    total = f"SELECT round(total, 6) FROM imputed.gap_total WHERE day = '{WED}' AND gap_min = 240"
    before = study.rows(total)
    assert len(before) == 1
    study.write(
        f"UPDATE staging.calories SET value = 2 * value WHERE participant_id = 'b' AND day = '{TUE}'"
        " AND hour(local_ts) > 18"
    )
    study.prepare(TUE)
    study.impute(TUE)
    after = study.rows(total)
    study.impute(FIRST, LAST)
    assert after == study.rows(total)
    assert after[0][0] > before[0][0] + 10


@pytest.mark.verify
def test_a_gap_at_the_end_is_not_over_while_nothing_has_come_however_far_coverage_goes(by_hours, copied):
    """Coverage tells of the days to the end; imputation runs on the day that was touched alone."""
    study = copied(by_hours)
    empty_again(study)
    study.write(f"DELETE FROM staging.calories WHERE participant_id = 'b' AND local_ts >= '{moment(MON, 22)}'")
    study.prepare(SUN, LAST)
    study.impute(MON)
    assert gaps(study, "b", "calories", "timezone('UTC', ts), gap_min, is_over, refusal") == [
        (moment(MON, 22), 120, False, "not_over")
    ]


@pytest.mark.verify
def test_the_old_answer_is_there_to_be_asked_for(by_hours, copied, monkeypatch, capsys):
    study = copied(by_hours)
    before = snapshot(study)
    brought(study, GAPS_OF_B[1])
    home = study.job.settings.home
    monkeypatch.setenv("NEURO_HOME", str(home))
    (home / "study.yaml").write_text(f"id: t\nwindow: {{start: {FIRST}, end: {LAST}}}\n")

    def told(*words: str) -> str:
        query = "SELECT count(*) FILTER (is_imputed) AS imputed FROM imputed.calories_1h"
        monkeypatch.setattr("sys.argv", ["neuro", "sql", query, "--format", "csv", *words])
        with pytest.raises(SystemExit) as done:
            cli.main()
        assert not done.value.code
        return capsys.readouterr().out.splitlines()[-1]

    assert told() == "5"
    assert told("--as-of", str(before)) == "8"


@pytest.mark.verify
def test_a_day_without_wear_of_its_stream_any_more_leaves_nothing(by_hours, copied: Callable[..., Planted]):
    """Somebody whose days are no longer expected, because the participants file says otherwise, has no rows of them."""
    study = copied(by_hours)
    study.write(f"DELETE FROM staging.calories WHERE participant_id = 'b' AND day < '{MON}'")
    study.everything(FIRST, SUN)
    assert study.rows("SELECT min(day) FROM coverage.hourly WHERE participant_id = 'b'") == [(MON,)]
    for table in ("calories_1h", "daily", "observed", "gap"):
        assert study.rows(f"SELECT min(day) FROM imputed.{table} WHERE participant_id = 'b'")[0][0] >= MON, table


@pytest.mark.verify
def test_a_day_that_goes_by_minutes_from_now_on_leaves_no_gap_of_hours_behind(by_hours, copied):
    """`b` has hours, and a late file brings minutes of Tuesday from 22:00 on, within the gap over midnight."""
    study = copied(by_hours)
    study.put("calories", "b", moment(TUE, 22), [1.0] * 120)
    study.everything(TUE)
    expected = study.imputed()
    found = gaps(study, "b", "calories", "resolution, timezone('UTC', ts), gap_min")
    empty_again(study)
    study.impute(FIRST, LAST)
    assert found == gaps(study, "b", "calories", "resolution, timezone('UTC', ts), gap_min")
    assert study.imputed() == expected
