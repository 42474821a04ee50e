"""Whose a payload is: folders, archives and notes around it; never a guess."""

from pathlib import Path

import pytest

from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.whose_payload import Note, notes_around, participant_by_name
from neuro_assets.study import Study
from neuro_assets_tests.conftest import study_of

PEOPLE = [
    {"participant_id": "S-01", "aliases": {"takeout": ["p01", "anna"]}},
    {"participant_id": "S-02", "aliases": {"fitabase": ["p02"]}},
]
LISTED = study_of(auto_enrol=False, people=PEOPLE)
OPEN = study_of(auto_enrol=True)


@pytest.mark.parametrize(
    ("study", "name", "participant"),
    [
        (OPEN, "p07/fitbit/steps.json", "p07"),
        (OPEN, "p07.zip/fitbit/steps.json", "p07"),
        (OPEN, "p07.ZIP/steps.json", "p07"),
        (OPEN, "p07/Takeout/Fitbit/Global Export Data/steps-2020-01-01.json", "p07"),
        (OPEN, "p07.zip/MyFitbitData/JaneDoe/Physical Activity/steps-2020-01-01.json", "p07"),
        (OPEN, "p07/takeout-20200101T101010Z-001.zip/Takeout/Fitbit/sleep-2020-01-01.json", "p07"),
        (LISTED, "S-01/steps.json", "S-01"),
        (LISTED, "batch 3/S-01/fitbit/steps.json", "S-01"),
        (LISTED, "batch 3/p01.zip/fitbit/steps.json", "S-01"),
        (LISTED, "p01.zip/S-01/anna/steps.json", "S-01"),
        (LISTED, "S-01/p02/steps.json", "S-01"),  # p02 is an id of another source
    ],
)
def test_a_folder_or_archive_names_the_participant(study: Study, name: str, participant: str):
    assert participant_by_name(study, "takeout", name) == participant


@pytest.mark.parametrize(
    ("study", "name", "told"),
    [
        (OPEN, "steps.json", "nothing says whose it is"),
        (OPEN, "fitbit/steps.json", "nothing says whose it is"),
        (OPEN, "takeout-20200101.zip/Takeout/Fitbit/steps.json", "nothing says whose it is"),
        (OPEN, "MyFitbitData/JaneDoe/Physical Activity/steps.json", "nothing says whose it is"),
        (OPEN, "pmdata/p07/fitbit/steps.json", "any may be the participant: pmdata, p07"),
        (OPEN, "S-01.json", "nothing says whose it is"),
        (LISTED, "S-01/S-02/steps.json", "several participants: S-01, S-02"),
        (LISTED, "s-01/steps.json", "no folder around it is a participant of the study (s-01)"),
        (LISTED, "MyFitbitData/JaneDoe/steps.json", "nothing says whose it is"),
    ],
)
def test_where_they_say_nothing_or_two_things_it_is_refused(study: Study, name: str, told: str):
    with pytest.raises(FileRefusedError) as refusal:
        participant_by_name(study, "takeout", name)
    assert refusal.value.code == "no_participant"
    assert told in refusal.value.what
    assert "JaneDoe" not in str(refusal.value)
    assert "--participant" in refusal.value.remedy


def write_note(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "neuro.yaml").write_text(text)
    return folder


def test_the_nearest_note_goes_first_and_a_farther_one_fills_in(tmp_path: Path):
    write_note(tmp_path, "units: metric\nparticipant: far")
    near = write_note(tmp_path / "a" / "b", "participant: 7")
    assert notes_around(near, tmp_path) == Note("7", "metric")
    assert notes_around(near, tmp_path / "a") == Note("7", None)
    assert notes_around(tmp_path / "a", tmp_path) == Note("far", "metric")
    assert notes_around(tmp_path / "c", tmp_path / "c") == Note()


@pytest.mark.parametrize(
    "text", ["participant: [a]", "- a", "units: imperial", "partcipant: a", "a: b: c", "participant: {a: b}"]
)
def test_a_note_that_cannot_be_used_refuses_the_files_beside_it(tmp_path: Path, text: str):
    with pytest.raises(FileRefusedError) as refusal:
        notes_around(write_note(tmp_path, text), tmp_path)
    assert refusal.value.code == "bad_note"
