"""Answers held against Google's own schema: the discovery document as JSON Schema, with nothing additional allowed."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any


def validator(path: Path) -> Callable[[str, bytes], None]:
    """A function that takes the name of a schema and a body and raises ValueError for a body that is against it.

    `path` is a JSON Schema with `$defs`. Needs jsonschema-rs, which is there for development.
    """
    errors = error_finder(path)

    def validate(name: str, body: bytes) -> None:
        found = errors(name, json.loads(body))
        if found:
            raise ValueError(f"{name}: " + "; ".join(found))

    return validate


def error_finder(path: Path) -> Callable[[str, Any], list[str]]:
    """A function that takes the name of a schema and a value and gives `place: message` of each violation."""
    import jsonschema_rs

    defs = json.loads(path.read_text(encoding="utf-8"))["$defs"]

    @cache
    def of(name: str) -> Any:
        return jsonschema_rs.validator_for({"$ref": f"#/$defs/{name}", "$defs": defs})

    def errors(name: str, value: Any) -> list[str]:
        if of(name).is_valid(value):
            return []
        return [f"{'/'.join(map(str, e.instance_path))}: {e.message}" for e in of(name).iter_errors(value)]

    return errors
