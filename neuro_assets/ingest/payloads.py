"""Files of a vendor's archive or interface, which name no participant and hold several tables: taken apart.

Each member is a CSV file named after its kind (`takeout.steps.csv`), with the participant in every row. How a payload
is read is told in sources/fitbit; whose it is, in whose_payload.py.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from neuro_assets.ingest.containers import Member
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.sources.fitbit import takeout, web_api
from neuro_assets.sources.fitbit.parts import Part, PayloadError, Row, Units, load_json

_HEAD = 4_000
# Months of heart rate in one file, as research archives have them, are 150 MB, and ten times that in memory.
MAX_BYTES = 300_000_000
# A day of heart rate by the second is 5 MB. Larger JSON is somebody's table, and is not read as a whole to find out.
_MAX_ANSWER_BYTES = 50_000_000
# What tells an answer of the Web API, should its JSON be broken.
_API_BEGINS = re.compile(r'\s*[\[{]\s*\{?\s*"(activities|sleep|hrv|br|tempSkin|cardioScore|weight|errors|user)\b')
_SUFFIX = re.compile(r"_(\d+)([sm])$")


@dataclass(frozen=True)
class Payload:
    """A file that is a vendor's payload.

    Attributes:
        source: the source spec that its members belong to.
        shape: which payload of it.
        text: what is in it.
    """

    source: str
    shape: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class TakenApart:
    """What a payload became.

    Attributes:
        members: one file for each kind that has rows.
        told: for the manifest: rows by kind, and what was not available.
    """

    members: list[Member]
    told: dict[str, object]


def payload_of(path: Path, name: str) -> Payload | None:
    """The payload that a file is, by its content and, for files of an archive, its name; None for any other file.

    Raises:
        FileRefusedError: `payload_too_large`; `broken_json` for what begins as a payload and is no JSON.
    """
    with path.open("rb") as handle:
        head = handle.read(_HEAD).decode("utf-8", "ignore").removeprefix("\ufeff")
    if (shape := takeout.recognise(name, head)) is not None:
        return Payload("takeout", shape, _text(path))
    if head.lstrip()[:1] not in {"{", "["} or path.stat().st_size > _MAX_ANSWER_BYTES:
        return None
    begins_so = _API_BEGINS.match(head) is not None
    try:
        text = _text(path)
        shape = web_api.recognise(load_json(text))
    except PayloadError as error:
        if begins_so:
            raise _refusal(error) from None
        return None
    except FileRefusedError:
        return None
    return Payload("fitbit_web_api", shape, text) if shape else None


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise FileRefusedError(
            "payload_too_large",
            f"the file has more than {MAX_BYTES / 1000**2:g} MB",
            "Send the vendor's own files, one for each day or month",
        )
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefusedError(
            "encoding", f"byte {error.start} is not UTF-8", "Something changed the file on the way: export it again"
        ) from None


def take_apart(payload: Payload, participant: str, units: Units | None, folder: Path) -> TakenApart:
    """Write the members of a payload into `folder`.

    Args:
        payload: what was recognised.
        participant: whose it is, as the vendor or the study names them.
        units: what distances and weights are in, where the payload does not say it.
        folder: where members go; made when missing.

    Raises:
        FileRefusedError: with the payload's error and the field that is wrong.
    """
    try:
        if payload.source == "takeout":
            parts = takeout.parse(payload.shape, payload.text, units)
        else:
            parts = web_api.parse(load_json(payload.text), units)
    except PayloadError as error:
        raise _refusal(error) from None
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, _MemberFile] = {}
    left_out: Counter[str] = Counter()
    for part in parts:
        left_out.update(part.left_out)
        for kind, columns, rows in _tables(part):
            file = files.setdefault(kind, _MemberFile(folder / f"{payload.source}.{kind}.csv", columns))
            file.write(participant, columns, rows)
    written = {kind: f for kind, f in files.items() if f.rows}
    told: dict[str, object] = {"shape": payload.shape, "rows": {kind: f.rows for kind, f in written.items()}}
    if left_out:
        told["left_out"] = dict(left_out)
    return TakenApart([Member(f.path.name, f.path) for f in written.values()], told)


def _refusal(error: PayloadError) -> FileRefusedError:
    what = f"{error.field}: {error.message}" if error.field else error.message
    remedy = error.remedy.removesuffix(".") or "Export or ask for it again; if it stays so, report it: the file is kept"
    return FileRefusedError(error.code, what, remedy, column=error.field or None)


def _tables(part: Part) -> Iterator[tuple[str, tuple[str, ...], Iterator[Row]]]:
    """A part as tables of the source's kinds: the period in a column, and levels apart from calories."""
    found = _SUFFIX.search(part.kind)
    if found is None:
        yield part.kind, part.columns, iter(part.rows)
        return
    kind = part.kind[: found.start()]
    period = str(int(found[1]) * (60 if found[2] == "m" else 1))
    if kind != "calories":
        yield kind, (*part.columns, "period_s"), ((*row, period) for row in part.rows)
        return
    time = part.columns[0]
    yield kind, (time, "kcal", "period_s"), ((row[0], row[1], period) for row in part.rows)
    levels = ((row[0], row[2], row[3], period) for row in part.rows if row[2] and row[3])
    yield "activity_level", (time, "level", "mets_x10", "period_s"), levels


class _MemberFile:
    """A member being written; a kind that several parts fill is one member."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path, self.columns, self.rows = path, columns, 0

    def write(self, participant: str, columns: tuple[str, ...], rows: Iterator[Row]) -> None:
        if columns != self.columns:
            raise AssertionError(f"{self.path.name}: parts of one kind have other columns")
        with self.path.open("a", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, lineterminator="\n")
            if not self.rows:
                handle.truncate(0)
                writer.writerow(("participant", *columns))
            for row in rows:
                writer.writerow((participant, *row))
                self.rows += 1
