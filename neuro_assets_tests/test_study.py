import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from neuro_assets.study import (
    Participant,
    Study,
    StudyError,
    Window,
    default_study_yaml,
    load_participants,
    load_study,
    zone_periods,
)
from neuro_assets_tests.conftest import study_of

MINIMAL = "id: s1\nwindow: {start: 2016-03-12, end: 2016-05-13}\n"


def written(folder: Path, text: str, name: str = "study.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(StudyError) as caught:
        load_study(path)
    assert str(path.parent) in str(caught.value)
    return str(caught.value)


def refused_people(folder: Path, text: str, name: str = "people.csv") -> str:
    path = written(folder, text, name)
    with pytest.raises(StudyError) as caught:
        load_participants(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_missing_protocol_names_the_command_that_makes_one(tmp_path: Path):
    assert "`neuro init` makes one" in refused(tmp_path / "study.yaml")


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        (MINIMAL + "default_time_zone: America/New_Yrok", "default_time_zone", "is not a time zone name"),
        (MINIMAL + "default_time_zone: America", "default_time_zone", "is not a time zone name"),
        ("id: s1\nwindow: {start: 2016-05-13, end: 2016-03-12}", "window", "before it starts (2016-05-13)"),
        (MINIMAL + "gates: {max_failed_share: 20}", "gates.max_failed_share", "less than or equal to 1"),
        (MINIMAL + "auto_enroll: true", "auto_enroll", "Extra inputs are not permitted"),
        (MINIMAL + "date_orders: {fitabase: mdd}", "date_orders.fitabase", "'mdy', 'dmy', 'ymd' or 'ydm'"),
        ("id: two words\nwindow: {start: 2016-03-12}", "id", "match pattern"),
        ("id: s1\n", "window", "Field required"),
    ],
)
def test_a_mistake_is_answered_with_file_field_and_expectation(tmp_path: Path, text: str, place: str, why: str):
    message = refused(written(tmp_path, text))
    assert f"study.yaml: {place}: " in message
    assert why in message


def test_broken_yaml_is_answered_with_line_and_column(tmp_path: Path):
    assert "study.yaml line 2, column 3" in refused(written(tmp_path, "window: {start: 2016-03-12\nid: s1"))
    assert "expected a mapping" in refused(written(tmp_path, "- id: s1"))


def test_a_protocol_in_another_encoding_is_refused_not_a_traceback(tmp_path: Path):
    path = tmp_path / "study.yaml"
    path.write_bytes(MINIMAL.encode() + "name: Étude\n".encode("latin-1"))
    assert "is not UTF-8; save the file as UTF-8" in refused(path)


def test_contact_data_has_no_place_in_the_protocol(tmp_path: Path):
    assert "'people' belongs in the participants file" in refused(written(tmp_path, MINIMAL + "people: []"))
    message = refused_people(tmp_path, "participant_id,email\np1,a@b.c\n")
    assert "unknown column 'email'" in message
    assert "contact data do not belong" in message
    assert "a@b.c" not in message


def test_people_from_csv(tmp_path: Path):
    text = (
        "participant_id,enrolled_on,withdrawn_on,time_zone,alias_fitabase,alias_oura\n"
        "p1,2016-03-20,2016-05-01,America/New_York | 2016-04-01: Europe/London,1503960366 | 1624580081,\n"
        "p2,,,,,o-7\n"
    )
    written(tmp_path, text, "people.csv")
    first, second = load_study(written(tmp_path, MINIMAL + "participants: people.csv")).people
    assert (first.enrolled_on, first.withdrawn_on) == (date(2016, 3, 20), date(2016, 5, 1))
    assert first.aliases == {"fitabase": ("1503960366", "1624580081")}
    assert [(z.since, z.zone) for z in first.zones] == [
        (None, "America/New_York"),
        (date(2016, 4, 1), "Europe/London"),
    ]
    assert (second.participant_id, second.aliases, second.zones) == ("p2", {"oura": ("o-7",)}, ())


def test_people_from_yaml_are_the_same_people(tmp_path: Path):
    csv = written(tmp_path, "participant_id,time_zone,alias_fitabase\np1,Asia/Tokyo,1234|5678\n", "people.csv")
    rows = [{"participant_id": "p1", "zones": [{"zone": "Asia/Tokyo"}], "aliases": {"fitabase": ["1234", "5678"]}}]
    assert load_participants(written(tmp_path, yaml.safe_dump(rows), "people.yaml")) == load_participants(csv)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("participant_id,alias_fitabase\np1,1111\np2,2222|1111\n", ["fitabase id '1111'", "'p1'", "'p2'"]),
        ("participant_id\np1\np1\n", ["'p1' appears twice"]),
        ("participant_id,time_zone\np1,UTC\np2,Europe/Londn\n", ["line 3", "zones.0.zone", "Europe/Londn"]),
        ("participant_id,time_zone\np1,1 April: Europe/London\n", ["line 2", "zones.0.since"]),
        ("participant_id,enrolled_on\n,2016-04-01\n", ["line 2", "participant_id"]),
        ("participant_id,enrolled_on\np1,01/04/2016\n", ["line 2", "enrolled_on"]),
    ],
)
def test_a_mistake_in_the_participants_file_is_answered_with_its_line(tmp_path: Path, text: str, parts: list[str]):
    message = refused_people(tmp_path, text)
    assert all(part in message for part in parts), message


def test_the_same_id_of_two_vendors_is_no_clash(tmp_path: Path):
    path = written(tmp_path, "participant_id,alias_fitabase,alias_oura\np1,1111,\np2,,1111\n", "people.csv")
    assert len(load_participants(path)) == 2


def test_an_alias_that_is_another_persons_own_id_is_refused(tmp_path: Path):
    message = refused_people(tmp_path, "participant_id,alias_fitabase\n1111,\np2,1111\n")
    assert "1111" in message


def test_two_zones_from_the_beginning_are_refused(tmp_path: Path):
    message = refused_people(tmp_path, "participant_id,time_zone\np1,America/New_York | Europe/London\n")
    assert "start on the same day" in message


def test_people_in_another_encoding_are_refused_not_a_traceback(tmp_path: Path):
    path = tmp_path / "people.csv"
    path.write_bytes("participant_id\nJosé\n".encode("latin-1"))
    with pytest.raises(StudyError, match=r"people\.csv"):
        load_participants(path)


def test_a_participants_file_that_is_not_there(tmp_path: Path):
    message = refused(written(tmp_path, MINIMAL + "participants: people.csv"))
    assert "people.csv" in message
    assert "does not exist" in message


def person(*zones: tuple[str | None, str]) -> Participant:
    return Participant.model_validate(
        {"participant_id": "p", "zones": [{"since": since, "zone": zone} for since, zone in zones]}
    )


NEW_YORK, LONDON, TOKYO = "America/New_York", "Europe/London", "Asia/Tokyo"
APRIL, MAY = date(2016, 4, 1), date(2016, 5, 1)


@pytest.mark.parametrize(
    ("who", "periods"),
    [
        (person(), [(date.min, date.max, NEW_YORK, "study")]),
        (person((None, TOKYO)), [(date.min, date.max, TOKYO, "participant")]),
        (
            person(("2016-05-01", TOKYO), ("2016-04-01", LONDON)),
            [
                (date.min, APRIL, NEW_YORK, "study"),
                (APRIL, MAY, LONDON, "participant"),
                (MAY, date.max, TOKYO, "participant"),
            ],
        ),
        (
            person((None, LONDON), ("2016-05-01", TOKYO)),
            [(date.min, MAY, LONDON, "participant"), (MAY, date.max, TOKYO, "participant")],
        ),
    ],
)
def test_zone_periods_follow_the_history_and_fill_in_with_the_study(who: Participant, periods: list[tuple]):
    assert zone_periods(study_of(), who) == periods


def test_without_a_study_zone_nothing_is_filled_in():
    study = study_of(default_time_zone=None)
    assert zone_periods(study, person()) == []
    assert zone_periods(study, person(("2016-04-01", LONDON))) == [(APRIL, date.max, LONDON, "participant")]


def test_an_open_window_ends_tomorrow():
    today = date(2016, 4, 1)
    assert Window(start=date(2016, 3, 12)).closed(today).end == date(2016, 4, 2)
    assert Window(start=date(2016, 3, 12), end=date(2016, 5, 13)).last_day(today) == date(2016, 4, 2)
    assert Window(start=date(2016, 3, 12), end=date(2016, 3, 20)).closed(today).end == date(2016, 3, 20)
    assert Window(start=date(2016, 6, 1)).closed(today) == Window(start=date(2016, 6, 1), end=date(2016, 6, 1))


def test_gates_of_a_stream_stand_before_the_general_ones():
    study = study_of(stream_gates={"steps": {"max_failed_share": 0.5}})
    assert study.gates_of("steps").max_failed_share == 0.5
    assert study.gates_of("heart_rate").max_failed_share == 0.2


def test_a_study_goes_through_json_and_back_and_holds_no_people():
    study = study_of(name="Étude").model_copy(update={"people": (Participant(participant_id="p1"),)})
    text = study.model_dump_json()
    assert "people" not in json.loads(text)
    assert Study.model_validate_json(text) == study.model_copy(update={"people": ()})
    schema = Study.model_json_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["id", "window"]


def test_the_fingerprint_changes_with_what_decides_a_value_and_only_then():
    people = (Participant(participant_id="a"), Participant(participant_id="b"))
    base = study_of().model_copy(update={"people": people})
    same = [
        base.model_copy(update={"name": "other"}),
        base.model_copy(update={"people": people[::-1]}),
    ]
    other = [
        base.model_copy(update={"people": people[:1]}),
        base.model_copy(update={"default_time_zone": "Asia/Tokyo"}),
        base.model_copy(update={"auto_enrol": False}),
        study_of(gates={"max_failed_share": 0.3}).model_copy(update={"people": people}),
    ]
    assert {s.fingerprint() for s in same} == {base.fingerprint()}
    assert len({s.fingerprint() for s in [base, *other]}) == 5


def test_the_study_that_init_writes_can_be_read(tmp_path: Path):
    study = load_study(written(tmp_path, default_study_yaml(datetime(2016, 5, 1, tzinfo=UTC))))
    assert (study.window.start, study.window.end) == (date(2016, 4, 1), None)
    assert study.default_time_zone is None
    assert study.auto_enrol is False


def test_lapses_of_consent_are_read_and_place_no_row_elsewhere(tmp_path: Path):
    text = "participant_id,time_zone,consent_lapsed\nP1,UTC,2020-01-05..2020-01-20 | 2020-03-01..\nP2,UTC,\n"
    (tmp_path / "people.csv").write_text(text)
    one, two = load_participants(tmp_path / "people.csv")
    assert [(str(lapse.since), str(lapse.until)) for lapse in one.consent_lapsed] == [
        ("2020-01-05", "2020-01-20"),
        ("2020-03-01", "None"),
    ]
    assert two.consent_lapsed == ()
    plain = Participant(participant_id="P1", zones=one.zones)
    assert one.placed() == plain.placed()
