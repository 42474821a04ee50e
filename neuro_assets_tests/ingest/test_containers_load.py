"""Archives and workbooks dropped for loading: their members are arrivals of their own, the container is kept."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import pytest
from openpyxl import Workbook

from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.ingest.replay import replay_days
from neuro_assets_tests.fitabase_files import write
from neuro_assets_tests.ingest.one_file import hours_csv, steps_of_days_csv
from neuro_assets_tests.tables import load, query

HOURS, DAYS = "raw.fitabase_hourly_steps", "raw.fitabase_daily_steps"


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def workbook(sheets: Mapping[str, list[list[object]]]) -> bytes:
    book, target = Workbook(), io.BytesIO()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(target)
    return target.getvalue()


def days_of(who: str, *days: int) -> str:
    return steps_of_days_csv((f"4/{d}/2016" for d in days), who=who)


def steps(job: Ingest, who: str, table: str = DAYS) -> list[tuple]:
    sql = f"SELECT day, step_total FROM {table} WHERE source_participant_id = ? ORDER BY ALL"
    return query(job.lake, sql, [who])


HEADER = ["Id", "ActivityDay", "StepTotal"]
APRIL_13, APRIL_14 = date(2016, 4, 13), date(2016, 4, 14)
# Dropped one after the other on one home; every test has people of its own.
EXPORT = zipped(
    {
        "Ann/days.csv": days_of("1001", 13, 14),
        "Ben/days.csv": days_of("1002", 13),
        "notes.csv": "a,b\n1,2\n",
        "__MACOSX/Ann/._days.csv": b"\0\1",
        ".DS_Store": b"\0",
    }
)
PACKED = {"a.csv": days_of("1006", 13), "b.csv": days_of("1006", 14)}
OPEN = hours_csv((f"05/04/2016 {h}:00" for h in range(24)), who="4001")
# m/d/yyyy pasted where days come first: 1 to 12 April are real dates of 4 January to 4 December, the others texts.
SWAPPED = [[3003, datetime(2016, d, 4), d] for d in range(1, 13)] + [[3003, f"4/{d}/2016", d] for d in range(13, 31)]
FIRST: dict[str, str | bytes] = {
    "export.zip": EXPORT,
    "alone.csv": days_of("1003", 13),
    "late.zip": zipped({"x.csv": days_of("1003", 13), "y.csv": days_of("1004", 13)}),
    "early.zip": zipped({"x.csv": days_of("1005", 13)}),
    "one.zip": zipped(PACKED),
    "two.zip": zipped(dict(reversed(PACKED.items()))),
    "replay.zip": zipped({"x.csv": days_of("1008", 29)}),
    "days.csv.gz": gzip.compress(days_of("2001", 13).encode(), mtime=0),
    "sheets.xlsx": workbook(
        {
            "Steps": [HEADER, [3001, datetime(2016, 4, 13), 101], [3001, datetime(2016, 4, 14), 102]],
            "Notes": [["a", "b"], [1, 2]],
        }
    ),
    "early days.xlsx": workbook({"Sheet1": [HEADER, *([3002, datetime(2016, 4, d), d] for d in range(1, 9))]}),
    "swapped.xlsx": workbook({"Sheet1": [HEADER, *SWAPPED]}),
    "books.zip": zipped({"a/book.xlsx": workbook({"Sheet1": [HEADER, [3004, datetime(2016, 4, 13), 5]]})}),
    "open.zip": zipped({"open.csv": OPEN}),
}
AGAIN: dict[str, str | bytes] = {
    "export.zip": EXPORT,
    "x.csv": days_of("1005", 13),
    "days.csv.gz": FIRST["days.csv.gz"],
    "telling.csv": OPEN.replace("05/04/2016 ", "2016-04-05 ") + "4001,2016-04-20 1:00,5\n",
}
REFUSED: dict[str, tuple[bytes, str]] = {
    "half.zip": (zipped({"a.csv": "x" * 1000})[:-40], "damaged_archive"),
    "outside.zip": (zipped({"../a.csv": "x"}), "unsafe_archive"),
    "nested.zip": (zipped({"a.zip": zipped({"a.csv": "x"})}), "nested_archive"),
    "empty.zip": (zipped({}), "empty_archive"),
}


@dataclass(frozen=True)
class Dropped:
    """A home after all of the above: the outcomes of each file, of the first drop and of the second."""

    job: Ingest
    first: dict[str, list[FileOutcome]]
    again: dict[str, list[FileOutcome]]


def by_file(names: Iterable[str], outcomes: list[FileOutcome]) -> dict[str, list[FileOutcome]]:
    return {name: [o for o in outcomes if o.name == name or o.name.startswith(f"{name}/")] for name in names}


@pytest.fixture(scope="module")
def dropped(make_job, tmp_path_factory: pytest.TempPathFactory) -> Dropped:
    job = make_job()
    drops = []
    for files in (FIRST | {name: content for name, (content, _) in REFUSED.items()}, AGAIN):
        folder = tmp_path_factory.mktemp("drop")
        outcomes = load(job, *(write(folder, name, content) for name, content in files.items()))
        drops.append(by_file([*files, *FIRST], outcomes))
    return Dropped(job, *drops)


def told(outcomes: list[FileOutcome]) -> list[tuple[str, str]]:
    return [(o.name, o.outcome) for o in outcomes]


def line_of(dropped: Dropped, outcome: FileOutcome, columns: str) -> tuple:
    """What the manifest says of a file now."""
    (line,) = query(dropped.job.lake, f"SELECT {columns} FROM ops.landing_files WHERE file_id = ?", [outcome.file_id])
    return line


class TestZip:
    def test_members_come_first_and_then_the_container(self, dropped: Dropped):
        assert told(dropped.first["export.zip"]) == [
            ("export.zip/Ann/days.csv", "loaded"),
            ("export.zip/Ben/days.csv", "loaded"),
            ("export.zip/notes.csv", "rejected"),
            ("export.zip", "unpacked"),
        ]

    def test_rows_are_those_of_the_members(self, dropped: Dropped):
        assert steps(dropped.job, "1001") == [(APRIL_13, 101), (APRIL_14, 102)]
        assert steps(dropped.job, "1002") == [(APRIL_13, 101)]

    def test_the_bytes_that_came_are_kept(self, dropped: Dropped):
        *members, container = dropped.first["export.zip"]
        status, stored, reading = line_of(dropped, container, "status, stored_path, reading")
        assert (status, json.loads(reading)) == ("unpacked", {"format": "zip"})
        assert (dropped.job.settings.home / stored).read_bytes() == EXPORT
        assert {line_of(dropped, m, "container_id") for m in members} == {(container.file_id,)}

    def test_a_refused_member_keeps_its_reason(self, dropped: Dropped):
        refused = dropped.first["export.zip"][2]
        assert line_of(dropped, refused, "status, reason_code, original_name") == (
            "rejected",
            "unknown_layout",
            "export.zip/notes.csv",
        )
        stored = dropped.job.settings.home / refused.line.stored_path
        assert stored.read_text() == "a,b\n1,2\n"
        reason = json.loads(stored.with_name(f"{stored.name}.reason.json").read_text())
        assert (reason["code"], reason["file"]) == ("unknown_layout", "export.zip/notes.csv")

    def test_dropped_again_all_are_duplicates_but_what_is_judged_again(self, dropped: Dropped):
        assert told(dropped.again["export.zip"]) == [
            ("export.zip/Ann/days.csv", "duplicate"),
            ("export.zip/Ben/days.csv", "duplicate"),
            ("export.zip/notes.csv", "rejected"),
            ("export.zip", "duplicate"),
        ]

    def test_a_member_that_came_before_by_itself_is_a_duplicate(self, dropped: Dropped):
        assert told(dropped.first["late.zip"]) == [
            ("late.zip/x.csv", "duplicate"),
            ("late.zip/y.csv", "loaded"),
            ("late.zip", "unpacked"),
        ]
        *members, container = dropped.first["late.zip"]
        assert {line_of(dropped, m, "container_id") for m in members} == {(container.file_id,)}
        assert steps(dropped.job, "1003") == [(APRIL_13, 101)]

    def test_a_file_that_comes_after_its_archive_is_one_too(self, dropped: Dropped):
        assert told(dropped.again["x.csv"]) == [("x.csv", "duplicate")]

    def test_an_archive_packed_anew_has_the_same_members(self, dropped: Dropped):
        assert [o.outcome for o in dropped.first["two.zip"]] == ["duplicate", "duplicate", "unpacked"]
        assert steps(dropped.job, "1006") == [(APRIL_13, 101), (APRIL_14, 101)]

    def test_a_member_of_open_order_is_taken_up_later_with_its_container(self, dropped: Dropped):
        """As a file by itself would be; it is still known which archive it came in."""
        member, container = dropped.first["open.zip"]
        assert member.line.reason_code == "date_order"
        assert told(dropped.again["open.zip"]) == [("open.zip/open.csv", "loaded")]
        assert line_of(dropped, member, "status, container_id") == ("loaded", container.file_id)
        assert {day for day, _ in steps(dropped.job, "4001", HOURS)} == {date(2016, 4, 5), date(2016, 4, 20)}

    @pytest.mark.parametrize("name", REFUSED)
    def test_one_that_cannot_be_unpacked_is_refused_whole(self, dropped: Dropped, name: str):
        content, code = REFUSED[name]
        (outcome,) = dropped.first[name]
        assert (outcome.outcome, outcome.line.reason_code) == ("rejected", code)
        assert (dropped.job.settings.home / outcome.line.stored_path).read_bytes() == content


class TestOthers:
    def test_a_gzips_one_member_is_called_after_it(self, dropped: Dropped):
        names = ("days.csv.gz/days.csv", "days.csv.gz")
        assert told(dropped.first["days.csv.gz"]) == list(zip(names, ("loaded", "unpacked"), strict=True))
        assert told(dropped.again["days.csv.gz"]) == list(zip(names, ("duplicate", "duplicate"), strict=True))
        assert steps(dropped.job, "2001") == [(APRIL_13, 101)]

    def test_every_sheet_is_a_file(self, dropped: Dropped):
        outcomes = dropped.first["sheets.xlsx"]
        assert [o.outcome for o in outcomes] == ["loaded", "rejected", "unpacked"]
        assert steps(dropped.job, "3001") == [(APRIL_13, 101), (APRIL_14, 102)]
        assert json.loads(line_of(dropped, outcomes[-1], "reading")[0]) == {"format": "xlsx"}

    def test_typed_dates_below_13_keep_their_day(self, dropped: Dropped):
        assert steps(dropped.job, "3002") == [(date(2016, 4, d), d) for d in range(1, 9)]

    def test_days_that_excel_exchanged_beside_texts(self, dropped: Dropped):
        assert [o.outcome for o in dropped.first["swapped.xlsx"]] == ["loaded", "unpacked"]
        assert steps(dropped.job, "3003") == [(date(2016, 4, d), d) for d in range(1, 31)]

    def test_a_workbook_in_an_archive(self, dropped: Dropped):
        sheet, book, archive = dropped.first["books.zip"]
        assert [o.outcome for o in (sheet, book, archive)] == ["loaded", "unpacked", "unpacked"]
        assert (book.name, archive.name) == ("books.zip/a/book.xlsx", "books.zip")
        assert steps(dropped.job, "3004") == [(APRIL_13, 5)]
        assert line_of(dropped, sheet, "container_id") == (book.file_id,)
        assert line_of(dropped, book, "container_id") == (archive.file_id,)


def test_nothing_is_left_on_the_way(dropped: Dropped):
    settings = dropped.job.settings
    assert [p for folder in (settings.scratch, settings.processing) for p in folder.rglob("*") if p.is_file()] == []


def test_one_from_the_landing_folder_is_moved(dropped: Dropped):
    job = dropped.job
    path = write(job.settings.landing, "in/drop.zip", zipped({"x.csv": days_of("1007", 13)}))
    assert told(load(job, path)) == [("in/drop.zip/x.csv", "loaded"), ("in/drop.zip", "unpacked")]
    assert not path.exists()


def test_a_member_is_replayed_from_its_own_copy(dropped: Dropped):
    job = dropped.job
    member, container = dropped.first["replay.zip"]
    (job.settings.home / container.line.stored_path).unlink()
    (kind,) = [k for k in job.sources.kinds if k.raw_table.qualified == DAYS]
    lines = replay_days(job, kind, date(2016, 4, 29), date(2016, 4, 29))
    assert member.file_id in {li.file_id for li in lines}
    assert steps(job, "1008") == [(date(2016, 4, 29), 101)]
