"""Files in UTC, and files that say their offset: the rows' days, clocks and offsets, and what a changed zone does."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
import yaml

from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.replay import reconcile_study
from neuro_assets.sources.load import load_sources
from neuro_assets.study import Study
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.fitabase_files import write
from neuro_assets_tests.tables import load, one, query, stage

FIRST, LAST = date(2019, 10, 20), date(2019, 11, 10)
OSLO, NEW_YORK = "Europe/Oslo", "America/New_York"
TIME = {"column": "at", "kind": "datetime", "format": "%Y-%m-%d %H:%M:%S"}
SPEC = {
    "name": "acme",
    "version": 1,
    "title": "ACME",
    "identity": {"column": "who", "pattern": r"[a-z]+", "example": "ada"},
    "date_order": "ymd",
    "files": {
        "steps": {
            "name_hint": "utc",
            "time": {**TIME, "clock": "utc"},
            "period_s": 60,
            "columns": {"n": {"name": "n", "type": "integer"}},
            "streams": {"steps": {"value": "n"}},
        },
        "weights": {
            "name_hint": "offset",
            "time": {**TIME, "offset": "minutes_off"},
            "columns": {
                "kg": {"name": "kg", "type": "number"},
                "off": {"name": "minutes_off", "type": "integer", "optional": True},
            },
            "streams": {"weight": {"weight_kg": "kg"}},
        },
    },
}
# On 27 October 2019 Oslo's clock went back at 01:00 UTC.
STEPS = """who,at,n
ada,2019-10-26 22:00:00,1
ada,2019-10-27 00:30:00,2
ada,2019-10-27 01:30:00,3
ada,2019-11-05 23:30:00,4
bob,2019-11-05 23:30:00,5
eve,2019-11-05 23:30:00,6
"""
WEIGHTS = """who,at,kg,off
ada,2019-10-27 02:30:00,60,60
ada,2019-11-05 08:00:00,61,-300
ada,2019-11-06 08:00:00,62,
"""


def person(name: str, zone: str | None) -> dict[str, object]:
    return {"participant_id": name, "zones": [{"zone": zone}] if zone else []}


def study(**overrides: object) -> Study:
    people = [person("ada", OSLO), person("bob", NEW_YORK), person("eve", None)]
    fields: dict[str, object] = {"auto_enrol": False, "people": people, "default_time_zone": None}
    return study_of(window={"start": FIRST, "end": LAST}, **(fields | overrides))


@pytest.fixture
def job(make_job, tmp_path) -> Ingest:
    write(tmp_path, "acme.yaml", yaml.safe_dump(SPEC))
    plain = make_job(study=study(gates={"max_failed_share": 1}))
    job = replace(plain, sources=load_sources([*plain.settings.source_dirs, tmp_path]))
    outcomes = load(job, write(tmp_path, "utc.csv", STEPS), write(tmp_path, "offset.csv", WEIGHTS))
    assert [o.outcome for o in outcomes] == ["loaded", "loaded"]
    return job


def staged(job: Ingest, stream: str) -> list[tuple]:
    stage(job, stream, FIRST, LAST)
    value = "value" if stream == "steps" else "weight_kg"
    return query(
        job.lake,
        f"SELECT participant_id, {value}::INTEGER, day, ts, local_ts, fold, utc_offset_min, time_quality, tz_source"
        f" FROM staging.{stream} ORDER BY 2",
    )


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_moments_in_utc_lie_on_the_local_day_and_both_passes_of_an_hour_are_told_apart(job: Ingest):
    autumn, november = date(2019, 10, 27), date(2019, 11, 6)
    half_past_two = datetime(2019, 10, 27, 2, 30)
    told = ("ok", "participant")
    assert staged(job, "steps") == [
        ("ada", 1, autumn, utc(2019, 10, 26, 22), datetime(2019, 10, 27), 0, 120, *told),
        ("ada", 2, autumn, utc(2019, 10, 27, 0, 30), half_past_two, 0, 120, *told),
        ("ada", 3, autumn, utc(2019, 10, 27, 1, 30), half_past_two, 1, 60, *told),
        ("ada", 4, november, utc(2019, 11, 5, 23, 30), datetime(2019, 11, 6, 0, 30), 0, 60, *told),
        ("bob", 5, date(2019, 11, 5), utc(2019, 11, 5, 23, 30), datetime(2019, 11, 5, 18, 30), 0, -300, *told),
    ]
    sql = "SELECT rule, source_participant_id FROM ops.quarantine WHERE table_name = 'staging.steps'"
    assert query(job.lake, sql) == [("unknown_time_zone", "eve")]


def test_an_offset_that_the_file_gives_goes_before_the_persons_zone(job: Ingest):
    assert staged(job, "weight") == [
        (
            "ada",
            60,
            date(2019, 10, 27),
            utc(2019, 10, 27, 1, 30),
            datetime(2019, 10, 27, 2, 30),
            0,
            60,
            "ok",
            "payload",
        ),
        ("ada", 61, date(2019, 11, 5), utc(2019, 11, 5, 13), datetime(2019, 11, 5, 8), 0, -300, "ok", "payload"),
        ("ada", 62, date(2019, 11, 6), utc(2019, 11, 6, 7), datetime(2019, 11, 6, 8), 0, 60, "ok", "participant"),
    ]


@pytest.mark.parametrize(
    "after",
    [
        {"people": [person("ada", OSLO), person("bob", OSLO), person("eve", None)]},
        pytest.param({"default_time_zone": "Asia/Tokyo"}, marks=pytest.mark.verify),
    ],
)
@pytest.mark.verify
def test_with_another_zone_the_rows_move_to_their_days_as_if_loaded_so(
    job: Ingest, make_job, tmp_path, after: dict[str, object]
):
    staged(job, "steps")
    reconcile_study(job)
    later = replace(job, study=study(gates={"max_failed_share": 1}, **after))
    changed = reconcile_study(later)
    assert changed
    assert "window" not in changed
    fresh = replace(later, lake=make_job().lake)
    assert [o.outcome for o in load(fresh, write(tmp_path, "again.csv", STEPS))] == ["loaded"]
    moved, anew = staged(later, "steps"), staged(fresh, "steps")
    assert moved == anew
    assert len(moved) == (
        5 if after.get("people") == [person("ada", OSLO), person("bob", OSLO), person("eve", None)] else 6
    )
    assert reconcile_study(later) == set()


def test_only_files_of_a_changed_person_are_read_again(job: Ingest, tmp_path):
    load(job, write(tmp_path, "utc2.csv", "who,at,n\nbob,2019-11-01 12:00:00,7\n"))
    reconcile_study(job)
    before = dict(query(job.lake, "SELECT original_name, loaded_at FROM ops.landing_files"))
    people = [person("ada", "Europe/Paris"), person("bob", NEW_YORK), person("eve", None)]
    reconcile_study(replace(job, study=study(gates={"max_failed_share": 1}, people=people)))
    after = dict(query(job.lake, "SELECT original_name, loaded_at FROM ops.landing_files"))
    assert {n for n in after if after[n] != before[n]} == {"utc.csv"}


def test_rows_whose_local_day_is_outside_the_window_are_told(job: Ingest, tmp_path):
    text = f"who,at,n\nada,{LAST} 22:30:00,1\nada,{LAST} 23:30:00,2\nbob,{FIRST} 03:00:00,3\nbob,{FIRST} 05:00:00,4\n"
    load(job, write(tmp_path, "edge.csv", text))
    sql = "SELECT row_number FROM ops.quarantine WHERE rule = 'outside_window' ORDER BY ALL"
    assert query(job.lake, sql) == [(2,), (3,)]
    assert one(job.lake, "SELECT rows_outside_window FROM ops.landing_files WHERE original_name = 'edge.csv'") == 2
