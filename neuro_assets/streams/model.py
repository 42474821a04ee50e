"""The vocabulary for describing a lake table: columns, keys, rules. The tables themselves are in catalogue.py."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

ColumnType = Literal[
    "VARCHAR",
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "DOUBLE",
    "DATE",
    "TIMESTAMP",
    "TIMESTAMPTZ",
]


@dataclass(frozen=True)
class Column:
    """One column; `ge`/`le` are inclusive bounds in `unit`."""

    name: str
    type: ColumnType
    description: str
    unit: str = ""
    nullable: bool = False
    ge: float | None = None
    le: float | None = None
    isin: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Rule:
    """A check over several columns of a row; `holds` returns a boolean Polars expression.

    `columns` are at fault where it does not hold; `besides` are read as well, and nothing else is. Rows that agree in
    all of these, or in the SQL expressions of `alike`, where those say less, are judged alike. A
    row that breaks it is shown by its `shown` columns, else by those at fault.
    """

    name: str
    columns: tuple[str, ...]
    description: str
    holds: "Callable[[], pl.Expr]"
    besides: tuple[str, ...] = ()
    alike: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()

    @property
    def told_apart_by(self) -> tuple[str, ...]:
        """SQL expressions that rows share which the rule cannot tell apart."""
        return self.alike or (*self.columns, *self.besides)


@dataclass(frozen=True)
class Table:
    """A lake table `[schema, name]`, which is also its Dagster asset key.

    Rows are written in the order of `sort_by`; where it `is_kept_sorted`, maintenance sorts what it merges, too.
    One that `may_grow` gets the columns that a newer version of the program declares; rows of before have null there.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    description: str
    partition_by: str | None = None
    sort_by: tuple[str, ...] = ()
    is_kept_sorted: bool = field(default=False, kw_only=True)
    may_grow: bool = field(default=False, kw_only=True)

    @property
    def qualified(self) -> str:
        """`schema.name`."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in declared order."""
        return tuple(c.name for c in self.columns)


@dataclass(frozen=True)
class Stream(Table):
    """A canonical staging table, with what makes two rows the same measurement and what makes one wrong.

    `values` are the measured columns; `key` identifies a measurement inside its participant's time.
    `attributes` come from the file as well, but are no measurement: what a row belongs to.
    `sampling` tells how rows of different `period_s` relate: `interval` rows add up over their period,
    `instant` rows are readings at a moment, `state` rows name what a person was in over their period, `event` rows
    are single entries without a period, `daily` rows stand for a whole local day.
    A day with fewer rows than `held_from` is never held for the share of them that fails.
    `made` are columns that staging makes where a source does not fill them.
    """

    key: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    sampling: Literal["interval", "instant", "state", "event", "daily"] = "daily"
    rules: tuple[Rule, ...] = field(default=())
    unit: str = ""
    held_from: int = 1
    made: tuple[str, ...] = ()

    @property
    def is_sample(self) -> bool:
        """True for streams of moments in time, False for one row a day."""
        return self.sampling != "daily"

    @property
    def has_period(self) -> bool:
        """True where a row stands for a period of time."""
        return self.sampling in {"interval", "instant", "state"}

    @property
    def has_of_record(self) -> bool:
        """True where an hour may be given at several resolutions of which one has to be taken."""
        return self.sampling in {"interval", "instant"}

    @property
    def mapped(self) -> tuple[str, ...]:
        """Columns that a source fills."""
        return (*self.attributes, *self.values)

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that a source must fill; the others may be left out."""
        nullable = {c.name for c in self.columns if c.nullable}
        return tuple(c for c in self.mapped if c not in nullable and c not in self.made)
