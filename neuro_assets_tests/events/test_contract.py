"""The published contract: what it takes and refuses, and that it is what is read."""

import json
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from neuro_assets.events.contract import Event
from neuro_assets.sources.load import Sources
from neuro_assets.streams.events import EVENT, SCHEMA_VERSIONS

GOOD: dict[str, Any] = {
    "event_id": "7f3a",
    "user_id": "P001",
    "timestamp": "2026-03-08T09:30:00.250-04:00",
    "event_type": "app_focus",
    "app": "com.example.mail",
    "device_id": "phone-1",
    "duration": 12.5,
    "metadata": {"battery": 80},
    "schema_version": 1,
}


class EventV2(Event):
    """A made-up version 2: one more optional field."""

    schema_version: Literal[2] = 2  # pyright: ignore[reportIncompatibleVariableOverride]
    battery: float | None = None


def test_the_example_of_the_docs_is_an_event():
    from neuro_assets.settings import REPOSITORY

    text = (REPOSITORY / "docs" / "events.md").read_text(encoding="utf-8")
    event = Event.model_validate_json(text.split("```json\n")[1].split("```")[0])
    assert event == Event.model_validate(GOOD)


def test_only_who_when_and_what_must_be_there():
    assert Event.model_validate({k: GOOD[k] for k in ("user_id", "timestamp", "event_type")}).schema_version == 1
    for name in ("user_id", "timestamp", "event_type"):
        with pytest.raises(ValidationError, match=name):
            Event.model_validate({k: v for k, v in GOOD.items() if k != name})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timestamp", "2026-03-08T09:30:00"),
        ("timestamp", "soon"),
        ("event_type", "teleport"),
        ("duration", -1),
        ("duration", "inf"),
        ("metadata", [1]),
        ("metadata", "text"),
        ("schema_version", 2),
        ("user_id", ""),
    ],
)
def test_what_is_wrong_is_refused(field: str, value: object):
    with pytest.raises(ValidationError, match=field):
        Event.model_validate(GOOD | {field: value})


def test_the_source_reads_the_fields_of_the_contract_and_no_others(vendor_sources: Sources):
    (kind,) = (k for k in vendor_sources.feeding("event") if k.source.name == "events")
    assert kind.source.header_of(kind.kind) == set(Event.model_fields)
    assert kind.raw_table.qualified == "raw.events_batch"
    required = {name for name, f in Event.model_fields.items() if f.is_required()}
    assert {kind.source.identity.column, kind.spec.time.column, *kind.spec.required} == required


def test_the_versions_that_are_read_are_those_of_the_contract():
    assert Event.model_fields["schema_version"].default == max(SCHEMA_VERSIONS)
    assert set(EVENT.mapped) == {
        "event_id", "event_type", "app", "device_id", "duration_s", "details", "schema_version"
    }  # fmt: skip


def test_a_later_version_takes_what_an_earlier_sender_writes_but_for_the_number():
    told = GOOD | {"schema_version": 2}
    assert EventV2.model_validate(told).battery is None
    assert EventV2.model_validate(told | {"battery": 80}).battery == 80
    with pytest.raises(ValidationError, match="schema_version"):
        Event.model_validate(told)


def test_further_fields_are_let_pass():
    assert json.loads(Event.model_validate(GOOD | {"colour": "blue"}).model_dump_json())["colour"] == "blue"
