"""A draft of a source from a file alone: what is found, what is marked as a guess, and what never gets into it."""

import gzip
import re
import zipfile
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from neuro_assets.ingest.draft import Draft, draft_spec
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.survey import look_at, tables_of
from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.load import load_sources, read_source
from neuro_assets.sources.model import FileSpec, SourceSpec
from neuro_assets_tests.workbooks import save

BUILT_IN = load_sources([REPOSITORY / "neuro_assets" / "sources"])
START = datetime(2016, 3, 5, 9, 0)


def times(form: str, step_s: int = 60, count: int = 60, start: datetime = START) -> list[str]:
    return [(start + timedelta(seconds=step_s * n)).strftime(form) for n in range(count)]


def write(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def draft(path: Path, siblings: tuple[str, ...] = (), name: str = "acme") -> str:
    """The draft of a file, or of the first file in an archive."""
    scratch = path.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    with duckdb.connect() as connection:
        member = tables_of(path, path.name, scratch)[0]
        return draft_spec(Draft(look_at(connection, member.path, scratch), member.name, name, BUILT_IN, siblings))


def loaded(text: str, folder: Path) -> SourceSpec:
    """The draft as a spec: it must load as it is."""
    path = folder / "draft.yaml"
    path.write_text(text, encoding="utf-8")
    return read_source(path)


def kind_of(spec: SourceSpec) -> FileSpec:
    (kind,) = spec.files.values()
    return kind


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[..., SourceSpec]:
    """`spec_of(lines, name="file.csv")`: the draft of a file of these lines, loaded."""

    def make(lines: Iterable[str], name: str = "export.csv", siblings: tuple[str, ...] = ()) -> SourceSpec:
        return loaded(draft(write(tmp_path / name, lines), siblings), tmp_path)

    return make


ACTIGRAPHY = ["timestamp,date,activity", *(f"{t},{t[:10]},{n * 7}" for n, t in enumerate(times("%Y-%m-%d %H:%M:%S")))]


def test_a_file_per_person_without_an_id_column(spec_of: Callable[..., SourceSpec]):
    spec = spec_of(ACTIGRAPHY, "condition_1.csv", ("control_12.csv", "scores.csv", "notes.txt"))
    kind = kind_of(spec)
    assert list(spec.files) == ["minute_activity_counts"]
    assert (spec.identity.column, spec.identity.pattern, spec.identity.example) == (None, r"[a-z]+_\d+", "condition_1")
    for name, who in (("condition_1.csv", "condition_1"), ("control_12.csv", "control_12"), ("scores.csv", None)):
        found = re.search(spec.identity.file_name or "", name)
        assert (found and found[1]) == who
    assert (kind.time.column, kind.time.kind, kind.time.format) == ("timestamp", "datetime", "%Y-%m-%d %H:%M:%S")
    assert kind.period_s == 60
    assert {v: (c.name, c.type) for v, c in kind.columns.items()} == {
        "date": ("date", "text"),
        "activity": ("activity", "integer"),
    }
    assert {s: {c: m.column for c, m in mapping.items()} for s, mapping in kind.streams.items()} == {
        "activity_counts": {"value": "activity"}
    }


@pytest.mark.parametrize(
    ("name", "siblings", "who"),
    [
        ("P01_heartrate_2016-03-05.csv", (), "P01"),
        ("study_sub-007.csv", (), "sub-007"),
        ("heartrate_12.csv", ("heartrate_3.csv",), "12"),
        ("1503960366.csv", ("1644430081.csv",), "1503960366"),
        ("A17.csv", (), "A17"),
        ("export 2016-03-05 K7.csv", (), "K7"),
        ("steps-1995-06-23_U4.csv", ("steps-1995-06-24_U12.csv",), "U4"),
    ],
)
def test_the_id_in_a_files_name(spec_of: Callable[..., SourceSpec], name: str, siblings: tuple[str, ...], who: str):
    identity = spec_of(["time,bpm", *(f"{t},70" for t in times("%Y-%m-%d %H:%M:%S", 5))], name, siblings).identity
    found = re.search(identity.file_name or "", name)
    assert found
    assert (found[1], identity.example) == (who, who)


def test_separator_title_lines_and_a_decimal_comma(spec_of: Callable[..., SourceSpec]):
    rows = [f"U0{n % 2}1;{t};{n},5" for n, t in enumerate(times("%d.%m.%Y %H:%M", 900, start=datetime(2016, 3, 25)))]
    spec = spec_of(["Export of 2016, all people", "", "Subject ID;Start time;Steps", *rows])
    assert spec.identity.column == "Subject ID"
    assert spec.identity.pattern == r"U\d{3}"
    assert (spec.date_order, kind_of(spec).time.format) == ("dmy", "%d.%m.%Y %H:%M")
    assert kind_of(spec).columns["Steps"].type == "number"


# -- dates -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "order", "expected"),
    [
        ("%m/%d/%Y %I:%M:%S %p", "mdy", "%m/%d/%Y %I:%M:%S %p"),
        ("%d.%m.%Y %H:%M", "dmy", "%d.%m.%Y %H:%M"),
        ("%Y-%m-%dT%H:%M:%S", "ymd", "%Y-%m-%dT%H:%M:%S"),
        ("%d-%b-%Y %H:%M", "ymd", "%d-%b-%Y %H:%M"),
        ("%Y%m%d %H:%M", "ymd", "%Y%m%d %H:%M"),
    ],
)
def test_a_format_is_written_where_one_reading_is_left(
    spec_of: Callable[..., SourceSpec], form: str, order: str, expected: str
):
    """25 March is no day of a 25th month; the format is one with which DuckDB reads the cells rightly."""
    cells = times(form, start=datetime(2016, 3, 25, 23, 30))
    spec = spec_of(["id,when,steps", *(f"{n % 3},{t},{n}" for n, t in enumerate(cells))])
    assert (spec.date_order, kind_of(spec).time.format) == (order, expected)
    read = duckdb.execute("SELECT [try_strptime(c, $form) FOR c IN $cells]", {"form": expected, "cells": cells})
    assert read.fetchone() == ([datetime(2016, 3, 25, 23, 30) + timedelta(minutes=n) for n in range(60)],)


def test_an_open_order_is_told_and_not_taken(tmp_path: Path):
    rows = [f"{n % 3},{t},{n}" for n, t in enumerate(times("%m/%d/%Y %H:%M", start=datetime(2016, 4, 5)))]
    text = draft(write(tmp_path / "x.csv", ["id,when,steps", *rows]))
    assert "# Open: the days in 'when' can be read as dmy or mdy (m month, d day, y year)." in text
    assert re.search(r"^date_order: mdy +# check$", text, re.MULTILINE)
    assert kind_of(loaded(text, tmp_path)).time.format is None


def test_a_guess_is_one_of_the_readings(tmp_path: Path):
    """25/03/16 is March 2016, or 2025; in no case month first."""
    rows = [f"{n % 3},{t},{n}" for n, t in enumerate(times("%d/%m/%y %H:%M", start=datetime(2016, 3, 25)))]
    text = draft(write(tmp_path / "x.csv", ["id,when,steps", *rows]))
    assert "can be read as dmy or ymd" in text
    assert re.search(r"^date_order: dmy +# check$", text, re.MULTILINE)


def test_rows_that_contradict_each_other_leave_the_order_open(tmp_path: Path):
    text = draft(write(tmp_path / "x.csv", ["id,day,steps", "1,4/25/2016,5", "1,25/4/2016,6", "2,4/5/2016,7"]))
    assert "# Open: the days in 'day' are not all written in one order" in text
    assert kind_of(loaded(text, tmp_path)).time.format is None


def test_times_written_in_two_ways_get_no_format(tmp_path: Path):
    rows = [f"1,{t},5" for t in [*times("%Y-%m-%d %H:%M"), *times("%Y-%m-%d %H:%M:%S", start=datetime(2016, 3, 6))]]
    text = draft(write(tmp_path / "x.csv", ["id,when,steps", *rows]))
    assert "# Times are written in several ways" in text
    assert kind_of(loaded(text, tmp_path)).time.format is None


def test_a_zone_is_told(tmp_path: Path):
    text = draft(write(tmp_path / "x.csv", ["id,when,steps", *(f"1,{t}Z,5" for t in times("%Y-%m-%dT%H:%M:%S"))]))
    assert "# The times carry a zone or an offset, which is not read" in text
    assert kind_of(loaded(text, tmp_path)).time.format is None


def test_day_and_clock_in_two_columns(spec_of: Callable[..., SourceSpec]):
    time = kind_of(spec_of(["id|date|time|steps", *(f"7|{t}|5" for t in times("%Y-%m-%d|%H:%M"))])).time
    assert (time.column, time.kind, time.also) == ("date", "datetime", ("time",))


def test_days_and_midnights(spec_of: Callable[..., SourceSpec]):
    days = [f"{p},{t},100" for p in (1, 2) for t in times("%Y-%m-%d", 86_400)]
    kind = kind_of(spec_of(["id,date,total_steps", *days]))
    assert (kind.time.kind, kind.period_s, list(kind.streams)) == ("date", None, ["daily_steps"])
    midnights = [f"{p},{t} 00:00:00,100" for p in (1, 2) for t in times("%Y-%m-%d", 86_400)]
    assert kind_of(spec_of(["id,date,total_steps", *midnights])).time.kind == "midnight"


@pytest.mark.parametrize("step", [1, 5, 60, 900, 3600])
def test_the_period_is_the_distance_of_the_rows(spec_of: Callable[..., SourceSpec], step: int):
    """Of each person: two people's rows lie at the same times."""
    rows = [f"{p},{t},5" for t in times("%Y-%m-%d %H:%M:%S", step) for p in (1, 2)]
    assert kind_of(spec_of(["id,timestamp,steps", *rows])).period_s == step


# -- columns and streams -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "cell", "stream"),
    [
        ("Heart Rate (bpm)", "70", {"heart_rate": {"value": "heart_rate_bpm"}}),
        ("StepTotal", "5", {"steps": {"value": "step_total"}}),
        ("calories", "1.25", {"calories": {"value": "calories"}}),
        ("METs", "1.2", {"mets": {"value": "mets"}}),
        ("weight_kg", "70.5", {"weight": {"weight_kg": "weight_kg"}}),
    ],
)
def test_the_stream_a_columns_name_says(spec_of: Callable[..., SourceSpec], column: str, cell: str, stream: dict):
    rows = (f"7,{t},{cell}" for t in times("%Y-%m-%d %H:%M:%S"))
    streams = kind_of(spec_of([f"id,timestamp,{column}", *rows])).streams
    assert {s: {c: m.column for c, m in mapping.items()} for s, mapping in streams.items()} == stream


def test_rows_at_odd_times_are_no_intervals(tmp_path: Path):
    """Steps of single sessions are not steps a minute; a heart rate may be taken at any time."""
    odd = [str(START + timedelta(minutes=n * n)) for n in range(40)]
    text = draft(write(tmp_path / "x.csv", ["id,start time,steps", *(f"7,{t},500" for t in odd)]))
    assert "No column was recognised as a stream's" in text
    text = draft(write(tmp_path / "y.csv", ["id,time,bpm", *(f"7,{t},70" for t in odd)]))
    assert list(kind_of(loaded(text, tmp_path)).streams) == ["heart_rate"]


def test_single_entries_have_no_period(spec_of: Callable[..., SourceSpec]):
    rows = (f"7,{t},70.5" for t in times("%Y-%m-%d %H:%M:%S", 86_400))
    assert kind_of(spec_of(["id,timestamp,weight_kg", *rows])).period_s is None


def test_a_column_called_value_is_what_the_files_name_says(spec_of: Callable[..., SourceSpec]):
    rows = ["id,timestamp,value", *(f"7,{t},70" for t in times("%Y-%m-%d %H:%M:%S", 5))]
    assert list(kind_of(spec_of(rows, "heart_rate_seconds.csv")).streams) == ["heart_rate"]
    assert list(kind_of(spec_of(rows, "minuteSteps.csv")).streams) == ["steps"]


def test_text_does_not_feed_a_number(tmp_path: Path):
    text = draft(write(tmp_path / "x.csv", ["id,timestamp,steps", *(f"7,{t},many" for t in times("%Y-%m-%d %H:%M"))]))
    assert "No column was recognised as a stream's" in text


def test_where_no_stream_is_recognised_an_example_stands_in_its_place(tmp_path: Path):
    text = draft(write(tmp_path / "x.csv", ["id,timestamp,temp", *(f"7,{t},36.5" for t in times("%Y-%m-%d %H:%M"))]))
    assert "    # streams:\n    #   steps: {value: <name from columns>}" in text
    assert "# The streams: heart_rate, steps, distance, calories, intensity, mets, activity_counts, sleep_stage" in text
    filled = text.replace(
        "    # streams:\n    #   steps: {value: <name from columns>}", "    streams: {mets: {value: temp}}"
    )
    assert list(kind_of(loaded(filled, tmp_path)).streams) == ["mets"]


def test_columns_that_follow_each_other_in_time(spec_of: Callable[..., SourceSpec]):
    header = ",".join(f"Steps{n:02d}" for n in range(60))
    rows = [f"7,{t}," + ",".join("1" for _ in range(60)) for t in times("%Y-%m-%d %H:%M", 3600)]
    kind = kind_of(spec_of([f"id,hour,{header}", *rows]))
    assert kind.wide
    assert (kind.wide.prefix, kind.wide.count, kind.wide.step_s, kind.period_s) == ("Steps", 60, 60, 60)
    assert {c: m.column for c, m in kind.streams["steps"].items()} == {"value": "steps"}
    assert not kind.columns


def test_names_that_yaml_or_sql_take_for_something_else_are_safe(spec_of: Callable[..., SourceSpec], tmp_path: Path):
    header = "id,timestamp,steps,no,order,'it''s: #1',a {b},day,Day"
    kind = kind_of(spec_of([header, *(f"7,{t},1,2,3,4,5,6,7" for t in times("%Y-%m-%d %H:%M"))]))
    assert list(kind.columns) == ["steps", "no", "order", "'it''s: #1'", "a {b}", "day", "Day"]
    names = [c.name for c in kind.columns.values()]
    assert len(set(names)) == len(names)
    columns = ", ".join(f"{n} INTEGER" for n in names)
    duckdb.connect().execute(f"CREATE TABLE t ({columns})")


# -- people ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "who"),
    [
        ("email", ["ann@zuhause.de", "bob@zuhause.de"]),
        ("user", ["ann@zuhause.de", "bob@zuhause.de"]),
        ("participant", ["Ann Meier", "Bob O'Neill"]),
        ("name", ["Ann", "Bob"]),
        ("subject", ["Meier, Ann", "Weber, Bob"]),
    ],
)
def test_names_and_addresses_are_no_example(tmp_path: Path, column: str, who: list[str]):
    rows = [f'"{who[n % 2]}",{t},5' for n, t in enumerate(times("%Y-%m-%d %H:%M"))]
    text = draft(write(tmp_path / "x.csv", [f"{column},timestamp,steps", *rows]))
    assert "# These ids look like names or e-mail addresses. They do not belong here" in text
    assert not any(part.lower() in text.lower() for w in who for part in re.findall(r"\w{4,}", w))
    spec = loaded(text, tmp_path)
    assert spec.identity.example == "P001"
    assert not any(re.fullmatch(spec.identity.pattern, w) for w in who)


def test_a_file_named_after_a_person_is_no_example(tmp_path: Path):
    text = draft(write(tmp_path / "ann_meier.csv", ACTIGRAPHY))
    assert "meier" not in text.lower()
    assert "# Nothing in this file's name looks like a pseudonymous id" in text
    assert loaded(text, tmp_path).identity.example == "P001"


def test_a_date_in_a_files_name_is_no_id(tmp_path: Path):
    text = draft(write(tmp_path / "steps-1995-06-23_Fitbit.csv", ACTIGRAPHY))
    assert "1995" not in text
    assert loaded(text, tmp_path).identity.example == "P001"


def test_other_columns_with_names_or_addresses_are_left_out(tmp_path: Path):
    rows = [f"7,{t},5,Ann Meier,ann@zuhause.de,Light Sleep" for t in times("%Y-%m-%d %H:%M")]
    text = draft(write(tmp_path / "x.csv", ["id,timestamp,steps,full name,contact,phase", *rows]))
    assert "# 'full name' seems to hold names or e-mail addresses" in text
    assert "# 'contact' seems to hold names or e-mail addresses" in text
    assert list(kind_of(loaded(text, tmp_path)).columns) == ["steps", "phase"]


def test_no_value_of_the_file_is_in_the_draft_but_the_example(tmp_path: Path):
    rows = [
        f"Q{n % 2}77,{t},{8000 + n},zebra" for n, t in enumerate(times("%m/%d/%Y %H:%M", start=datetime(1999, 4, 5)))
    ]
    text = draft(write(tmp_path / "x.csv", ["id,when,steps,remark", *rows]))
    assert "example: 'Q077'" in text
    assert not re.search(r"Q177|1999|04/05|80\d\d|zebra", text)


def test_a_column_of_row_numbers_is_no_participant(spec_of: Callable[..., SourceSpec]):
    rows = [f"{n},U{n % 2},{t},5" for n, t in enumerate(times("%Y-%m-%d %H:%M"))]
    assert spec_of(["id,user,timestamp,steps", *rows]).identity.column == "user"
    only = [f"{n},{t},5" for n, t in enumerate(times("%Y-%m-%d %H:%M"))]
    assert spec_of(["id,timestamp,steps", *only], "P01.csv").identity.file_name


# -- formats and refusals ----------------------------------------------------------------------------------------


def test_every_format_of_the_same_table_gives_the_same_draft(tmp_path: Path):
    cells = times("%Y-%m-%d %H:%M:%S")
    lines = ["user,timestamp,steps", *(f"U001,{t},{n}" for n, t in enumerate(cells))]
    plain = write(tmp_path / "plain.csv", lines)
    (tmp_path / "plain.csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        archive.write(plain, "plain.csv")
    (tmp_path / "utf16.csv").write_text("\n".join(lines).replace(",", ";") + "\n", encoding="utf-16")
    columns = {"user": ["U001"] * 60, "timestamp": cells, "steps": list(range(60))}
    pq.write_table(pa.table(columns), tmp_path / "plain.parquet")
    save(tmp_path / "plain.xlsx", {"plain": [line.split(",") for line in lines]})
    expected = yaml.safe_load(draft(plain))
    expected["files"]["minute_steps"]["name_hint"] = "x"
    for name in ("plain.csv.gz", "plain.zip", "utf16.csv", "plain.parquet", "plain.xlsx"):
        found = yaml.safe_load(draft(tmp_path / name))
        found["files"]["minute_steps"]["name_hint"] = "x"
        assert found == expected, name


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["id,steps", "1,5", "2,6"], "no column holds dates or times; there are: id, steps"),
        (["id,ts,steps", "1,1457136000,5"], "the times in 'ts' seem to be seconds since 1970, which are not read"),
        (["1,2016-03-05,5", "1,2016-03-06,6"], "no table was found"),
        (["steps", "5", "6"], "no table was found"),
        (["id,timestamp,steps"], "no table was found"),
        ([""], "the file is empty"),
    ],
)
def test_what_cannot_be_drafted_is_refused_with_a_remedy(tmp_path: Path, lines: list[str], told: str):
    with pytest.raises(FileRefusedError, match=re.escape(told)) as caught:
        draft(write(tmp_path / "x.csv", lines))
    assert caught.value.remedy


def test_a_broken_last_line_does_not_matter(spec_of: Callable[..., SourceSpec]):
    rows = [f"7,{t},5" for t in times("%Y-%m-%d %H:%M")]
    assert list(kind_of(spec_of(["id,timestamp,steps", *rows, '7,"2016'])).streams) == ["steps"]
