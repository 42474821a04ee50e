"""Who should be pulled before the next daily pull: those who have just consented, and those left behind."""

from datetime import datetime, timedelta

from neuro_assets.connectors.google_health.accounts import Accounts
from neuro_assets.connectors.google_health.known import read_states
from neuro_assets.connectors.google_health.pull import why_not
from neuro_assets.connectors.google_health.windows import TypeState
from neuro_assets.ingest.load import Ingest, prepare_lake
from neuro_assets.study_google_health import GoogleHealthRules


def overdue_people(
    job: Ingest, accounts: Accounts, rules: GoogleHealthRules, now: datetime, again: timedelta
) -> list[str]:
    """Connected participants who take part, and of whom some data type is overdue and has not been tried for a while.

    Args:
        job: the study.
        accounts: who is connected, since when.
        rules: `overdue_h` says when a type is overdue.
        now: in UTC.
        again: how long a try is not repeated, unless the person has consented since.
    """
    connected = {
        c.participant_id: c.since
        for c in accounts.people()
        if c.status == "connected" and why_not(job.study, c.participant_id, now) is None
    }
    if not connected:
        return []
    prepare_lake(job.lake, job.tables)
    with job.lake.connect(read_only=True) as connection:
        states = read_states(connection, sorted(connected), now, accounts.forgotten_at())
    late = now - timedelta(hours=rules.overdue_h)
    found = []
    for participant, since in sorted(connected.items()):
        known = states[participant]
        tried = max((s.tried_at for s in known.values() if s.tried_at), default=None)
        if tried is not None and tried >= since and now - tried < again:
            continue
        due = [t for t in rules.types if not _is_resting(known.get(t, TypeState()), now, since)]
        if any(t not in known or (fetched := known[t].fetched_at) is None or fetched < late for t in due):
            found.append(participant)
    return found


def _is_resting(state: TypeState, now: datetime, consented_at: datetime) -> bool:
    """Whether asking would be no use: it was refused, has ended, or the person has not consented to it."""
    if state.outcome == "needs_reconsent" and state.tried_at is not None and state.tried_at >= consented_at:
        return True
    until = state.resting_until(consented_at)
    return until is not None and now < until
