"""What must hold of rollups whatever the data: days have what staging has, hours make days, shares are shares."""

from collections.abc import Sequence

import dagster as dg

from neuro_assets.keys import key_of
from neuro_assets.lake.lake import Connection
from neuro_assets.partitions import DayRange
from neuro_assets.streams.model import Stream, Table
from neuro_assets.streams.series import LONGEST_PERIOD_S, SERIES_1D, SERIES_1H, SERIES_1M, SERIES_TABLES

AS_STAGED, ADD_UP, SHARES = "days_are_as_staged", "parts_make_days", "shares_are_shares"
_FINER = {SERIES_1M: LONGEST_PERIOD_S["1m"], SERIES_1H: LONGEST_PERIOD_S["1h"]}


def series_check_specs() -> list[dg.AssetCheckSpec]:
    """Specs of the checks that the rollups yield."""
    told = "Together with the rows of record that stand for longer they have the rows and the sum of each day."
    return [
        dg.AssetCheckSpec(
            AS_STAGED,
            asset=key_of(SERIES_1D),
            description="Each person's day has the rows, the sum, the least and the greatest value of record.",
        ),
        *(dg.AssetCheckSpec(ADD_UP, asset=key_of(t), description=told) for t in _FINER),
        *(dg.AssetCheckSpec(SHARES, asset=key_of(t), description="Shares are from 0 to 1.") for t in SERIES_TABLES),
    ]


def series_check_results(
    connection: Connection, streams: Sequence[Stream], days: DayRange
) -> list[dg.AssetCheckResult]:
    """The results for days that were just written."""
    bound = {"first": days.start, "last": days.end}

    def wrong(sql: str) -> int:
        return connection.execute(sql, bound).fetchall()[0][0] if streams else 0

    return [
        _result(AS_STAGED, SERIES_1D, wrong(_as_staged(streams))),
        *(_result(ADD_UP, t, wrong(_add_up(streams, t, longest))) for t, longest in _FINER.items()),
        *(
            _result(SHARES, t, connection.execute(_SHARES.format(table=t.qualified), bound).fetchall()[0][0])
            for t in SERIES_TABLES
        ),
    ]


def _result(name: str, table: Table, wrong: int) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=key_of(table),
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"rows_wrong": int(wrong)},
    )


def _of_record(streams: Sequence[Stream], where: str = "") -> str:
    """SQL of each person's days in staging: rows, their sum, the least and the greatest value of a minute."""
    return " UNION ALL ".join(
        f"""
        SELECT participant_id, day, '{s.name}' AS stream, count(*) AS n, sum(value) AS total,
            min({_rate(s)}) AS least, max({_rate(s)}) AS greatest
        FROM {s.qualified}_of_record WHERE day BETWEEN $first AND $last{where} GROUP BY ALL
        """
        for s in streams
    )


def _rate(stream: Stream) -> str:
    return "value * 60 / period_s" if stream.sampling == "interval" else "value"


def _as_staged(streams: Sequence[Stream]) -> str:
    return f"""
        SELECT count(*) FROM ({_of_record(streams)}) s
        FULL JOIN (SELECT * FROM {SERIES_1D.qualified} WHERE day BETWEEN $first AND $last) r
            USING (participant_id, day, stream)
        WHERE r.n IS DISTINCT FROM s.n OR (r.total IS NOT NULL AND {_apart("s.total", "r.total")})
            OR {_apart("s.least", "r.min")} OR {_apart("s.greatest", "r.max")}
    """


def _add_up(streams: Sequence[Stream], table: Table, longest_s: int | None) -> str:
    longer = _of_record(streams, f" AND period_s > {longest_s}")
    return f"""
        SELECT count(*) FROM (
            SELECT participant_id, day, stream, sum(n) AS n, sum(total) AS total FROM (
                SELECT participant_id, day, stream, n, total FROM {table.qualified}
                WHERE day BETWEEN $first AND $last
                UNION ALL SELECT participant_id, day, stream, n, total FROM ({longer})
            ) GROUP BY ALL
        ) f
        FULL JOIN (SELECT * FROM {SERIES_1D.qualified} WHERE day BETWEEN $first AND $last) r
            USING (participant_id, day, stream)
        WHERE f.n IS DISTINCT FROM r.n
            OR (r.total IS NOT NULL AND (f.total IS NULL OR {_apart("f.total", "r.total")}))
    """


def _apart(one: str, other: str) -> str:
    """SQL of whether two numbers differ by more than rounding; sums are rounded to nine decimals each by itself."""
    return f"abs({one} - {other}) > 1e-6 + 1e-9 * abs({one})"


_SHARES = """
SELECT count(*) FROM {table} WHERE day BETWEEN $first AND $last
    AND NOT (coalesce(observed_share, 0) BETWEEN 0 AND 1 AND coalesce(worn_share, 0) BETWEEN 0 AND 1)
"""
