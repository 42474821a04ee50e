"""All raw rows that could become rows of a stream, with participant, local time and first refusals.

A row keeps what is its own; what millions of rows share (whose they are, the day, the zone, the file) is said once, in
their group.
"""

from importlib.resources import files

from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.staging.answers import answers_relation, is_of_answers, list_codebooks
from neuro_assets.staging.events import events_relation
from neuro_assets.staging.translate import Bound, is_misread, misread_cells, typed_values
from neuro_assets.streams.events import EVENT
from neuro_assets.streams.model import Stream
from neuro_assets.study import Study

IDENTITY_RULES = (
    "missing_participant",
    "unknown_participant",
    "before_enrolment",
    "after_withdrawal",
    "unknown_time_zone",
)
# Arithmetic in microseconds: that of intervals and zones takes ten times as long.
TS = "make_timestamptz(epoch_us(r.local_ts) - g.utc_offset_min * 60_000_000::BIGINT)"


def statement(name: str) -> str:
    """A SQL statement of this package."""
    return (files("neuro_assets.staging") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


def own_columns(stream: Stream) -> set[str]:
    """Columns that rows have for themselves; the others are their group's."""
    return {"row_number", "local_ts", *stream.mapped}


def build_candidates(connection: Connection, study: Study, sources: Sources, stream: Stream, days: tuple) -> None:
    """Fill the temporary tables `candidate_row` and `candidate_group`, and the view `candidate` of both.

    `candidate_row(group_no, row_number, local_ts, misread, <mapped columns>)`: its rowid is the `rid` of the view;
    `misread` is there only where a cell is. `candidate_group` has a row for each kind, file, person, day and stretch of
    the clock, with `refusal`.

    Args:
        connection: with the people tables registered.
        study: the protocol.
        sources: the specs in force.
        stream: the stream to build.
        days: first and last local day, both inclusive.
    """
    kinds = sources.feeding(stream.name)
    if any(is_of_answers(k) for k in kinds):
        list_codebooks(connection, sources)
    repeats = stream.is_sample and _some(connection, "SELECT 1 FROM people_clock WHERE fold = 1")
    connection.execute(_FILES, [[k.raw_table.qualified for k in kinds], *days])
    # A kind without a file of these days costs as much as one with few rows.
    there = {t for (t,) in connection.execute(_TABLES, days).fetchall()}
    kinds = [k for k in kinds if k.raw_table.qualified in there]
    _list_kinds(connection, kinds)
    list_withdrawn(connection, kinds, days)
    _build_groups(connection, study, stream, kinds, days, repeats=repeats)
    has_misread = _is_any_misread(connection, stream, kinds, days)
    if repeats:
        _build_rows_by_pass(connection, stream, kinds, days, has_misread=has_misread)
    else:
        is_cut = stream.is_sample and _some(connection, _CUT)
        span = "AND r.local_ts >= g.local_start AND r.local_ts < g.local_end" if is_cut else ""
        rows, bound = _rows(stream, kinds, days, "candidate_group", "group_no", span, has_misread=has_misread)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE candidate_row AS {rows}", bound)
    told = [f"{TS} AS ts,"] if stream.is_sample else []
    told += [] if has_misread else ["NULL::MAP(VARCHAR, VARCHAR) AS misread,"]
    connection.execute(statement("candidate").format(told=" ".join(told)))


_FILES = """
CREATE OR REPLACE TEMP TABLE candidate_file AS
SELECT (row_number() OVER (ORDER BY file_id))::INTEGER AS file_no, file_id, first_arrived_at, supersedes_at
FROM ops.landing_files
SEMI JOIN (SELECT file_id FROM ops.landing_file_days WHERE raw_table IN (SELECT unnest(?)) AND day BETWEEN ? AND ?)
    USING (file_id)
"""
# Of a day's claims the latest says what there is; its rows may be those of an earlier claim with the same content.
# A log that ends on a day may have begun some days before it, and over the date line on the day after.
_WITHDRAWN = """
CREATE OR REPLACE TEMP TABLE withdrawn_claim AS
WITH claim AS (
    SELECT *, first_value(digest) OVER (of_day ORDER BY fetched_at DESC, pull_order DESC) AS last_digest
    FROM (SELECT *, file_id || claim_no AS pull_order FROM ops.pull_claims
          WHERE source IN (SELECT unnest($sources)) AND file_kind IN (SELECT unnest($kinds))
              AND chunk_day BETWEEN $first::DATE - 1 AND $last::DATE + 3)
    WINDOW of_day AS (PARTITION BY source, participant_id, data_type, file_kind, chunk_day)
), holding AS (
    SELECT *, row_number() OVER (PARTITION BY source, participant_id, data_type, file_kind, chunk_day, digest
                                 ORDER BY fetched_at, pull_order) AS place
    FROM claim WHERE rows > 0
)
SELECT file_id, claim_no FROM holding WHERE digest <> last_digest OR place > 1
"""
_NOTHING_WITHDRAWN = (
    "CREATE OR REPLACE TEMP TABLE withdrawn_rows AS SELECT NULL::DATE AS day, 0::BIGINT AS rows LIMIT 0"
)
_TABLES = "SELECT DISTINCT raw_table FROM ops.landing_file_days WHERE day BETWEEN ? AND ?"
_CUT = "SELECT 1 FROM people_clock GROUP BY zone, day HAVING count(*) > 1"


def list_withdrawn(connection: Connection, kinds: list[FileKind], days: tuple) -> None:
    """Fill `withdrawn_claim(file_id, claim_no)` and `withdrawn_rows(day, rows)`: what a later pull no longer found."""
    claimed = [k for k in kinds if k.spec.claim]
    if not claimed:
        connection.execute(_NOTHING_WITHDRAWN)
        return
    connection.execute(
        _WITHDRAWN,
        {
            "sources": [k.source.name for k in claimed],
            "kinds": [k.kind for k in claimed],
            "first": days[0],
            "last": days[1],
        },
    )
    parts = ["SELECT NULL::DATE AS day LIMIT 0"]
    if _some(connection, "SELECT 1 FROM withdrawn_claim"):
        parts += [
            f"SELECT day FROM {k.raw_table.qualified} r SEMI JOIN withdrawn_claim w"
            f" ON w.file_id = r.file_id AND w.claim_no = r.{k.spec.claim} WHERE day BETWEEN $start AND $end"
            for k in claimed
        ]
    bound = {"start": days[0], "end": days[1]} if len(parts) > 1 else {}
    rows = " UNION ALL ".join(f"({p})" for p in parts)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE withdrawn_rows AS SELECT day, count(*) AS rows FROM ({rows}) GROUP BY day", bound
    )


def _some(connection: Connection, query: str, bound: Bound | None = None) -> bool:
    return connection.execute(f"{query} LIMIT 1", bound or {}).fetchone() is not None


def _is_any_misread(connection: Connection, stream: Stream, kinds: list[FileKind], days: tuple) -> bool:
    """Whether any cell is: a column for what nearly never happens costs as much as all the others."""
    for kind in (k for k in kinds if not is_of_answers(k)):
        bound = Bound(start=days[0], end=days[1])
        test = is_misread(stream, kind, bound)
        rows = f"SELECT 1 FROM {_raw_rows(stream, kind)} r WHERE r.day BETWEEN $start AND $end AND ({test})"
        if _some(connection, rows, bound):
            return True
    return False


def _list_kinds(connection: Connection, kinds: list[FileKind]) -> None:
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE candidate_kind AS SELECT unnest(?::INTEGER[]) AS kind_no,"
        " unnest(?::VARCHAR[]) AS source, unnest(?::INTEGER[]) AS period_s, unnest(?::BOOLEAN[]) AS is_utc",
        [
            list(range(len(kinds))),
            [k.source.name for k in kinds],
            [k.spec.period_s for k in kinds],
            [k.spec.time.clock != "local" for k in kinds],
        ],
    )


def _build_groups(
    connection: Connection, study: Study, stream: Stream, kinds: list[FileKind], days: tuple, *, repeats: bool
) -> None:
    """Fill `candidate_base` and `candidate_group`."""
    nobody = (
        "SELECT 0 AS kind_no, 0 AS file_no, '' AS source_participant_id, $start::DATE AS day, NULL::TIMESTAMP AS as_of,"
        " NULL::TINYINT AS own_fold, NULL::SMALLINT AS own_offset_min, NULL::VARCHAR AS tz_source,"
        " NULL::INTEGER AS own_period_s, NULL::BIGINT AS claim_no WHERE $end < $start"
    )
    named = (
        f"SELECT {n}, f.file_no, r.* EXCLUDE (file_id) FROM"
        f" (SELECT DISTINCT file_id, source_participant_id, day, as_of, {_own_time(kind)}"
        f" FROM {kind.raw_table.qualified} WHERE day BETWEEN $start AND $end) r JOIN candidate_file f USING (file_id)"
        f"{_in_force(kind)}"
        for n, kind in enumerate(kinds)
    )
    who_and_when = " UNION ALL ".join((nobody, *named))
    connection.execute(
        statement("base").format(who_and_when=who_and_when),
        {
            "start": days[0],
            "end": days[1],
            "auto_enrol": study.auto_enrol,
            "default_zone": study.default_time_zone,
            "needs_zone": stream.is_sample,
        },
    )
    whole_days = (
        "SELECT DISTINCT zone, day, day_length_min, NULL::TINYINT AS fold, NULL::SMALLINT AS utc_offset_min,"
        " NULL::VARCHAR AS time_quality, NULL::TIMESTAMP AS local_start, NULL::TIMESTAMP AS local_end FROM people_clock"
    )
    clock = "FROM people_clock" if stream.is_sample else whole_days
    groups = statement("groups").format(clock=clock, unknown_length="NULL" if stream.is_sample else "1440")
    connection.execute(groups, {"repeats": repeats})


def _own_time(kind: FileKind) -> str:
    """The columns in which a row says its own offset from UTC and its own period."""
    told = ("fold", "utc_offset_min", "tz_source") if kind.spec.has_offsets else ("NULL", "NULL", "NULL")
    return (
        f"{told[0]}::TINYINT AS own_fold, {told[1]}::SMALLINT AS own_offset_min, {told[2]}::VARCHAR AS tz_source,"
        f" TRY_CAST({kind.spec.period or 'NULL'} AS INTEGER) AS own_period_s,"
        f" {kind.spec.claim or 'NULL'}::BIGINT AS claim_no"
    )


def _in_force(kind: FileKind) -> str:
    """Leaves out what belongs to a claim that is not in force; rows without a group are no candidates."""
    if not kind.spec.claim:
        return ""
    return " ANTI JOIN withdrawn_claim w ON w.file_id = f.file_id AND w.claim_no = r.claim_no"


def _of_same_time(kind: FileKind) -> str:
    """That a row and its group `g` agree in what the row says of its time."""
    tests = []
    if kind.spec.has_offsets:
        tests += ["g.own_offset_min IS NOT DISTINCT FROM r.utc_offset_min", "g.own_fold IS NOT DISTINCT FROM r.fold"]
        tests.append("g.tz_source = coalesce(r.tz_source, g.tz_source)")
    if kind.spec.period:
        tests.append(f"g.own_period_s IS NOT DISTINCT FROM TRY_CAST(r.{kind.spec.period} AS INTEGER)")
    if kind.spec.claim:
        tests.append(f"g.claim_no IS NOT DISTINCT FROM r.{kind.spec.claim}")
    return "".join(f" AND {t}" for t in tests)


def _raw_rows(stream: Stream, kind: FileKind) -> str:
    """SQL of the raw rows of a kind of file between $start and $end, with what has to be made of several columns."""
    if is_of_answers(kind):
        return answers_relation(kind)
    return events_relation(kind) if stream.name == EVENT.name else kind.raw_table.qualified


def _rows(
    stream: Stream,
    kinds: list[FileKind],
    days: tuple,
    joined: str,
    number: str,
    span: str = "",
    *,
    has_misread: bool,
) -> tuple[str, Bound]:
    """SQL of the raw rows with the number of their group, and its parameters."""
    types = {c.name: c.type for c in stream.columns}
    bound = Bound()
    if kinds:
        bound |= {"start": days[0], "end": days[1]}
    moment = "r.local_ts," if stream.is_sample else ""
    # The columns every kind of file brings: a kind that leaves out a nullable one gives NULL there.
    no_rows = ", ".join(
        (
            f"NULL::INTEGER AS {number}",
            "NULL::BIGINT AS row_number",
            *(["NULL::TIMESTAMP AS local_ts"] if stream.is_sample else []),
            *(f"NULL::{types[name]} AS {name}" for name in stream.mapped),
            *(["NULL::MAP(VARCHAR, VARCHAR) AS misread"] if has_misread else []),
        )
    )
    parts = [f"SELECT {no_rows} LIMIT 0"]
    for n, kind in enumerate(kinds):
        values = typed_values(stream, kind, bound)
        misread = ""
        if has_misread:
            told = "NULL::MAP(VARCHAR, VARCHAR)" if is_of_answers(kind) else misread_cells(stream, kind, bound)
            misread = f", {told} AS misread"
        parts.append(
            f"SELECT g.{number}, r.row_number, {moment} {values}{misread}"
            f" FROM {_raw_rows(stream, kind)} r JOIN candidate_file f ON f.file_id = r.file_id"
            f" JOIN {joined} g ON g.kind_no = {n} AND g.file_no = f.file_no AND g.day = r.day"
            f" AND g.as_of IS NOT DISTINCT FROM r.as_of"
            f" AND g.source_participant_id IS NOT DISTINCT FROM r.source_participant_id{_of_same_time(kind)} {span}"
            f" WHERE r.day BETWEEN $start AND $end"
        )
    return " UNION ALL BY NAME ".join(f"({p})" for p in parts), bound


def _build_rows_by_pass(
    connection: Connection, stream: Stream, kinds: list[FileKind], days: tuple, *, has_misread: bool
) -> None:
    """Fill `candidate_row` where an hour of the range repeats: the rows around one tell which pass it belongs to."""
    rows, bound = _rows(stream, kinds, days, "candidate_base", "base_no", has_misread=has_misread)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE identified_row AS {rows}", bound)
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW identified AS SELECT i.rowid AS rid, * FROM identified_row i"
        " JOIN candidate_base USING (base_no)"
    )
    # Two logs of one night each have a clock of their own to step back.
    logs = "".join(f", {a}" for a in stream.attributes if a in stream.key)
    connection.execute(statement("passes").format(logs=logs))
    connection.execute(
        """
        CREATE OR REPLACE TEMP TABLE candidate_row AS
        SELECT g.group_no, i.* EXCLUDE (base_no)
        FROM identified_row i
        LEFT JOIN passes p ON p.rid = i.rowid
        JOIN candidate_group g
          ON g.base_no = i.base_no AND g.fold = coalesce(g.own_fold, p.fold, 0)
         AND g.pass_quality IS NOT DISTINCT FROM p.time_quality
         AND g.is_unresolved = coalesce(p.is_unresolved, false)
         AND i.local_ts >= g.local_start AND i.local_ts < g.local_end
        """
    )
