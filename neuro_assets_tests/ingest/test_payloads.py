"""Vendors' payloads dropped for loading: taken apart, each person's by themselves, twice the same as once."""

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path

import pytest

from neuro_assets.ingest import inbox, payloads
from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.inbox import list_landing
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.ingest.whose_payload import Note
from neuro_assets_tests.tables import load, query

WINDOW = {"start": date(2019, 11, 1), "end": date(2019, 11, 30)}
STEPS = [{"dateTime": f"11/05/19 {h:02}:00:00", "value": str(h)} for h in (22, 23)]
SLEEP = {
    "logId": 24472351655,
    "dateOfSleep": "2019-11-06",
    "startTime": "2019-11-05T23:10:00.000",
    "endTime": "2019-11-05T23:20:00.000",
    "duration": 600_000,
    "minutesToFallAsleep": 0,
    "minutesAsleep": 9,
    "minutesAwake": 1,
    "minutesAfterWakeup": 0,
    "timeInBed": 10,
    "efficiency": 90,
    "type": "stages",
    "infoCode": 0,
    "levels": {
        "data": [{"dateTime": "2019-11-05T23:10:00.000", "level": "light", "seconds": 600}],
        "shortData": [{"dateTime": "2019-11-05T23:15:00.000", "level": "wake", "seconds": 60}],
        "summary": {},
    },
}
DISTANCE = {"activities-distance": [{"dateTime": "2019-11-05", "value": "1.5"}]}
TOKEN = "eyJhbGciOiJIUzI1NiJ9.secret"


@pytest.fixture
def job(make_job) -> Ingest:
    return make_job(window=WINDOW, default_time_zone="Europe/Oslo")


def drop(job: Ingest, files: Mapping[str, object], choice: Choice | None = None) -> list[FileOutcome]:
    """Put files into the landing folder and load what is there."""
    landing = job.settings.landing
    for name, content in files.items():
        path = landing / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
    return load(job, *(landing / f.name for f in list_landing(landing)), choice=choice)


def told(outcomes: list[FileOutcome]) -> list[tuple[str, str]]:
    return [(o.outcome, o.name) for o in outcomes]


def zipped(members: Mapping[str, object]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return target.getvalue()


def stepped(job: Ingest) -> list[tuple]:
    return query(job.lake, "SELECT source_participant_id, local_ts, steps FROM raw.takeout_steps ORDER BY ALL")


STEPS_OF_P1 = [
    ("p1", datetime(2019, 11, 5, 23), 22),
    ("p1", datetime(2019, 11, 6), 23),
]


def test_a_file_of_an_archive_becomes_a_member_with_its_participant(job: Ingest):
    assert told(drop(job, {"p1/Physical Activity/steps-2019-11-05.json": STEPS})) == [
        ("loaded", "p1/Physical Activity/steps-2019-11-05.json/takeout.steps.csv"),
        ("unpacked", "p1/Physical Activity/steps-2019-11-05.json"),
    ]
    assert stepped(job) == STEPS_OF_P1
    ((reading,),) = query(job.lake, "SELECT reading FROM ops.landing_files WHERE status = 'unpacked'")
    assert json.loads(reading) == {"format": "takeout", "participant": "p1", "shape": "steps", "rows": {"steps": 2}}
    sql = "SELECT l.container_id = c.file_id FROM ops.landing_files l, ops.landing_files c WHERE l.status = 'loaded'"
    assert query(job.lake, sql + " AND c.status = 'unpacked'") == [(True,)]


def test_a_payload_of_several_tables_becomes_a_member_for_each(job: Ingest):
    outcomes = drop(job, {"p1/sleep-2019-11-05.json": [SLEEP]})
    assert [o.name.rpartition("/")[2] for o in outcomes] == [
        "takeout.sleep_session.csv",
        "takeout.sleep_stage.csv",
        "sleep-2019-11-05.json",
    ]
    sql = "SELECT stage, count(*), log_id FROM raw.takeout_sleep_stage GROUP BY ALL ORDER BY ALL"
    assert query(job.lake, sql) == [("light", 18, "24472351655"), ("wake", 2, "24472351655")]


def test_the_same_bytes_of_two_people_are_two_peoples_rows(job: Ingest):
    first = drop(job, {"p1/steps.json": STEPS})
    second = drop(job, {"p2/steps.json": STEPS})
    assert [o.outcome for o in (*first, *second)] == ["loaded", "unpacked", "loaded", "duplicate"]
    assert stepped(job) == [*STEPS_OF_P1, *(("p2", *row[1:]) for row in STEPS_OF_P1)]


def test_twice_and_as_a_folder_and_as_a_zip_is_the_same_as_once(job: Ingest):
    drop(job, {"p1/fitbit/steps.json": STEPS, "p1/fitbit/sleep.json": [SLEEP]})
    before = query(job.lake, "SELECT file_id, loaded_at FROM ops.landing_files ORDER BY ALL")
    again = drop(job, {"p1/fitbit/steps.json": STEPS})
    assert {o.outcome for o in again} == {"duplicate"}
    packed = drop(job, {"p1.zip": zipped({"fitbit/steps.json": STEPS, "fitbit/sleep.json": [SLEEP]})})
    assert [o.outcome for o in packed] == ["duplicate"] * 5 + ["unpacked"]
    assert stepped(job) == STEPS_OF_P1
    after = query(
        job.lake, "SELECT file_id, loaded_at FROM ops.landing_files WHERE original_name <> 'p1.zip' ORDER BY 1"
    )
    assert after == before


def test_a_list_without_entries_is_taken_and_has_no_members(job: Ingest):
    assert told(drop(job, {"p1/sleep.json": [], "p1/api.json": {"sleep": []}})) == [
        ("unpacked", "p1/sleep.json"),
        ("unpacked", "p1/api.json"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "code", "column"),
    [
        (
            "e.json",
            {"errors": [{"errorType": "expired_token", "message": TOKEN}], "success": False},
            "vendor_error",
            None,
        ),
        ("t.json", {"access_token": TOKEN, "expires_in": 1}, "personal_data", None),
        ("goals.json", {"goals": {"steps": 1}}, "no_measurements", None),
        ("sleep.json", [SLEEP | {"duration": "long"}], "bad_value", "[0].duration"),
        ("api.json", '{"sleep": [{"logId": 1,]}', "broken_json", None),
        ("steps.json", '[{"dateTime": "11/05/19 22:00:00", "value": "1"},', "broken_json", None),
        ("distance.json", DISTANCE, "unit_unknown", "activities-distance[0].value"),
    ],
)
def test_a_payload_that_cannot_be_read_is_refused_with_its_field_and_without_its_secrets(
    job: Ingest, name: str, content: object, code: str, column: str | None
):
    (outcome,) = drop(job, {f"p1/{name}": content})
    assert (outcome.outcome, outcome.line.reason_code) == ("rejected", code)
    reason = json.loads((job.settings.home / f"{outcome.line.stored_path}.reason.json").read_text())
    assert reason["where"].get("column") == column
    assert reason["remedy"]
    assert TOKEN not in json.dumps(reason)
    assert TOKEN not in str(query(job.lake, "SELECT * FROM ops.landing_files"))
    assert (job.settings.home / outcome.line.stored_path).exists()


def test_whose_a_refused_payload_is_can_be_said(job: Ingest):
    (refused,) = drop(job, {"fitbit/steps.json": STEPS})
    assert refused.line.reason_code == "no_participant"
    path = job.settings.home / refused.line.stored_path
    choice = Choice(actor="rosa", note=Note("p1"))
    assert [o.outcome for o in load(job, path, choice=choice)] == ["loaded", "unpacked"]
    assert stepped(job) == STEPS_OF_P1
    assert not list(job.settings.rejected.rglob("*.json"))
    sql = "SELECT actor, action, detail FROM ops.audit"
    assert query(job.lake, sql) == [("rosa", "participant=p1", "steps.json")]
    ((name, status),) = query(job.lake, "SELECT original_name, status FROM ops.landing_files WHERE status <> 'loaded'")
    assert (name, status) == ("fitbit/steps.json", "unpacked")


def test_a_note_beside_the_files_says_it_and_stays(job: Ingest):
    note = job.settings.landing / "batch" / "neuro.yaml"
    outcomes = drop(job, {"batch/neuro.yaml": "participant: p1\nunits: us\n", "batch/fitbit/distance.json": DISTANCE})
    assert [o.outcome for o in outcomes] == ["loaded", "unpacked"]
    assert note.exists()
    sql = "SELECT source_participant_id, round(km, 6) FROM raw.fitbit_web_api_daily_distance"
    assert query(job.lake, sql) == [("p1", round(1.5 * 1.609344, 6))]


def test_a_note_in_an_archive_speaks_for_its_files_and_is_no_file_itself(job: Ingest):
    members = {"neuro.yaml": "participant: p1", "b/neuro.yaml": "participant: p2", "a/steps.json": STEPS,
               "b/steps.json": [STEPS[0]]}  # fmt: skip
    outcomes = drop(job, {"takeout.zip": zipped(members)})
    assert [o.outcome for o in outcomes] == ["loaded", "unpacked"] * 2 + ["unpacked"]
    assert [row[0] for row in stepped(job)] == ["p1", "p1", "p2"]


def test_a_persons_word_goes_before_a_note_and_a_note_before_a_folder(job: Ingest):
    drop(job, {"p3/neuro.yaml": "participant: p2", "p3/steps.json": STEPS})
    assert {row[0] for row in stepped(job)} == {"p2"}
    drop(job, {"p3/steps.json": [STEPS[0]]}, Choice(note=Note("p1")))
    assert {row[0] for row in stepped(job)} == {"p1", "p2"}


def test_a_bad_note_refuses_the_payload_and_nothing_else(job: Ingest):
    outcomes = drop(job, {"p1/neuro.yaml": "participnt: p2", "p1/steps.json": STEPS})
    assert [(o.outcome, o.line.reason_code) for o in outcomes] == [("rejected", "bad_note")]


@pytest.mark.parametrize("function", ["settle", "discard_copy"])
def test_a_killed_load_is_finished_by_the_next_one(job: Ingest, monkeypatch: pytest.MonkeyPatch, function: str):
    """Killed before the bytes of member and payload are moved, the payload's place told by a note and a zip."""
    files = {"b/neuro.yaml": "participant: p1", "b/x.zip": zipped({"fitbit/steps.json": STEPS})}
    if function == "discard_copy":
        drop(job, files)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(inbox, function, die)
        with pytest.raises(KeyboardInterrupt):
            drop(job, files)
    load(job)
    assert stepped(job) == STEPS_OF_P1
    statuses = query(job.lake, "SELECT status, count(*) FROM ops.landing_files GROUP BY 1 ORDER BY 1")
    assert statuses == [("loaded", 1), ("unpacked", 2)]
    assert not [p for p in job.settings.processing.rglob("*") if p.is_file()]
    assert not [p for p in job.settings.rejected.rglob("*") if p.is_file()]
    assert list_landing(job.settings.landing) == []


def test_a_table_of_ones_own_with_the_same_columns_is_not_taken_for_the_vendors(job: Ingest):
    (outcome,) = drop(job, {"mine.csv": "participant,date,vital,value\np1,2019-11-05,spo2_avg,95\n"})
    assert (outcome.outcome, outcome.line.reason_code) == ("rejected", "lost_times")
    assert "Web API" not in str(outcome.line.reason)


def test_a_payload_too_large_for_memory_is_refused(job: Ingest, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(payloads, "MAX_BYTES", 50)
    (outcome,) = drop(job, {"p1/steps.json": STEPS})
    assert (outcome.outcome, outcome.line.reason_code) == ("rejected", "payload_too_large")


def test_a_payload_without_the_archive_around_it_is_known_by_its_content_under_any_name(job: Ingest, tmp_path: Path):
    outcomes = drop(job, {"p1/download (3).json": {"sleep": [SLEEP]}})
    assert [o.line.raw_table for o in outcomes] == [
        "raw.fitbit_web_api_sleep_session",
        "raw.fitbit_web_api_sleep_stage",
        None,
    ]


def test_what_is_about_the_person_stays_in_the_archive_and_a_name_in_no_list(job: Ingest):
    """The older export has a folder with the person's name; Takeout has the profile, friends and messages."""
    profile = "id,full_name,email_address\n1,Jane Doe,jane@example.org\n"
    members = {
        "MyFitbitData/JaneDoe/Physical Activity/steps-2019-11-05.json": STEPS,
        "MyFitbitData/JaneDoe/Your Profile/Profile.csv": profile,
        "MyFitbitData/JaneDoe/Social/badge.json": [{"encodedId": "228TQR", "user": "jane"}],
    }
    outcomes = drop(job, {"p1.zip": zipped(members)})
    assert told(outcomes) == [
        ("loaded", "p1.zip/MyFitbitData/_/Physical Activity/steps-2019-11-05.json/takeout.steps.csv"),
        ("unpacked", "p1.zip/MyFitbitData/_/Physical Activity/steps-2019-11-05.json"),
        ("unpacked", "p1.zip"),
    ]
    written = [p for p in job.settings.home.rglob("*") if p.is_file() and p.suffix != ".zip"]
    assert not [p for p in written if b"jane" in p.read_bytes().lower()]
    assert not [p for p in written if "jane" in str(p).lower()]
    assert stepped(job) == STEPS_OF_P1


def test_a_profile_that_is_no_archives_is_a_file_like_any_other(job: Ingest):
    outcomes = drop(job, {"p1.zip": zipped({"profile.csv": "a,b\n1,2\n"})})
    assert [o.outcome for o in outcomes] == ["rejected", "unpacked"]
