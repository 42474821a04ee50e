"""Which candidate rows fail: cells that were misread, and what the row gate says of the rows that stand for all."""

from typing import TYPE_CHECKING

from neuro_assets.lake.lake import Connection
from neuro_assets.staging.candidates import own_columns
from neuro_assets.streams.gate import row_failures
from neuro_assets.streams.model import Stream

if TYPE_CHECKING:
    import polars as pl


def collect_failures(connection: Connection, stream: Stream) -> None:
    """Fill the temporary table `failure(rid, rule, column_name, value)` from refusals, misread cells and Pandera."""
    broken = row_failures(stream, gated(connection, stream, f"SEMI JOIN ({witnesses(stream)}) USING (rid)"))
    if not broken.is_empty():
        broken = row_failures(stream, gated(connection, stream))
    connection.register("frame_broken", broken.to_arrow())
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE failure AS
        WITH misread AS (
            SELECT rid, unnest(map_entries(misread)) AS cell
            FROM candidate
            WHERE refusal IS NULL AND misread IS NOT NULL AND cardinality(misread) > 0
        ), told AS (
            SELECT rid, 'unreadable_value' AS rule, cell.key AS column_name, cell.value AS value FROM misread
        )
        SELECT rid, refusal AS rule, NULL::VARCHAR AS column_name, source_participant_id AS value
        FROM candidate
        WHERE refusal IS NOT NULL
        UNION ALL SELECT * FROM told
        UNION ALL
        SELECT b.rid, b.rule, b.column_name, b.value
        FROM frame_broken b
        ANTI JOIN told t ON t.rid = b.rid AND t.column_name = b.column_name
        """
    )
    connection.unregister("frame_broken")


def gated(connection: Connection, stream: Stream, of: str = "") -> "pl.DataFrame":
    """What the row gate looks at."""
    columns = [c.name for c in stream.columns] + [c for rule in stream.rules for c in rule.besides]
    names = ", ".join(dict.fromkeys(["rid", *columns]))
    return connection.execute(f"SELECT {names} FROM candidate {of} WHERE refusal IS NULL").pl()


def witnesses(stream: Stream) -> str:
    """SQL of the rows that stand for all: where any row breaks the stream's schema, one of these does.

    What a group shares is shown by any row of it. A bound is broken by the smallest or the largest value (NaN is the
    largest), a set of values and a rule by one of the combinations that occur, and what must not be missing by a row in
    which it is. Millions of rows share some thousand combinations, so that the gate need not look at each of them.
    """
    own = own_columns(stream)
    rids: list[str] = []
    for c in (c for c in stream.columns if c.name in own):
        if c.ge is not None or c.le is not None:
            rids += [f"arg_min(rowid, {c.name})", f"arg_max(rowid, {c.name})"]
        if not c.nullable:
            rids.append(f"min(rowid) FILTER ({c.name} IS NULL)")
    sets = [c.name for c in stream.columns if c.isin is not None and c.name in own]
    sets += [", ".join(rule.told_apart_by) for rule in stream.rules if own & {*rule.columns, *rule.besides}]
    judged = "candidate_row SEMI JOIN (SELECT group_no FROM candidate_group WHERE refusal IS NULL) USING (group_no)"
    queries = [
        "SELECT min(rowid) AS rid FROM candidate_row GROUP BY group_no",
        f"SELECT unnest([{', '.join(rids)}]) FROM {judged}",
    ]
    queries += [f"SELECT min(rid) FROM candidate WHERE refusal IS NULL GROUP BY {s}" for s in sets]
    return " UNION ".join(queries)
