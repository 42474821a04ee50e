"""A pull file into the lake: its rows, its claims and its account in one transaction."""

import shutil
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from neuro_assets import failpoints
from neuro_assets.ingest import inbox, outbox
from neuro_assets.ingest.arrival import Choice
from neuro_assets.ingest.batch import Batch
from neuro_assets.ingest.decided import LoadPlan
from neuro_assets.ingest.outcomes import FileOutcome, Settlement, duplicate, refused, unpacked
from neuro_assets.ingest.plan import scratch_folder
from neuro_assets.ingest.pulls import Found, kinds_of, read_pull, write_accounts, write_members
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.ingest.rows import replace_rows
from neuro_assets.streams.pulls import PULL_TABLES

if TYPE_CHECKING:
    from neuro_assets.ingest.load import Ingest


@dataclass(frozen=True)
class _Part:
    """The rows of one kind, planned: where their file will rest, and how it is read."""

    kind: str
    taken: inbox.Taken
    plan: LoadPlan


def settle_pull(job: "Ingest", batch: Batch, taken: inbox.Taken) -> None:
    """Take a pull file apart and commit everything that is new in it at once."""
    earlier = batch.line_of(taken.file_id)
    if earlier is not None and earlier.status == "unpacked":
        batch.add(duplicate(job.settings, taken, earlier, batch.instant()))
        return
    batch.commit()
    at = batch.instant()
    with scratch_folder(job.settings.scratch) as folder:
        try:
            kinds = kinds_of(job.sources)
            rules = job.study.google_health
            unknown = rules.unknown_fields if rules else "note"
            found = read_pull(batch.connection, job.sources, taken.path, unknown)
            parts = _planned(job, batch, taken, write_members(found, kinds, taken.file_id, folder / "members"), folder)
        except FileRefusedError as refusal:
            batch.add(refused(job.settings, taken, refusal, earlier, at))
            return
        # What is committed must be in the archive, and a file named by its content may be there before.
        for part in parts:
            _archive(job, part)
        failpoints.reach("pull.planned")
        tables = [*(kinds[p.kind].raw_table.qualified for p in parts), *(t.qualified for t in PULL_TABLES)]
        batch.commit(lambda: _write(job, batch, taken, found, parts, at), into=tuple(tables))


def _planned(job: "Ingest", batch: Batch, taken: inbox.Taken, members: dict[str, Path], folder: Path) -> list[_Part]:
    from neuro_assets.ingest.load import plan_load

    parts: list[_Part] = []
    for kind, path in members.items():
        scratch = folder / f"plan_{kind}"
        scratch.mkdir()
        name = f"{taken.name}/{path.name}"
        part = inbox.Taken(inbox.content_id(path), name, path, taken.file_id)
        plan = plan_load(job, batch.connection, path, name, scratch, Choice().said, None, batch.tray.rows_of)
        parts.append(_Part(kind, part, plan))
    return parts


def _archive(job: "Ingest", part: _Part) -> None:
    target = job.settings.home / inbox.archive_path(part.taken.file_id, part.taken.name)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{uuid.uuid4().hex}.part")
    shutil.copyfile(part.taken.path, partial)
    partial.replace(target)


def _write(
    job: "Ingest", batch: Batch, taken: inbox.Taken, found: Found, parts: list[_Part], at: datetime
) -> Settlement:
    """Everything of the file; returns what becomes of the file itself."""
    from neuro_assets.ingest.load import loaded_line

    for part in parts:
        line = loaded_line(part.taken, part.plan, None, at, Choice())
        touched = replace_rows(batch.connection, job.window, part.plan, part.taken.file_id, None, at, "ingest")
        outcome = FileOutcome(part.taken.file_id, part.taken.name, "loaded", line, touched)
        batch.add(Settlement(outcome, at, _nothing, line))
    write_accounts(batch.connection, found, taken.file_id, {p.kind: p.taken.file_id for p in parts}, at)
    for table in sorted({t for t, _ in found.touched}):
        days = [d for t, d in found.touched if t == table and job.window.covers(d)]
        if days:
            outbox.put_days(batch.connection, table, days, "ingest", at)
    complete = sum(p["outcome"] == "complete" for p in found.pulls)
    told = {
        "format": "google_health_pull",
        "people": len({p["participant_id"] for p in found.pulls}),
        "types": {"complete": complete, "other": len(found.pulls) - complete},
        "rows": {p.kind: p.plan.extent.rows for p in parts},
        "left_out": dict(found.left_out),
    }
    return unpacked(job.settings, taken, batch.line_of(taken.file_id), at, told)


def _nothing() -> None:
    """The file rests in the archive already."""
