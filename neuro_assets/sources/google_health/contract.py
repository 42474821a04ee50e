"""Answers of the Google Health API v4 as typed points, or the error that names the field which is not of the contract.

What the answers mean as rows is in rows.py; the account around them, settings, devices and errors, in account.py.
"""

import re
from dataclasses import dataclass
from dataclasses import field as made
from typing import Any, Literal

import polars as pl

from neuro_assets.sources.google_health.account import (
    DevicesPage,
    Identity,
    PairedDevice,
    Settings,
    VendorStatus,
    decode_devices,
    decode_error,
    decode_identity,
    decode_settings,
    without_identifiers,
)
from neuro_assets.sources.google_health.columns import NotOfContractError, table_of
from neuro_assets.sources.google_health.data_types import DataType, Reading
from neuro_assets.sources.google_health.points import (
    POINT_MEMBERS,
    ROLLUPS,
    VALUES,
    page_of_points,
    page_of_windows,
)
from neuro_assets.sources.google_health.wire import ContractError, Unknown, check, decode

__all__ = [
    "ContractError",
    "DevicesPage",
    "Identity",
    "Page",
    "PairedDevice",
    "Settings",
    "VendorStatus",
    "decode_devices",
    "decode_error",
    "decode_identity",
    "decode_page",
    "decode_rollup",
    "decode_settings",
    "without_identifiers",
]

Windows = Literal["physical", "civil"]
_MEMBER = re.compile(r"(?:dataPoints|rollupDataPoints)\[\d+\]\.(\w+)")


@dataclass(frozen=True)
class Page:
    """A page of points or of windows of a roll-up.

    Attributes:
        field: the member that holds the points' values, such as `heartRate`.
        points: in the API's order, the newest first: each with a `value`, a `name` and, of `list`, a `data_source`;
            windows with `start`, `end` and a `value`.
        next_page_token: empty on the last page.
        unknown: fields that the contract does not know, such as `dataPoints[].steps.cadence`.
        table: of types with many points, the same as columns: `start` and `end` (UTC, without a zone; of samples the
            start alone), `offset_min` and the values; a row each, in the same order.
        windows: of a roll-up, whether its windows are stretches of time or civil days.
    """

    field: str
    points: list[Any]
    next_page_token: str = ""
    unknown: tuple[str, ...] = ()
    table: pl.DataFrame | None = made(default=None, compare=False, repr=False)
    windows: Windows = "physical"


def decode_page(body: bytes, data_type: DataType, reading: Reading, unknown: Unknown = "refuse") -> Page:
    """A page of `list` or `reconcile`.

    Args:
        body: the answer's body.
        data_type: the type that was asked for.
        reading: the method that was asked.
        unknown: `note` lets fields pass that the contract does not know, and values of the enums that Google says may
            grow; everything else that is not of the contract stays an error.

    Raises:
        ContractError: naming the field.
        ValueError: the type cannot be asked for its points.
    """
    if data_type.field not in VALUES:
        raise ValueError(f"{data_type.name} has no data points: it is read by roll-ups")
    try:
        page, noted = decode(body, page_of_points(data_type.field, reading), unknown, kept=POINT_MEMBERS)
    except ContractError as error:
        raise _told(error, data_type) from None
    points: list[Any] = page.data_points
    table = _table(data_type.field, points, "dataPoints", f".{data_type.field}")
    return Page(data_type.field, points, page.next_page_token, noted, table)


def decode_rollup(
    body: bytes, data_type: DataType, unknown: Unknown = "refuse", *, windows: Windows = "physical"
) -> Page:
    """A page of `rollUp`, or of `dailyRollUp`, whose windows are `civil` days.

    Raises:
        ContractError: naming the field.
        ValueError: the type has no roll-up that is read.
    """
    if data_type.field not in ROLLUPS:
        raise ValueError(f"no roll-up of {data_type.name} is read")
    message = page_of_windows(data_type.field, is_daily=windows == "civil")
    try:
        page, noted = decode(body, message, unknown, kept=POINT_MEMBERS)
    except ContractError as error:
        raise _told(error, data_type) from None
    points: list[Any] = page.rollup_data_points
    if windows == "civil":
        for n, point in enumerate(points):
            check(point, f"rollupDataPoints[{n}]")
        table = None
    else:
        table = _table(f"{data_type.field}Rollup", points, "rollupDataPoints", "")
    return Page(data_type.field, points, page.next_page_token, noted, table, windows)


def _table(name: str, points: list[Any], path: str, inside: str) -> pl.DataFrame | None:
    """The points as columns; of types with few points none, but each of their texts held to its format."""
    try:
        table = table_of(name, points)
    except NotOfContractError:
        table = None
        is_wrong = True
    else:
        is_wrong = False
    if table is None:
        for n, point in enumerate(points):
            check(point.value if inside else point, f"{path}[{n}]{inside}")
    if is_wrong:
        raise ContractError(path, "a time or a number is out of its range")
    return table


def _told(error: ContractError, data_type: DataType) -> ContractError:
    """What is wrong with a point that has another type's member, or not its own."""
    found = _MEMBER.fullmatch(error.field)
    if found is None or found[1] not in POINT_MEMBERS or not error.message.startswith("is "):
        return error
    if found[1] == data_type.field:
        return ContractError(error.field, f"is missing: the point is none of {data_type.name}")
    if found[1] in VALUES:
        return ContractError(error.field, f"is of another type than {data_type.name}, which was asked for")
    return ContractError(error.field, "is not a type that is read")
