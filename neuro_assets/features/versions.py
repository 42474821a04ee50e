"""Which definitions and rules the rows of a table of features follow."""

import hashlib
import json
from collections.abc import Iterable
from datetime import date

from neuro_assets.lake.lake import Connection
from neuro_assets.science.features.model import Family
from neuro_assets.streams.model import Table

# What is written around the features themselves, by number.
_WRITTEN = 1


def definitions_of(families: Iterable[Family], rules: object) -> str:
    """A version that is another one where any feature, its version, or a rule of the protocol is."""
    features = sorted([family.name, f.name, f.version] for family in families for f in family)
    text = json.dumps([_WRITTEN, features, rules], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def outdated_days(connection: Connection, table: Table, definitions: str) -> list[date]:
    """Days with rows of other definitions."""
    found = connection.execute(
        f"SELECT DISTINCT day FROM {table.qualified} WHERE definitions <> ? ORDER BY day", [definitions]
    )
    return [day for (day,) in found.fetchall()]
