"""`neuro status`, `neuro sql`, `neuro trace`: looking without changing anything."""

import csv
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from neuro_assets.cli.console import fail, out, print_json, table
from neuro_assets.cli.context import open_home
from neuro_assets.status import Status, read_status
from neuro_assets.trace import trace as trace_row
from neuro_assets.trace_node import Node


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Files, days per stream, held days, quarantine by rule, stale days. Exit code 1 if a person should look."""
    job = open_home()
    found = read_status(job)
    stale = _stale_partitions()
    if as_json:
        print_json({**found.as_dict(), "stale": stale})
    else:
        _show_status(found, stale)
    if found.needs_attention:
        raise typer.Exit(1)


def _stale_partitions() -> dict[str, int]:
    """Asset -> days out of date, as Dagster's event log tells."""
    from neuro_assets.cli.work import load_graph, open_instance, stale_plan

    with open_instance() as instance:
        plan = stale_plan(instance, load_graph())
    return {name: len(days) for name, days in plan.days.items()} | dict.fromkeys(plan.whole, 1)


def _show_status(found: Status, stale: dict[str, int]) -> None:
    files = found.files
    out.print(
        f"[bold]{found.study}[/bold]: {files.get('loaded', 0)} files loaded, {files.get('rejected', 0)} rejected,"
        f" {files.get('arrivals', 0)} arrivals\n"
    )
    table(
        "Streams",
        ["stream", "participants", "days", "from", "to", "rows", "held", "quarantined", "to stage"],
        [
            [
                s.stream + ("" if s.rows or not s.is_expected else "  (expected, nothing yet)"),
                s.participants,
                s.days,
                s.first_day,
                s.last_day,
                s.rows,
                s.days_held,
                s.rows_quarantined,
                s.days_stale,
            ]
            for s in found.streams
            if s.is_expected or s.rows or s.days_held or s.rows_quarantined or s.days_stale
        ],
    )
    table(
        "Pulls",
        ["last outcome", "why", "data types", "participants", "latest"],
        [[p["outcome"], p["why"], p["data_types"], p["participants"], p["latest"]] for p in found.pulls],
    )
    table("Held days", ["table", "day", "why"], [[h["table"], h["day"], h["reason"]] for h in found.holds])
    table(
        "Quarantine",
        ["table", "rule", "rows", "days", "participants"],
        [[q["table"], q["rule"], q["rows"], q["days"], q["participants"]] for q in found.quarantine],
    )
    table(
        "Rejected files",
        ["file", "code", "why"],
        [[r["file"], r["code"], r["reason"]] for r in found.rejected],
    )
    table("Out of date", ["asset", "days"], [[name, count] for name, count in stale.items()])
    if not stale:
        out.print("everything is current")
    if found.study_changes:
        out.print(f"study.yaml or participants changed ({', '.join(found.study_changes[:5])}): `neuro run` follows it")


def sql(
    query: Annotated[str, typer.Argument(help="A query; the lake is attached read-only.")],
    output: Annotated[str, typer.Option("--format", "-f", help="table, csv or json")] = "table",
    limit: Annotated[int, typer.Option(help="Rows shown as a table; csv and json give all.")] = 50,
    as_of: Annotated[
        str, typer.Option(help="The lake as it was: a snapshot's number, or a moment (2026-03-02T09:00Z).")
    ] = "",
) -> None:
    """Ask the lake: `neuro sql "select * from baselines.user_engagement_trend"`."""
    import duckdb

    if output not in {"table", "csv", "json"}:
        raise typer.BadParameter("expected table, csv or json", param_hint="--format")
    job, moment = open_home(), _as_of(as_of)
    with job.lake.connect(read_only=True, as_of=moment) as connection:
        try:
            result = connection.execute(query)
            columns = [d[0] for d in result.description or []]
            rows = result.fetchall()
        except duckdb.Error as error:
            fail(str(error))
            raise typer.Exit(2) from None
    _print_rows(columns, rows, output, limit)


def _as_of(text: str) -> int | datetime | None:
    """A snapshot's number, or a moment, which is of UTC where it names no zone."""
    if not text:
        return None
    if text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("expected a snapshot's number or 2026-03-02T09:00Z", param_hint="--as-of") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _print_rows(columns: list[str], rows: list[tuple[Any, ...]], output: str, limit: int) -> None:
    if output == "json":
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        table("", columns, [list(row) for row in rows[:limit]])
        out.print(f"{len(rows)} rows" + (f", the first {limit} shown" if len(rows) > limit else ""))


def trace(
    name: Annotated[str, typer.Argument(metavar="TABLE", help="For instance baselines.user_activity_deviation.")],
    where: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help="Which row.")],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """From a row to its file, line and rules."""
    pairs = dict(_pair(text) for text in where)
    node = trace_row(open_home(), name, pairs)
    if as_json:
        print_json(node.as_dict())
    else:
        tree = Tree(Text(node.title, "bold"))
        for child in node.children:
            _grow(tree, child)
        out.print(tree)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"expected key=value, got '{text}'")
    return key, value


def _grow(tree: Tree, node: Node) -> None:
    branch = tree.add(Text(node.title))
    for key, value in node.facts.items():
        branch.add(Text.assemble((f"{key}:", "dim"), f" {value}"))
    for child in node.children:
        _grow(branch, child)
