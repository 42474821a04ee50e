"""Google's JSON Schema of the API as a validator of bodies, and the verdicts that stand beside the stored payloads."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neuro_assets.simulate.google_health.validation import error_finder, validator

SCHEMA = "health.v4.jsonschema.json"


def google_validator(spec: Path) -> Callable[[str, bytes], None]:
    """For `GoogleHealthServer(validate=...)`: raises ValueError for a body that is against Google's schema."""
    return validator(spec / SCHEMA)


def google_errors(spec: Path) -> Callable[[str, Any], list[str]]:
    """Schema and value -> violations as `place: message`."""
    return error_finder(spec / SCHEMA)


def verdicts(spec: Path) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """CONFORMANCE.txt: file -> schema and violations (place, message); none for OK. Files of no schema are left out."""
    found = {}
    for line in (spec / "CONFORMANCE.txt").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if rest.startswith("("):
            continue
        schema, _, verdict = rest.partition(" ")
        found[name] = schema, [] if verdict == "OK" else list(ast.literal_eval(verdict))
    return found


def payload(spec: Path, name: str) -> Any:
    """A stored payload."""
    return json.loads((spec / name).read_text(encoding="utf-8"))
