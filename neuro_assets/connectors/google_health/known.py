"""What earlier pulls know: watermarks, the looks of days, zones of accounts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from neuro_assets.connectors.google_health.windows import TypeState
from neuro_assets.ingest.pulls import SOURCE
from neuro_assets.lake.lake import Connection
from neuro_assets.sources.google_health.chunks import EMPTY
from neuro_assets.sources.google_health.data_types import FINGERPRINT
from neuro_assets.sources.google_health.pull_file import ZoneBefore
from neuro_assets.streams.pulls import PULL_CLAIMS, PULLS

# Participants, and since when what is known of their account is of the one that they have now.
_WHO = """
WITH who AS (SELECT unnest($people::VARCHAR[]) AS participant_id, unnest($since::TIMESTAMPTZ[]) AS since)
"""
Since = Mapping[str, datetime]


def _bound(people: Sequence[str], since: Since) -> dict[str, Any]:
    ever = datetime(1970, 1, 1, tzinfo=UTC)
    return {"source": SOURCE, "people": list(people), "since": [since.get(p, ever) for p in people]}


def read_fingerprints(connection: Connection, people: Sequence[str], since: Since) -> dict[str, dict[date, str]]:
    """Participant -> day -> what the day's heart rate looked like at the last pull that found it changed."""
    found: dict[str, dict[date, str]] = defaultdict(dict)
    rows = connection.execute(
        f"{_WHO} SELECT participant_id, chunk_day, arg_max(digest, fetched_at)"
        f" FROM {PULL_CLAIMS.qualified} JOIN who USING (participant_id)"
        " WHERE source = $source AND data_type = $data_type AND fetched_at > since GROUP BY ALL",
        _bound(people, since) | {"data_type": FINGERPRINT},
    ).fetchall()
    for participant, day, digest in rows:
        found[participant][day] = digest
    return found


_STATES = f"""
{_WHO}
SELECT participant_id, data_type,
    max(fetched_at) FILTER (is_known), arg_max_null(tracker_syncs, fetched_at) FILTER (is_known),
    min(first_day) FILTER (is_known AND fetched_at > $recent), arg_max(outcome, fetched_at), max(fetched_at),
    min(first_day) FILTER (is_known)
FROM (SELECT *, outcome = 'complete' AND coalesce(is_delta, FALSE) AS is_known FROM {PULLS.qualified}
      JOIN who USING (participant_id) WHERE source = $source AND fetched_at > since)
GROUP BY ALL
"""
_NEWEST = f"""
{_WHO}
SELECT participant_id, data_type, max(chunk_day) FROM (
    SELECT participant_id, data_type, file_kind, chunk_day FROM {PULL_CLAIMS.qualified} JOIN who USING (participant_id)
    WHERE source = $source AND fetched_at > since
    GROUP BY ALL HAVING arg_max(digest, (fetched_at, file_id, claim_no)) <> $empty
)
GROUP BY ALL
"""
_ZONES = f"""
{_WHO}
SELECT participant_id, until, zone FROM (
    SELECT participant_id, max(fetched_at) AS until, arg_max(zone, fetched_at) AS zone,
        lead(arg_max(zone, fetched_at)) OVER (PARTITION BY participant_id ORDER BY max(fetched_at)) AS next_zone
    FROM {PULLS.qualified} JOIN who USING (participant_id)
    WHERE source = $source AND fetched_at > since AND outcome = 'complete' AND zone IS NOT NULL
    GROUP BY participant_id, pull_id
)
WHERE zone IS DISTINCT FROM next_zone ORDER BY ALL
"""


def read_states(
    connection: Connection, people: Sequence[str], now: datetime, since: Since
) -> dict[str, dict[str, TypeState]]:
    """Participant -> data type -> what earlier pulls know of it. Days that somebody named move no watermark.

    Args:
        connection: on the lake.
        people: participants.
        now: the moment, in UTC.
        since: from when on what was pulled of a participant is of the account that they have now.
    """
    # Half a day less than a week: the weekly look back is to come on the same day of the week.
    recent = now - timedelta(days=6, hours=12)
    found: dict[str, dict[str, TypeState]] = defaultdict(dict)
    rows = connection.execute(_STATES, _bound(people, since) | {"recent": recent}).fetchall()
    silent = sorted({participant for participant, _, fetched_at, syncs, *_ in rows if fetched_at and not syncs})
    newest: dict[tuple[str, str], date] = {}
    if silent:
        told = connection.execute(_NEWEST, _bound(silent, since) | {"empty": EMPTY}).fetchall()
        newest = {(participant, data_type): day for participant, data_type, day in told}
    for participant, data_type, fetched_at, syncs, deepest_day, outcome, tried_at, first_day in rows:
        moments = tuple(datetime.fromisoformat(t) for t in (syncs or "").split(",") if t)
        found[participant][data_type] = TypeState(
            fetched_at=fetched_at,
            syncs=moments,
            deepest_day=deepest_day,
            outcome=outcome,
            tried_at=tried_at,
            newest_day=newest.get((participant, data_type)),
            first_day=first_day,
        )
    return found


def read_zones(connection: Connection, people: Sequence[str], since: Since) -> dict[str, list[ZoneBefore]]:
    """Participant -> the zones of the account in order, each with the last pull that was told of it."""
    found: dict[str, list[ZoneBefore]] = defaultdict(list)
    for participant, until, zone in connection.execute(_ZONES, _bound(people, since)).fetchall():
        found[participant].append(ZoneBefore(until, zone))
    return found
