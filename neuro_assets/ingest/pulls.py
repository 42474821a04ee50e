"""Pull files: what an interface gave, as rows of its source, and as claims that say what there is and nothing else.

Rows, claims and the account of the pull are committed together. Days that are as they were found before leave nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.lake.frames import insert_frame
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.google_health import chunks
from neuro_assets.sources.google_health.around import zone_at
from neuro_assets.sources.google_health.contract import ContractError
from neuro_assets.sources.google_health.data_types import BY_NAME, FINGERPRINT
from neuro_assets.sources.google_health.pages import person_rows
from neuro_assets.sources.google_health.pull_file import PersonPull, PullFileError, PullReader, TypePull
from neuro_assets.sources.google_health.wire import Unknown
from neuro_assets.sources.load import FileKind, Sources
from neuro_assets.streams.catalogue import OPS_TABLES
from neuro_assets.streams.pulls import PULL_CLAIMS, PULLS

SOURCE = "google_health"
FILE_DAYS = next(t for t in OPS_TABLES if t.name == "landing_file_days")
_DEVICES = "pairedDevices"
_TOLD = 300
_DAY = timedelta(days=1)
# A log of sleep may begin this long before the day on which it ends, and over the date line on the day after.
_LONGEST_LOG = timedelta(days=3)


@dataclass(frozen=True)
class Claim:
    """What there is of a participant's day, of one data type and kind; see `ops.pull_claims`."""

    participant_id: str
    data_type: str
    file_kind: str
    chunk_day: date
    fetched_at: datetime
    digest: str
    rows: int
    claim_no: int
    has_rows_here: bool


@dataclass
class Found:
    """What a pull file brings that was not there before.

    Attributes:
        frames: kind -> rows, with everything the kind's columns ask for.
        claims: in the order of their numbers.
        pulls: lines of `ops.pulls`, as dicts.
        touched: (raw table, day) that lose rows.
        left_out: what the pages had and no row has.
    """

    frames: dict[str, list[pl.DataFrame]] = field(default_factory=lambda: defaultdict(list))
    claims: list[Claim] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    touched: set[tuple[str, date]] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)


def kinds_of(sources: Sources) -> dict[str, FileKind]:
    """Kind -> the source's kinds of files.

    Raises:
        FileRefusedError: the study has no such source.
    """
    kinds = {k.kind: k for k in sources.kinds if k.source.name == SOURCE}
    if not kinds:
        raise FileRefusedError(
            "unknown_layout",
            "the file is a pull of Google Health, which this study does not have",
            "Write `google_health: {}` into study.yaml, or drop the file where it belongs",
        )
    return kinds


def read_pull(connection: Connection, sources: Sources, path: Path, unknown: Unknown = "note") -> Found:
    """Everything in a pull file that the lake has not, or has otherwise.

    Args:
        connection: with the lake attached.
        sources: the specs in force.
        path: the pull file.
        unknown: whether fields that the contract does not know are refused.

    Raises:
        FileRefusedError: `damaged_archive` where the file is not whole.
    """
    kinds = kinds_of(sources)
    try:
        reader = PullReader(path)
    except PullFileError as error:
        raise _damaged(error) from None
    try:
        known = _Known(connection, reader.manifest.people)
        found = Found()
        for person in reader.manifest.people:
            _read_person(reader, person, kinds, known, found, unknown)
        return found
    except PullFileError as error:
        raise _damaged(error) from None
    finally:
        reader.close()


def _damaged(error: PullFileError) -> FileRefusedError:
    return FileRefusedError("damaged_archive", str(error), "Pull again: nothing of this file was taken")


def _read_person(
    reader: PullReader, person: PersonPull, kinds: dict[str, FileKind], known: "_Known", found: Found, unknown: Unknown
) -> None:
    pages = defaultdict(list)
    for page in person.pages:
        pages[page.data_type].append(reader.body(page))
    try:
        rows = person_rows(person, pages, unknown)
    except ContractError as error:
        # The puller has read devices and fingerprints before it kept them: this happens to files somebody has made.
        raise FileRefusedError(
            "contract", f"{person.participant_id}: {error}", "Pull again; if it stays so, report it: the file is kept"
        ) from None
    for pull in person.types:
        changed = 0
        if (wrong := rows.wrong.get(pull.data_type)) is not None:
            pull = msgspec.structs.replace(pull, outcome="failed", error_code="contract", error=str(wrong)[:_TOLD])
        elif fields := rows.unknown.get(pull.data_type):
            pull = msgspec.structs.replace(pull, error_code="unknown_fields", error=", ".join(fields)[:_TOLD])
        if pull.outcome == "complete" and pull.data_type in BY_NAME:
            changed = _claim_type(person, pull, rows.frames.get(pull.data_type, {}), kinds, known, found)
        elif pull.outcome == "complete" and pull.data_type == FINGERPRINT and "heart-rate" not in rows.wrong:
            _claim_fingerprint(person, pull, rows.frames.get(FINGERPRINT, {}), known, found)
        found.pulls.append(_account(person, pull, rows.points.get(pull.data_type, 0), changed))
    _take_devices(person, rows.frames.get(_DEVICES, {}), known, found)
    found.left_out.update(rows.left_out)


def _account(person: PersonPull, pull: TypePull, points: int, changed: int) -> dict[str, Any]:
    return {
        "participant_id": person.participant_id,
        "source": SOURCE,
        "data_type": pull.data_type,
        "fetched_at": pull.fetched_at,
        "outcome": pull.outcome,
        "is_delta": pull.is_delta,
        "first_day": pull.first_day,
        "last_day": pull.last_day,
        "only_days": None if pull.only is None else ",".join(str(d) for d in pull.only),
        "last_sync_at": person.last_sync_at,
        "tracker_syncs": ",".join(t.isoformat() for t in person.tracker_syncs) or None,
        "zone": person.zone,
        "reading": pull.reading,
        "requests": pull.requests,
        "points": points,
        "changed_days": changed,
        "error_code": pull.error_code,
        "error": pull.error,
    }


def _claim_type(
    person: PersonPull,
    pull: TypePull,
    frames: dict[str, pl.DataFrame],
    kinds: dict[str, FileKind],
    known: "_Known",
    found: Found,
) -> int:
    """Take what has changed of one data type; returns of how many days something had."""
    changed: set[date] = set()
    for kind in BY_NAME[pull.data_type].kinds:
        frame = frames.get(kind)
        parts = {} if frame is None else {day: (rows, digest) for day, rows, digest in chunks.chunks_of(frame)}
        for day in _days(pull):
            rows, digest = parts.get(day, (None, chunks.EMPTY))
            about = (person.participant_id, pull.data_type, kind, day)
            for claim in known.claims_for(about, pull.fetched_at, digest, 0 if rows is None else rows.height):
                claim = replace(claim, claim_no=len(found.claims) + 1)
                found.claims.append(claim)
                if claim.has_rows_here and rows is not None:
                    found.frames[kind].append(_finished(rows, person, pull.fetched_at, claim.claim_no))
                changed.add(day)
            if day in changed:
                found.touched |= {(kinds[kind].raw_table.qualified, d) for d in known.days_of(about, kinds[kind])}
    return len(changed)


def _claim_fingerprint(
    person: PersonPull, pull: TypePull, frames: dict[str, pl.DataFrame], known: "_Known", found: Found
) -> None:
    """Remember what days looked like; nothing of it is a row."""
    parts = {day: digest for frame in frames.values() for day, _, digest in chunks.chunks_of(frame)}
    for day in _days(pull):
        about = (person.participant_id, FINGERPRINT, FINGERPRINT, day)
        for claim in known.claims_for(about, pull.fetched_at, parts.get(day, chunks.EMPTY), 0):
            found.claims.append(replace(claim, claim_no=len(found.claims) + 1))


def _days(pull: TypePull) -> Iterator[date]:
    if pull.only is not None:
        yield from pull.only
        return
    if pull.first_day is None or pull.last_day is None:
        return
    for ordinal in range(pull.first_day.toordinal(), pull.last_day.toordinal() + 1):
        yield date.fromordinal(ordinal)


def _finished(rows: pl.DataFrame, person: PersonPull, fetched_at: datetime, claim_no: int | None) -> pl.DataFrame:
    """Rows with whose they are, which claim they belong to, and how far their tracker had seen."""
    seen_at = person.last_sync_at or fetched_at
    zone = zone_at(seen_at, person.zone, person.zones_before) if person.zone else None
    seen = seen_at.astimezone(ZoneInfo(zone) if zone else UTC)
    return chunks.with_folds(rows.drop(chunks.DAY), person.zone, person.zones_before).with_columns(
        pl.lit(person.participant_id).alias("participant"),
        pl.lit(claim_no, pl.Int64).alias("claim_no"),
        pl.lit(seen.strftime("%Y-%m-%d %H:%M:%S")).alias("seen_at"),
    )


def _take_devices(person: PersonPull, frames: dict[str, pl.DataFrame], known: "_Known", found: Found) -> None:
    """Syncs of devices: each is a moment of its own, and none takes another's place."""
    for kind, frame in frames.items():
        syncs = (sync for one in frame.unique().iter_slices(1) for sync in chunks.chunks_of(one))
        for day, rows, digest in sorted(syncs, key=lambda s: (s[0], s[2])):
            about = (person.participant_id, _DEVICES, kind, day)
            if known.has_sync(about, digest):
                continue
            fetched_at = max((t.fetched_at for t in person.types), default=datetime.now(UTC))
            number = len(found.claims) + 1
            found.claims.append(Claim(*about, fetched_at, digest, rows.height, number, has_rows_here=True))
            found.frames[kind].append(_finished(rows, person, fetched_at, None))


class _Known:
    """What the lake knows of the days of some participants."""

    def __init__(self, connection: Connection, people: Iterable[PersonPull]) -> None:
        """Read the claims of everybody in a pull file, and the pulls that came after it."""
        people = list(people)
        self._connection = connection
        self._names = [p.participant_id for p in people]
        days = [d for p in people for t in p.types for d in (t.first_day, t.last_day) if d]
        days += [p.last_sync_at.date() for p in people if p.last_sync_at]
        self._days = (min(days, default=date.max) - _DAY, max(days, default=date.min) + _DAY)
        self._has_all_devices = False
        self._claims: dict[tuple, list[tuple[datetime, str, int, str, int]]] = defaultdict(list)
        self._take_claims("chunk_day BETWEEN ? AND ?", *self._days)
        first = min((t.fetched_at for p in people for t in p.types), default=datetime.max.replace(tzinfo=UTC))
        self._later: dict[tuple[str, str], list[tuple[datetime, date, date, frozenset[str] | None]]] = defaultdict(list)
        for participant, data_type, at, first_day, last_day, only in connection.execute(
            f"SELECT participant_id, data_type, fetched_at, first_day, last_day, only_days FROM {PULLS.qualified}"
            " WHERE source = ? AND outcome = 'complete' AND fetched_at > ? AND first_day IS NOT NULL"
            " AND participant_id IN (SELECT unnest(?::VARCHAR[]))",
            [SOURCE, first, self._names],
        ).fetchall():
            asked = None if only is None else frozenset(only.split(","))
            self._later[participant, data_type].append((at, first_day, last_day, asked))

    def _take_claims(self, which: str, *values: object) -> None:
        rows = self._connection.execute(
            f"SELECT participant_id, data_type, file_kind, chunk_day, fetched_at, digest, rows, file_id, claim_no"
            f" FROM {PULL_CLAIMS.qualified} WHERE source = ? AND participant_id IN (SELECT unnest(?::VARCHAR[]))"
            f" AND {which} ORDER BY fetched_at, file_id, claim_no",
            [SOURCE, self._names, *values],
        ).fetchall()
        for participant, data_type, kind, day, *claim in rows:
            self._claims[participant, data_type, kind, day].append(tuple(claim))

    def has_sync(self, about: tuple[str, str, str, date], digest: str) -> bool:
        """Whether this sync of a device is in the lake; a device may have been idle for years."""
        first, last = self._days
        if not (self._has_all_devices or first <= about[3] <= last):
            self._take_claims("data_type = ? AND chunk_day NOT BETWEEN ? AND ?", _DEVICES, first, last)
            self._has_all_devices = True
        return self.has_rows(about, digest)

    def has_rows(self, about: tuple[str, str, str, date], digest: str) -> bool:
        """Whether rows of this content are in the lake."""
        return any(d == digest and rows for _, d, rows, _, _ in self._claims.get(about, ()))

    def claims_for(
        self, about: tuple[str, str, str, date], fetched_at: datetime, digest: str, rows: int
    ) -> Iterator[Claim]:
        """The claims that a day found so leaves: none where it is as it was.

        Pull files may be taken in another order than they were made in. Where a later pull found this day as it was
        before, and so left no claim, that is now said: what was true later stays in force.
        """
        earlier = self._claims.get(about, ())
        last = earlier[-1] if earlier else None
        if last is None and digest == chunks.EMPTY and not self._pulled_since(about, fetched_at):
            return
        if last is not None and last[0] <= fetched_at and last[1] == digest:
            return
        confirmed = self._pulled_since(about, fetched_at)
        if confirmed is not None and (last is None or last[0] < confirmed):
            was = chunks.EMPTY if last is None else last[1]
            yield Claim(*about, confirmed, was, 0, 0, has_rows_here=False)
        is_new = rows > 0 and not self.has_rows(about, digest)
        yield Claim(*about, fetched_at, digest, rows if is_new else 0, 0, has_rows_here=is_new)

    def _pulled_since(self, about: tuple[str, str, str, date], fetched_at: datetime) -> datetime | None:
        """The latest pull after this one that asked for the day; what a fingerprint says is no claim of samples."""
        day, later = about[3], self._later.get(about[:2], ())
        asked = (
            at
            for at, first, last, only in later
            if at > fetched_at and first <= day <= last and (only is None or day.isoformat() in only)
        )
        return max(asked, default=None)

    def days_of(self, about: tuple[str, str, str, date], kind: FileKind) -> set[date]:
        """The days of the lake in which rows of earlier claims of this day lie."""
        holding = [(file_id, number) for _, _, rows, file_id, number in self._claims.get(about, ()) if rows]
        if not holding:
            return set()
        if kind.kind not in {"sleep_session", "sleep_stage"}:
            return {about[3]}
        files, numbers = zip(*holding, strict=True)
        days = self._connection.execute(
            f"SELECT DISTINCT day FROM {kind.raw_table.qualified} r"
            f" SEMI JOIN (SELECT unnest(?::VARCHAR[]) AS file_id, unnest(?::BIGINT[]) AS claim_no) c"
            f" ON c.file_id = r.file_id AND c.claim_no = r.{kind.spec.claim} WHERE day BETWEEN ? AND ?",
            [list(files), list(numbers), about[3] - _LONGEST_LOG, about[3] + _DAY],
        ).fetchall()
        return {d[0] for d in days}


def write_members(found: Found, kinds: dict[str, FileKind], pull_id: str, folder: Path) -> dict[str, Path]:
    """Kind -> a Parquet file of its rows, in the order of their participants and claims; no two pulls have the same."""
    folder.mkdir(parents=True, exist_ok=True)
    paths: dict[str, Path] = {}
    for name, frames in found.frames.items():
        spec = kinds[name].spec
        frame = pl.concat(frames, how="diagonal")
        texts = [c for c, t in frame.schema.items() if t == pl.Datetime("us") and c != spec.time.column]
        frame = frame.with_columns(pl.col(c).dt.strftime("%Y-%m-%d %H:%M:%S") for c in texts)
        path = folder / f"{SOURCE}.{name}.parquet"
        frame.write_parquet(path, compression="zstd", statistics=False, metadata={"pull": pull_id})
        paths[name] = path
    return paths


def write_accounts(connection: Connection, found: Found, pull_id: str, file_of: dict[str, str], at: datetime) -> None:
    """Claims, the account of the pull, and the days that lose rows; inside the caller's transaction.

    Args:
        connection: the caller's.
        found: what `read_pull` found.
        pull_id: sha256 of the pull file.
        file_of: kind -> sha256 of the file of its rows; kinds that were refused are not in it.
        at: the instant of the arrival.
    """
    written = [c for c in found.claims if not c.has_rows_here or c.file_kind in file_of]
    if written:
        frame = pl.DataFrame(
            [
                {
                    "participant_id": c.participant_id,
                    "source": SOURCE,
                    "data_type": c.data_type,
                    "file_kind": c.file_kind,
                    "chunk_day": c.chunk_day,
                    "fetched_at": c.fetched_at,
                    "digest": c.digest,
                    "rows": c.rows,
                    "file_id": file_of[c.file_kind] if c.has_rows_here else pull_id,
                    "claim_no": c.claim_no,
                }
                for c in written
            ]
        )
        insert_frame(connection, PULL_CLAIMS, frame)
    if found.pulls:
        frame = pl.DataFrame([{**p, "pull_id": pull_id} for p in found.pulls], infer_schema_length=None)
        insert_frame(connection, PULLS, frame)
    if found.touched:
        days = pl.DataFrame(
            [
                {"file_id": pull_id, "raw_table": table, "day": day, "rows": 0, "loaded_at": at}
                for table, day in sorted(found.touched)
            ]
        )
        insert_frame(connection, FILE_DAYS, days)
