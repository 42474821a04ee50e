"""Codes, scales and streams of a source of one's own, from one spec with a kind of file for each case."""

from datetime import date, datetime, timedelta

import pytest
import yaml

from neuro_assets.ingest.load import Ingest
from neuro_assets.sources.load import load_sources
from neuro_assets_tests.fitabase_files import write
from neuro_assets_tests.tables import load, query, stage

DAY = date(2016, 4, 5)
CODES = {"Éveillé": "wake", "O'Brien": "rem", "2": "light"}


def minutely(column: str, kind: str, stream: dict) -> dict:
    return {
        "name_hint": column,
        "time": {"column": "at", "kind": "datetime"},
        "period_s": 60,
        "columns": {column: {"name": column, "type": kind}},
        "streams": stream,
    }


# Seconds as minutes, kilometres as they are, metres, thirds, and a number no fraction is.
SCALES = {"sedentary_min": 1 / 60, "light_active_distance_km": 0.001, "very_active_distance_km": 1 / 3}
TOTALS = ("very_active_min", "fairly_active_min", "lightly_active_min", *SCALES)
SPEC = {
    "name": "acme",
    "version": 1,
    "title": "ACME",
    "identity": {"column": "who", "pattern": r"\d+", "example": "1001"},
    "date_order": "ymd",
    "files": {
        "counts": minutely("counts", "number", {"activity_counts": {"value": "counts"}}),
        "texts": minutely("state", "text", {"sleep_stage": {"stage": {"column": "state", "codes": CODES}}}),
        "decimals": minutely("level", "number", {"sleep_stage": {"stage": {"column": "level", "codes": CODES}}}),
        "totals": {
            "name_hint": "totals",
            "time": {"column": "day", "kind": "date"},
            "columns": {c: {"name": c, "type": "number"} for c in TOTALS},
            "streams": {
                "daily_intensity": {c: {"column": c, "scale": SCALES[c]} if c in SCALES else c for c in TOTALS}
            },
        },
    },
}


def csv_of(column: str, cells: list[str]) -> str:
    first = datetime.combine(DAY, datetime.min.time())
    rows = (f"1001,{first + timedelta(minutes=n)},{cell}\n" for n, cell in enumerate(cells))
    return f"who,at,{column}\n{''.join(rows)}"


@pytest.fixture(scope="module")
def job(make_job, tmp_path_factory: pytest.TempPathFactory) -> Ingest:
    folder = tmp_path_factory.mktemp("acme")
    write(folder, "acme.yaml", yaml.safe_dump(SPEC, allow_unicode=True))
    plain = make_job(gates={"max_failed_share": 1})
    job = Ingest(plain.settings, plain.lake, plain.study, load_sources([*plain.settings.source_dirs, folder]))
    files = {
        "counts": csv_of("counts", ["0", "1523.5", "-1", "70000"]),
        "texts": csv_of("state", ["éveillé ", "O'BRIEN", "2", "2.0"]),
        "decimals": csv_of("level", ["2", "2.0", "2.5"]).replace("1001", "1002"),
        "totals": f"who,day,{','.join(TOTALS)}\n1001,{DAY},1,2,3,600,12,9\n1002,{DAY},1,2,3,600,1e300,9\n",
    }
    outcomes = load(job, *(write(folder, f"{name}.csv", text) for name, text in files.items()))
    assert [o.outcome for o in outcomes] == ["loaded"] * 4
    for name in ("activity_counts", "sleep_stage", "daily_intensity"):
        stage(job, name, DAY)
    return job


def test_counts_of_an_actigraph(job: Ingest):
    """70,000 is beyond any actigraph's minute, but no count of one device is another's."""
    assert query(job.lake, "SELECT value FROM staging.activity_counts ORDER BY local_ts") == [(0,), (1523.5,), (70000,)]
    sql = "SELECT rule FROM ops.quarantine WHERE table_name = 'staging.activity_counts'"
    assert query(job.lake, sql) == [("value_range",)]


def test_codes_of_texts_are_read_without_regard_to_capitals_and_blanks(job: Ingest):
    sql = "SELECT stage, log_id FROM staging.sleep_stage WHERE participant_id = ? ORDER BY local_ts"
    assert query(job.lake, sql, ["1001"]) == [("wake", None), ("rem", None), ("light", None)]
    sql = "SELECT column_name, value FROM ops.quarantine WHERE rule = 'unreadable_value' AND source_participant_id = ?"
    assert query(job.lake, sql, ["1001"]) == [("stage", "2.0")]


def test_a_whole_number_among_decimals_is_the_code_without_a_point(job: Ingest):
    sql = "SELECT stage FROM staging.sleep_stage WHERE participant_id = '1002'"
    assert query(job.lake, sql) == [("light",), ("light",)]
    sql = "SELECT column_name, value FROM ops.quarantine WHERE rule = 'unreadable_value' AND source_participant_id = ?"
    assert ("stage", "2.5") in query(job.lake, sql, ["1002"])


def test_a_scale_is_a_factor_and_columns_that_are_not_mapped_are_empty(job: Ingest):
    """600 s are 10 min, 12 m are 0.012 km, a third of 9 is 3."""
    sql = (
        "SELECT very_active_min, fairly_active_min, lightly_active_min, sedentary_min, light_active_distance_km,"
        " very_active_distance_km, sedentary_active_distance_km FROM staging.daily_intensity"
    )
    assert query(job.lake, sql) == [(1, 2, 3, 10, 0.012, 3.0, None)]
    sql = "SELECT rule FROM ops.quarantine WHERE table_name = 'staging.daily_intensity'"
    assert query(job.lake, sql) == [("light_active_distance_km_range",)]


def test_without_a_file_that_feeds_it_a_stream_is_empty(job: Ingest):
    """The source was taken away: staging its days again leaves nothing of them."""
    without = Ingest(job.settings, job.lake, job.study, load_sources(job.settings.source_dirs))
    stage(without, "activity_counts", DAY)
    assert query(job.lake, "SELECT count(*) FROM staging.activity_counts") == [(0,)]
    stage(job, "activity_counts", DAY)
    assert query(job.lake, "SELECT count(*) FROM staging.activity_counts") == [(3,)]
