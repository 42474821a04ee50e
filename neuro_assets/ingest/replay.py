"""Reading archived files again: after a parser was mended, or when the protocol gives their rows another place."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

from neuro_assets.ingest import manifest, outbox
from neuro_assets.ingest.decided import Said, settled
from neuro_assets.ingest.load import Ingest, ingest_lock, plan_load, prepare_tables
from neuro_assets.ingest.outside import forget_outside
from neuro_assets.ingest.plan import scratch_folder
from neuro_assets.ingest.rows import replace_rows
from neuro_assets.ingest.sealing import register
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.load import FileKind
from neuro_assets.study import Participant, Study
from neuro_assets.surveys.answer_key import need_key, unfinished_change
from neuro_assets.surveys.load import codebooks_of
from neuro_assets.surveys.model import Codebook
from neuro_assets.surveys.parts import plain_name, plain_sql

_CODEBOOK = "codebook:"
_EVENTS = "events"
_WRITTEN = ("ops.landing_files", "ops.landing_file_days", "ops.outbox", "ops.quarantine", "ops.study_state")


def replay_days(job: Ingest, kind: FileKind, start: date, end: date) -> list[manifest.ManifestLine]:
    """Read again every archived file of a kind that has rows from `start` to `end` (whole files, one transaction each).

    Returns:
        The files read.

    Raises:
        FileRefusedError: an archived file is no longer readable under the spec in force; its rows stay.
        FileNotFoundError: the archive lacks a file that the manifest lists.
    """
    with job.lake.connect() as connection:
        prepare_tables(job.lake, connection, job.tables)
        ids = connection.execute(
            "SELECT DISTINCT file_id FROM ops.landing_file_days"
            " WHERE raw_table = ? AND day BETWEEN ? AND ? AND rows > 0",
            [kind.raw_table.qualified, start, end],
        ).fetchall()
        lines = sorted(
            manifest.read_lines(connection, [i[0] for i in ids]).values(), key=lambda li: li.first_arrived_at
        )
        for line in lines:
            _replay_file(job, connection, line, "replay")
    return lines


def _replay_file(job: Ingest, connection: Connection, line: manifest.ManifestLine, cause: str) -> None:
    path = job.settings.home / line.stored_path
    if not path.exists():
        raise FileNotFoundError(
            f"the archive lacks {line.stored_path} ({line.original_name}); restore it from a backup"
        )
    with scratch_folder(job.settings.scratch) as scratch:
        before = settled(line.reading or "{}", line.date_order, line.date_evidence)
        plan = plan_load(job, connection, path, line.original_name, scratch, Said(), before)
        at = manifest.next_instant(connection, datetime.now(UTC))
        again = replace(
            line,
            loaded_at=at,
            spec_version=plan.scan.kind.source.version,
            rows=plan.extent.rows,
            rows_without_day=plan.extent.rows - plan.extent.readable,
            rows_outside_window=plan.extent.outside_window,
            first_day=plan.extent.first_day,
            last_day=plan.extent.last_day,
            as_of=plan.extent.as_of,
        )
        with job.lake.transaction(connection, [plan.scan.kind.raw_table.qualified, *_WRITTEN]):
            replace_rows(connection, job.window, plan, line.file_id, line, at, cause)
            manifest.write_lines(connection, [again], [again.file_id])


def encrypt_again(job: Ingest) -> int:
    """Read every file again that has encrypted answers, with the key there is now; returns how many.

    It may be another key than the one of the rows that are there. Killed on the way, it has to be done again before
    anything else is encrypted.

    Raises:
        AnswerKeyError: there is no key.
        FileRefusedError, FileNotFoundError: as in `replay_days`.
    """
    key = need_key(job.settings, "answers are to be encrypted again")
    instruments = {f"{_CODEBOOK}{c.name}" for c in codebooks_of(job.sources) if c.encrypted_items}
    unfinished = unfinished_change(job.settings)
    with ingest_lock(job.settings), job.lake.connect() as connection:
        prepare_tables(job.lake, connection, job.tables)
        register(connection, key, job.sources)
        lines = _of_codebooks(connection, job, instruments)
        unfinished.parent.mkdir(mode=0o700, exist_ok=True)
        unfinished.touch()
        for line in lines:
            _replay_file(job, connection, line, "other_key")
        unfinished.unlink()
    return len(lines)


def study_changes(connection: Connection, job: Ingest) -> set[str]:
    """What the protocol says otherwise than when rows were last placed.

    That is window, protocol, participant:<id>, codebook:<name> or events: how these become episodes. Under an open
    window a row dated ahead comes inside as days pass: that is a change of the window too. A lake that has never seen a
    protocol reports nothing: there is nothing to place anew.
    """
    known = dict(connection.execute("SELECT subject, state FROM ops.study_state").fetchall())
    now = _states(job)
    if not known:
        return set()
    changes = {s for s in known.keys() | now.keys() if known.get(s) != now.get(s)}
    now_inside = connection.execute(
        "SELECT 1 FROM ops.quarantine WHERE rule = 'outside_window' AND day BETWEEN ? AND ? LIMIT 1",
        [job.window.start, job.window.end],
    ).fetchone()
    return changes | ({"window"} if now_inside else set())


def reconcile_study(job: Ingest) -> set[str]:
    """Make the lake follow a changed protocol: release, re-place or re-judge exactly the days it concerns.

    Another window reads the files that cross it again; other gates or defaults touch every day; another
    participant line touches the days with rows of that person. Files in UTC are read again where a zone may be another,
    and those of an instrument whose codebook is another one.
    Returns what had changed.

    Raises:
        FileRefusedError: an archived file no longer fits its spec; nothing of it changes.
    """
    with job.lake.connect() as connection:
        prepare_tables(job.lake, connection, job.tables)
        changes = study_changes(connection, job)
        if "window" in changes:
            for line in _crossing(connection, job):
                _replay_file(job, connection, line, "study_changed")
            forget_outside(connection, job.lake, job.sources, job.window, datetime.now(UTC))
        people = {c.removeprefix("participant:") for c in changes if c.startswith("participant:")}
        names = _aliases(connection, job.study, people) if people else []
        for line in _of_codebooks(connection, job, changes):
            _replay_file(job, connection, line, "study_changed")
        for line in _placed_by_zone(connection, job, None if "protocol" in changes else names):
            _replay_file(job, connection, line, "study_changed")
        with job.lake.transaction(connection, _WRITTEN):
            if "protocol" in changes:
                _touch(connection, job, None)
            if people:
                _touch(connection, job, names)
            if _EVENTS in changes and "protocol" not in changes:
                _touch(connection, job, None, job.sources.feeding("event"))
            if changes or not connection.execute("SELECT 1 FROM ops.study_state LIMIT 1").fetchone():
                connection.execute("DELETE FROM ops.study_state")
                connection.executemany("INSERT INTO ops.study_state VALUES (?, ?)", list(_states(job).items()))
    return changes


def _states(job: Ingest) -> dict[str, str]:
    study = job.study
    people = {f"participant:{p.participant_id}": _line(p) for p in study.people}
    protocol = study.model_dump(mode="json", include={"default_time_zone", "auto_enrol", "gates", "stream_gates"})
    return {
        "window": json.dumps(study.window.model_dump(mode="json"), sort_keys=True),
        "protocol": json.dumps(protocol, sort_keys=True),
        **people,
        **{f"{_CODEBOOK}{c.name}": _body(c) for c in codebooks_of(job.sources)},
        **({_EVENTS: study.events.model_dump_json()} if job.sources.feeding("event") else {}),
    }


def _line(person: Participant) -> str:
    return json.dumps(person.placed(), sort_keys=True)


def _body(codebook: Codebook) -> str:
    return hashlib.sha256(json.dumps(codebook.fingerprint_body(), sort_keys=True).encode()).hexdigest()


def _of_codebooks(connection: Connection, job: Ingest, changes: set[str]) -> list[manifest.ManifestLine]:
    """Files of instruments whose codebook is another one: items may have been added, and answers mean otherwise."""
    names = {c.removeprefix(_CODEBOOK) for c in changes if c.startswith(_CODEBOOK)}
    if not names:
        return []
    kinds = [k for k in job.sources.kinds if k.spec.is_of_answers]
    tables = [k.raw_table.qualified for k in kinds if k.raw_table.name.removeprefix("survey_") in names]
    lines = [li for li in manifest.read_lines(connection).values() if li.raw_table in tables and li.status == "loaded"]
    found: list[str] = []
    for kind in (k for k in kinds if "instrument" in k.spec.question_columns):
        of_these = f"{plain_sql('instrument')} IN (SELECT unnest(?))"
        files = f"SELECT DISTINCT file_id FROM {kind.raw_table.qualified} WHERE {of_these}"
        found += [r[0] for r in connection.execute(files, [[plain_name(n) for n in names]]).fetchall()]
    lines += manifest.read_lines(connection, found).values()
    return sorted(lines, key=lambda li: li.first_arrived_at)


def _crossing(connection: Connection, job: Ingest) -> list[manifest.ManifestLine]:
    window = job.window
    lines = [li for li in manifest.read_lines(connection).values() if li.status == "loaded"]
    crossing = [
        li
        for li in lines
        if li.rows_outside_window
        or (li.first_day is not None and li.first_day < window.start)
        or (li.last_day is not None and window.end is not None and li.last_day > window.end)
    ]
    return sorted(crossing, key=lambda li: li.first_arrived_at)


def _placed_by_zone(connection: Connection, job: Ingest, source_ids: list[str] | None) -> list[manifest.ManifestLine]:
    """Files with times in UTC, which lie on the local days of their people: all of them, or those with some ids."""
    found: list[str] = []
    for kind in job.sources.kinds:
        if kind.spec.time.clock == "local":
            continue
        of_people = "" if source_ids is None else " WHERE source_participant_id IN (SELECT unnest(?))"
        bound = [] if source_ids is None else [source_ids]
        table = kind.raw_table.qualified
        found += [
            r[0] for r in connection.execute(f"SELECT DISTINCT file_id FROM {table}{of_people}", bound).fetchall()
        ]
    return sorted(manifest.read_lines(connection, found).values(), key=lambda li: li.first_arrived_at)


def _aliases(connection: Connection, study: Study, people: set[str]) -> list[str]:
    """Every id under which the rows of these people may have come, before the change or after it."""
    before = [
        Participant.model_validate(json.loads(state))
        for subject, state in connection.execute("SELECT subject, state FROM ops.study_state").fetchall()
        if subject.removeprefix("participant:") in people
    ]
    now = [p for p in study.people if p.participant_id in people]
    names = {p.participant_id for p in (*before, *now)}
    return sorted(names | {a for p in (*before, *now) for aliases in p.aliases.values() for a in aliases})


def _touch(
    connection: Connection, job: Ingest, source_ids: list[str] | None, kinds: Iterable[FileKind] | None = None
) -> None:
    """Mark days for recomputation: all of them, or those with rows under the given ids, or of some kinds of file."""
    at = datetime.now(UTC)
    for kind in job.sources.kinds if kinds is None else kinds:
        table = kind.raw_table.qualified
        of_people = "" if source_ids is None else " AND source_participant_id IN (SELECT unnest(?))"
        days = [
            row[0]
            for row in connection.execute(
                f"SELECT DISTINCT day FROM {table} WHERE day BETWEEN ? AND ?{of_people}",
                [job.window.start, job.window.end, *([] if source_ids is None else [source_ids])],
            ).fetchall()
        ]
        if days:
            connection.execute(
                "UPDATE ops.landing_file_days SET loaded_at = ?"
                " WHERE raw_table = ? AND day IN (SELECT unnest(?::DATE[]))",
                [at, table, days],
            )
            outbox.put_days(connection, table, days, "study_changed", at)
