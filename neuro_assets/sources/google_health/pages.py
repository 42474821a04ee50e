"""All pages of a participant's pull as rows: what one data type says of the clock serves another that does not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import polars as pl

from neuro_assets.sources.google_health.account import decode_devices
from neuro_assets.sources.google_health.contract import ContractError, Page, decode_page, decode_rollup
from neuro_assets.sources.google_health.data_types import BY_NAME, FINGERPRINT, HEART_RATE, HEART_RATE_RAW, DataType
from neuro_assets.sources.google_health.pull_file import PersonPull, TypePull, ZoneBefore
from neuro_assets.sources.google_health.rows import Around, Rows, device_rows, offsets_of, rows_of
from neuro_assets.sources.google_health.wire import Unknown

DEVICES = "pairedDevices"
_ANYWHERE = "UTC"


@dataclass
class PersonRows:
    """What a participant's pages have.

    Attributes:
        frames: data type -> kind -> rows, as `rows_of` gives them.
        points: data type -> points on its pages.
        left_out: what the pages have and no row has.
        unknown: data type -> fields that the contract does not know, where they may be there.
        wrong: data type -> what is not of the contract; it has no rows then.
    """

    frames: dict[str, dict[str, pl.DataFrame]] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, list[str]] = field(default_factory=dict)
    wrong: dict[str, ContractError] = field(default_factory=dict)


def person_rows(person: PersonPull, bodies: Mapping[str, Sequence[bytes]], unknown: Unknown = "note") -> PersonRows:
    """The rows of everything that is complete in a participant's pull; a type that is not of the contract has none.

    Args:
        person: what the pull file says of it.
        bodies: data type -> its pages in the order in which they came.
        unknown: whether fields that the contract does not know are refused.
    """
    found = PersonRows()
    read: dict[str, tuple[TypePull, DataType, list[Page]]] = {}
    for pull in person.types:
        if pull.outcome == "complete" and pull.data_type in BY_NAME:
            try:
                read[pull.data_type] = (pull, *_decoded(pull, bodies.get(pull.data_type, ()), unknown))
            except ContractError as error:
                found.wrong[pull.data_type] = error
    offsets = offsets_of(page for _, _, pages in read.values() for page in pages)
    zone = person.zone or _ANYWHERE
    for name, (pull, data_type, pages) in read.items():
        reading = "list" if pull.reading == "list" else "reconcile"
        _add(found, name, rows_of(data_type, pages, Around(zone, reading, offsets, person.zones_before)))
        found.points[name] = sum(len(p.points) for p in pages)
        if fields := sorted({f for p in pages for f in p.unknown}):
            found.unknown[name] = fields
    if any(p.data_type == FINGERPRINT and p.outcome == "complete" for p in person.types):
        found.frames[FINGERPRINT] = fingerprint(bodies.get(FINGERPRINT, ()), zone, person.zones_before)
    if person.zone is not None:
        devices = [decode_devices(body, "note") for body in bodies.get(DEVICES, ())]
        _add(found, DEVICES, device_rows(devices, Around(zone, zones_before=person.zones_before)))
    return found


def fingerprint(bodies: Sequence[bytes], zone: str, zones_before: Sequence[ZoneBefore] = ()) -> dict[str, pl.DataFrame]:
    """The minutes of heart rate as the server rolls them up: where they are as before, so are the samples.

    A sample that equals the mean of its minute, and is neither its least nor its greatest, may go unseen.
    """
    pages = [decode_rollup(body, HEART_RATE, "note") for body in bodies]
    return rows_of(HEART_RATE, pages, Around(zone, zones_before=zones_before)).frames


class _Head(msgspec.Struct):
    """What a page says of the next one."""

    next_page_token: str = msgspec.field(default="", name="nextPageToken")


_HEAD = msgspec.json.Decoder(_Head)


def next_page_of(body: bytes) -> str:
    """The token of the next page, empty on the last one; the page must be JSON, and is not looked at otherwise.

    Raises:
        ContractError: it is no JSON, or cut off.
    """
    try:
        return _HEAD.decode(body).next_page_token
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ContractError("nextPageToken", f"not JSON, or cut off: {str(error)[:80]}") from None


def _add(found: PersonRows, name: str, rows: Rows) -> None:
    found.frames[name] = rows.frames
    found.left_out.update({f"{name}: {why}": n for why, n in rows.left_out.items()})


def _decoded(pull: TypePull, bodies: Sequence[bytes], unknown: Unknown) -> tuple[DataType, list[Page]]:
    data_type = BY_NAME[pull.data_type]
    if pull.reading == "rollUp":
        return data_type, [decode_rollup(body, data_type, unknown) for body in bodies]
    if data_type.method == "rollup":
        data_type = HEART_RATE_RAW
    reading = "list" if pull.reading == "list" else "reconcile"
    return data_type, [decode_page(body, data_type, reading, unknown) for body in bodies]
