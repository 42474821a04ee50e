"""The three checks of every staging table, computed from the lake, not from the run at hand."""

from collections.abc import Iterator

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange
from neuro_assets.streams.model import Stream


def staging_check_specs(stream: Stream) -> list[dg.AssetCheckSpec]:
    """Specs of the checks that a staging asset yields."""
    key = key_of(stream)
    return [
        dg.AssetCheckSpec("rows_valid", asset=key, description="No rows of this table wait in quarantine."),
        dg.AssetCheckSpec(
            "no_days_held",
            asset=key,
            description="No day is kept at an older version because its new one failed.",
        ),
        dg.AssetCheckSpec("keys_unique", asset=key, description=f"One row per {', '.join(stream.key)}."),
    ]


def staging_check_results(connection: Connection, stream: Stream, days: DayRange) -> Iterator[dg.AssetCheckResult]:
    """Results for the table as it is now; keys are looked at in the days just written."""
    yield _rows_valid(connection, stream)
    yield _no_days_held(connection, stream)
    yield _keys_unique(connection, stream, days)


def _rows_valid(connection: Connection, stream: Stream) -> dg.AssetCheckResult:
    rules = connection.execute(
        "SELECT rule, count(*), count(DISTINCT day), min(day), max(day) FROM ops.quarantine"
        " WHERE table_name = ? GROUP BY rule ORDER BY 2 DESC",
        [stream.qualified],
    ).fetchall()
    table = [
        dg.TableRecord({"rule": r[0], "rows": r[1], "days": r[2], "from": str(r[3]), "to": str(r[4])}) for r in rules
    ]
    return dg.AssetCheckResult(
        check_name="rows_valid",
        asset_key=key_of(stream),
        passed=not rules,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{r[1]} rows: {r[0]}" for r in rules) or "no row in quarantine",
        metadata={
            "rows_quarantined": sum(r[1] for r in rules),
            **({"by_rule": dg.MetadataValue.table(table)} if table else {}),
        },
    )


def _no_days_held(connection: Connection, stream: Stream) -> dg.AssetCheckResult:
    held = connection.execute(
        "SELECT day, reason FROM ops.day_holds WHERE table_name = ? AND released_at IS NULL ORDER BY day",
        [stream.qualified],
    ).fetchall()
    return dg.AssetCheckResult(
        check_name="no_days_held",
        asset_key=key_of(stream),
        passed=not held,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(f"{day}: {reason}" for day, reason in held[:20]) or "no day held",
        metadata={"days_held": len(held)},
    )


def _keys_unique(connection: Connection, stream: Stream, days: DayRange) -> dg.AssetCheckResult:
    key = ", ".join(stream.key)
    row = connection.execute(
        f"SELECT count(*) FROM (SELECT {key} FROM {stream.qualified} WHERE day BETWEEN ? AND ?"
        " GROUP BY ALL HAVING count(*) > 1)",
        [days.start, days.end],
    ).fetchone()
    repeated = row[0] if row else 0
    return dg.AssetCheckResult(
        check_name="keys_unique",
        asset_key=key_of(stream),
        passed=repeated == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{repeated} repeated keys from {days.start} to {days.end}",
        metadata={"repeated_keys": repeated},
    )
