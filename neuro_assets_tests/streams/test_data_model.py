"""docs/data-model.md says of every declared table what its declaration says: columns, types, order and meaning."""

import re

import pytest

from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.load import FileKind, load_sources
from neuro_assets.streams import models
from neuro_assets.streams.analytics import ANALYTICS_TABLES
from neuro_assets.streams.catalogue import FRAME_TABLES, OPS_TABLES, STREAMS
from neuro_assets.streams.catalogue import stream as stream_of
from neuro_assets.streams.coverage import COVERAGE_TABLES, PEOPLE_TABLES
from neuro_assets.streams.episodes import EPISODE_TABLES
from neuro_assets.streams.features import FEATURE_TABLES
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY, USE_TABLES
from neuro_assets.streams.imputed import BACKTEST, DAILY, GAP, GAP_TOTAL, MODEL_TABLES, OBSERVED, values_table
from neuro_assets.streams.model import Column, Stream, Table
from neuro_assets.streams.pulls import SOURCE_BREAK
from neuro_assets.streams.series import SERIES_TABLES
from neuro_assets.streams.surveys import SURVEY_ANOMALY, SURVEY_TABLES

SECTIONS = {
    part.split("\n", 1)[0].strip("# `"): part
    for part in re.split(r"^(?=###? )", (REPOSITORY / "docs" / "data-model.md").read_text("utf-8"), flags=re.MULTILINE)
}
# Streams of samples of one value are described together.
SAMPLES = [s for s in STREAMS if s.has_of_record and s.values == ("value",)]
FEATURES = (*FEATURE_TABLES, *USE_TABLES.values(), FEATURES_DATA_YIELD, FEATURES_SURVEY)
# Tables of spans have the columns that follow from their families, all in the same way.
TABLES = [
    *(s for s in STREAMS if s not in SAMPLES),
    *OPS_TABLES,
    *FRAME_TABLES,
    *COVERAGE_TABLES,
    *PEOPLE_TABLES,
    SOURCE_BREAK,
    *SURVEY_TABLES,
    SURVEY_ANOMALY,
    *EPISODE_TABLES,
    *SERIES_TABLES,
    values_table(stream_of("steps"), "1m"),
    *(OBSERVED, GAP, GAP_TOTAL, DAILY, BACKTEST, *MODEL_TABLES),
    *(t for t in FEATURES if not t.name.endswith("_trailing") or t.name == "steps_trailing"),
    *ANALYTICS_TABLES,
    *(models.SCREENING, *models.MODEL_TABLES),
]
SPECS = REPOSITORY / "neuro_assets" / "sources"
KINDS = load_sources([SPECS, SPECS / "google_health"]).kinds


def lines_of(section: str) -> list[list[str]]:
    """Cells of the table lines of a section that begin with a name in code."""
    found = (line.strip("|").split("|") for line in SECTIONS[section].splitlines() if line.startswith("| `"))
    return [[cell.strip() for cell in cells] for cells in found]


def told(column: Column) -> list[str]:
    """What every table says of a column."""
    return [f"`{column.name}`", column.type, column.unit, "yes" if column.nullable else ""]


def allowed(column: Column) -> str:
    """The cell of what a column may hold."""
    if column.isin:
        return ", ".join(f"`{v}`" for v in column.isin)
    if column.ge is None:
        return ""
    return f"from {column.ge}" if column.le is None else f"{column.ge} to {column.le}"


def check(columns: list[Column], lines: list[list[str]]) -> None:
    assert [line[:4] for line in lines] == [told(c) for c in columns]
    assert [line[-1] for line in lines] == [c.description for c in columns]
    if any(allowed(c) for c in columns):
        assert [line[4] for line in lines] == [allowed(c) for c in columns]


@pytest.mark.parametrize("table", TABLES, ids=lambda t: t.qualified)
def test_every_table_has_its_columns(table: Table):
    check(list(table.columns), lines_of(table.qualified))
    if isinstance(table, Stream):
        key = ", ".join(f"`{k}`" for k in table.key)
        assert f"Key: {key}." in SECTIONS[table.qualified]
        assert [r.name for r in table.rules if f"`{r.name}`" not in SECTIONS[table.qualified]] == []


def test_every_stream_of_samples_has_the_common_columns_and_a_line_of_its_own():
    lines = lines_of("Samples")
    for stream in SAMPLES:
        common = [c for c in stream.columns if c.name != "value"]
        check(common, lines[: len(common)])
    own = {line[0].strip("`"): line for line in lines if line[0].startswith("`staging.")}
    assert list(own) == [s.qualified for s in SAMPLES]
    for stream in SAMPLES:
        value = next(c for c in stream.columns if c.name == "value")
        assert own[stream.qualified][1:4] == [value.description, value.unit, allowed(value)]
        assert [r.name for r in stream.rules if f"`{r.name}`" not in own[stream.qualified][4]] == []


def test_columns_that_every_raw_table_has_are_told_with_those_that_only_some_have():
    """A kind's own columns lie between its time and `unreadable`."""
    lines = {line[0].strip("`"): line[1:3] for line in lines_of("raw")}
    for kind in KINDS:
        own = set(kind.spec.raw_columns)
        common = {c.name: [c.type, "yes" if c.nullable else ""] for c in kind.raw_table.columns if c.name not in own}
        assert {name: lines.get(name) for name in common} == common
    assert set(lines) == {c.name for k in KINDS for c in k.raw_table.columns if c.name not in k.spec.raw_columns}


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
def test_every_raw_table_has_its_vendor_columns(kind: FileKind):
    types = {c.name: c.type for c in kind.raw_table.columns}
    wanted = [[f"`{c.name}`", types[c.name], c.unit, f"`{v}`"] for v, c in kind.spec.columns.items()]
    if wide := kind.spec.wide:
        wanted.append([f"`{wide.name}`", types[wide.name], wide.unit, f"`{wide.columns[0]}` to `{wide.columns[-1]}`"])
    assert lines_of(kind.raw_table.qualified) == wanted
    assert [s for s in kind.spec.streams if f"`staging.{s}`" not in SECTIONS[kind.raw_table.qualified]] == []


def test_every_stream_without_hours_of_record_is_named_as_such():
    """Of those with moments: a day has no hours."""
    without = SECTIONS["Samples"].split("have no such view")[0].rsplit("\n", 1)[-1]
    assert set(re.findall(r"`(\w+)`", without)) == {s.name for s in STREAMS if s.is_sample and not s.has_of_record}


def test_no_table_is_described_that_is_not_there():
    schemas = ("raw.", "staging.", "coverage.", "imputed.", "features.", "analytics.", "models.", "ops.")
    described = {name for name in SECTIONS if name.startswith(schemas)}
    there = {t.qualified for t in TABLES} | {k.raw_table.qualified for k in KINDS}
    assert described == {name for name in there if not name.startswith("baselines.")}
