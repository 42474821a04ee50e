"""What the Fitbit tests share: where the example payloads are, parts by kind, and the places of a payload to damage."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from neuro_assets.sources.fitbit.parts import COLUMNS, Part, Row

_AT_MOST = 3


def spec_folder(shared_data: Path) -> Path:
    """The example answers of the Web API, beside the public data."""
    folder = shared_data.parent / "spec" / "fitbit_web_api"
    if not folder.is_dir():
        reason = f"the example payloads are not at {folder}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def rows_of(parts: list[Part]) -> dict[str, list[Row]]:
    """Kind -> rows; each kind once, each row as wide as its columns, every cell a text."""
    assert len({p.kind for p in parts}) == len(parts)
    for p in parts:
        wanted = COLUMNS[p.kind]
        utc = ("utc_time", *(c for c in wanted[1:] if c != "utc_offset_min"))
        assert p.columns in (wanted, utc)
        assert all(len(row) == len(p.columns) and all(isinstance(cell, str) for cell in row) for row in p.rows)
    return {p.kind: list(p.rows) for p in parts}


def left_out_of(parts: list[Part]) -> dict[str, int]:
    return {why: count for p in parts for why, count in p.left_out.items()}


def shortened(value: Any) -> Any:
    """The payload with the first two items and the last of every long list."""
    if isinstance(value, dict):
        return {key: shortened(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in (value if len(value) <= _AT_MOST else [*value[:2], value[-1]])]
    return value


def nodes(value: Any, path: str = "") -> Iterator[tuple[str, Any, str | int]]:
    """(path, container, key) of every value, objects and lists too."""
    keys: list[str | int] = list(value) if isinstance(value, dict) else list(range(len(value)))
    for key in keys:
        at = f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}" if path else key
        yield at, value, key
        if isinstance(value[key], dict | list):
            yield from nodes(value[key], at)


def leaves(value: Any) -> list[tuple[str, Any, str | int]]:
    """(path, container, key) of every value that holds no others."""
    return [(path, box, key) for path, box, key in nodes(value) if not isinstance(box[key], dict | list)]
