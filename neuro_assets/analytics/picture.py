"""Changes of level as a picture: a panel for a person's measure, with the days' values and the levels."""

from typing import Any

import polars as pl

from neuro_assets.analytics.changes import surest
from neuro_assets.analytics.measures import VALUES
from neuro_assets.coverage.heat_map import COLOURS
from neuro_assets.figures import open_frame, png_of
from neuro_assets.lake.lake import Connection

SHOWN = 6
_DOT, _LEVEL = COLOURS["there"], "#0b2f5c"


def changes_picture(connection: Connection, found: pl.DataFrame) -> bytes | None:
    """The surest changes, at most six people's measures; None where there is none.

    Args:
        connection: with the table of values.
        found: rows of `analytics.change_point`.
    """
    shown = surest(found, SHOWN)
    if not shown:
        return None
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(shown), 1, figsize=(8, 1.7 * len(shown)), dpi=90, squeeze=False)
    for axis, row in zip(axes[:, 0], shown, strict=True):
        who, measure = row["participant_id"], row["measure"]
        days = connection.execute(
            f"SELECT day, value FROM {VALUES} WHERE participant_id = ? AND measure = ? ORDER BY day", [who, measure]
        ).fetchall()
        axis.plot([day for day, _ in days], [value for _, value in days], ".", color=_DOT, markersize=4)
        own = found.filter((pl.col("participant_id") == who) & (pl.col("measure") == measure)).sort("change")
        for begin, end, level in _levels(own.rows(named=True)):
            axis.plot([begin, end], [level, level], color=_LEVEL, linewidth=1.6)
        unit = f" [{row['unit']}]" if row["unit"] else ""
        axis.set_title(f"{who}: {measure}{unit}, q {row['q']:.2g}", fontsize=8, loc="left")
        axis.tick_params(labelsize=7)
        open_frame(axis)
    return png_of(figure)


def _levels(changes: list[dict[str, Any]]) -> list[tuple[Any, Any, float]]:
    """First and last day of each level, and the level."""
    days = [changes[0]["first_day"], *(c["day"] for c in changes), changes[0]["last_day"]]
    levels = [changes[0]["level_before"], *(c["level_after"] for c in changes)]
    return list(zip(days[:-1], days[1:], levels, strict=True))
