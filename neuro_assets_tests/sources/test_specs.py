import random
from pathlib import Path

import pytest
import yaml

from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.load import SourceError, Sources, load_sources, read_source

BUILT_IN = REPOSITORY / "neuro_assets" / "sources"


def vendor(name: str = "acme", **changes: object) -> dict:
    """A spec with one kind of file, `steps`, fed into the stream of that name."""
    spec = {
        "name": name,
        "version": 1,
        "title": "ACME export",
        "identity": {"column": "user", "pattern": "[a-z]+", "example": "ann"},
        "date_order": "ymd",
        "files": {"hourly": hourly()},
    }
    return spec | changes


def hourly(**changes: object) -> dict:
    spec = {
        "name_hint": "hourly.csv",
        "time": {"column": "when", "kind": "datetime"},
        "period_s": 3600,
        "columns": {"count": {"name": "step_count", "type": "integer"}},
        "streams": {"steps": {"value": "step_count"}},
    }
    return spec | changes


def write_spec(folder: Path, spec: object, name: str = "acme.yaml") -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(yaml.safe_dump(spec), encoding="utf-8")
    return path


def refused(folder: Path, spec: object) -> str:
    """The answer to a spec that cannot be used, alone or beside the built-in ones."""
    write_spec(folder, spec)
    with pytest.raises(SourceError) as caught:
        load_sources([BUILT_IN, folder])
    return str(caught.value)


@pytest.fixture(scope="module")
def built_in() -> Sources:
    return load_sources([BUILT_IN])


def test_every_built_in_header_is_identified_in_any_order(built_in: Sources):
    assert len(built_in.kinds) == 6
    for kind in built_in.kinds:
        header = sorted(kind.source.header_of(kind.kind))
        for seed in range(5):
            random.Random(seed).shuffle(header)
            found = built_in.identify(header)
            assert found is not None
            assert (found.source.name, found.kind) == (kind.source.name, kind.kind)


def test_a_header_that_differs_by_one_column_is_nothing_we_know(built_in: Sources):
    for kind in built_in.kinds:
        header = sorted(kind.source.header_of(kind.kind))
        assert built_in.identify(header[1:]) is None
        assert built_in.identify([*header, "Extra"]) is None
        assert built_in.identify([*header, header[0]]) is None
        assert built_in.identify([h.upper() for h in header]) is None


def test_the_nearest_kind_is_told_with_what_differs(built_in: Sources):
    best, missing, extra = built_in.nearest(["Id", "ActivityDay", "StepTotal"])
    assert (best.kind, missing, extra) == ("hourly_steps", ["ActivityHour"], ["ActivityDay"])


def test_real_headers_are_identified(built_in: Sources, fitabase: dict[str, list[Path]]):
    for kind, paths in fitabase.items():
        for path in paths:
            found = built_in.identify(path.open(encoding="utf-8-sig").readline().strip().split(","))
            assert found is not None
            assert found.kind == kind
    assert {k: len(v) for k, v in fitabase.items()} == {
        "daily_activity": 2,
        "sleep_day": 1,
        "hourly_steps": 2,
        "hourly_calories": 2,
        "hourly_intensities": 2,
        "heartrate_seconds": 1,
    }


def test_kinds_are_found_by_stream_and_by_raw_table(built_in: Sources):
    assert [k.kind for k in built_in.feeding("calories")] == ["hourly_calories"]
    assert built_in.by_raw_table("raw.fitabase_sleep_day").kind == "sleep_day"
    with pytest.raises(KeyError, match=r"no source spec feeds raw\.oura_sleep"):
        built_in.by_raw_table("raw.oura_sleep")


def test_a_user_adds_a_vendor_without_code(tmp_path: Path):
    write_spec(tmp_path, vendor())
    sources = load_sources([BUILT_IN, tmp_path])
    found = sources.identify(["count", "when", "user"])
    assert found is not None
    assert found.raw_table.qualified == "raw.acme_hourly"
    assert [c.name for c in found.raw_table.columns] == [
        "file_id",
        "row_number",
        "source_participant_id",
        "day",
        "local_ts",
        "step_count",
        "unreadable",
        "as_of",
    ]
    assert [k.source.name for k in sources.feeding("steps")] == ["fitabase", "acme"]


def test_a_vendor_cannot_be_defined_twice(tmp_path: Path):
    message = refused(tmp_path, vendor("fitabase"))
    assert "acme.yaml: a source named 'fitabase' is already defined" in message


def test_twins_are_refused_because_a_file_could_be_either(tmp_path: Path):
    twin = hourly(
        time={"column": "ActivityHour", "kind": "datetime"},
        columns={"StepTotal": {"name": "n", "type": "integer"}},
        streams={"steps": {"value": "n"}},
    )
    identity = {"column": "Id", "pattern": ".*", "example": "x"}
    message = refused(tmp_path, vendor(identity=identity, files={"hourly": twin}))
    assert "acme.hourly" in message
    assert "fitabase.hourly_steps" in message
    assert "have the same columns" in message


DAILY_TIME = {"column": "when", "kind": "date"}


@pytest.mark.parametrize(
    ("spec", "place", "why"),
    [
        (
            vendor(files={"hourly": hourly(streams={"stepz": {"value": "n"}})}),
            "files.hourly",
            "unknown stream 'stepz'",
        ),
        (
            vendor(files={"hourly": hourly(streams={"steps": {"count": "step_count"}})}),
            "files.hourly",
            "stream 'steps' needs exactly the columns value",
        ),
        (
            vendor(files={"hourly": hourly(streams={"steps": {"value": "steps"}})}),
            "files.hourly",
            "undeclared columns: steps",
        ),
        (vendor(files={"hourly": hourly(period_s=None)}), "files.hourly", "needs period_s"),
        (
            vendor(files={"hourly": hourly(time=DAILY_TIME)}),
            "files.hourly",
            "needs period_s and a datetime column",
        ),
        (
            vendor(
                files={
                    "hourly": hourly(
                        columns={c: {"name": c, "type": "integer"} for c in ("a", "b", "c")},
                        streams={
                            "daily_sleep": {
                                "sleep_records": "a",
                                "minutes_asleep": "b",
                                "minutes_in_bed": "c",
                            }
                        },
                    )
                }
            ),
            "files.hourly",
            "its time must be a date",
        ),
        (vendor(files={"hourly": hourly(period_s=0)}), "files.hourly.period_s", "greater than or equal to 1"),
        (vendor(date_order="mm/dd"), "date_order", "'mdy', 'dmy' or 'ymd'"),
        (vendor(colour="red"), "colour", "Extra inputs are not permitted"),
        (vendor(name="ACME Corp"), "name", "match pattern"),
        (
            vendor(files={"hourly": hourly(columns={"count": {"name": "n", "type": "int"}})}),
            "files.hourly.columns.count.type",
            "'integer', 'number' or 'text'",
        ),
        ({k: v for k, v in vendor().items() if k != "identity"}, "identity", "Field required"),
    ],
)
def test_a_mistake_is_answered_with_file_field_and_expectation(tmp_path: Path, spec: dict, place: str, why: str):
    message = refused(tmp_path, spec)
    assert str(tmp_path / "acme.yaml") in message
    assert f"{place}: " in message
    assert why in message


@pytest.mark.parametrize("text", ["name: [", "\tname: x"])
def test_broken_yaml_is_answered_with_its_line(tmp_path: Path, text: str):
    path = tmp_path / "acme.yaml"
    path.write_text(f"# first\n{text}\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"acme\.yaml line [23]: not valid YAML"):
        read_source(path)


def test_an_empty_or_wrongly_encoded_spec_is_refused(tmp_path: Path):
    path = tmp_path / "acme.yaml"
    for content in (b"", "title: caf\u00e9".encode("latin-1")):
        path.write_bytes(content)
        with pytest.raises(SourceError, match=r"acme\.yaml"):
            read_source(path)


# Specs whose raw table could not be made, or could be another's: the mistake must be told when the spec is read.


@pytest.mark.parametrize("kind", ["hourly steps", "Hourly", "1h", "a; DROP TABLE x"])
def test_a_kind_of_file_must_be_able_to_name_a_table(tmp_path: Path, kind: str):
    assert "files" in refused(tmp_path, vendor(files={kind: hourly()}))


def test_two_columns_cannot_become_one(tmp_path: Path):
    twice = {c: {"name": "step_count", "type": "integer"} for c in ("count", "total")}
    assert "step_count" in refused(tmp_path, vendor(files={"hourly": hourly(columns=twice)}))


@pytest.mark.parametrize("name", ["day", "file_id", "row_number", "as_of", "local_ts", "unreadable"])
def test_names_that_every_raw_table_has_are_taken(tmp_path: Path, name: str):
    columns = {"count": {"name": "step_count", "type": "integer"}, "other": {"name": name, "type": "text"}}
    assert name in refused(tmp_path, vendor(files={"hourly": hourly(columns=columns)}))


def test_two_specs_cannot_share_a_raw_table(tmp_path: Path):
    """`fitabase` + `hourly_steps` and `fitabase_hourly` + `steps` are both raw.fitabase_hourly_steps."""
    message = refused(tmp_path, vendor("fitabase_hourly", files={"steps": hourly()}))
    assert "raw.fitabase_hourly_steps" in message


def test_a_pattern_that_is_no_regular_expression_is_refused(tmp_path: Path):
    identity = {"column": "user", "pattern": "[a-z", "example": "ann"}
    assert "identity.pattern" in refused(tmp_path, vendor(identity=identity))
