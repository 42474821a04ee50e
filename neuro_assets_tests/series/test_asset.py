"""From public files to rollups: the graph runs them by day, and another program comes to the same sums."""

from datetime import date

import dagster as dg
import pandas as pd
import pytest

from neuro_assets.cli import app as cli
from neuro_assets.cli.work import stale_plan
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets_tests.study_homes import StudyHome, checks_of, new_graph, settings_of

FIRST, LAST = date(2016, 4, 12), date(2016, 4, 18)
STREAMS = ("staging.steps", "staging.heart_rate")


@pytest.fixture(scope="module")
def rolled_up(tmp_path_factory, fitabase, new_instance) -> tuple[StudyHome, dg.ExecuteInProcessResult]:
    """A week of the public data: steps by the hour, and heart rates of some seconds."""
    home = tmp_path_factory.mktemp("series") / "home"
    graph = new_graph(home, expected_streams=["steps", "heart_rate"])
    study = StudyHome(settings_of(home), graph, new_instance())
    study.load(*fitabase["hourly_steps"], *fitabase["heartrate_seconds"])
    names = [*STREAMS, *(t.qualified for t in (*COVERAGE_TABLES, *SERIES_TABLES))]
    return study, study.run(names, FIRST, LAST)


def test_the_rollups_follow_staging_and_coverage(rolled_up):
    study, done = rolled_up
    assert done.success
    checks = {t.name: {n: c.passed for n, c in checks_of(done, t.qualified).items()} for t in SERIES_TABLES}
    assert checks == {
        "series_1m": {"parts_make_days": True, "shares_are_shares": True},
        "series_1h": {"parts_make_days": True, "shares_are_shares": True},
        "series_1d": {"days_are_as_staged": True, "shares_are_shares": True},
    }
    told = {e.asset_key.path[1]: e.metadata for e in done.asset_materializations_for_node("series")}
    rows = study.rows("SELECT count(*) FROM imputed.series_1h")[0][0]
    assert told["series_1h"]["rows_of_these_days"].value == rows > 0


def test_steps_of_hours_and_days_are_those_that_pandas_finds_in_the_files(rolled_up, fitabase):
    study, _ = rolled_up
    files = pd.concat(pd.read_csv(f) for f in fitabase["hourly_steps"])
    files["at"] = pd.to_datetime(files.ActivityHour, format="%m/%d/%Y %I:%M:%S %p")
    files = files.drop_duplicates(["Id", "at"], keep="last")
    files = files[(files["at"].dt.date >= FIRST) & (files["at"].dt.date <= LAST)]
    # Steps do not depend on which of two exports a row comes from, but for the last hours of the first one.
    sums = files.groupby([files.Id.astype(str), files["at"].dt.date]).StepTotal.agg(["sum", "count", "max"])
    found = study.rows(
        "SELECT participant_id, day, total, n, round(max * 60, 6) FROM imputed.series_1d WHERE stream = 'steps'"
    )
    assert {(w, d): (t, n, m) for w, d, t, n, m in found} == {
        key: (row["sum"], row["count"], row["max"]) for key, row in sums.iterrows()
    }
    hours = {
        (str(i), at.to_pydatetime()): steps for i, at, steps in files[["Id", "at", "StepTotal"]].itertuples(index=False)
    }
    told = study.rows(
        "SELECT participant_id, day + to_hours(hour), total FROM imputed.series_1h WHERE stream = 'steps'"
    )
    assert {(w, at): total for w, at, total in told} == hours


def test_heart_rates_of_minutes_and_days_are_those_that_pandas_finds(rolled_up, fitabase):
    study, _ = rolled_up
    files = pd.concat(pd.read_csv(f) for f in fitabase["heartrate_seconds"])
    files["at"] = pd.to_datetime(files.Time, format="%m/%d/%Y %I:%M:%S %p")
    files = files[(files["at"].dt.date >= FIRST) & (files["at"].dt.date <= LAST)].drop_duplicates(["Id", "at"])
    files = files.sort_values("at")
    by_day = files.groupby([files.Id.astype(str), files["at"].dt.date]).Value
    days = study.rows(
        "SELECT participant_id, day, n, total, mean, min, max, first_value, last_value FROM imputed.series_1d"
        " WHERE stream = 'heart_rate'"
    )
    expected = by_day.agg(["count", "mean", "min", "max", "first", "last"])
    assert {(w, d): (n, t, *rest) for w, d, n, t, *rest in days} == {
        key: (row["count"], None, pytest.approx(row["mean"]), *row[["min", "max", "first", "last"]])
        for key, row in expected.iterrows()
    }
    by_minute = files.groupby([files.Id.astype(str), files["at"].dt.floor("min")]).Value.agg(
        ["count", "sum", "min", "max"]
    )
    minutes = study.rows(
        "SELECT participant_id, local_ts, n, round(mean * n, 6), min, max FROM imputed.series_1m"
        " WHERE stream = 'heart_rate'"
    )
    assert {(w, at): tuple(rest) for w, at, *rest in minutes} == {
        (who, at.to_pydatetime()): tuple(row) for (who, at), row in by_minute.iterrows()
    }


def test_the_command_tells_a_week_a_file_and_what_is_not_there(rolled_up, monkeypatch, capsys, tmp_path):
    study, _ = rolled_up
    monkeypatch.setenv("NEURO_HOME", str(study.settings.home))
    who, steps = study.rows("SELECT participant_id, sum(total) FROM imputed.series_1d WHERE stream = 'steps'"
                            " GROUP BY 1 ORDER BY 1 LIMIT 1")[0]  # fmt: skip

    def neuro(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["neuro", *words])
        with pytest.raises(SystemExit) as done:
            cli.main()
        told = capsys.readouterr()
        return int(done.value.code or 0), told.out, told.err

    code, told, _ = neuro("series", who, "steps")
    assert code == 0
    assert "by 1h" in told
    assert "stand for longer than a minute; shown by the hour" in told
    code, told, note = neuro("series", who, "steps", "--since", str(FIRST), "--until", str(LAST), "--format", "csv",
                             "--resolution", "1d")  # fmt: skip
    lines = told.splitlines()
    assert (code, lines[0].split(",")[:4], len(lines)) == (0, ["day", "length_min", "n", "total"], 8)
    assert sum(float(line.split(",")[3]) for line in lines[1:]) == steps
    assert note.startswith("7 rows by 1d")
    code, _, _ = neuro("series", who, "steps", "--format", "parquet", "--to", str(tmp_path / "week.parquet"))
    assert (code, pd.read_parquet(tmp_path / "week.parquet").total.sum()) == (0, steps)
    code, _, error = neuro("series", who, "steps", "--since", "2016-05-01", "--until", "2016-05-02")
    assert code == 2
    assert f"there are rows from {FIRST} to {LAST}" in error
    for words, remedy in (
        (("series", who, "weight"), "there are of heart_rate, steps"),
        (("series", who, "steps", "--format", "parquet"), "add --to FILE.parquet"),
        (("series", who, "steps", "--resolution", "5m"), "expected auto, 1m, 1h or 1d"),
        (("series", who, "steps", "--since", "soon"), "expected a date such as 2026-03-02"),
    ):
        code, _, error = neuro(*words)
        assert code == 2
        assert remedy in " ".join(error.replace("│", " ").split())


@pytest.mark.verify
def test_where_wear_of_other_days_changes_their_rollups_are_asked_for(rolled_up):
    """Coverage of a day tells of each other day that its wear is another one, so that what follows from it runs."""
    study, done = rolled_up
    assert done.asset_materializations_for_node("coverage")
    study.write("DELETE FROM coverage.wear WHERE day = '2016-04-13'")
    again = study.run([t.qualified for t in COVERAGE_TABLES], date(2016, 4, 14))
    told = {
        (e.asset_key.path[1], e.step_materialization_data.materialization.partition)
        for e in again.all_events
        if e.is_step_materialization and e.asset_key
    }
    assert told == {(t.name, "2016-04-14") for t in COVERAGE_TABLES} | {("wear", "2016-04-13")}
    days = stale_plan(study.instance, study.definitions).days
    assert {t.qualified: days.get(t.qualified) for t in SERIES_TABLES} == {
        t.qualified: ["2016-04-13", "2016-04-14"] for t in SERIES_TABLES
    }
