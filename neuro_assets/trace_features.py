"""From a feature, or what a model said, back to the days it follows from and the files that these came in.

A feature follows from too many rows to name each: files are told with how many rows of theirs are in the days.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Connection
from neuro_assets.models.predict import rows_to_predict
from neuro_assets.models.reading import SampleColumn, columns_of
from neuro_assets.models.references import resolve, vocabulary_of
from neuro_assets.models.registry import read_versions
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.features_use import FEATURES_SURVEY, OLDEST_DAYS, USE_TABLES
from neuro_assets.streams.model import Table
from neuro_assets.streams.models import REGISTRY
from neuro_assets.streams.surveys import SURVEY_RESPONSE
from neuro_assets.study_models import ModelDeclaration
from neuro_assets.surveys.load import codebooks_of
from neuro_assets.trace_node import Node, shown

_NIGHTS = ("sleep_session", "sleep_stage", "daily_sleep")
_EVENTS = ("event",)


def feature_files(connection: Connection, table: str, row: Mapping[str, Any]) -> list[Node]:
    """The files that a row of features follows from, by the staging table that they are in.

    A night ends on its day, so that the day before is looked at, too; a span begins `window_days` before its end.
    """
    name = table.removeprefix("features.").removesuffix("_trailing")
    last = row["day"]
    first = last - timedelta(days=int(row.get("window_days") or 1) - 1)
    if name.startswith("sleep"):
        first -= timedelta(days=1)
    if name == FEATURES_SURVEY.name:
        return _files(connection, SURVEY_RESPONSE.qualified, row["participant_id"], _answered(row), _answered(row))
    present = existing_columns(connection)
    found: list[Node] = []
    for stream in _streams_of(name, row):
        if f"staging.{stream}" in present:
            found += _files(connection, f"staging.{stream}", row["participant_id"], first, last)
    return found


def prediction_nodes(connection: Connection, job: Ingest, row: Mapping[str, Any]) -> list[Node]:
    """The version that said it, and each of its features as the lake has it now, with the files it follows from."""
    versions = {v.version: v for v in read_versions(connection, row["model"])}
    version = versions[row["version"]]
    columns = ("alias", "trained_at", "trained_for", "pipeline", "outcome", "rows", "people", "snapshot_id", "decision")
    line = (
        connection.execute(
            f"SELECT {', '.join(columns)}, file, sha256 FROM {REGISTRY.qualified} WHERE model = ? AND version = ?",
            [row["model"], row["version"]],
        )
        .pl()
        .row(0, named=True)
    )
    node = Node(
        f"{REGISTRY.qualified}: {row['model']} version {row['version']}", {k: shown(v) for k, v in line.items()}
    )
    return [node, *_features(connection, job, version.declaration, row)]


def _features(connection: Connection, job: Ingest, model: ModelDeclaration, row: Mapping[str, Any]) -> list[Node]:
    codebooks = codebooks_of(job.sources)
    samples = rows_to_predict(connection, job.study, model, codebooks)
    if samples is None:
        return []
    at = (samples.people == row["participant_id"]) & (samples.day == pl.Series([row["day"]]).to_numpy()[0])
    if not at.any():
        return [Node("its features are not in the lake any more")]
    values = dict(zip(samples.names, samples.values[at][0].tolist(), strict=True))
    columns = columns_of(model, resolve(model, vocabulary_of(job.study, codebooks)).features)
    groups: dict[tuple[Table, date, date], list[SampleColumn]] = {}
    for column in columns:
        groups.setdefault((column.feature.table, *_days(model, column, row["day"])), []).append(column)
    nodes = []
    for (table, first, last), own in groups.items():
        told = {c.name: "missing" if values[c.name] != values[c.name] else values[c.name] for c in own}
        days = str(last) if first == last else f"{first} to {last}"
        node = Node(f"{table.qualified}, {days}", told)
        node.children = _files_of(connection, table, own, row["participant_id"], first, last)
        nodes.append(node)
    return nodes


def _days(model: ModelDeclaration, column: SampleColumn, day: date) -> tuple[date, date]:
    """The days that a value is of: of a span all of it, of an answer those in which it is looked for."""
    last = day if column.of_morning else day - timedelta(days=model.horizon_days)
    back = column.feature.reference.window_days or 1
    if column.feature.is_item or column.feature.table is FEATURES_SURVEY:
        back = OLDEST_DAYS
    if model.summary:
        back += model.summary.over_days - 1
    return last - timedelta(days=back - 1), last


def _files_of(
    connection: Connection, table: Table, columns: list[SampleColumn], person: str, first: date, last: date
) -> list[Node]:
    if columns[0].feature.is_item or table is FEATURES_SURVEY:
        return _files(connection, SURVEY_RESPONSE.qualified, person, first, last)
    keys = dict(pair for column in columns for pair in column.feature.keys)
    row = keys | {"participant_id": person, "day": last, "window_days": (last - first).days + 1}
    return feature_files(connection, table.qualified, row)


def _streams_of(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    if name.startswith("sleep"):
        return _NIGHTS
    if name in USE_TABLES:
        return _EVENTS
    if "stream" in row:
        return (str(row["stream"]),)
    return tuple(s.name for s in STREAMS if s.name == name)


def _answered(row: Mapping[str, Any]) -> date:
    return row["day"] - timedelta(days=int(row["age_days"]))


def _files(connection: Connection, table: str, person: str, first: date, last: date) -> list[Node]:
    found = connection.execute(
        "SELECT s.file_id, count(*), min(s.day), max(s.day), any_value(l.original_name), any_value(l.stored_path)"
        f" FROM {table} s LEFT JOIN ops.landing_files l USING (file_id)"
        " WHERE s.participant_id = ? AND s.day BETWEEN ? AND ? GROUP BY s.file_id ORDER BY 3, 1",
        [person, first, last],
    ).fetchall()
    return [
        Node(
            f"{table}: {rows} rows of {name or file_id[:12]}",
            {"from": str(begin), "to": str(end), "file_id": file_id, "archived at": stored},
        )
        for file_id, rows, begin, end, name, stored in found
    ]
