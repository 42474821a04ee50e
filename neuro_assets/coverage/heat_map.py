"""Participant by day, one colour a reason: who is there, who is not, and why, at a glance."""

import io
from typing import TYPE_CHECKING

from neuro_assets.lake.lake import Connection

if TYPE_CHECKING:
    import polars as pl

# Told apart by people who do not see red and green; what is there is blue.
COLOURS = {
    "there": "#2f6fb0",
    "partly there": "#9cc3e6",
    "not_worn": "#e8a33d",
    "not_synced": "#8a8a8a",
    "battery": "#5b3a8c",
    "held": "#c2479b",
    "needs_reconsent": "#7a1f1f",
    "source_failure": "#1e1e1e",
    "not_answered": "#d9c400",
    "unknown": "#d94f3d",
    "not_expected": "#f4f4f4",
    "not_enrolled": "#f4f4f4",
    "withdrawn": "#dcdcdc",
}
_MOST = 0.5
_SHOWN_PEOPLE, _SHOWN_DAYS = 60, 120


def read_days(connection: Connection, stream: str | None = None) -> "pl.DataFrame":
    """Participant, day and what the cell says: a reason, or how much is there. The last 120 days, 60 people.

    Where no stream is named, the one of which most is there speaks for the day.
    """
    return connection.execute(
        """
        WITH day_of_person AS (
            SELECT participant_id, day,
                arg_max(struct_pack(reason, valid_min, length_min), valid_min) AS best
            FROM coverage.daily
            WHERE $stream IS NULL OR stream = $stream
            GROUP BY ALL
        )
        SELECT participant_id, day,
            CASE WHEN best.valid_min >= 0.9 * best.length_min THEN 'there'
                 WHEN best.valid_min > $most * best.length_min THEN 'partly there'
                 ELSE coalesce(best.reason, 'there') END AS told
        FROM day_of_person
        QUALIFY day > max(day) OVER () - $days AND dense_rank() OVER (ORDER BY participant_id) <= $people
        ORDER BY participant_id, day
        """,
        {"stream": stream, "most": _MOST, "days": _SHOWN_DAYS, "people": _SHOWN_PEOPLE},
    ).pl()


def heat_map(days: "pl.DataFrame", title: str) -> bytes:
    """A PNG of `read_days`."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    people = days.get_column("participant_id").unique().sort().to_list()
    first, last = days.get_column("day").min(), days.get_column("day").max()
    names = list(COLOURS)
    width = (last - first).days + 1  # pyright: ignore[reportOperatorIssue, reportAttributeAccessIssue, reportOptionalOperand]
    grid = np.full((len(people), width), np.nan)
    for who, day, told in days.iter_rows():
        grid[people.index(who), (day - first).days] = names.index(told)
    figure, axis = pyplot.subplots(figsize=(max(5, 0.1 * width + 2), max(1.8, 0.16 * len(people) + 1.2)), dpi=90)
    axis.pcolormesh(grid, cmap=ListedColormap(list(COLOURS.values())), vmin=-0.5, vmax=len(names) - 0.5,
                    edgecolors="white", linewidth=0.4)  # fmt: skip
    axis.set_yticks(np.arange(len(people)) + 0.5, people, fontsize=6)
    axis.invert_yaxis()
    step = max(1, width // 6)
    at = list(range(0, width, step))
    axis.set_xticks([n + 0.5 for n in at], [str(first + n * _one_day()) for n in at], fontsize=6)  # pyright: ignore[reportOperatorIssue, reportOptionalOperand]
    axis.set_title(title, fontsize=8, loc="left")
    used = [n for n in names if n in set(days.get_column("told").to_list())]
    handles = [Patch(facecolor=COLOURS[n], label=n.replace("_", " ")) for n in used]
    axis.legend(handles=handles, fontsize=6, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    for side in axis.spines.values():
        side.set_visible(False)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    pyplot.close(figure)
    return buffer.getvalue()


def _one_day():
    from datetime import timedelta

    return timedelta(days=1)
