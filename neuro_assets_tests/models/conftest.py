"""A lake with rows of features and answers written by hand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import polars as pl
import pytest

from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.models.dataset import Dataset, build_dataset
from neuro_assets.models.references import DECLARED
from neuro_assets.streams.features_use import FEATURES_SURVEY
from neuro_assets.streams.model import Table
from neuro_assets.streams.surveys import SURVEY_RESPONSE, SURVEY_TABLES
from neuro_assets.study_models import ModelDeclaration
from neuro_assets.surveys.load import BUILT_IN, read_codebooks

FIRST = date(2024, 3, 4)
TABLES: tuple[Table, ...] = (*DECLARED, FEATURES_SURVEY, SURVEY_RESPONSE, *SURVEY_TABLES)
_BY_NAME = {t.qualified: t for t in TABLES}
# What stands in a column that a row says nothing of.
_ELSE: dict[str, Any] = {"VARCHAR": "-", "BOOLEAN": False, "DOUBLE": None, "DATE": None, "TIMESTAMPTZ": None}


def on(n: int) -> date:
    """The n-th day, from 0."""
    return FIRST + timedelta(days=n)


def at(n: int, hour: float = 9) -> datetime:
    """A moment of the n-th day in UTC."""
    return datetime.combine(on(n), time(), UTC) + timedelta(hours=hour)


@dataclass(frozen=True)
class Lake:
    """A study in UTC; rows are put into its tables as they are."""

    job: Ingest
    connection: Connection
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def put(self, table: str, who: str, day: date, **values: Any) -> None:
        """A row, written with the others by `write`."""
        self.rows.setdefault(table, []).append({"participant_id": who, "day": day, "definitions": "v1"} | values)

    def feature(self, name: str, who: str, n: int, **values: Any) -> None:
        """A row of features on the n-th day; of the whole day where nothing else is said."""
        table = _BY_NAME[f"features.{name}"]
        usual = {"segment": "day", "basis": "1m", "category": "all", "stream": "steps"}
        self.put(table.qualified, who, on(n), **({k: v for k, v in usual.items() if k in table.column_names} | values))

    def night(self, who: str, n: int, until: datetime | None, **values: Any) -> None:
        """A night that ends on the n-th day."""
        self.feature("sleep", who, n, until=until, basis="logs", **values)

    def score(self, who: str, when: datetime, instrument: str, name: str, score: float | None, **values: Any) -> None:
        """A score, whose response is called after the moment."""
        clock = {"ts": when, "local_ts": when.replace(tzinfo=None), "response_id": f"{who} {when:%m-%d %H:%M}"}
        own = {"instrument": instrument, "score_name": name, "score": score, "is_of_record": True}
        self.put("baselines.survey_score", who, when.date(), **(clock | own | values))

    def answer(
        self,
        who: str,
        when: datetime,
        instrument: str,
        items: Mapping[str, float | None],
        *,
        is_of_record: bool = True,
    ) -> None:
        """A response and its answers."""
        clock = {"ts": when, "local_ts": when.replace(tzinfo=None), "response_id": f"{who} {when:%m-%d %H:%M}"}
        own = clock | {"instrument": instrument, "version": 1}
        self.put("baselines.survey_submission", who, when.date(), **own, is_of_record=is_of_record)
        for item, value in items.items():
            told: dict[str, Any] = {"answer_type": "missing", "is_missing": True, "code": None}
            if value is not None:
                told = {"answer_type": "choice", "is_missing": False, "code": f"{value:g}"}
            self.put("staging.survey_response", who, when.date(), **own, **told, item=item, value=value)

    def write(self) -> None:
        """Put the rows in the place of all that are there."""
        with self.job.lake.transaction(self.connection, list(_BY_NAME)):
            for name, table in _BY_NAME.items():
                if self.connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone():
                    self.connection.execute(f"DELETE FROM {name}")
                if rows := self.rows.get(name):
                    self.connection.register("put_rows", _frame(table, rows).to_arrow())
                    self.connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM put_rows")
                    self.connection.unregister("put_rows")

    def build(self, model: ModelDeclaration, as_of: datetime | date | None = None) -> Dataset:
        """The data set of a declaration, with all built-in instruments."""
        return build_dataset(self.connection, self.job.study, model, read_codebooks([BUILT_IN]).values(), as_of)


def _frame(table: Table, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    types = {"VARCHAR": pl.String, "BOOLEAN": pl.Boolean, "DOUBLE": pl.Float64, "DATE": pl.Date}
    types |= {"TIMESTAMP": pl.Datetime("us"), "TIMESTAMPTZ": pl.Datetime("us", "UTC")}
    columns = {}
    for column in table.columns:
        usual = None if column.nullable else _ELSE.get(column.type, 0)
        values = [row.get(column.name, usual) for row in rows]
        columns[column.name] = pl.Series(values, dtype=types.get(column.type, pl.Int64), strict=False)
    return pl.DataFrame(columns)


def declared(**fields: Any) -> ModelDeclaration:
    """A model of the PHQ-9 at 10 by the steps of the day before, with other fields where they are given."""
    if "use" in fields:
        return ModelDeclaration.model_validate(fields)
    usual: dict[str, Any] = {"outcome": {"instrument": "phq9", "score": "total"}, "features": ["steps.total"]}
    if not any(name.startswith("positive") for name in fields):
        usual["positive_at_least"] = 10
    return ModelDeclaration.model_validate(usual | fields)


@pytest.fixture(scope="session")
def shared_lake(make_job: Callable[..., Ingest]) -> Iterator[tuple[Ingest, Connection]]:
    """One lake for all tests here; each writes its own rows in the place of those of others."""
    study = {"window": {"start": FIRST, "end": on(120)}, "default_time_zone": "UTC", "surveys": ["phq9", "ema_mood"]}
    with ExitStack() as stack:
        job = make_job(**study)
        connection = stack.enter_context(job.lake.connect())
        ensure_tables(connection, TABLES)
        yield job, connection


@pytest.fixture
def lake(shared_lake: tuple[Ingest, Connection]) -> Lake:
    """The lake without rows."""
    return Lake(*shared_lake)
