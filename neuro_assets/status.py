"""The state of a study as the lake tells it: files, streams, holds, quarantine. Shown by the CLI and the digest."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from neuro_assets.ingest import outbox
from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.manifest import ManifestLine, read_lines
from neuro_assets.ingest.replay import study_changes
from neuro_assets.lake.ddl import missing_tables
from neuro_assets.lake.lake import Connection, LakeError
from neuro_assets.staging.stage import raw_versions
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.pulls import PULLS


@dataclass(frozen=True)
class StreamStatus:
    """One staging table."""

    stream: str
    is_expected: bool
    rows: int
    participants: int
    days: int
    first_day: date | None
    last_day: date | None
    days_held: int
    rows_quarantined: int
    days_stale: int


@dataclass(frozen=True)
class Status:
    """The whole study."""

    study: str
    files: dict[str, int]
    rejected: list[dict[str, str]]
    streams: list[StreamStatus]
    holds: list[dict[str, str]]
    quarantine: list[dict[str, Any]]
    unreported_days: int
    study_changes: list[str]
    pulls: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def needs_attention(self) -> bool:
        """Something a person should look at."""
        return bool(self.rejected or self.holds)


def read_status(job: Ingest) -> Status:
    """The state now; an empty one when nothing was ever loaded."""
    try:
        with job.lake.connect(read_only=True) as connection:
            if not missing_tables(connection, job.tables):
                return _status(job, connection)
    except LakeError:
        if not (job.lake.is_sqlite and not job.lake.sqlite_path.exists()):
            raise
    return Status(job.study.id, {}, [], [], [], [], 0, [])


def _status(job: Ingest, connection: Connection) -> Status:
    return Status(
        study=job.study.id,
        files=dict(
            connection.execute(
                "SELECT status, count(*) FROM ops.landing_files GROUP BY status"
                " UNION ALL SELECT 'arrivals', count(*) FROM ops.landing_arrivals"
            ).fetchall()
        ),
        rejected=_records(
            connection,
            "SELECT original_name AS file, reason_code AS code, reason, stored_path FROM ops.landing_files"
            " WHERE status = 'rejected' ORDER BY loaded_at DESC LIMIT 50",
        ),
        streams=[_stream(job, connection, s.name) for s in STREAMS],
        holds=_records(
            connection,
            'SELECT table_name AS "table", day::VARCHAR AS day, reason FROM ops.day_holds WHERE released_at IS NULL'
            " ORDER BY ALL",
        ),
        quarantine=_records(
            connection,
            'SELECT table_name AS "table", rule, count(*) AS rows, count(DISTINCT day) AS days,'
            " count(DISTINCT source_participant_id) AS participants FROM ops.quarantine GROUP BY ALL"
            ' ORDER BY rows DESC, "table", rule',
        ),
        unreported_days=len(outbox.pending(connection)),
        study_changes=sorted(study_changes(connection, job)),
        pulls=_records(connection, _PULLS) if job.study.google_health is not None else [],
    )


# Of each participant and data type the last pull: how many came to what end, and when the latest of them was.
_PULLS = f"""
SELECT outcome, why, count(*) AS data_types, count(DISTINCT participant_id) AS participants,
    strftime(timezone('UTC', max(pulled_at)), '%Y-%m-%d %H:%M UTC') AS latest
FROM (SELECT participant_id, data_type, arg_max(outcome, fetched_at) AS outcome, max(fetched_at) AS pulled_at,
          coalesce(arg_max(coalesce(error_code, ''), fetched_at), '') AS why
      FROM {PULLS.qualified} GROUP BY ALL)
GROUP BY ALL ORDER BY ALL
"""


def _stream(job: Ingest, connection: Connection, name: str) -> StreamStatus:
    table = f"staging.{name}"
    row = connection.execute(
        f"SELECT count(*), count(DISTINCT participant_id), count(DISTINCT day), min(day), max(day) FROM {table}"
    ).fetchone() or (0, 0, 0, None, None)
    held, quarantined = (
        _count(
            connection,
            "SELECT count(*) FROM ops.day_holds WHERE table_name = ? AND released_at IS NULL",
            table,
        ),
        _count(
            connection,
            "SELECT count(DISTINCT (file_id, row_number)) FROM ops.quarantine WHERE table_name = ?",
            table,
        ),
    )
    rows, participants, days, first, last = row
    return StreamStatus(
        stream=name,
        is_expected=name in job.study.expected_streams,
        rows=rows,
        participants=participants,
        days=days,
        first_day=first,
        last_day=last,
        days_held=held,
        rows_quarantined=quarantined,
        days_stale=len(stale_days(job, connection, name)),
    )


def stale_days(job: Ingest, connection: Connection, stream: str) -> list[date]:
    """Days whose raw rows changed since they were staged, as the lake itself knows."""
    tables = [k.raw_table.qualified for k in job.sources.feeding(stream)]
    window = job.window
    now = raw_versions(connection, tables, window.start, window.end or date.max)
    staged = dict(
        connection.execute(
            "SELECT day, raw_version FROM ops.staging_days WHERE table_name = ?", [f"staging.{stream}"]
        ).fetchall()
    )
    return sorted(day for day, version in now.items() if staged.get(day) != version)


def _count(connection: Connection, sql: str, table: str) -> int:
    row = connection.execute(sql, [table]).fetchone()
    return int(row[0]) if row else 0


def _records(connection: Connection, sql: str) -> list[dict[str, Any]]:
    result = connection.execute(sql)
    names = [d[0] for d in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


@dataclass(frozen=True)
class RejectedFile:
    """A refused file, with what its reason says."""

    file_id: str
    name: str
    code: str
    what: str
    where: dict[str, Any]
    remedy: str
    rejected_at: str
    stored_path: str

    @property
    def short_id(self) -> str:
        """Enough of the id to name the file."""
        return self.file_id[:12]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def read_rejected(job: Ingest) -> list[RejectedFile]:
    """Refused files, the latest first; what and where come from the reason beside the file."""
    try:
        with job.lake.connect(read_only=True) as connection:
            if missing_tables(connection, job.tables):
                return []
            lines = [li for li in read_lines(connection).values() if li.status == "rejected"]
    except LakeError:
        if not (job.lake.is_sqlite and not job.lake.sqlite_path.exists()):
            raise
        return []
    return [_rejected(job, li) for li in sorted(lines, key=lambda li: li.loaded_at, reverse=True)]


def _rejected(job: Ingest, line: ManifestLine) -> RejectedFile:
    beside = job.settings.home / f"{line.stored_path}.reason.json"
    reason = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    return RejectedFile(
        file_id=line.file_id,
        name=line.original_name,
        code=line.reason_code or "",
        what=reason.get("what", line.reason or ""),
        where=reason.get("where", {}),
        remedy=reason.get("remedy", ""),
        rejected_at=line.loaded_at.strftime("%Y-%m-%d %H:%M UTC"),
        stored_path=line.stored_path,
    )


def digest_text(status: Status) -> str:
    """The status in sentences, for people who do not open a terminal."""
    lines = [f"# {status.study}: state of the study", ""]
    loaded, refused = status.files.get("loaded", 0), status.files.get("rejected", 0)
    lines.append(f"{loaded} files loaded, {refused} refused.")
    for s in status.streams:
        if s.rows:
            lines.append(
                f"- {s.stream}: {s.participants} participants, {s.days} days ({s.first_day} to {s.last_day}),"
                f" {s.days_held} days held, {s.rows_quarantined} rows in quarantine"
            )
        elif s.is_expected:
            lines.append(f"- {s.stream}: nothing yet, though the protocol expects it")
    lines += [
        f"- pulls {p['outcome']}{' (' + p['why'] + ')' if p['why'] else ''}: {p['data_types']} data types of"
        f" {p['participants']} participants, the latest {p['latest']}"
        for p in status.pulls
    ]
    lines += [f"- held: {h['table']} {h['day']} ({h['reason']})" for h in status.holds]
    lines += [f"- refused: {r['file']}: {r['reason']}" for r in status.rejected]
    return "\n".join(lines) + "\n"
