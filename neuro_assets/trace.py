"""From a row back to its file, line and rules: what every number rests on, for a person to read."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import existing_columns
from neuro_assets.lake.lake import Connection
from neuro_assets.staging.stage import contest_days
from neuro_assets.streams.catalogue import STREAMS, stream
from neuro_assets.streams.model import Stream
from neuro_assets.surveys.load import codebooks_of
from neuro_assets.trace_features import feature_files, prediction_nodes
from neuro_assets.trace_node import Node, shown

# How a table that is not staging follows from staging tables, in words and as (stream, days) of a person.
_DERIVED = {
    "baselines.stg_daily_activity": (("daily_activity",), "the staged row, unchanged"),
    "baselines.stg_sleep": (("daily_sleep",), "the staged row, unchanged"),
    "baselines.user_daily_activity": (("daily_activity",), "the staged row; active = steps > 0"),
    "baselines.daily_user_summary": (
        ("daily_activity", "daily_sleep"),
        "activity and sleep of the day side by side",
    ),
    "baselines.user_activity_deviation": (
        ("daily_activity",),
        "steps of the day against the person's baseline",
    ),
}
_BASELINE = "median steps of the person's first 14 days with steps > 0"
MAX_ROWS = 20


class TraceError(ValueError):
    """The row asked for cannot be found or the question is incomplete."""


def trace(job: Ingest, table: str, where: Mapping[str, str]) -> Node:
    """Follow the rows of `table` that match `where` (column -> text) back to files and lines.

    Raises:
        TraceError: unknown table or column, no such row, or more than a person would read.
    """
    with job.lake.connect(read_only=True) as connection:
        columns = existing_columns(connection)
        if table not in columns:
            raise TraceError(f"there is no table {table}; tables: {', '.join(sorted(columns))}")
        unknown = [c for c in where if c not in columns[table]]
        if unknown:
            raise TraceError(f"{table} has no column {', '.join(unknown)}; columns: {', '.join(columns[table])}")
        rows = _rows(connection, table, where)
        root = Node(table, {"rows": len(rows)} | {k: str(v) for k, v in where.items()})
        root.children = [_row_node(job, connection, table, row) for row in rows]
        return root


def _rows(connection: Connection, table: str, where: Mapping[str, str]) -> list[dict[str, Any]]:
    conditions = " AND ".join(f"{column}::VARCHAR = ?" for column in where) or "true"
    result = connection.execute(
        f"SELECT * FROM {table} WHERE {conditions} ORDER BY ALL LIMIT {MAX_ROWS + 1}", list(where.values())
    )
    names = [d[0] for d in result.description or []]
    rows = [dict(zip(names, r, strict=True)) for r in result.fetchall()]
    told = ", ".join(f"{k}={v}" for k, v in where.items())
    if not rows:
        raise TraceError(f"{table} has no row with {told}")
    if len(rows) > MAX_ROWS:
        raise TraceError(f"{table} has more than {MAX_ROWS} rows with {told}; name more columns")
    return rows


_OF_RESPONSES = ("baselines.survey_", "staging.survey_wide_")


def _row_node(job: Ingest, connection: Connection, table: str, row: dict[str, Any]) -> Node:
    node = Node(f"{table} row", {k: shown(v) for k, v in row.items()})
    name = table.removeprefix("staging.").removesuffix("_of_record")
    if table.startswith("staging.") and name in {s.name for s in STREAMS}:
        node.children = [_staged(job, connection, stream(name), row)]
    elif table.startswith(_OF_RESPONSES):
        node.children = _answers(job, connection, table, row)
    elif table.startswith("features."):
        node.children = feature_files(connection, table, row)
    elif table == "models.prediction":
        node.children = prediction_nodes(connection, job, row)
    elif table.startswith("baselines."):
        node.children = _derived(job, connection, table, row)
    elif "file_id" in row and "row_number" in row:
        node.children = [_file(job, connection, row["file_id"], row["row_number"])]
    return node


def _derived(job: Ingest, connection: Connection, table: str, row: dict[str, Any]) -> list[Node]:
    person = row["participant_id"]
    found: list[Node] = []
    streams, rule = _DERIVED.get(table, ((), ""))
    for name in streams:
        for staged in _staged_rows(connection, name, person, [row["day"]]):
            node = Node(f"staging.{name} row ({rule})", {k: shown(v) for k, v in staged.items()})
            node.children = [_staged(job, connection, stream(name), staged)]
            found.append(node)
    if table in {
        "baselines.user_activity_deviation",
        "baselines.user_baseline_activity",
        "baselines.user_engagement_trend",
    }:
        found += _baseline(job, connection, person)
    return found


def _answers(job: Ingest, connection: Connection, table: str, row: dict[str, Any]) -> list[Node]:
    """The answers of a response; of a score those that it is made of."""
    instrument = row.get("instrument") or table.removeprefix("staging.survey_wide_")
    codebook = next((c for c in codebooks_of(job.sources) if c.name == instrument), None)
    items = list(codebook.kept_items) if codebook else []
    if codebook and row.get("score_name") in codebook.scores:
        items = [i for i in items if i in codebook.parts_of(row["score_name"])]
    found = connection.execute(
        "SELECT item, answer, code, label, value, missing_reason, file_id, row_number FROM staging.survey_response"
        " WHERE participant_id = ? AND day = ? AND instrument = ? AND local_ts = ? AND response_id = ?"
        " AND item IN (SELECT unnest(?)) ORDER BY list_position(?, item)",
        [*(row["participant_id"], row["day"], instrument, row["local_ts"], row["response_id"]), items, items],
    ).fetchall()
    nodes = []
    for item, answer, code, label, value, reason, file_id, row_number in found:
        meaning = {"code": code, "label": label, "value": value, "missing": reason}
        facts = {"answer": answer} | {k: v for k, v in meaning.items() if v is not None}
        facts |= {"file": _file_name(connection, file_id), "row": row_number}
        facts["line"] = _header_line(_reading(connection, file_id)) + row_number
        nodes.append(Node(f"answer to {item}", facts))
    return nodes


def _baseline(job: Ingest, connection: Connection, person: str) -> list[Node]:
    rows = connection.execute(
        "SELECT baseline_steps, baseline_days, baseline_first_day, baseline_last_day"
        " FROM baselines.user_baseline_activity WHERE participant_id = ?",
        [person],
    ).fetchall()
    if not rows:
        return [Node("no baseline: the person has no active day")]
    steps, count, first, last = rows[0]
    node = Node(
        f"baselines.user_baseline_activity row ({_BASELINE})",
        {"baseline_steps": steps, "baseline_days": count, "from": str(first), "to": str(last)},
    )
    days = connection.execute(
        "SELECT day, steps, file_id, row_number FROM staging.daily_activity"
        " WHERE participant_id = ? AND day BETWEEN ? AND ? AND steps > 0 ORDER BY day",
        [person, first, last],
    ).fetchall()
    for day, value, file_id, row_number in days:
        facts = {
            "file": _file_name(connection, file_id),
            "row": row_number,
            "line": _header_line(_reading(connection, file_id)) + row_number,
        }
        node.children.append(Node(f"{day}: {value} steps", facts))
    return [node]


def _staged_rows(connection: Connection, name: str, person: str, days: list[date]) -> list[dict[str, Any]]:
    result = connection.execute(
        f"SELECT * FROM staging.{name} WHERE participant_id = ? AND day IN (SELECT unnest(?::DATE[])) ORDER BY day",
        [person, days],
    )
    names = [d[0] for d in result.description or []]
    return [dict(zip(names, r, strict=True)) for r in result.fetchall()]


def _staged(job: Ingest, connection: Connection, of: Stream, row: dict[str, Any]) -> Node:
    """The file the row came from, the rules it passed, and the rows that gave way to it."""
    node = _file(job, connection, row["file_id"], row["row_number"])
    if column := _wide_column(job, connection, row):
        node.facts["column"] = column
    node.facts["rules passed"] = "; ".join(_rules(of))
    contest_days(job, connection, of, row["day"], row["day"])
    match = " AND ".join(f"c.{k} IS NOT DISTINCT FROM ?" for k in of.key)
    others = connection.execute(
        f"SELECT c.file_id, c.row_number, v.outcome, c.as_of, string_agg(f.rule, ', ')"
        f" FROM candidate c JOIN verdict v USING (rid) LEFT JOIN failure f USING (rid)"
        f" WHERE {match} AND v.outcome <> 'staged' GROUP BY ALL ORDER BY ALL",
        [row[k] for k in of.key],
    ).fetchall()
    for file_id, row_number, outcome, as_of, rule in others:
        reason = {"superseded": "another file saw more of that day", "duplicate": "the same values again"}
        node.children.append(
            Node(
                f"{outcome}: row {row_number} of {_file_name(connection, file_id)}",
                {"because": rule or reason.get(outcome, ""), "had seen until": str(as_of)},
            )
        )
    return node


def _rules(of: Stream) -> list[str]:
    """What a row of the stream had to pass; columns that say where it comes from are left out."""
    told = []
    for c in (c for c in of.columns if c.name not in {"file_id", "row_number", "source"}):
        if c.isin:
            told.append(f"{c.name} is one of {', '.join(c.isin)}")
        elif c.ge is not None and c.le is not None:
            told.append(f"{c.name} in [{c.ge}, {c.le}]")
        elif c.ge is not None:
            told.append(f"{c.name} from {c.ge}")
    return [*told, *(f"{r.name}: {r.description}" for r in of.rules)]


def _wide_column(job: Ingest, connection: Connection, row: dict[str, Any]) -> str | None:
    """The column of a wide line that the row stands for; None where the line begins between two columns."""
    line = connection.execute("SELECT raw_table FROM ops.landing_files WHERE file_id = ?", [row["file_id"]]).fetchone()
    kind = next((k for k in job.sources.kinds if line and k.raw_table.qualified == line[0]), None)
    if kind is None or kind.spec.wide is None:
        return None
    wide = kind.spec.wide
    lines = connection.execute(
        f"SELECT DISTINCT epoch(local_ts)::BIGINT // ? FROM {kind.raw_table.qualified}"
        " WHERE file_id = ? AND row_number = ?",
        [wide.count * wide.step_s, row["file_id"], row["row_number"]],
    ).fetchall()
    if len(lines) != 1:
        return None
    since_epoch_s = int((row["local_ts"] - datetime(1970, 1, 1)).total_seconds())
    return wide.columns[since_epoch_s % (wide.count * wide.step_s) // wide.step_s]


def _file(job: Ingest, connection: Connection, file_id: str, row_number: int) -> Node:
    line = connection.execute(
        "SELECT original_name, stored_path, source, file_kind, spec_version, date_order, date_evidence, as_of,"
        " first_arrived_at, container_id FROM ops.landing_files WHERE file_id = ?",
        [file_id],
    ).fetchone()
    if line is None:
        return Node(f"file {file_id[:12]} is not in the manifest")
    name, stored, source, kind, version, order, evidence, as_of, arrived, container = line
    reading = _reading(connection, file_id)
    facts = {
        "file_id": file_id,
        "row": row_number,
        "line": _header_line(reading) + row_number,
        "text": _text(job, stored, reading, row_number),
        "archived at": stored,
        **({"taken out of": _file_name(connection, container)} if container else {}),
        "source spec": f"{source}.{kind} version {version}",
        "date order": f"{order}: {evidence}",
        "export had seen until": str(as_of),
        "first arrived": str(arrived),
    }
    return Node(f"file {name}, row {row_number}", facts)


def _file_name(connection: Connection, file_id: str) -> str:
    row = connection.execute("SELECT original_name FROM ops.landing_files WHERE file_id = ?", [file_id]).fetchone()
    return f"{row[0]} ({file_id[:12]})" if row else file_id[:12]


def _reading(connection: Connection, file_id: str) -> dict[str, Any]:
    """How the file's bytes were read, as the manifest has it."""
    row = connection.execute("SELECT reading FROM ops.landing_files WHERE file_id = ?", [file_id]).fetchone()
    return json.loads(row[0]) if row and row[0] else {}


def _header_line(reading: dict[str, Any]) -> int:
    """Line of the column names: titles may stand above them."""
    return reading.get("header_line", 1)


def _text(job: Ingest, stored: str, reading: dict[str, Any], row_number: int) -> str:
    """The archived line; rows are counted from the column names on, without blank lines."""
    path = job.settings.home / stored
    if not path.exists():
        return "(the archive lacks this file)"
    if (form := reading.get("format", "csv")) != "csv":
        return f"(in a {form} file)"
    with path.open(encoding=reading.get("encoding") or "utf-8-sig", newline=None) as handle:
        below = islice(handle, _header_line(reading), None)
        lines = (text.rstrip("\n") for text in below if text.strip())
        return next(islice(lines, row_number - 1, row_number), "(beyond the end of the file)")
