"""What became of the rows of one batch: staged, rejected with a reason, or there already. No row is in two of these."""

from dataclasses import dataclass

from neuro_assets.lake.lake import Connection
from neuro_assets.streams.events import EVENT


@dataclass(frozen=True)
class BatchCounts:
    """The account of a batch: received = staged + rejected + deduplicated + waiting.

    Attributes:
        received: records of the file.
        staged: rows of `staging.event` that came from it.
        rejected: records in quarantine, each counted once whatever is wrong with it.
        deduplicated: records of events that are staged from another record, of this file or of another.
        waiting: records of days that have not been staged since the file was loaded, or are held.
        left_out: blank lines and repeated header lines, which are no records.
    """

    received: int
    staged: int
    rejected: int
    deduplicated: int
    waiting: int
    left_out: int


_COUNTS = """
WITH file AS (
    SELECT file_id, raw_table, rows, rows_left_out FROM ops.landing_files WHERE file_id = $file AND status = 'loaded'
), unplaced AS (
    SELECT count(DISTINCT row_number) AS n FROM ops.quarantine
    WHERE file_id = $file AND table_name = (SELECT raw_table FROM file)
), day AS (
    SELECT d.day, d.rows, coalesce(s.status = 'accepted' AND s.staged_at >= d.loaded_at, false) AS is_settled
    FROM ops.landing_file_days d
    LEFT JOIN ops.staging_days s ON s.table_name = $table AND s.day = d.day
    WHERE d.file_id = $file AND d.day IS NOT NULL
        AND d.day NOT IN (
            SELECT q.day FROM ops.quarantine q
            WHERE q.file_id = $file AND q.rule = 'outside_window' AND q.table_name = d.raw_table AND q.day IS NOT NULL
        )
), staged AS (
    SELECT count(*) AS n FROM {table} e SEMI JOIN day d ON d.day = e.day AND d.is_settled WHERE e.file_id = $file
), refused AS (
    SELECT count(*) AS n FROM (
        SELECT DISTINCT q.day, q.row_number FROM ops.quarantine q SEMI JOIN day d ON d.day = q.day AND d.is_settled
        WHERE q.file_id = $file AND q.table_name = $table
    )
), placed AS (
    SELECT coalesce(sum(rows) FILTER (is_settled), 0)::BIGINT AS settled,
        coalesce(sum(rows) FILTER (NOT is_settled), 0)::BIGINT AS waiting
    FROM day
)
SELECT f.rows, staged.n, unplaced.n + refused.n, placed.settled - staged.n - refused.n, placed.waiting,
    coalesce(f.rows_left_out, 0)
FROM file f, unplaced, staged, refused, placed
"""


def batch_counts(connection: Connection, file_id: str) -> BatchCounts:
    """The account of a batch, as the lake has it now.

    Args:
        connection: with the lake attached; nothing is changed.
        file_id: of a batch that was loaded.

    Raises:
        KeyError: no batch of that id was loaded.
    """
    found = connection.execute(_COUNTS.format(table=EVENT.qualified), {"file": file_id, "table": EVENT.qualified})
    row = found.fetchone()
    if row is None:
        raise KeyError(f"no batch with the id {file_id} was loaded; they are in ops.landing_files")
    return BatchCounts(*row)
