"""What was decided when a file was loaded: kept, told, used again, and taken up when later files tell more.

People differ from test to test, so that tests can share a home.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from neuro_assets.ingest import load as load_module
from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.decided import LoadPlan
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.ingest.replay import reconcile_study, replay_days
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import load_sources
from neuro_assets.study import Window
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.fitabase_files import daily_activity_csv, steps_per_day_csv, write
from neuro_assets_tests.ingest.one_file import BAND, BAND_HOURS, YEAR, Reader, hours_csv, steps_of_days_csv
from neuro_assets_tests.tables import load, one, query

HOURS, DAYS = "raw.fitabase_hourly_steps", "raw.fitabase_daily_steps"
FIFTH = [datetime(2016, 4, 5, h) for h in range(24)]
SIXTH = [datetime(2016, 4, 6, h) for h in range(24)]
Outcomes = dict[str, FileOutcome]


def rows_of(job: Ingest, outcome: FileOutcome, column: str = "local_ts") -> list:
    """A column of a file's raw rows, in the order of its lines."""
    sql = f"SELECT {column} FROM {outcome.line.raw_table} WHERE file_id = ? ORDER BY row_number"
    return [row[0] for row in query(job.lake, sql, [outcome.file_id])]


def replay(job: Ingest, table: str, first: date, last: date | None = None) -> None:
    (kind,) = [k for k in job.sources.kinds if k.raw_table.qualified == table]
    replay_days(job, kind, first, last or first)


@pytest.fixture(scope="module")
def accounted(make_job, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ingest, FileOutcome]:
    """20 good hours, the header again, a blank record, a total, no time, a day too late, and a cut last line."""
    text = hours_csv((f"4/13/2016 {h}:00" for h in range(20)), who="1001")
    text += "Id,ActivityHour,StepTotal\n,,\nTotal,,2390\n1001,soon,7\n1001,7/1/2016 1:00,8\n1001,4/14/2016 2:00,1"
    job = make_job()
    (outcome,) = load(job, write(tmp_path_factory.mktemp("account"), "hours.csv", text))
    return job, outcome


class TestAccount:
    """Every line of a file is a row, or in quarantine under its rule, or counted as left out."""

    def test_lines_and_rows_add_up(self, accounted: tuple[Ingest, FileOutcome]):
        job, outcome = accounted
        line = outcome.line
        assert (outcome.outcome, line.rows, line.rows_left_out, line.rows_outside_window) == ("loaded", 24, 2, 1)
        assert line.rows_without_day == 3
        assert len(rows_of(job, outcome)) == 24

    def test_each_other_line_is_told_with_its_rule(self, accounted: tuple[Ingest, FileOutcome]):
        job, outcome = accounted
        sql = "SELECT row_number, rule, value FROM ops.quarantine WHERE file_id = ? ORDER BY 1"
        assert query(job.lake, sql, [outcome.file_id]) == [
            (23, "not_a_record", None),
            (24, "unreadable_time", "soon"),
            (25, "outside_window", "2016-07-01"),
            (26, "unfinished_line", "4/14/2016 2:00"),
        ]

    def test_the_reading_is_in_the_manifest(self, accounted: tuple[Ingest, FileOutcome]):
        job, outcome = accounted
        text = one(job.lake, "SELECT reading FROM ops.landing_files WHERE file_id = ?", [outcome.file_id])
        assert text == outcome.line.reading
        reading = json.loads(str(text))
        told = (reading["kind"], reading["separator"], reading["unfinished_row"])
        assert told == ("fitabase.hourly_steps", "comma", 26)
        assert (reading["times"]["column"], reading["times"]["formats"]) == ("ActivityHour", ["%m/%d/%Y %H:%M"])

    def test_how_far_it_saw_does_not_rest_on_a_cut_line(self, accounted: tuple[Ingest, FileOutcome]):
        assert accounted[1].line.as_of == datetime(2016, 4, 13, 19)


# Single weighings, day first: 5 and 12 April, 3 and 10 May. Only the window of the study tells their order.
WEIGHED = [datetime(2016, m, d, 21, 30) for m, d in ((4, 5), (4, 12), (5, 3), (5, 10))]
WEIGHTS = "Id,Date,WeightKg\n" + "".join(f"1002,{w:%d/%m/%Y %H:%M},{60 + w.day}\n" for w in WEIGHED)
# Steps are grouped; a distance in the other sign is unreadable.
GROUPED = daily_activity_csv(
    ("1003", date(2016, 4, 1) + timedelta(n), {"TotalSteps": '"1,234"', "TotalDistance": '"3,5"' if n == 30 else "3.5"})
    for n in range(31)
)
EIGHT = [date(2016, 4, d) for d in range(1, 9)]


@pytest.fixture(scope="module")
def settled(make_job, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ingest, Outcomes]:
    job, folder = make_job(), tmp_path_factory.mktemp("settled")
    texts = {
        "weights": WEIGHTS,
        "grouped": GROUPED,
        "eight": steps_of_days_csv((f"{d:%d/%m/%Y}" for d in EIGHT), who="1004"),
    }
    outcomes = load(job, *(write(folder, f"{name}.csv", text) for name, text in texts.items()))
    reconcile_study(job)
    return job, dict(zip(texts, outcomes, strict=True))


class TestReplay:
    """A replay reads as it was decided, whatever would be decided now."""

    def test_the_order_stays_when_what_spoke_for_it_is_gone(self, settled: tuple[Ingest, Outcomes], reader: Reader):
        assert reader.refusal(WEIGHTS, window=YEAR).code == "date_order"
        job, outcomes = settled
        weights = outcomes["weights"]
        assert rows_of(job, weights) == WEIGHED
        wide = replace(job, study=study_of(window=YEAR))
        replay(wide, "raw.fitabase_weight_log", date(2016, 4, 1), date(2016, 5, 31))
        assert rows_of(job, weights) == WEIGHED
        sql = "SELECT date_order, date_evidence, reading FROM ops.landing_files WHERE file_id = ?"
        line = weights.line
        assert query(job.lake, sql, [weights.file_id]) == [(line.date_order, line.date_evidence, line.reading)]

    def test_so_do_the_numbers(self, settled: tuple[Ingest, Outcomes]):
        job, outcomes = settled
        sql = "SELECT total_steps, total_distance_km, unreadable FROM raw.fitabase_daily_activity ORDER BY row_number"
        before = query(job.lake, sql)
        assert before == [(1234, 3.5, None)] * 30 + [(1234, None, '{"TotalDistance":"3,5"}')]
        replay(job, "raw.fitabase_daily_activity", date(2016, 4, 1))
        assert query(job.lake, sql) == before
        reading = "SELECT reading FROM ops.landing_files WHERE file_id = ?"
        assert one(job.lake, reading, [outcomes["grouped"].file_id]) == outcomes["grouped"].line.reading

    def test_a_window_that_moved_does_not_change_what_a_file_says(self, settled: tuple[Ingest, Outcomes]):
        """Rows outside the new window go to quarantine under the days they always had."""
        job, outcomes = settled
        narrow = replace(job, study=study_of(window=Window(start=date(2016, 4, 5), end=date(2016, 5, 13))))
        assert reconcile_study(narrow) == {"window"}
        assert rows_of(job, outcomes["eight"], "day") == EIGHT
        sql = "SELECT day FROM ops.quarantine WHERE source_participant_id = '1004' ORDER BY 1"
        assert query(job.lake, sql) == [(d,) for d in EIGHT[:4]]


def open_hours(who: str, *days: int, first: int = 101) -> str:
    """Hours of April, day first with a clock of 24 hours; month first they are days of May and later."""
    texts = [f"{d:02}/04/2016 {h}:00" for d in days for h in range(24)]
    return "Id,ActivityHour,StepTotal\n" + "".join(f"{who},{t},{first + n}\n" for n, t in enumerate(texts))


def telling_hours(who: str, month: int = 4, day: int = 5, value: int | None = None, hours: int = 24) -> str:
    """The same hours in ISO, and one of a day that only ISO can be."""
    texts = [f"2016-{month:02}-{day:02} {h:02}:00:00,{value or 101 + h}" for h in range(hours)]
    return "".join(f"{who},{t}\n" for t in [*texts, "2016-04-20 01:00:00,7"])


# What the lake gets to know of each person; the first two tell, the others say nothing.
TELLING = {
    "2001": telling_hours("2001"),
    "2002": telling_hours("2002"),
    "2003": telling_hours("2003", value=7),
    "2004": telling_hours("2004", day=7),
    "2005": telling_hours("2005", hours=4),
    "2006": telling_hours("2006") + telling_hours("2006", month=5, day=4),
    # A band on a table: one value over and over, on the 4th of May as on the 5th of April.
    "2007": telling_hours("2007", month=5, day=4, value=66),
}
TOLD_NOTHING = {
    "2003": "other values",
    "2004": "another day",
    "2005": "too few rows",
    "2006": "both days",
    "2007": "one value",
}


@pytest.fixture(scope="module")
def reconsidered(make_job, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ingest, Outcomes, list[FileOutcome]]:
    """Files of open order, refused at first; then one that tells, with one of open order after it."""
    job, folder = make_job(), tmp_path_factory.mktemp("open")
    files = {"open2001": open_hours("2001", 5), **{f"open{who}": open_hours(who, 5) for who in TOLD_NOTHING}}
    files["open2007"] = "".join(
        f"{line.rsplit(',', 1)[0]},66\n" if n else f"{line}\n" for n, line in enumerate(files["open2007"].splitlines())
    )
    # The last knows the 6th from the file of both days, which knows the 5th from the one that tells.
    files |= {"chain last": open_hours("2002", 6, first=125), "chain both": open_hours("2002", 5, 6)}
    paths = [write(folder, f"{name}.csv", text) for name, text in files.items()]
    refused = dict(zip(files, load(job, *paths), strict=True))
    telling = write(folder, "telling.csv", "Id,ActivityHour,StepTotal\n" + "".join(TELLING.values()))
    late = write(folder, "late.csv", open_hours("2001", 5).replace("04/2016 0:00", "04/2016 00:00"))
    return job, refused, load(job, telling, late)


Reconsidered = tuple[Ingest, Outcomes, list[FileOutcome]]


class TestReconsider:
    """A file that nothing told the order of is taken up when rows have come that tell it."""

    def test_nothing_told_it_at_first(self, reconsidered: Reconsidered):
        assert {o.line.reason_code for o in reconsidered[1].values()} == {"date_order"}

    def test_in_either_order_of_arrival(self, reconsidered: Reconsidered):
        """5 April, not 4 May: the one that came before, and the one that came after."""
        job, _, outcomes = reconsidered
        found = {o.name: o for o in outcomes}
        assert [o.name for o in outcomes[:2]] == ["telling.csv", "late.csv"]
        for name in ("late.csv", "open2001.csv"):
            assert (found[name].outcome, found[name].line.date_order) == ("loaded", "dmy")
            assert "what the lake already has" in (found[name].line.date_evidence or "")
            assert rows_of(job, found[name]) == FIFTH

    def test_both_arrivals_are_told_and_the_bytes_leave_rejected(self, reconsidered: Reconsidered):
        job, refused, _ = reconsidered
        sql = "SELECT outcome FROM ops.landing_arrivals WHERE file_id = ? ORDER BY arrived_at"
        assert query(job.lake, sql, [refused["open2001"].file_id]) == [("rejected",), ("loaded",)]
        assert not (job.settings.home / refused["open2001"].line.stored_path).exists()
        sql = "SELECT stored_path, first_arrived_at FROM ops.landing_files WHERE file_id = ?"
        ((stored, arrived),) = query(job.lake, sql, [refused["open2001"].file_id])
        assert (job.settings.home / stored).read_text() == open_hours("2001", 5)
        assert arrived == refused["open2001"].line.first_arrived_at

    def test_one_may_tell_the_next(self, reconsidered: Reconsidered):
        job, _, outcomes = reconsidered
        found = {o.name: o for o in outcomes}
        assert rows_of(job, found["chain both.csv"]) == FIFTH + SIXTH
        assert rows_of(job, found["chain last.csv"]) == SIXTH

    @pytest.mark.parametrize("who", TOLD_NOTHING)
    def test_what_tells_nothing_leaves_it_refused(self, reconsidered: Reconsidered, who: str):
        job, refused, outcomes = reconsidered
        assert f"open{who}.csv" not in {o.name for o in outcomes}
        sql = "SELECT status, reason_code FROM ops.landing_files WHERE file_id = ?"
        assert query(job.lake, sql, [refused[f"open{who}"].file_id]) == [("rejected", "date_order")], TOLD_NOTHING[who]
        assert (job.settings.home / refused[f"open{who}"].line.stored_path).exists()


def test_what_a_person_had_said_of_it_is_remembered(make_job, tmp_path: Path):
    """A mean of 1,234 or of one and a bit: told when the dates were still open."""
    job, header = make_job(), "Id;ActivityHour;TotalIntensity;AverageIntensity\n"
    text = header + "".join(f"3001;05/04/2016 {h}:00;{h + 1};{h + 1},234\n" for h in range(24))
    (refused,) = load(job, write(tmp_path, "open.csv", text), choice=Choice(decimal="comma"))
    assert refused.line.reason_code == "date_order"
    told = "".join(f"3001,2016-04-05 {h:02}:00:00,{h + 1},{h + 1}.234\n" for h in range(24))
    told += "3001,2016-04-20 01:00:00,1,1.5\n"
    telling, taken_up = load(job, write(tmp_path, "telling.csv", header.replace(";", ",") + told))
    assert (telling.outcome, taken_up.name, taken_up.outcome) == ("loaded", "open.csv", "loaded")
    assert rows_of(job, taken_up) == FIFTH
    assert rows_of(job, taken_up, "average_intensity") == [h + 1.234 for h in range(24)]
    assert one(job.lake, "SELECT count(*) FROM ops.audit WHERE action = 'decimal=comma'") == 1


def test_only_rows_of_the_same_kind_have_it_looked_at_again(make_job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    job, planned = make_job(), []
    load(job, write(tmp_path, "open.csv", open_hours("3002", 5)))
    monkeypatch.setattr(load_module, "plan_load", _noting(load_module.plan_load, planned))
    load(job, write(tmp_path, "days.csv", steps_per_day_csv([("3002", "4/20/2016", 5)])))
    assert planned == ["days.csv"]
    load(job, write(tmp_path, "hours.csv", "Id,ActivityHour,StepTotal\n" + telling_hours("3002", value=7)))
    assert planned == ["days.csv", "hours.csv", "open.csv"]


def _noting(plan_load: Callable[..., LoadPlan], planned: list[str]) -> Callable[..., LoadPlan]:
    def noted(job: Ingest, connection: Connection, path: Path, name: str, *rest: object) -> LoadPlan:
        planned.append(name)
        return plan_load(job, connection, path, name, *rest)

    return noted


@pytest.fixture(scope="module")
def band_job(make_job) -> Ingest:
    """A home with a vendor whose files are named after people."""
    job = make_job()
    write(job.settings.home / "sources", "band.yaml", yaml.safe_dump(BAND))
    return replace(job, sources=load_sources(job.settings.source_dirs))


@pytest.fixture(scope="module")
def named(band_job: Ingest, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    """The same bytes as Ann's twice and as Ben's, others as nobody's and as Eve's."""
    folder = tmp_path_factory.mktemp("named")
    texts = dict.fromkeys(("ann1_a.csv", "ann1_b.csv", "ben2_a.csv"), BAND_HOURS)
    texts |= {"steps.csv": BAND_HOURS.replace("04-05", "04-06"), "eve3_x.csv": BAND_HOURS.replace("04-05", "04-07")}
    return {o.name: o for o in load(band_job, *(write(folder, name, text) for name, text in texts.items()))}


class TestWhose:
    """One file is one person's, and its name says whose."""

    def test_outcomes(self, named: Outcomes):
        assert {name: (o.outcome, o.line.reason_code) for name, o in named.items()} == {
            "ann1_a.csv": ("loaded", None),
            "ann1_b.csv": ("duplicate", None),
            "ben2_a.csv": ("rejected", "identity_conflict"),
            "steps.csv": ("rejected", "no_participant"),
            "eve3_x.csv": ("loaded", None),
        }

    def test_the_same_bytes_under_another_name_change_nothing_and_are_told(self, band_job: Ingest, named: Outcomes):
        first, conflict = named["ann1_a.csv"], named["ben2_a.csv"]
        assert "ann1_a.csv" in (conflict.line.reason or "")
        assert "ben2" in (conflict.line.reason or "")
        assert set(rows_of(band_job, first, "source_participant_id")) == {"ann1"}
        sql = "SELECT status, original_name FROM ops.landing_files WHERE file_id = ?"
        assert query(band_job.lake, sql, [first.file_id]) == [("loaded", "ann1_a.csv")]
        sql = "SELECT name, outcome FROM ops.landing_arrivals WHERE file_id = ? ORDER BY arrived_at"
        assert query(band_job.lake, sql, [first.file_id])[-1] == ("ben2_a.csv", "rejected")
        (reason,) = band_job.settings.rejected.rglob("ben2_a.csv.reason.json")
        assert json.loads(reason.read_text())["code"] == "identity_conflict"
        assert reason.with_name("ben2_a.csv").read_text() == BAND_HOURS

    def test_the_person_is_in_the_reading_and_stays_on_replay(self, band_job: Ingest, named: Outcomes):
        eve = named["eve3_x.csv"]
        assert json.loads(eve.line.reading or "{}")["participant_of_name"] == "eve3"
        replay(band_job, "raw.band_hourly", date(2016, 4, 7))
        assert rows_of(band_job, eve, "source_participant_id") == ["eve3"] * 24


class TestSaid:
    """What a person said is written down, and stays."""

    def test_each_decision_is_in_the_audit(self, band_job: Ingest, tmp_path: Path):
        choice = Choice("dmy", supersedes=True, kind="daily_steps", decimal="comma", actor="rosa")
        path = write(tmp_path, "said.csv", "id,date,steps\n5001,3/4/2016,5\n")
        (outcome,) = load(band_job, path, choice=choice)
        assert (outcome.outcome, rows_of(band_job, outcome, "day")) == ("loaded", [date(2016, 4, 3)])
        sql = "SELECT actor, action, detail FROM ops.audit WHERE subject = ? ORDER BY 2"
        assert query(band_job.lake, sql, [outcome.file_id]) == [
            ("rosa", action, "said.csv")
            for action in ("date_order=dmy", "decimal=comma", "kind=daily_steps", "supersedes")
        ]

    def test_nothing_said_is_nothing_audited(self, band_job: Ingest, named: Outcomes):
        sql = "SELECT count(*) FROM ops.audit WHERE subject = ?"
        assert one(band_job.lake, sql, [named["ann1_a.csv"].file_id]) == 0

    def test_a_later_decision_about_something_else_leaves_it(self, band_job: Ingest, tmp_path: Path):
        """4/5/2016 was declared 4 May; who now says that the file supersedes others has not said 5 April."""
        path = write(tmp_path, "may.csv", steps_per_day_csv([("5002", "4/5/2016", 9)]))
        load(band_job, path, choice=Choice(date_order="dmy"))
        (again,) = load(band_job, path, choice=Choice(supersedes=True))
        assert (again.outcome, again.line.date_order) == ("loaded", "dmy")
        assert rows_of(band_job, again, "day") == [date(2016, 5, 4)]
