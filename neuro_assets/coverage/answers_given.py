"""When people answered anything, first and last."""

from datetime import date, datetime

from neuro_assets.lake.lake import Connection
from neuro_assets.streams.surveys import SURVEY_RESPONSE


def last_answers(connection: Connection, until: datetime) -> dict[str, datetime]:
    """When each person answered anything last."""
    return dict(
        connection.execute(
            f"SELECT participant_id, max(ts) FROM {SURVEY_RESPONSE.qualified} WHERE ts <= ? GROUP BY 1", [until]
        ).fetchall()
    )


def first_answers(connection: Connection) -> dict[str, date]:
    """The first day on which each person answered anything."""
    return dict(
        connection.execute(f"SELECT participant_id, min(day) FROM {SURVEY_RESPONSE.qualified} GROUP BY 1").fetchall()
    )
