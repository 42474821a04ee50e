"""`neuro worklist`, `neuro contacted` and `neuro plot coverage` as a person types them."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.streams.coverage import WORKLIST
from neuro_assets_tests.cli.test_commands import Said, neuro
from neuro_assets_tests.coverage.conftest import Planted, day
from neuro_assets_tests.coverage.test_worklist import on, plant
from neuro_assets_tests.study_homes import write_study
from neuro_assets_tests.tables import query

PEOPLE = """participant_id,enrolled_on
fine,2019-11-04
silent,2019-11-04
never,2019-11-04
<b>&,2019-11-06
"""
AT = "2019-11-08T08:00"


@pytest.fixture(scope="module")
def study(make_job: Callable[..., Ingest]) -> Iterator[Planted]:
    """A home of four people, in New York; it is the one of the environment."""
    people = [{"participant_id": w, "enrolled_on": d} for w, d in csv.reader(PEOPLE.splitlines()[1:])]
    fields: dict[str, object] = {
        "window": {"start": "2019-11-04", "end": "2019-11-30"},
        "default_time_zone": "America/New_York",
        "expected_streams": ["steps", "heart_rate"],
        "auto_enrol": False,
    }
    job = make_job(**fields, people=people)
    write_study(job.settings.home, **fields, name="A [red]study", participants_csv=PEOPLE)
    with job.lake.connect() as connection:
        study = Planted(job, connection)
        rows = [
            ("fine", day(4, 5), day(8, 12), 600),
            ("silent", day(4, 5), day(5, 15), 600),
            ("<b>&", day(6, 5), day(7, 5), 0),
            ("<b>&", day(7, 5), day(8, 12), 600),
        ]
        plant(study, "steps", rows, step_min=60, zone="America/New_York")
        study.cover(on(5), on(6), datetime(2019, 11, 8, 13, tzinfo=UTC))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURO_HOME", str(job.settings.home))
        patch.setenv("DAGSTER_HOME", str(job.settings.home / "dagster"))
        yield study


def contacts(study: Planted) -> list[tuple]:
    """What is written down."""
    return query(study.job.lake, "SELECT participant_id, contacted_at, contacted_by FROM ops.contacts ORDER BY ALL")


@pytest.fixture(scope="module")
def listed(study: Planted) -> Said:
    """The list of 8 November, 08:00 in New York, before anybody is called."""
    return neuro("worklist", "--at", AT, "--json")


def test_the_list_for_scripts(listed: Said):
    assert listed.code == 0
    rows = listed.json
    assert [(r["participant_id"], r["reason"], r["since"], r["days"]) for r in rows] == [
        ("never", "nothing_yet", "2019-11-04", 4),
        ("silent", "not_synced", "2019-11-05", 3),
    ]
    assert set(rows[0]) == set(WORKLIST.column_names)
    # 08:00 on the study's clock.
    assert datetime.fromisoformat(rows[0]["as_of"]) == datetime(2019, 11, 8, 13, tzinfo=UTC)


def test_the_list_for_people(study: Planted, listed: Said):
    said = neuro("worklist", "--at", AT)
    assert said.code == 0
    lines = [line for line in said.out.splitlines() if "│" in line]
    assert [line.split("│")[0].strip() for line in lines] == ["never", "silent"]
    assert "Nothing has arrived for 3 days. Ask to open the app with the device nearby." in said.out
    assert "2 people, as of 2019-11-08 13:00 UTC" in said.out


def test_the_list_for_a_spreadsheet_opens_with_its_header(study: Planted, listed: Said, tmp_path: Path):
    said = neuro("worklist", "--at", AT, "--csv", str(tmp_path / "today.csv"))
    assert said.code == 0
    assert f"2 people, in {tmp_path / 'today.csv'}" in said.out
    written = (tmp_path / "today.csv").read_bytes()
    # The mark by which a spreadsheet knows the encoding; then the header at once.
    assert written.startswith(b"\xef\xbb\xbfparticipant_id,priority,reason,told,since,days,")
    header, *rows = csv.reader(io.StringIO(written.decode("utf-8-sig")))
    assert header == list(WORKLIST.column_names)
    told = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(r["participant_id"], r["since"], r["told"]) for r in told] == [
        (r["participant_id"], r["since"], r["told"]) for r in listed.json
    ]


@pytest.mark.verify
def test_a_moment_may_be_a_date_or_have_a_zone_of_its_own(study: Planted, listed: Said):
    """The last row of `silent` ends at 15:00 of the fifth in UTC; 47 hours later nobody asks."""
    almost = neuro("worklist", "--at", "2019-11-07T14:00+00:00", "--json")
    assert [r["participant_id"] for r in almost.json] == ["never"]
    # Midnight in New York is 5 o'clock in UTC, after 62 hours.
    assert [r["as_of"] for r in neuro("worklist", "--at", "2019-11-08", "--json").json] == [
        "2019-11-08 05:00:00+00:00"
    ] * 2


def test_an_empty_list_is_no_error(study: Planted, tmp_path: Path):
    """Now, years later, the study is over. The file has its header all the same."""
    said = neuro("worklist", "--csv", str(tmp_path / "none.csv"))
    assert (said.code, "0 people" in said.out) == (0, True)
    (header,) = csv.reader(io.StringIO((tmp_path / "none.csv").read_text("utf-8-sig")))
    assert header == list(WORKLIST.column_names)


@pytest.mark.parametrize("command", [["worklist"], ["contacted", "silent"]])
def test_a_moment_that_is_none_is_a_mistake_of_the_call(study: Planted, command: list[str]):
    before = contacts(study)
    said = neuro(*command, "--at", "yesterday")
    assert said.code == 2
    assert "expected a date or a date and time, got 'yesterday'" in flat(said)
    assert contacts(study) == before


def flat(said: Said) -> str:
    """An error without the box around it."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", said.err).split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["silent", "nobody"], "nobody: no participant of this study; nothing was written down"),
        (["silent", "--by", "pigeon"], "expected phone, message, email, visit, other"),
        (["silent", "--at", (datetime.now(UTC) + timedelta(days=1)).isoformat()], "that is still to come"),
        ([], "Missing argument"),
    ],
)
def test_a_contact_that_cannot_be_is_refused_and_nothing_is_written(study: Planted, arguments: list[str], told: str):
    before = contacts(study)
    said = neuro("contacted", *arguments)
    assert said.code == 2
    assert told in flat(said)
    assert contacts(study) == before


@pytest.mark.verify
def test_who_was_contacted_is_left_out_for_three_days(study: Planted, listed: Said):
    """Said twice is said once; on 9:00 of the eighth in New York it is 14:00 in UTC."""
    for _ in range(2):
        said = neuro("contacted", "silent", "never", "--by", "message", "--at", "2019-11-08T09:00")
        assert (said.code, said.out.strip()) == (0, "noted: silent, never by message")
    called = datetime(2019, 11, 8, 14, tzinfo=UTC)
    assert contacts(study) == [("never", called, "message"), ("silent", called, "message")]
    assert neuro("worklist", "--at", "2019-11-08T10:00", "--json").json == []
    # Before the call nobody knew of it.
    assert neuro("worklist", "--at", AT, "--json").json == listed.json
    later = neuro("worklist", "--at", "2019-11-11T09:00", "--json").json
    assert {(r["participant_id"], r["last_contact_by"]) for r in later if r["participant_id"] != "fine"} >= {
        ("silent", "message"),
        ("never", "message"),
    }
    assert query(study.job.lake, "SELECT count(*) FROM ops.contacts WHERE recorded_by = '' OR recorded_at IS NULL") == [
        (0,)
    ]


def test_a_contact_without_a_moment_is_now_and_by_phone(study: Planted):
    before = datetime.now(UTC)
    assert neuro("contacted", "fine").out.strip() == "noted: fine by phone"
    sql = "SELECT contacted_at, contacted_by FROM ops.contacts WHERE participant_id = 'fine'"
    ((at, by),) = query(study.job.lake, sql)
    assert before <= at <= datetime.now(UTC)
    assert by == "phone"


def test_the_page_shows_everybody_and_needs_nothing_from_elsewhere(study: Planted, tmp_path: Path):
    """Days 4 to 7 of four people; 6 November of the one with zeros was not worn, 7 November was."""
    page = tmp_path / "coverage.html"
    said = neuro("plot", "coverage", str(page))
    assert said.code == 0
    assert f"4 people, 4 days, in {page}" in said.out
    text = page.read_text(encoding="utf-8")
    for who in ("fine", "silent", "never", "&lt;b&gt;&amp;"):
        assert f"<tr><th>{who}</th>" in text
    assert "<b>" not in text
    assert "<title>A [red]study: any stream</title>" in text
    assert not re.search(r"https?:|//|src=|href=|<script|<link|@import|url\(", text)
    (row,) = re.findall(r"<tr><th>&lt;b&gt;&amp;</th>(.*)</tr>", text)
    assert re.findall("class='(.*?)'", row) == ["not_enrolled", "not_enrolled", "not_worn", "there"]
    assert "title='2019-11-06: not worn, 0% there; rows are there, without a sign of wear'" in row


def test_a_stream_and_days_of_it_can_be_chosen(study: Planted, tmp_path: Path):
    page = tmp_path / "some.HTML"
    said = neuro("plot", "coverage", str(page), "--stream", "heart_rate", "--since", "2019-11-05", "--until",
                 "2019-11-06")  # fmt: skip
    assert (said.code, "4 people, 2 days" in said.out) == (0, True)
    text = page.read_text(encoding="utf-8")
    assert "any stream" not in text
    assert "2019-11-05: " in text
    assert "2019-11-04: " not in text
    assert "class='there'" not in text


def test_the_picture_is_one(study: Planted, tmp_path: Path):
    picture = tmp_path / "coverage.png"
    assert neuro("plot", "coverage", str(picture)).code == 0
    written = picture.read_bytes()
    assert written.startswith(b"\x89PNG\r\n\x1a\n")
    assert written.rstrip().endswith(b"IEND\xaeB`\x82")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["coverage.txt"], "expected a name that ends in .html or .png, got 'coverage.txt'"),
        (["coverage.png", "--since", "May"], "expected a date such as 2026-03-02, got 'May'"),
        (["coverage.png", "--stream", "weight"], "there is no coverage of that yet"),
        (["coverage.html", "--since", "2019-11-29"], "there is no coverage of that yet"),
    ],
)
def test_what_cannot_be_drawn_is_told_and_nothing_is_written(
    study: Planted, tmp_path: Path, arguments: list[str], told: str
):
    name, *rest = arguments
    said = neuro("plot", "coverage", str(tmp_path / name), *rest)
    assert said.code == 2
    assert told in flat(said)
    assert list(tmp_path.iterdir()) == []


def test_a_home_without_coverage_has_an_empty_list_and_no_picture(make_job: Callable[..., Ingest], tmp_path: Path):
    job = make_job()
    home = job.settings.home
    write_study(home, expected_streams=["steps"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURO_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        assert neuro("worklist", "--json").json == []
        said = neuro("plot", "coverage", str(tmp_path / "x.html"))
    assert said.code == 2
    assert "`neuro run` writes it" in flat(said)
    assert not (tmp_path / "x.html").exists()
