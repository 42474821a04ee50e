"""What would happen to a file, without loading it: it is loaded into a lake of its own that is then thrown away."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.dates import sentence
from neuro_assets.ingest.inbox import content_id
from neuro_assets.ingest.load import Ingest, ingest_paths, plan_load
from neuro_assets.ingest.manifest import read_lines
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.ingest.plan import scratch_folder
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.lake.ddl import missing_tables
from neuro_assets.lake.lake import Connection, Lake, LakeError
from neuro_assets.staging.stage import stage_days
from neuro_assets.streams.catalogue import stream
from neuro_assets.study import Window
from neuro_assets.surveys.answer_key import find_key

_SHOWN_ROWS = 10


@dataclass(frozen=True)
class Rehearsal:
    """What would become of one file, or of one member of an archive or workbook.

    Attributes:
        name: of the file.
        outcome: loaded, rejected, unpacked; or `duplicate` where the study has these bytes already.
        reason: code, what, where, remedy of a refusal.
        dates: the decision about the dates, as a sentence.
        facts: what it was recognised as and how it is read.
        rows: rows in the file, and how they would fare per stream.
        first_rejected: the first rows that would be kept out: row, column, value, rule.
    """

    name: str
    outcome: str
    reason: dict[str, Any] = field(default_factory=dict)
    dates: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, dict[str, int]] = field(default_factory=dict)
    first_rejected: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def rehearse(job: Ingest, path: Path, choice: Choice | None = None) -> list[Rehearsal]:
    """Load a file into a lake of its own, by this study's protocol and sources, and say what came of it.

    The study's own lake is only read: for what it knows of the same people where nothing else tells the date order,
    and for files it has already.
    """
    choice = choice or Choice()
    with scratch_folder(job.settings.scratch) as folder:
        own = {"home": folder, "catalog": None, "data": None, "encrypt": False, "survey_key": _key_of(job)}
        settings = job.settings.model_copy(update=own)
        trial = replace(job, settings=settings, lake=Lake.from_settings(settings))
        settings.landing.mkdir(parents=True)
        outcomes = list(ingest_paths(trial, [path], choice))
        told = [_told(job, trial, o, choice) for o in outcomes]
    known = _loaded_already(job, path)
    return [replace(t, outcome="duplicate") if known and t.outcome in {"loaded", "unpacked"} else t for t in told]


def _key_of(job: Ingest) -> SecretStr | None:
    """The study's key, which lies in the home where the environment has none."""
    key = find_key(job.settings)
    return key and SecretStr(key.text)


def _told(job: Ingest, trial: Ingest, outcome: FileOutcome, choice: Choice) -> Rehearsal:
    line = outcome.line
    if outcome.outcome == "rejected" and line.reason_code == "date_order":
        order = _order_the_lake_knows(job, trial.settings.home / line.stored_path, line.original_name, choice)
        if order:
            stored = trial.settings.home / line.stored_path
            again = list(ingest_paths(trial, [stored], replace(choice, date_order=order)))  # pyright: ignore[reportArgumentType]
            return _told(job, trial, replace(again[0], name=outcome.name), choice)
    if outcome.outcome == "rejected":
        reason = trial.settings.home / f"{line.stored_path}.reason.json"
        return Rehearsal(outcome.name, "rejected", json.loads(reason.read_text(encoding="utf-8")))
    if outcome.outcome != "loaded":
        return Rehearsal(outcome.name, outcome.outcome)
    return _loaded(trial, outcome)


def _loaded(trial: Ingest, outcome: FileOutcome) -> Rehearsal:
    line = outcome.line
    reading = json.loads(line.reading or "{}")
    kind = trial.sources.by_raw_table(line.raw_table or "")
    window = trial.window
    streams: dict[str, dict[str, int]] = {}
    if line.first_day and line.last_day and window.end:
        first, last = max(line.first_day, window.start), min(line.last_day, window.end)
        if first <= last:
            for name in kind.spec.streams:
                stage_days(trial, stream(name), first, last)
    with trial.lake.connect(read_only=True) as connection:
        first_rejected = _first_rejected(connection, outcome.file_id)
        for name in kind.spec.streams:
            streams[name] = _counts(connection, kind.raw_table.qualified, f"staging.{name}", outcome.file_id, window)
    return Rehearsal(
        name=outcome.name,
        outcome="loaded",
        dates=sentence(reading["times"]["column"], line.date_order, line.date_evidence or ""),
        facts={k: v for k, v in reading.items() if k != "times"} | {"times": reading["times"]["formats"]},
        rows={
            "rows": line.rows,
            "left_out": line.rows_left_out,
            "without_day": line.rows_without_day,
            "outside_window": line.rows_outside_window,
            "first_day": str(line.first_day),
            "last_day": str(line.last_day),
        },
        streams=streams,
        first_rejected=first_rejected,
    )


def _counts(connection: Connection, raw: str, staged: str, file_id: str, window: Window) -> dict[str, int]:
    """How the rows of one file fared in a stream; those of other files of the same archive are not counted."""
    row = connection.execute(
        f"""
        SELECT (SELECT count(*) FROM {raw} WHERE file_id = $file AND day BETWEEN $start AND $end),
               (SELECT count(*) FROM {staged} WHERE file_id = $file),
               (SELECT count(DISTINCT (row_number, day, value)) FROM ops.quarantine
                WHERE file_id = $file AND table_name = $staged),
               (SELECT count(DISTINCT h.day) FROM ops.day_holds h JOIN {raw} r ON r.day = h.day AND r.file_id = $file
                WHERE h.table_name = $staged)
        """,
        {"file": file_id, "staged": staged, "start": window.start, "end": window.end},
    ).fetchone() or (0, 0, 0, 0)
    rows, kept, out, held = row
    return {
        "rows_staged": kept,
        "rows_quarantined": out,
        "rows_giving_way": max(0, rows - kept - out),
        "days_held": held,
    }


def _first_rejected(connection: Connection, file_id: str) -> list[dict[str, Any]]:
    result = connection.execute(
        "SELECT row_number AS row, source_participant_id AS participant, rule, column_name AS column, value"
        " FROM ops.quarantine WHERE file_id = ? ORDER BY row_number, rule LIMIT ?",
        [file_id, _SHOWN_ROWS],
    )
    names = [d[0] for d in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _order_the_lake_knows(job: Ingest, path: Path, name: str, choice: Choice) -> str | None:
    try:
        with (
            job.lake.connect(read_only=True) as connection,
            scratch_folder(job.settings.scratch) as scratch,
        ):
            return plan_load(job, connection, path, name, scratch, choice.said).date_order
    except (FileRefusedError, LakeError):
        return None


def _loaded_already(job: Ingest, path: Path) -> bool:
    try:
        with job.lake.connect(read_only=True) as connection:
            if missing_tables(connection, job.tables):
                return False
            file_id = content_id(path)
            line = read_lines(connection, [file_id]).get(file_id)
            return line is not None and line.status in {"loaded", "unpacked"}
    except LakeError:
        return False
