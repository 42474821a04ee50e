"""What a scan for leaks reports. The scans are in `leaks` and beside it."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "single_column", "combination", "dated_after_outcome", "same_person_twice", "leak_list", "identifies_groups"
]


@dataclass(frozen=True)
class Finding:
    """Something that may let the answer in.

    Attributes:
        kind: of leak.
        columns: features (or listed columns) that it is about.
        people: whom it is about; empty for everybody.
        told: in words.
        is_certain: whether it has to stop a model; else it is a warning.
    """

    kind: Kind
    columns: tuple[str, ...]
    people: tuple[str, ...]
    told: str
    is_certain: bool = True
