"""Contacts with participants: that there was one, when and how. What was said has no place in the lake."""

from collections.abc import Sequence
from datetime import UTC, datetime

from neuro_assets.coverage.roster import first_days, roster
from neuro_assets.ingest.load import Ingest, prepare_tables
from neuro_assets.streams.accounts import CONTACTS
from neuro_assets.streams.coverage import COVERAGE_TABLES
from neuro_assets.study import StudyError


def record_contacts(job: Ingest, people: Sequence[str], at: datetime, by: str, recorded_by: str) -> None:
    """Write down that people were spoken to; saying it twice is saying it once.

    Args:
        job: the study and the lake.
        people: participants.
        at: when.
        by: one of `CONTACT_KINDS`.
        recorded_by: who says so.

    Raises:
        StudyError: somebody who is not a participant; nothing is written then.
    """
    with job.lake.connect() as connection:
        prepare_tables(job.lake, connection, (*job.tables, *COVERAGE_TABLES))
        known = {p.participant_id for p in job.study.people}
        if not known.issuperset(people):
            known |= {p.participant_id for p in roster(job.study, first_days(connection))}
        unknown = [p for p in people if p not in known]
        if unknown:
            raise StudyError(f"{', '.join(unknown)}: no participant of this study; nothing was written down")
        with job.lake.transaction(connection, [CONTACTS.qualified]):
            for who in dict.fromkeys(people):
                connection.execute(
                    f"DELETE FROM {CONTACTS.qualified}"
                    " WHERE participant_id = ? AND contacted_at = ? AND contacted_by = ?",
                    [who, at, by],
                )
                connection.execute(
                    f"INSERT INTO {CONTACTS.qualified} VALUES (?, ?, ?, ?, ?)",
                    [who, at, by, datetime.now(UTC), recorded_by],
                )
