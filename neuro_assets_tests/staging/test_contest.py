"""Several rows of one measurement: which one stands, from four small files whose cases are worked out by hand.

EARLY saw until 1 April 00:00, so its rows of that day are a part of it; LATE saw until 10 April. Every
earlier day both saw whole. LAST is as early a view as EARLY but arrives after LATE. OVERRIDE is one that a
person put above all.
"""

from datetime import date
from pathlib import Path

import pytest

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.load import Ingest
from neuro_assets.staging.stage import StagingReport
from neuro_assets_tests.fitabase_files import steps_per_day_csv, write
from neuro_assets_tests.tables import load, query, stage

CUT = date(2016, 4, 1)
FILLER = "9999"
BAD = -5


def march(day: int) -> date:
    return date(2016, 3, day)


FILES = {
    "early": [
        ("1001", CUT, 100),
        ("1003", march(30), 100),
        ("1004", march(29), 100),
        ("1005", march(28), 100),
        ("1006", CUT, 100),
        ("1007", march(27), 100),
        ("1007", march(27), 200),
        ("1008", march(26), 100),
        ("1008", march(26), 100),
        ("1009", march(25), 100),
        ("1009", march(25), 200),
        ("1010", march(24), 300),
        ("1013", march(24), BAD),
        (FILLER, CUT, 1),
    ],
    "late": [
        ("1001", CUT, 900),
        ("1002", CUT, 900),
        ("1003", march(30), 200),
        ("1004", march(29), 100),
        ("1005", march(28), BAD),
        ("1006", CUT, BAD),
        ("1009", march(25), 300),
        ("1010", march(24), 100),
        ("1010", march(24), 200),
        ("1011", CUT, 900),
        ("1012", CUT, 900),
        ("1013", march(24), 400),
        (FILLER, date(2016, 4, 10), 1),
    ],
    "last": [("1002", CUT, 100), (FILLER, march(31), 1)],
    "override": [("1011", CUT, 50), ("1012", CUT, BAD)],
}

# participant -> value and file that stand (None: nothing), rules of what is in quarantine
STANDS: dict[str, tuple[str, tuple[float, str] | None, list[str]]] = {
    "1001": ("the complete view replaces the partial one", (900, "late"), []),
    "1002": ("a partial view that arrives later does not", (900, "late"), []),
    "1003": ("complete views that disagree: the later arrival", (200, "late"), []),
    "1005": ("a valid row stands in for a later invalid one, which fails", (100, "early"), ["steps_range"]),
    "1013": ("a later valid row answers an invalid one", (400, "late"), []),
    "1006": ("an older part does not stand in for a newer invalid whole", None, ["steps_range"]),
    "1007": ("one file that contradicts itself", None, ["conflicting_duplicate"] * 2),
    "1008": ("a row given twice counts once", (100, "early"), []),
    "1009": ("a contradiction gives way to a later clear view", (300, "late"), []),
    "1010": ("a later contradiction is not settled by an older view", None, ["conflicting_duplicate"] * 2),
    "1011": ("a person's word stands above the better view", (50, "override"), []),
    "1012": ("and is not replaced when it is invalid", None, ["steps_range"]),
}
# day -> rows in, staged, duplicate, superseded, quarantined, disagreements
ACCOUNTS = {
    march(24): (5, 1, 0, 2, 2, 0),
    march(25): (3, 1, 0, 2, 0, 1),
    march(26): (2, 1, 1, 0, 0, 0),
    march(27): (2, 0, 0, 0, 2, 0),
    march(28): (2, 1, 0, 0, 1, 0),
    march(29): (2, 1, 1, 0, 0, 0),
    march(30): (2, 1, 0, 1, 0, 1),
    march(31): (1, 1, 0, 0, 0, 0),
    # two rows each of 1001, 1002, 1006, 1011, 1012, of which one is superseded; those of 1006 and 1012 are bad
    CUT: (11, 4, 0, 5, 2, 0),
}


@pytest.fixture(scope="module")
def staged(make_job, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ingest, dict[str, str], StagingReport]:
    folder: Path = tmp_path_factory.mktemp("contest")
    job = make_job(gates={"max_failed_share": 1})
    paths = {name: write(folder, f"{name}.csv", steps_per_day_csv(rows)) for name, rows in FILES.items()}
    outcomes = load(job, paths["early"], paths["late"], paths["last"])
    outcomes += load(job, paths["override"], choice=Choice(supersedes=True))
    report = stage(job, "daily_activity", march(24), date(2016, 4, 10))
    return job, {o.file_id: name for name, o in zip(FILES, outcomes, strict=True)}, report


@pytest.mark.parametrize("who", STANDS, ids=lambda w: STANDS[w][0])
def test_which_row_stands(staged: tuple, who: str):
    job, names, _ = staged
    rows = query(job.lake, "SELECT steps, file_id FROM staging.daily_activity WHERE participant_id = ?", [who])
    _, expected, rules = STANDS[who]
    assert [(value, names[file_id]) for value, file_id in rows] == ([expected] if expected else [])
    kept_out = query(job.lake, "SELECT rule FROM ops.quarantine WHERE source_participant_id = ?", [who])
    assert [rule for (rule,) in kept_out] == rules


def test_equal_rows_stand_once_whichever_file_came_first(staged: tuple):
    """The origin of agreeing rows follows from content alone: the smallest file id, then the smallest row."""
    job, names, _ = staged
    both = [file_id for file_id, name in names.items() if name in {"early", "late"}]
    sql = "SELECT steps, file_id FROM staging.daily_activity WHERE participant_id = '1004'"
    assert query(job.lake, sql) == [(100, min(both))]
    sql = "SELECT row_number FROM staging.daily_activity WHERE participant_id = '1008'"
    assert query(job.lake, sql) == [(8,)]


def test_the_account_of_every_day(staged: tuple):
    job, _, report = staged
    sql = (
        "SELECT day, rows_in, rows_staged, rows_duplicate, rows_superseded, rows_quarantined, disagreements"
        " FROM ops.staging_days WHERE rows_in > 0 AND day <= ? ORDER BY day"
    )
    assert {day: tuple(counts) for day, *counts in query(job.lake, sql, [CUT])} == ACCOUNTS
    assert report.total("rows_in") == sum(len(rows) for rows in FILES.values())
    assert report.total("disagreements") == 2
    assert report.held == []


def test_quarantine_tells_rule_value_and_origin(staged: tuple):
    job, names, _ = staged
    rows = query(
        job.lake,
        "SELECT source_participant_id, file_id, row_number, day, column_name, value FROM ops.quarantine"
        " WHERE rule = 'steps_range' ORDER BY 1",
    )
    assert [(w, names[f], n, d, c, v) for w, f, n, d, c, v in rows] == [
        ("1005", "late", 5, march(28), "steps", "-5"),
        ("1006", "late", 6, CUT, "steps", "-5"),
        ("1012", "override", 2, CUT, "steps", "-5"),
    ]


def test_staging_again_gives_the_same(staged: tuple):
    job, _, first = staged
    assert stage(job, "daily_activity", march(24), date(2016, 4, 10)).days == first.days
