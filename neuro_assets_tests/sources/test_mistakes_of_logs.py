"""Mistakes in what a spec says of logs: counted times, constants, members, stated values, dropped columns."""

from pathlib import Path

import pytest

from neuro_assets.sources.load import SourceError, load_sources

GOOD = r"""name: acme
version: 1
title: ACME log
identity: {column: phone, pattern: 'U\d{3}', example: 'U001'}
date_order: ymd
files:
  calls:
    name_hint: calls
    time: {column: at, kind: datetime, clock: utc, epoch: ms}
    drop: [whom]
    columns:
      kind: {name: call_kind, type: integer, values: [1, 2]}
      app: {name: app, type: text, pattern: '\w+(\.\w+)+'}
    streams:
      event:
        event_type: {constant: custom}
        app: app
        device_id: source_participant_id
        details: {members: {kind: {column: call_kind, codes: {'1': in, '2': out}}, what: {constant: call}}}
"""
MISTAKES = [
    ("epoch: ms", "epoch: milliseconds",
     "9, files.calls.time.epoch: 'milliseconds' is none of 's', 'ms' or 'us'; did you mean 'ms'?"),
    ("clock: utc, epoch", "epoch",
     "9, files.calls.time.epoch: 'epoch' goes with 'kind: datetime' and 'clock: utc', without 'format' and 'offset';"
     " such times are UTC: write `kind: datetime` and `clock: utc`, and nothing else of how they are written"),
    ("[whom]", "whom",
     "10, files.calls.drop: 'whom' is no list; put it in square brackets: drop: [whom]"),
    ("[whom]", "[whom, app]",
     "10, files.calls.drop: 'app' is both kept and under 'drop': it cannot be both; delete it at one of the two"
     " places"),
    ("[1, 2]}", "[1, two]}",
     "12, files.calls.columns.kind.values: 'values' of a column of numbers are numbers, not 'two'; mend the list, or"
     " write `type: text`"),
    ("type: text, pattern", "type: number, pattern",
     "13, files.calls.columns.app.pattern: 'pattern' is for texts, and does not go with 'values'; keep `values` for a"
     " column of numbers"),
    ("{constant: custom}", "{constant: call}",
     "16, files.calls.streams.event.event_type.constant: column 'event_type' takes screen_on, screen_off, unlock, lock,"
     " app_focus, app_blur, notification, focus_start, focus_stop, custom, not 'call'; mend or delete it"),
    ("{constant: custom}", "{constant: custom, column: app}",
     "16, files.calls.streams.event.event_type: say one of 'column', 'constant' and 'members': where does the value"
     " come from?; write `column: <name of a column of this kind>`, or `constant: <text>`"),
    ("device_id: source_participant_id", "device_id: {members: {a: app}, scale: 2}",
     "18, files.calls.streams.event.device_id: 'codes' and 'scale' belong to a 'column'; give the column that they are"
     " for, or delete them"),
    ("column: call_kind", "column: call_kin",
     "19, files.calls.streams.event.details.members.kind: no column of this kind is named 'call_kin'; did you mean"
     " 'call_kind'?"),
    ("{constant: call}", "{constnt: call}",
     "19, files.calls.streams.event.details.members.what.constnt: unknown field 'constnt'; did you mean 'constant'?"),
    ("{constant: call}", "{members: {a: app}}",
     "19, files.calls.streams.event.details.members: 'members' are one or more columns or constants, none of them an"
     " object itself; write for example `members: {level: battery_level}`"),
    ("        event_type: {constant: custom}\n", "",
     "15, files.calls.streams.event: stream 'event' also needs event_type; add `event_type: <name of a column of this"
     " kind>`, or feed device_sync instead"),
]  # fmt: skip


def told(folder: Path, text: str) -> list[str]:
    (folder / "acme.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        load_sources([folder])
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_the_spec_that_the_mistakes_are_made_in_is_good(tmp_path: Path):
    (tmp_path / "acme.yaml").write_text(GOOD, encoding="utf-8")
    (kind,) = load_sources([tmp_path]).kinds
    assert kind.spec.required == {"kind", "app"}
    assert "whom" in kind.source.header_of("calls")


@pytest.mark.parametrize(("old", "new", "answer"), MISTAKES)
def test_a_mistake_is_answered_once_with_line_field_and_remedy(tmp_path: Path, old: str, new: str, answer: str):
    assert old in GOOD
    assert told(tmp_path, GOOD.replace(old, new, 1)) == [f"acme.yaml line {answer}"]
