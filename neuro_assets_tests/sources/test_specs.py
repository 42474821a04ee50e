import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml

from neuro_assets.ingest.decided import Said
from neuro_assets.ingest.layout import find_layout, plain, unknown_layout
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.fitbit.parts import COLUMNS
from neuro_assets.sources.load import FileKind, SourceError, Sources, load_sources, read_source
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets_tests.ingest.one_file import Reader

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


def told_by_columns(sources: Sources) -> list[FileKind]:
    return [k for k in sources.kinds if k.source.recognised_by == "columns"]


def told_by_name(sources: Sources) -> list[FileKind]:
    return [k for k in sources.kinds if k.source.recognised_by == "name"]


def test_there_are_so_many_kinds_of_each_source(built_in: Sources):
    counts = Counter(k.source.name for k in built_in.kinds)
    assert counts == {"fitabase": 19, "takeout": 13, "fitbit_web_api": 19, "events": 1, "aware": 6}
    assert {k.source.name for k in told_by_columns(built_in)} == {"fitabase", "events", "aware"}


def test_every_built_in_header_is_identified_in_any_order(built_in: Sources):
    for kind in told_by_columns(built_in):
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
    best, missing, extra = built_in.nearest(["Id", "SleepDay", "TotalMinutesAsleep", "TotalTimeInBed", "Nights"])
    assert (best.name, missing, extra) == ("fitabase.sleep_day", ["TotalSleepRecords"], ["Nights"])


def test_every_real_file_has_the_header_of_its_kind_in_the_same_order(built_in: Sources, shared_data: Path):
    """The kind is told by the file's name, which no spec needs to read a file."""
    kinds = {k.spec.name_hint: k for k in told_by_columns(built_in)}
    found: Counter[str] = Counter()
    for path in sorted((shared_data / "fitabase").rglob("*.csv")):
        kind = kinds[path.stem]
        header = path.open(encoding="utf-8-sig").readline().strip().split(",")
        assert (path.name, set(header)) == (path.name, set(kind.source.header_of(kind.kind)))
        assert len(header) == len(set(header))
        identified = built_in.identify(header)
        assert (path.name, identified and identified.kind) == (path.name, kind.kind)
        found[kind.kind] += 1
    assert found == {
        "daily_activity": 2,
        "daily_steps": 1,
        "daily_calories": 1,
        "daily_intensities": 1,
        "sleep_day": 1,
        "hourly_steps": 2,
        "hourly_calories": 2,
        "hourly_intensities": 2,
        "minute_steps_wide": 1,
        "minute_intensities_wide": 1,
        "weight_log": 2,
        "heartrate_seconds": 1,
    }


# What the public export and the data dictionary have besides, of which there is no file here.
ELSEWHERE = {
    "minute_steps": "Id,ActivityMinute,Steps",
    "minute_calories": "Id,ActivityMinute,Calories",
    "minute_intensities": "Id,ActivityMinute,Intensity",
    "minute_mets": "Id,ActivityMinute,METs",
    "minute_sleep": "Id,date,value,logId",
    "minute_calories_wide": "Id,ActivityHour," + ",".join(f"Calories{n:02d}" for n in range(60)),
    "minute_mets_wide": "Id,ActivityHour," + ",".join(f"METs{n:02d}" for n in range(60)),
}


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_headers_of_files_that_are_not_here(built_in: Sources, kind: str):
    found = built_in.identify(ELSEWHERE[kind].split(","))
    assert (found and found.source.name, found and found.kind) == ("fitabase", kind)


def names_of(kind: FileKind) -> dict[str, list[str]]:
    """Column -> the names it may have, in the form they are compared in."""
    spec, identity = kind.spec, kind.source.identity
    names = {c: [c, *column.also] for c, column in spec.columns.items()}
    names |= {c: [c] for c in (spec.wide.columns if spec.wide else ())}
    names |= {"(identity)": [identity.column or "", *identity.also], "(time)": [spec.time.column, *spec.time.also]}
    return {column: [plain(n) for n in known] for column, known in names.items()}


def test_a_name_means_one_column_of_a_kind_and_is_listed_once(built_in: Sources):
    for kind in built_in.kinds:
        names = [n for known in names_of(kind).values() for n in known]
        assert (kind.name, [n for n, times in Counter(names).items() if times > 1]) == (kind.name, [])


@pytest.mark.parametrize(
    ("kind", "column", "called"),
    [
        ("hourly_steps", "(identity)", ["Participant ID", "participant_id", "user id", "Subject"]),
        ("hourly_steps", "(time)", ["Hour", "Date", "date time", "Timestamp", "time"]),
        ("hourly_steps", "StepTotal", ["step_total", "Steps", "total steps"]),
        ("minute_steps", "Steps", ["step_count", "Total Steps"]),
        ("hourly_calories", "Calories", ["calories_kcal", "kcal", "CALORIES"]),
        ("heartrate_seconds", "Value", ["heart rate", "Heart_Rate_BPM", "bpm", "hr"]),
        ("daily_activity", "(time)", ["date", "Day", "activity date"]),
        ("daily_activity", "VeryActiveMinutes", ["very_active_min", "Very Active Minutes"]),
        ("minute_sleep", "value", ["sleep_stage", "Stage", "Sleep state"]),
        ("minute_mets", "METs", ["mets", "MET"]),
        ("weight_log", "WeightKg", ["weight_kg", "Weight (kg)"]),
    ],
)
def test_what_people_and_tools_call_a_column(built_in: Sources, kind: str, column: str, called: list[str]):
    known = names_of(next(k for k in built_in.kinds if k.name == f"fitabase.{kind}"))[column]
    assert [name for name in called if plain(name) not in known] == []


def test_a_weight_without_a_unit_is_not_taken_for_kilograms(built_in: Sources):
    """Not in any source: that of an archive may be in pounds as well."""
    feeding = built_in.feeding("weight")
    assert {k.name for k in feeding} == {"fitabase.weight_log", "takeout.weight", "fitbit_web_api.weight"}
    for kind in feeding:
        assert "weight" not in [n for known in names_of(kind).values() for n in known]


def test_a_file_may_lack_what_no_stream_needs(built_in: Sources):
    required = {k.kind: k.spec.required for k in told_by_columns(built_in)}
    assert required["weight_log"] == {"WeightKg"}
    assert required["minute_sleep"] == {"value", "logId"}
    assert required["hourly_intensities"] == {"TotalIntensity"}
    assert "VeryActiveDistance" not in required["daily_intensities"] | required["daily_activity"]
    assert len(required["minute_steps_wide"]) == 60


# Every stream with the kinds that feed it; who adds a stream or a kind says here which belong together.
FEEDING = {
    "heart_rate": ["fitabase.heartrate_seconds", "fitbit_web_api.heart_rate", "takeout.heart_rate"],
    "steps": [
        "fitabase.hourly_steps",
        "fitabase.minute_steps",
        "fitabase.minute_steps_wide",
        "fitbit_web_api.steps",
        "takeout.steps",
    ],
    "distance": ["fitbit_web_api.distance", "takeout.distance"],
    "calories": [
        "fitabase.hourly_calories",
        "fitabase.minute_calories",
        "fitabase.minute_calories_wide",
        "fitbit_web_api.calories",
        "takeout.calories",
    ],
    "intensity": [
        "fitabase.hourly_intensities",
        "fitabase.minute_intensities",
        "fitabase.minute_intensities_wide",
        "fitbit_web_api.activity_level",
    ],
    "mets": ["fitabase.minute_mets", "fitabase.minute_mets_wide", "fitbit_web_api.activity_level"],
    "activity_counts": [],
    "sleep_stage": ["fitabase.minute_sleep", "fitbit_web_api.sleep_stage", "takeout.sleep_stage"],
    "weight": ["fitabase.weight_log", "fitbit_web_api.weight", "takeout.weight"],
    "daily_activity": ["fitabase.daily_activity"],
    "daily_distance": ["fitbit_web_api.daily_distance"],
    "daily_steps": ["fitabase.daily_steps", "fitbit_web_api.daily_steps"],
    "daily_calories": ["fitabase.daily_calories", "fitbit_web_api.daily_calories"],
    "daily_intensity": ["fitabase.daily_intensities"],
    "daily_sleep": ["fitabase.sleep_day"],
    "hrv": ["fitbit_web_api.hrv"],
    "spo2": ["fitbit_web_api.spo2"],
    "sleep_session": ["fitbit_web_api.sleep_session", "takeout.sleep_session"],
    "sleep_score": ["takeout.sleep_score"],
    "exercise": ["fitbit_web_api.exercise", "takeout.exercise"],
    "device_sync": ["fitbit_web_api.device_sync"],
    "daily_vitals": ["fitbit_web_api.daily_vitals", "takeout.daily_vitals"],
    "active_zone_minutes": ["fitbit_web_api.active_zone_minutes", "takeout.active_zone_minutes"],
    "heart_rate_zones": ["fitbit_web_api.heart_rate_zones", "takeout.heart_rate_zones"],
    "daily_active_minutes": ["fitbit_web_api.daily_active_minutes", "takeout.daily_active_minutes"],
}


def test_kinds_are_found_by_stream_and_by_raw_table(built_in: Sources):
    """Answers are fed by the codebooks of a study."""
    feeding = {s.name: sorted(k.name for k in built_in.feeding(s.name)) for s in STREAMS}
    aware = sorted(k.name for k in built_in.kinds if k.source.name == "aware")
    assert feeding == FEEDING | {"survey_response": [], "event": [*aware, "events.batch"]}
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
    assert [k.source.name for k in sources.feeding("steps")] == ["fitabase"] * 3 + ["fitbit_web_api", "takeout", "acme"]


# Kinds of a source that is recognised by name.


def own_header(kind: FileKind) -> list[str]:
    return sorted(kind.source.header_of(kind.kind))


def found_by_columns(sources: Sources, header: list[str], file_name: str) -> list[str]:
    """The kind a header is found to be of, or those between which nothing decides."""
    try:
        layout = find_layout(sources, header, [], file_name)
    except FileRefusedError as refusal:
        if refusal.code != "ambiguous_layout":
            raise
        return re.findall(r"\w+\.\w+", str(refusal).partition("fit several kinds of file: ")[2].partition(". ")[0])
    return [layout.kind.name] if layout else []


def test_by_its_columns_no_file_is_of_a_source_recognised_by_name(built_in: Sources):
    """Not even with all of them: the same columns may be steps of a vendor whose files are told by columns."""
    of_others = 0
    for kind in told_by_name(built_in):
        header = own_header(kind)
        for file_name in ("file.csv", f"{kind.kind}.csv", f"{kind.name}.csv"):
            found = found_by_columns(built_in, header, file_name)
            assert [name for name in found if not name.startswith("fitabase.")] == []
            of_others += bool(found)
        assert built_in.nearest(header)[0].source.recognised_by == "columns"
        told = str(unknown_layout(built_in, header))
        assert not re.search(r"takeout|Fitbit", told)
    assert of_others


def test_a_header_identifies_no_kind_of_a_source_recognised_by_name(built_in: Sources):
    assert [k.name for k in told_by_name(built_in) if built_in.identify(own_header(k))] == []


def test_of_a_source_recognised_by_name_a_file_is_where_its_kind_is_said(built_in: Sources):
    for kind in told_by_name(built_in):
        header = own_header(kind)
        layout = find_layout(built_in, header, [], "file.csv", kind.name)
        assert layout is not None
        assert (layout.kind.name, layout.ignored, layout.missing) == (kind.name, (), ())
        lacking = [n for n in header if n not in kind.spec.required]
        assert find_layout(built_in, lacking, [], "file.csv", kind.name) is None


ACME_HOURS = "user,when,count\n" + "".join(f"ann,2016-04-05 {h:02}:00:00,{h}\n" for h in range(24))


@pytest.fixture
def by_name(tmp_path: Path) -> Iterator[Reader]:
    """A reader of files of the built-in sources and of a vendor that is recognised by name."""
    write_spec(tmp_path / "specs", vendor(recognised_by="name"))
    with duckdb.connect() as connection:
        yield Reader(connection, tmp_path, load_sources([BUILT_IN, tmp_path / "specs"]))


@pytest.mark.parametrize("name", ["acme.hourly.csv", "Ann/2016/acme.hourly.csv", "export.zip/acme.hourly.csv"])
def test_a_file_named_after_its_kind_is_of_it(by_name: Reader, name: str):
    plan = by_name.plan(ACME_HOURS, name=name)
    assert (plan.scan.kind.name, plan.extent.rows) == ("acme.hourly", 24)


@pytest.mark.parametrize("name", ["hourly.csv", "acme.hourly (2).csv", "my acme.hourly.csv", "acme.hourly/steps.csv"])
def test_a_file_with_another_name_is_of_no_kind_until_a_person_says_it(by_name: Reader, name: str):
    assert by_name.refusal(ACME_HOURS, name=name).code == "unknown_layout"
    for said in ("hourly", "acme.hourly"):
        assert by_name.plan(ACME_HOURS, name=name, said=Said(kind=said)).scan.kind.name == "acme.hourly"


def test_a_file_named_after_a_kind_must_have_its_columns(by_name: Reader):
    told = by_name.refusal(ACME_HOURS.replace("count", "counted"), name="acme.hourly.csv")
    assert told.code == "unknown_layout"


def test_the_tables_of_a_payload_have_the_columns_of_their_kinds(built_in: Sources):
    """The participant before them; the period behind those whose kind says it; levels apart from calories."""
    apart = {"level", "mets_x10"}
    kinds = {re.sub(r"_\d+[sm]$", "", part): columns for part, columns in COLUMNS.items()}
    timed = {re.sub(r"_\d+[sm]$", "", part) for part in COLUMNS if re.search(r"_\d+[sm]$", part)}
    for kind in told_by_name(built_in):
        columns = set(kinds.get(kind.kind, ())) | {"participant"} | ({"period_s"} if kind.kind in timed else set())
        if kind.kind == "calories":
            columns -= apart
        elif kind.kind == "activity_level":
            columns = {"participant", "local_time", "period_s"} | apart
        if kind.spec.time.clock == "utc":
            columns = columns - {"local_time", "utc_offset_min"} | {"utc_time"}
        assert (kind.name, set(own_header(kind))) == (kind.name, columns)
    assert set(kinds) <= {k.kind for k in told_by_name(built_in)}


def test_a_vendor_cannot_be_defined_twice(tmp_path: Path):
    message = refused(tmp_path, vendor("fitabase"))
    assert "acme.yaml" in message
    assert "a source named 'fitabase' is already defined" in message


def test_twins_are_refused_because_a_file_could_be_either(tmp_path: Path):
    twin = hourly(
        name_hint="hourlySteps_merged",
        time={"column": "ActivityHour", "kind": "datetime"},
        columns={"StepTotal": {"name": "n", "type": "integer"}},
        streams={"steps": {"value": "n"}},
    )
    identity = {"column": "Id", "pattern": ".*", "example": "x"}
    message = refused(tmp_path, vendor(identity=identity, files={"hourly": twin}))
    assert "acme.hourly" in message
    assert "fitabase.hourly_steps" in message
    assert "have the same columns" in message


def mapped(**how: object) -> dict:
    return {"column": "step_count", **how}


def maybe() -> dict:
    return mapped(codes={1: "maybe"})


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
            "stream 'steps' has no column 'count'",
        ),
        (
            vendor(files={"hourly": hourly(streams={"steps": {"value": "steps"}})}),
            "files.hourly",
            "no column of this kind is named 'steps'",
        ),
        (vendor(files={"hourly": hourly(period_s=None)}), "files.hourly", "stream 'steps' needs it"),
        (
            vendor(files={"hourly": hourly(time=DAILY_TIME)}),
            "files.hourly",
            "`kind: datetime`",
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
            "feed a stream of moments: heart_rate, steps",
        ),
        (vendor(files={"hourly": hourly(period_s=0)}), "files.hourly.period_s", "too small"),
        (vendor(date_order="mm/dd"), "date_order", "'mdy', 'dmy' or 'ymd'"),
        (vendor(colour="red"), "colour", "unknown field 'colour'"),
        (vendor(name="ACME Corp"), "name", "'ACME Corp'"),
        (
            vendor(files={"hourly": hourly(columns={"count": {"name": "n", "type": "int"}})}),
            "files.hourly.columns.count.type",
            "'integer', 'number' or 'text'",
        ),
        ({k: v for k, v in vendor().items() if k != "identity"}, "identity", "'identity' is missing"),
        (
            vendor(files={"hourly": hourly(streams={"steps": {"value": {"column": "step_count", "factor": 2}}})}),
            "files.hourly.streams.steps.value.factor",
            "unknown field 'factor'",
        ),
        (
            vendor(files={"hourly": hourly(streams={"steps": {"value": mapped(scale=0.1, codes={1: 2})}})}),
            "files.hourly.streams.steps.value",
            "'codes' and 'scale' do not go together",
        ),
        (
            vendor(files={"hourly": hourly(streams={"sleep_stage": {"stage": mapped(codes={1: "asleeep"})}})}),
            "files.hourly",
            "column 'stage' takes asleep, restless, awake, light, deep, rem, wake, not 'asleeep'",
        ),
        (
            vendor(
                files={"hourly": hourly(streams={"sleep_stage": {"stage": mapped(codes={"A": "wake", "a ": "rem"})}})}
            ),
            "files.hourly.streams.sleep_stage.stage",
            "'a' is there twice",
        ),
        (
            vendor(files={"hourly": hourly(streams={"sleep_stage": {"stage": mapped(scale=2)}})}),
            "files.hourly",
            "column 'stage' is no number: it cannot be scaled",
        ),
        (
            vendor(files={"hourly": hourly(streams={"weight": {"bmi": "step_count"}})}),
            "files.hourly",
            "stream 'weight' also needs weight_kg",
        ),
        (
            vendor(files={"hourly": hourly(streams={"weight": {"weight_kg": "step_count", "is_manual": maybe()}})}),
            "files.hourly",
            "column 'is_manual' takes true, false, not 'maybe'",
        ),
    ],
)
def test_a_mistake_is_answered_with_file_field_and_expectation(tmp_path: Path, spec: dict, place: str, why: str):
    message = refused(tmp_path, spec)
    assert str(tmp_path / "acme.yaml") in message
    assert f", {place}" in message
    assert why in message


@pytest.mark.parametrize("text", ["name: [", "\tname: x"])
def test_broken_yaml_is_answered_with_its_line(tmp_path: Path, text: str):
    path = tmp_path / "acme.yaml"
    path.write_text(f"# first\n{text}\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"acme\.yaml line [23].*: not valid YAML"):
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


def test_yes_and_no_may_be_written_as_yaml_has_them(tmp_path: Path):
    """An unquoted true is true, whatever Python calls it; an event needs no period."""
    codes = yaml.safe_load("{1: true, 0: false}")
    weighing = hourly(period_s=None, streams={"weight": {"weight_kg": "step_count", "is_manual": mapped(codes=codes)}})
    write_spec(tmp_path, vendor(files={"hourly": weighing}))
    (kind,) = load_sources([tmp_path]).feeding("weight")
    assert kind.spec.streams["weight"]["is_manual"].codes == {"1": "true", "0": "false"}
