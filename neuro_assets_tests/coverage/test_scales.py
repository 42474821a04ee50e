"""A scale syncs each time somebody steps on it, and says nothing of what is worn."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from neuro_assets.coverage import compute
from neuro_assets.coverage.people import judge_people
from neuro_assets_tests.coverage.conftest import FIRST, Planted, day
from neuro_assets_tests.coverage.test_any_order import tables
from neuro_assets_tests.coverage.test_worklist import Script, on, plant, write

NOW = datetime(2019, 11, 12, 8, tzinfo=UTC)
NIGHTLY = [(day(n, 20), 80 - 15 * (n - 1)) for n in range(1, 6)]


def syncs(study: Planted, who: str, device_type: str, given: Iterable[tuple[datetime, int | None]]) -> None:
    """Syncs of a person's device of some kind with their charge [%]."""
    write(
        study,
        *(
            f"""
            INSERT INTO staging.device_sync BY NAME
            SELECT '{who}' AS participant_id, DATE '{at:%Y-%m-%d}' AS day, timezone('UTC', TIMESTAMP '{at}') AS ts,
                TIMESTAMP '{at}' AS local_ts, 0 AS fold, 0 AS utc_offset_min, '{device_type}' AS device_id,
                '{device_type}' AS device_type, {"NULL" if charge is None else charge} AS battery_pct,
                'ok' AS time_quality, 'study' AS tz_source, 'test' AS source, 'f' AS file_id, {n + 1} AS row_number
            """
            for n, (at, charge) in enumerate(given)
        ),
    )


def mornings(first: int, last: int, charge: int | None = 90) -> list[tuple[datetime, int | None]]:
    """Somebody steps on the scale at seven."""
    return [(day(n, 7), charge) for n in range(first, last + 1)]


def test_what_a_gap_is_does_not_depend_on_a_scale(planted: Callable[..., Planted]):
    """20 % at 20:00 on the fifth, 15 % a day: 5 % are left, which is none, 24 hours later. One is back on the ninth."""
    study = planted(people=[{"participant_id": f"{who}{s}", "enrolled_on": FIRST}
                            for who in ("back", "silent") for s in ("", " with a scale")])  # fmt: skip
    for who in ("back", "silent"):
        for scale in ("", " with a scale"):
            own = [(who + scale, day(1), day(5, 20), 10)]
            given: list[tuple[datetime, int | None]] = list(NIGHTLY)
            if who == "back":
                own.append((who + scale, day(9, 18), day(10), 10))
                given.append((day(9, 20), 100))
            plant(study, "steps", own, step_min=60)
            syncs(study, who + scale, "TRACKER", given)
            if scale:
                syncs(study, who + scale, "SCALE", mornings(1, 11))
    study.cover(on(1), on(10), NOW)
    hours = {who: study.hours(who) for who in ("back", "back with a scale", "silent", "silent with a scale")}
    assert hours["back with a scale"] == hours["back"]
    assert hours["silent with a scale"] == hours["silent"]
    assert study.reasons("back with a scale", day(6, 20), day(9, 18)) == {"battery"}
    assert study.reasons("silent with a scale", day(5, 20), day(6, 20)) == {"not_synced"}
    # For three days.
    assert study.reasons("silent with a scale", day(6, 20), day(9, 20)) == {"battery"}
    assert study.reasons("silent with a scale", day(9, 20), day(11)) == {"not_synced"}


@pytest.mark.verify
def test_a_late_sync_of_the_tracker_tells_gaps_anew_however_often_a_scale_syncs(planted: Callable[..., Planted]):
    """80 % on the thirteenth and 20 % a day later are 60 % a day: what was charged after the gap had been empty."""
    settled, study, whole = datetime(2030, 1, 1, tzinfo=UTC), planted(), planted()
    given = [(day(2, 20), 50), (day(14, 20), 20), (day(19, 20), 100)]
    weighed = [(day(n, hour), 90) for n in range(1, 26) for hour in range(6, 12)]
    for one in (study, whole):
        plant(one, "steps", [("a", day(1), day(14, 20), 10), ("a", day(19, 18), day(20), 10)], step_min=60)
        syncs(one, "a", "TRACKER", given)
        syncs(one, "a", "SCALE", weighed)
    study.cover(now=settled)
    before = tables(study.job)
    for one in (study, whole):
        syncs(one, "a", "TRACKER", [(day(13, 20), 80)])
    study.cover(on(13), on(13), settled)
    whole.cover(now=settled)
    found, expected = tables(study.job), tables(whole.job)
    assert before["hourly"].rows() != expected["hourly"].rows()
    assert {name: frame.rows() for name, frame in found.items()} == {n: f.rows() for n, f in expected.items()}


def test_what_waits_for_the_tracker_is_not_written_again_for_a_scale(
    planted: Callable[..., Planted], monkeypatch: pytest.MonkeyPatch
):
    study, parts = planted(), []
    plant(study, "steps", [("a", day(1), day(5, 20), 10), ("b", day(1), day(11), 10)], step_min=60)
    syncs(study, "a", "TRACKER", [(day(n, 20), 80) for n in range(1, 6)])
    study.cover(on(1), on(11), NOW)
    again = compute._again

    def spy(*args: Any, **options: Any) -> Any:
        parts.append((args[4].people, args[4].first, args[4].last))
        return again(*args, **options)

    monkeypatch.setattr(compute, "_again", spy)
    syncs(study, "a", "SCALE", mornings(9, 9))
    study.cover(on(9), on(9), NOW)
    assert parts == []
    syncs(study, "a", "TRACKER", [(day(10, 9), 20)])
    study.cover(on(10), on(10), NOW)
    assert {people for people, *_ in parts} == {("a",)}


def test_who_weighs_in_while_the_tracker_is_silent_is_asked_to_charge_it(planted: Callable[..., Planted]):
    """Nothing of the tracker for 60 hours, whose charge was 8 % then; of the scale, an hour ago."""
    script = Script()
    script.usual("empty", day(9, 20), charge=8)
    script.usual("empty, weighs in", day(9, 20), charge=8)
    script.usual("charge not told, weighs in", day(9, 20), charge=None)
    script.usual("weighs in, too", day(12, 7))
    script.person("only weighs in")
    study = planted(people=script.people, auto_enrol=False)
    script.plant(study)
    # The charge was low the evening before; what it was at the last sync nobody knows.
    write(study, "UPDATE staging.device_sync SET battery_pct = 8 WHERE participant_id LIKE 'charge not told%'"
                 " AND battery_pct IS NOT NULL")  # fmt: skip
    for who in ("empty, weighs in", "weighs in, too", "only weighs in", "charge not told, weighs in"):
        syncs(study, who, "SCALE", mornings(5, 12))
    study.cover(on(5), on(12), NOW)
    people = judge_people(study.connection, study.job, NOW)
    worklist = people.frames["coverage.worklist"]
    assert worklist.select("participant_id", "reason", "since").sort("participant_id").rows() == [
        ("charge not told, weighs in", "not_synced", on(9)),
        ("empty", "battery", on(9)),
        ("empty, weighs in", "battery", on(9)),
        ("only weighs in", "nothing_yet", on(5)),
    ]
    silent = dict(people.frames["coverage.overview"].select("participant_id", "hours_silent").iter_rows())
    assert silent["empty, weighs in"] == silent["empty"] == 60.0
