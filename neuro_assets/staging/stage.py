"""Staging a range of days of one stream: candidates, gates, contest, and one write of the accepted days."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, date, datetime

import polars as pl

from neuro_assets import failpoints
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection, gather_by_day, look_here_first
from neuro_assets.sources.load import Sources
from neuro_assets.staging.candidates import IDENTITY_RULES, TS, build_candidates, own_columns
from neuro_assets.staging.candidates import statement as sql_statement
from neuro_assets.staging.failures import collect_failures
from neuro_assets.staging.people import people_tables
from neuro_assets.streams.model import Stream

ROWS_AT_ONCE = 6_000_000
_ATTEMPTS = 3
_SORTED_ALWAYS = 100_000
_ROWS_TOGETHER = 20
_ACCOUNTS = ("ops.quarantine", "ops.day_holds", "ops.staging_days")


@dataclass(frozen=True)
class StagedDay:
    """The account of one day: rows in = staged + duplicate + superseded + quarantined."""

    day: date
    status: str
    rows_in: int
    rows_staged: int
    participants: int
    rows_duplicate: int
    rows_superseded: int
    rows_quarantined: int
    disagreements: int
    failed: int
    judged: int


@dataclass
class StagingReport:
    """What staging a range did."""

    stream: str
    days: list[StagedDay] = field(default_factory=list)

    @property
    def held(self) -> list[date]:
        """Days kept at their previous version."""
        return [d.day for d in self.days if d.status == "held"]

    def total(self, name: str) -> int:
        """Sum of one count over the days."""
        return sum(getattr(d, name) for d in self.days)

    def totals(self) -> dict[str, int]:
        """The account of the whole range."""
        counts = ("rows_in", "rows_staged", "rows_duplicate", "rows_superseded", "rows_quarantined", "disagreements")
        return {name: self.total(name) for name in counts} | {"days_held": len(self.held)}


class RawChangedError(RuntimeError):
    """Raw rows of the range were replaced, again and again, while they were being staged."""


def stage_days(job: Ingest, stream: Stream, start: date, end: date) -> StagingReport:
    """Stage all days from `start` to `end`, both inclusive, in pieces that fit memory.

    Each piece is one transaction. A day whose failures exceed the protocol's share keeps its previous version and
    is held; the others go on.

    Raises:
        RawChangedError: the raw rows kept changing under the computation.
    """
    with job.lake.connect() as connection:
        look_here_first(connection)
        return stage_days_on(connection, job, stream, start, end)


def stage_days_on(connection: Connection, job: Ingest, stream: Stream, start: date, end: date) -> StagingReport:
    """`stage_days` on a connection that is open already: opening one costs about as much as staging a small day."""
    report = StagingReport(stream.name)
    for first, last in _pieces(connection, job.sources, stream, start, end):
        report.days += _stage_piece(job, connection, stream, first, last)
    return report


def _pieces(connection: Connection, sources: Sources, stream: Stream, start: date, end: date) -> list[tuple]:
    counts = dict(
        connection.execute(
            "SELECT day, sum(rows)::BIGINT FROM ops.landing_file_days WHERE raw_table IN (SELECT unnest(?))"
            " AND day BETWEEN ? AND ? GROUP BY day",
            [_raw_tables(sources, stream), start, end],
        ).fetchall()
    )
    pieces: list[tuple[date, date]] = []
    first, rows = start, 0
    for ordinal in range(start.toordinal(), end.toordinal() + 1):
        day = date.fromordinal(ordinal)
        here = counts.get(day, 0)
        if rows and rows + here > ROWS_AT_ONCE:
            pieces.append((first, date.fromordinal(ordinal - 1)))
            first, rows = day, 0
        rows += here
    return [*pieces, (first, end)]


def _raw_tables(sources: Sources, stream: Stream) -> list[str]:
    return [k.raw_table.qualified for k in sources.feeding(stream.name)]


def raw_versions(connection: Connection, tables: list[str], start: date, end: date) -> dict[date, str]:
    """Day -> a token that changes whenever a file adds, replaces or removes raw rows of that day."""
    return dict(
        connection.execute(
            "SELECT day, md5(string_agg(file_id || epoch_us(loaded_at), ',' ORDER BY file_id, loaded_at))"
            " FROM ops.landing_file_days WHERE raw_table IN (SELECT unnest(?)) AND day BETWEEN ? AND ? GROUP BY day",
            [tables, start, end],
        ).fetchall()
    )


def _stage_piece(job: Ingest, connection: Connection, stream: Stream, first: date, last: date) -> list[StagedDay]:
    tables = _raw_tables(job.sources, stream)
    for _ in range(_ATTEMPTS):
        version = raw_versions(connection, tables, first, last)
        days = _compute(job, connection, stream, first, last)
        failpoints.reach("stage.computed")
        with job.lake.transaction(connection, [stream.qualified, *_ACCOUNTS]):
            if raw_versions(connection, tables, first, last) == version:
                _account_for_all(connection, tables, stream, days)
                _write(connection, job, stream, days, version)
                return days
    raise RawChangedError(
        f"{stream.qualified}: raw rows of {first}..{last} changed {_ATTEMPTS} times while being staged; run it again"
    )


def _account_for_all(connection: Connection, tables: list[str], stream: Stream, days: list[StagedDay]) -> None:
    """Every raw row of the range is a candidate, once; anything else is a fault of this program.

    Raises:
        AssertionError: with the days.
    """
    loaded = dict(
        connection.execute(
            "SELECT day, sum(rows)::BIGINT FROM ops.landing_file_days WHERE raw_table IN (SELECT unnest(?))"
            " AND day BETWEEN ? AND ? GROUP BY day",
            [tables, days[0].day, days[-1].day],
        ).fetchall()
    )
    if wrong := [d.day for d in days if d.rows_in != loaded.get(d.day, 0)]:
        raise AssertionError(f"{stream.qualified}: not every raw row was judged once on {', '.join(map(str, wrong))}")


def _compute(job: Ingest, connection: Connection, stream: Stream, first: date, last: date) -> list[StagedDay]:
    contest_days(job, connection, stream, first, last)
    return _judge(connection, job, stream, first, last)


def contest_days(job: Ingest, connection: Connection, stream: Stream, first: date, last: date) -> None:
    """Fill the temporary tables `candidate`, `failure` and `verdict` for a range of days; nothing is written."""
    names = [s.name for s in job.sources.specs]
    people_tables(job.study, names, first, last).register(connection)
    build_candidates(connection, job.study, job.sources, stream, (first, last))
    collect_failures(connection, stream)
    later = "local_ts > lag(local_ts) OVER ()" if stream.is_sample else "false"
    connection.execute(sql_statement("slots").format(is_later=later))
    key = stream.key
    connection.execute(
        sql_statement("contest").format(
            key=", ".join(key),
            key_c=", ".join(f"c.{k}" for k in key),
            key_join=_same_key(stream),
            values_c=", ".join(f"c.{v}" for v in stream.values),
        )
    )
    _add_conflicts(connection)


def _same_key(stream: Stream) -> str:
    """A row of `c` and one of `r` are the same measurement; two that name no log name the same."""
    nullable = {c.name for c in stream.columns if c.nullable}
    return " AND ".join(f"c.{k} {'IS NOT DISTINCT FROM' if k in nullable else '='} r.{k}" for k in stream.key)


def _add_conflicts(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO failure SELECT rid, 'conflicting_duplicate', NULL, NULL FROM verdict WHERE outcome = 'conflicting'"
    )
    connection.execute("UPDATE verdict SET outcome = 'quarantined' WHERE outcome = 'conflicting'")


def _judge(connection: Connection, job: Ingest, stream: Stream, first: date, last: date) -> list[StagedDay]:
    """The day gate: which days are accepted and which are held."""
    limit = job.study.gates_of(stream.name).max_failed_share
    rows = connection.execute(sql_statement("judge").format(is_judged=_is_judged("g")), [first, last]).fetchall()
    names = [f.name for f in fields(StagedDay) if f.name not in {"status", "judged"}]
    days = []
    for *row, failed_alone in rows:
        counts = dict(zip(names, row, strict=True))
        judged = counts["rows_staged"] + failed_alone
        is_held = counts["failed"] > limit * judged and judged >= stream.held_from
        status = "held" if is_held else "accepted"
        days.append(StagedDay(status=status, judged=judged, **counts))
    return days


def _is_judged(alias: str) -> str:
    """Rows of people the study does not know are nobody's failure of measurement."""
    names = ", ".join(f"'{r}'" for r in IDENTITY_RULES)
    return f"({alias}.refusal IS NULL OR {alias}.refusal NOT IN ({names}))"


def _write(
    connection: Connection, job: Ingest, stream: Stream, days: list[StagedDay], version: dict[date, str]
) -> None:
    accepted = [d.day for d in days if d.status == "accepted"]
    connection.execute(f"DELETE FROM {stream.qualified} WHERE day IN (SELECT unnest(?::DATE[]))", [accepted])
    gather_by_day(connection, len(accepted))
    columns = [*(["local_ts"] if stream.is_sample else []), *stream.mapped, "row_number", "group_no"]
    rows, order = "candidate_row", ""
    if _lies_scattered(connection):
        rows = "candidate_row JOIN (SELECT group_no, slot_no FROM candidate_group) USING (group_no)"
        columns, order = ["slot_no", *columns], "ORDER BY ALL"
    # Each of these joins is felt with millions of rows; usually there is nothing that they would keep out.
    kept_out = []
    if len(accepted) < len(days):
        kept_out.append(
            "group_no IN (SELECT group_no FROM candidate_group WHERE day IN (SELECT unnest($days::DATE[])))"
        )
    if connection.execute("SELECT 1 FROM verdict WHERE outcome <> 'staged' LIMIT 1").fetchone():
        kept_out.append("candidate_row.rowid NOT IN (SELECT rid FROM verdict WHERE outcome <> 'staged')")
    shared = _shared_texts(connection, stream)
    connection.execute(
        f"""
        INSERT INTO {stream.qualified} BY NAME
        SELECT {_stored_columns(stream, shared)}
        FROM (SELECT {", ".join(columns)} FROM {rows} WHERE {" AND ".join(kept_out) or "true"} {order}) r
        JOIN (SELECT * FROM candidate_group JOIN candidate_file USING (file_no)) g USING (group_no)
        """,
        ({"days": accepted} if len(accepted) < len(days) else {}) | shared,
    )
    was_staged = _were_staged(connection, stream, days)
    if was_staged:
        _forget(connection, stream, days)
    _write_quarantine(connection, stream)
    if was_staged or any(d.status == "held" for d in days):
        _write_holds(connection, stream, days)
    _write_accounts(connection, job, stream, days, version)


def _shared_texts(connection: Connection, stream: Stream) -> dict[str, str]:
    """Texts that all groups have in common: to write a text that a join brings takes twice as long as a given one."""
    texts = [c.name for c in stream.columns if c.type == "VARCHAR" and c.name not in own_columns(stream)]
    the_one = (f"CASE WHEN count(DISTINCT {t}) = 1 AND count({t}) = count(*) THEN min({t}) END" for t in texts)
    found = connection.execute(
        f"SELECT {', '.join(the_one)} FROM candidate_group JOIN candidate_file USING (file_no)"
    ).fetchone()
    return {t: text for t, text in zip(texts, found or (), strict=True) if text is not None}


def _stored_columns(stream: Stream, shared: Iterable[str]) -> str:
    own = own_columns(stream)
    told = {"ts": f"{TS} AS ts"} | {name: f"${name} AS {name}" for name in shared}
    return ", ".join(told.get(c, f"r.{c}" if c in own else f"g.{c}") for c in stream.column_names)


def _lies_scattered(connection: Connection) -> bool:
    """Whether the rows of a person's day have to be brought together: sorting costs as much as all the rest."""
    found = connection.execute("SELECT count(*), sum(chains) FROM slot").fetchone()
    slots, chains = found or (0, 0)
    rows = connection.execute("SELECT count(*) FROM candidate_row").fetchall()[0][0]
    return rows <= _SORTED_ALWAYS or chains * _ROWS_TOGETHER > rows or chains > 2 * slots


def _were_staged(connection: Connection, stream: Stream, days: list[StagedDay]) -> bool:
    """Whether any of the days has an account, without which it has nothing in quarantine either."""
    found = connection.execute(
        "SELECT 1 FROM ops.staging_days WHERE table_name = ? AND day BETWEEN ? AND ? LIMIT 1",
        [stream.qualified, days[0].day, days[-1].day],
    ).fetchone()
    return found is not None


def _forget(connection: Connection, stream: Stream, days: list[StagedDay]) -> None:
    """Remove what an earlier staging said of the days; a delete takes its time even where it finds nothing."""
    for table in ("ops.quarantine", "ops.staging_days"):
        connection.execute(
            f"DELETE FROM {table} WHERE table_name = ? AND day IN (SELECT unnest(?::DATE[]))",
            [stream.qualified, [d.day for d in days]],
        )


def _write_quarantine(connection: Connection, stream: Stream) -> None:
    connection.execute(
        """
        INSERT INTO ops.quarantine BY NAME
        SELECT ? AS table_name, c.source, c.file_id, c.row_number, c.source_participant_id, c.day, f.rule,
               f.column_name, left(f.value, 200) AS value
        FROM failure f
        JOIN verdict v ON v.rid = f.rid AND v.outcome = 'quarantined'
        JOIN candidate c ON c.rid = f.rid
        ORDER BY c.file_id, c.row_number, f.rule
        """,
        [stream.qualified],
    )


def _write_holds(connection: Connection, stream: Stream, days: list[StagedDay]) -> None:
    now = datetime.now(UTC)
    open_days = {
        row[0]
        for row in connection.execute(
            "SELECT day FROM ops.day_holds WHERE table_name = ? AND released_at IS NULL", [stream.qualified]
        ).fetchall()
    }
    released = [d.day for d in days if d.status == "accepted" and d.day in open_days]
    again = [d.day for d in days if d.status == "held" and d.day in open_days]
    if released:
        connection.execute(
            "UPDATE ops.day_holds SET released_at = ? WHERE table_name = ? AND released_at IS NULL"
            " AND day IN (SELECT unnest(?::DATE[]))",
            [now, stream.qualified, released],
        )
    for d in days:
        if d.status == "held" and d.day not in again:
            reason = f"{d.failed} of {d.judged} measurements failed; drop a good export of that day"
            connection.execute(
                "INSERT INTO ops.day_holds VALUES (?, ?, ?, ?, ?, ?, NULL)",
                [stream.qualified, d.day, reason, d.failed, d.judged, now],
            )


def _write_accounts(
    connection: Connection, job: Ingest, stream: Stream, days: list[StagedDay], version: dict[date, str]
) -> None:
    now = datetime.now(UTC)
    fingerprint = job.study.fingerprint()
    frame = pl.DataFrame(
        [
            {
                "table_name": stream.qualified,
                **{k: v for k, v in asdict(d).items() if k not in {"failed", "judged"}},
                "raw_version": version.get(d.day, ""),
                "study_version": fingerprint,
                "staged_at": now,
            }
            for d in days
        ]
    )
    connection.register("frame_accounts", frame.to_arrow())
    connection.execute("INSERT INTO ops.staging_days BY NAME SELECT * FROM frame_accounts")
    connection.unregister("frame_accounts")
