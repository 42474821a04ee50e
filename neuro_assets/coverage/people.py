"""The tables of coverage that are about people at a moment, written as a whole."""

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from neuro_assets.coverage.adherence import adherence
from neuro_assets.coverage.answering import answering, asked_instruments, not_answered
from neuro_assets.coverage.overview import overview
from neuro_assets.coverage.pulls import accounts_of, read_broken, streams_of_types
from neuro_assets.coverage.sensitivity import sensitivity
from neuro_assets.coverage.standing import Moment, moment_of, standings
from neuro_assets.coverage.worklist import worklist
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.streams.coverage import (
    ADHERENCE,
    OVERVIEW,
    PEOPLE_TABLES,
    SURVEY,
    VALID_DAY_SENSITIVITY,
    WORKLIST,
)
from neuro_assets.surveys.load import codebooks_of


@dataclass(frozen=True)
class People:
    """Each table's rows, by the name of the table, and the moment that was judged."""

    moment: Moment
    frames: dict[str, pl.DataFrame]


def judge_people(connection: Connection, job: Ingest, now: datetime | None = None) -> People:
    """Everybody at a moment, by what is known today; nothing is written.

    Args:
        connection: with the tables of coverage there.
        job: the study and the lake.
        now: the moment; data, syncs, contacts and pulls that are later are left out.
    """
    study = job.study
    moment = moment_of(connection, study, now or datetime.now(UTC))
    # Whatever came tells that something did.
    timed, daily = [s for s in STREAMS if s.has_period], [s for s in STREAMS if s.sampling == "daily"]
    broken = read_broken(connection, study, moment.asked)
    accounts = accounts_of(broken, study, streams_of_types(study, job.sources))
    people = standings(connection, study, timed, daily, moment, accounts)
    asked = asked_instruments(codebooks_of(job.sources))
    answers = answering(connection, study, [s.person for s in people], asked, moment)
    return People(
        moment,
        {
            VALID_DAY_SENSITIVITY.qualified: sensitivity(connection, study, people),
            ADHERENCE.qualified: adherence(connection, people),
            OVERVIEW.qualified: overview(connection, study, people, moment),
            SURVEY.qualified: answers,
            WORKLIST.qualified: worklist(connection, study, people, moment, not_answered(answers, asked, study)),
        },
    )


def write_people(connection: Connection, job: Ingest, found: People) -> None:
    """Write the tables, each as a whole, in one transaction."""
    with job.lake.transaction(connection, [t.qualified for t in PEOPLE_TABLES]):
        ensure_tables(connection, PEOPLE_TABLES)
        for table in PEOPLE_TABLES:
            connection.register("frame_table", found.frames[table.qualified].to_arrow())
            connection.execute(f"DELETE FROM {table.qualified}")
            connection.execute(
                f"INSERT INTO {table.qualified} BY NAME SELECT * FROM frame_table ORDER BY {', '.join(table.sort_by)}"
            )
            connection.unregister("frame_table")
