"""AWARE's files at the door: what is recognised, what is refused as a whole and why, what never gets in."""

import json
from dataclasses import replace
from datetime import date

import pytest

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.load import load_sources
from neuro_assets.study import Window
from neuro_assets_tests.aware_files import PHONE, ms, send, table
from neuro_assets_tests.conftest import MakeJob
from neuro_assets_tests.tables import load, query, stage

WINDOW = Window(start=date(2026, 6, 1), end=date(2026, 6, 30))
DAY = date(2026, 6, 1)
BUILT_IN = REPOSITORY / "neuro_assets" / "sources"
AT = ms("2026-06-01T14:00:00")
SCREEN = [(f"2026-06-01T14:00:{n:02}", n % 4) for n in range(8)]
SWAPPED = "_id,device_id,timestamp,screen_status"
APPS = [("2026-06-01T14:00:00", "Mail", "com.example.mail", 0), ("2026-06-01T14:00:01", "Chat", "com.example.chat", 0)]


@pytest.fixture(scope="module")
def shared(make_job: MakeJob) -> Ingest:
    """Of tests whose files are all refused."""
    return make_job(window=WINDOW)


REFUSED = {
    "ids under the times": (
        table("screen", SCREEN, header=SWAPPED),
        "contradicted_header",
        f"column 'device_id' holds times (milliseconds since 1970), as 'timestamp' should (row 1, '{AT}'), not ids:"
        f" those stand under 'timestamp'; column 'timestamp' holds ids, as 'device_id' should (row 1, '{PHONE}'), not"
        " times (milliseconds since 1970): those stand under 'device_id'",
    ),
    "battery levels under the screen's header": (
        table("screen", [("2026-06-01T14:00:00", 2), ("2026-06-01T14:01:00", 98), ("2026-06-01T14:02:00", 55)]),
        "contradicted_header",
        "column 'screen_status' holds numbers from 2 to 98 in 2 of 3 rows (row 2, of the form '98'), not 0, 1, 2 or 3",
    ),
    "names of apps under the packages": (
        table("applications_foreground", APPS),
        "contradicted_header",
        "column 'package_name' holds something else (row 1, of the form 'aaaa'), not texts of the form that the source"
        " states: those stand under 'application_name'",
    ),
    "calls of an iPhone": (
        table("calls", [(f"2026-06-01T14:00:0{n}", kind, 0, "x") for n, kind in enumerate((1, 2, 4, 3, 4))]),
        "contradicted_header",
        "column 'call_type' holds numbers from 1 to 4 in 2 of 5 rows (row 3, of the form '4'), not 1, 2 or 3",
    ),
    "seconds": (
        table("screen", SCREEN).replace("000," + PHONE, "," + PHONE),
        "epoch_unit",
        f"column 'timestamp' looks like seconds since 1970 (row 1: '{AT // 1000}'), and AWARE screen has milliseconds"
        " since 1970: 8 of 8 times would lie outside of 2000 to 2099",
    ),
    "microseconds": (
        table("screen", SCREEN).replace("," + PHONE, "000," + PHONE),
        "epoch_unit",
        f"column 'timestamp' looks like microseconds since 1970 (row 1: '{AT}000'), and AWARE screen has milliseconds"
        " since 1970: 8 of 8 times would lie outside of 2000 to 2099",
    ),
    "rounded by a spreadsheet": (
        table("screen", SCREEN[:1]).replace(str(AT), "1.78032E+12"),
        "contradicted_header",
        "column 'timestamp' holds something else (row 1, of the form '9.99999a+99'), not times (milliseconds since"
        " 1970)",
    ),
    "another table with an app": (
        table("screen", SCREEN[:1], header="_id,timestamp,device_id,package_name"),
        "unknown_layout",
        "the nearest is AWARE applications_foreground; which also has: application_name, is_system_app",
    ),
    "keys that were pressed": (
        f"_id,timestamp,device_id,package_name,before_text,current_text,is_password\n1,{AT},{PHONE},a.b,hel,hell,0\n",
        "unknown_layout",
        "and does not have: before_text, current_text, is_password",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_not_what_it_says_is_refused_as_a_whole(shared: Ingest, case: str):
    content, code, reason = REFUSED[case]
    outcome = send(shared, content, f"{case}.csv")
    assert outcome.line.reason_code == code
    assert reason in (outcome.line.reason or "")
    assert query(shared.lake, "FROM ops.quarantine") == []


def test_a_kind_that_somebody_names_does_not_make_a_wrong_header_right(shared: Ingest):
    path = shared.settings.landing / "named.csv"
    path.write_text(table("screen", SCREEN[:2], header=SWAPPED), encoding="utf-8")
    (outcome,) = load(shared, path, choice=Choice(kind="aware.screen"))
    assert outcome.line.reason_code == "contradicted_header"


DOC = (REPOSITORY / "docs" / "sources.md").read_text(encoding="utf-8")
OWN = DOC.partition("## A header that contradicts its rows")[2].partition("```yaml\n")[2].partition("```")[0]


def test_a_source_of_the_studys_own_says_which_column_is_which(make_job: MakeJob):
    """That of docs/sources.md. Refused first; then, said to be of that kind, the events that a right header gives."""
    job = make_job(window=WINDOW)
    refused = send(job, table("screen", SCREEN, header=SWAPPED), "screen.csv")
    assert refused.outcome == "rejected"
    own = job.settings.home / "sources"
    own.mkdir(exist_ok=True)
    (own / "aware_swapped.yaml").write_text(OWN, encoding="utf-8")
    job = replace(job, sources=load_sources([BUILT_IN, own]))
    prepare_lake(job.lake, job.tables)
    path = job.settings.home / refused.line.stored_path
    (outcome,) = load(job, path, choice=Choice(kind="aware_swapped.screen", actor="retry"))
    assert outcome.outcome == "loaded"
    assert outcome.line.raw_table == "raw.aware_swapped_screen"
    assert query(job.lake, "SELECT action FROM ops.audit WHERE action LIKE 'kind=%'") == [
        ("kind=aware_swapped.screen",)
    ]
    stage(job, "event", DAY)
    kinds = [("screen_off", "screen_on", "lock", "unlock")[n % 4] for n in range(8)]
    found = "SELECT event_type, device_id, epoch_ms(ts) FROM staging.event ORDER BY ts"
    assert query(job.lake, found) == [(kind, PHONE, AT + 1000 * n) for n, kind in enumerate(kinds)]


SECRET = "5ec2e7a11ce"
PRIVATE = {
    "calls": [("2026-06-01T14:00:00", 1, 62, SECRET), ("2026-06-01T14:00:01", 2, 5, SECRET)],
    "messages": [("2026-06-01T14:00:02", 1, SECRET)],
    "applications_notifications": [("2026-06-01T14:00:03", "a.b", f"{SECRET} app", f"{SECRET}, hi", SECRET, "", 0, 0)],
}


def misplaced() -> dict[str, str]:
    """The secret where something else should stand: in one row of many, and in every row."""
    calls: list[tuple] = [(f"2026-06-01T15:00:{n:02}", 1, n, "x") for n in range(40)]
    calls[3] = (*calls[3][:2], SECRET, "1")
    at = f"{ms('2026-06-01T15:00:05')},"
    return {
        "one cell": table("calls", calls).replace(at, f"{SECRET},"),
        "every type": table("calls", PRIVATE["calls"], header="_id,timestamp,device_id,trace,call_duration,call_type"),
        "another header": table("messages", PRIVATE["messages"], header="timestamp,device_id,_id,screen_status,x"),
        "as times": table("messages", PRIVATE["messages"], header="_id,trace,device_id,message_type,timestamp"),
        "as ids": table("messages", PRIVATE["messages"], header="_id,timestamp,trace,message_type,device_id"),
        "as packages": table(
            "applications_notifications",
            PRIVATE["applications_notifications"],
            header="_id,timestamp,device_id,application_name,package_name,text,sound,vibrate,defaults,flags",
        ),
    }


def test_who_was_called_and_what_was_said_is_nowhere(make_job: MakeJob):
    """In no table of the lake, no reason, no message; the file itself is kept as it came."""
    job = make_job(window=WINDOW)
    outcomes = [send(job, table(name, rows), f"{name}.csv") for name, rows in PRIVATE.items()]
    assert {o.outcome for o in outcomes} == {"loaded"}
    wrong = {case: send(job, content, f"{case}.csv") for case, content in misplaced().items()}
    assert {case for case, o in wrong.items() if o.outcome == "loaded"} == {"one cell"}
    stage(job, "event", DAY)
    assert query(job.lake, "SELECT count(*) FROM staging.event") == [(4 + 40 - 2,)]
    told = query(job.lake, "SELECT row_number, rule, column_name, value FROM ops.quarantine ORDER BY 1")
    assert told == [
        (4, "unreadable_value", "details", "9aa9a9a99aa"),
        (4, "unreadable_value", "duration_s", "9aa9a9a99aa"),
        (6, "unreadable_time", "timestamp", "9aa9a9a99aa"),
    ]
    tables = query(
        job.lake,
        "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema = 'ops'"
        " OR table_name LIKE 'aware%' OR (table_schema, table_name) = ('staging', 'event')",
    )
    assert len(tables) >= 12
    for (name,) in tables:
        assert query(job.lake, f"SELECT 1 FROM {name} t WHERE contains(t::VARCHAR, '{SECRET}')") == [], name
    columns = "SELECT DISTINCT column_name FROM information_schema.columns WHERE table_schema = 'raw'"
    kept = {name for (name,) in query(job.lake, f"{columns} AND table_name LIKE 'aware%'")}
    assert not {"trace", "text", "sound", "vibrate"} & kept
    assert SECRET not in json.dumps([o.line.reason for o in wrong.values()])
    notes = list((job.settings.home / "rejected").rglob("*.json"))
    assert len(notes) == len(wrong) - 1
    assert [p for p in notes if SECRET in p.read_text(encoding="utf-8")] == []
    assert SECRET in (job.settings.home / outcomes[0].line.stored_path).read_text(encoding="utf-8")
