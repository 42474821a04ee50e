"""Participant by day, one colour a reason: who is there, who is not, and why, at a glance. As a picture or a page."""

import html
from datetime import date, timedelta
from typing import TYPE_CHECKING

from neuro_assets.figures import png_of
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
_WHOLE, _MOST = 0.9, 0.5
_DAY = timedelta(days=1)


def read_days(
    connection: Connection,
    stream: str | None = None,
    since: date | None = None,
    until: date | None = None,
    last_days: int | None = None,
    people: int | None = None,
) -> "pl.DataFrame":
    """Participant, day, what the cell says (`told`: a reason, or how much is there), and the share that is there.

    Where no stream is named, the one of samples of which most is there speaks for the day: it tells wear, which a row
    a day does not.

    Args:
        connection: on the lake.
        stream: name of a stream.
        since: first day.
        until: last day.
        last_days: no more days than these, the last ones.
        people: no more people than these, the first ones by their ids.
    """
    return connection.execute(
        f"""
        WITH day_of_person AS (
            SELECT participant_id, day,
                arg_max(
                    struct_pack(reason, valid_min, length_min, evidence), (worn_min IS NOT NULL, valid_min, stream)
                ) AS best
            FROM coverage.daily
            WHERE ($stream IS NULL OR stream = $stream) AND ($since::DATE IS NULL OR day >= $since::DATE)
                AND ($until::DATE IS NULL OR day <= $until::DATE)
            GROUP BY ALL
        )
        SELECT participant_id, day,
            CASE WHEN best.valid_min >= {_WHOLE} * best.length_min THEN 'there'
                 WHEN best.valid_min > {_MOST} * best.length_min THEN 'partly there'
                 ELSE coalesce(best.reason, 'there') END AS told,
            best.valid_min / best.length_min AS share, best.evidence AS evidence
        FROM day_of_person
        QUALIFY ($days::INTEGER IS NULL OR day > max(day) OVER () - $days::INTEGER)
            AND ($people::INTEGER IS NULL OR dense_rank() OVER (ORDER BY participant_id) <= $people::INTEGER)
        ORDER BY participant_id, day
        """,
        {"stream": stream, "since": since, "until": until, "days": last_days, "people": people},
    ).pl()


def heat_map(days: "pl.DataFrame", title: str) -> bytes:
    """A PNG of `read_days`."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    people, calendar = _axes(days)
    names = list(COLOURS)
    grid = np.full((len(people), len(calendar)), np.nan)
    row, column = {who: n for n, who in enumerate(people)}, {day: n for n, day in enumerate(calendar)}
    for who, day, told in days.select("participant_id", "day", "told").iter_rows():
        grid[row[who], column[day]] = names.index(told)
    size = max(5, 0.1 * len(calendar) + 2), max(1.8, 0.16 * len(people) + 1.2)
    figure, axis = pyplot.subplots(figsize=size, dpi=90)
    axis.pcolormesh(grid, cmap=ListedColormap(list(COLOURS.values())), vmin=-0.5, vmax=len(names) - 0.5,
                    edgecolors="white", linewidth=0.4)  # fmt: skip
    axis.set_yticks(np.arange(len(people)) + 0.5, people, fontsize=6)
    axis.invert_yaxis()
    at = range(0, len(calendar), max(1, len(calendar) // 6))
    axis.set_xticks([n + 0.5 for n in at], [str(calendar[n]) for n in at], fontsize=6)
    axis.set_title(title, fontsize=8, loc="left")
    handles = [Patch(facecolor=COLOURS[n], label=_words(n)) for n in _used(days)]
    axis.legend(handles=handles, fontsize=6, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    for side in axis.spines.values():
        side.set_visible(False)
    return png_of(figure)


def heat_page(days: "pl.DataFrame", title: str) -> str:
    """A page of `read_days` without anything from elsewhere; a cell tells its day, share, reason and evidence."""
    people, calendar = _axes(days)
    cells = {(who, day): rest for who, day, *rest in days.iter_rows()}
    style = "".join(f".{name.replace(' ', '_')}{{background:{colour}}}" for name, colour in COLOURS.items())
    key = "".join(f"<span><i class='{n.replace(' ', '_')}'></i>{_words(n)}</span>" for n in _used(days))
    months = "".join(
        f"<th>{day:%b %d}</th>" if n == 0 or day.day in {1, 15} else "<th></th>" for n, day in enumerate(calendar)
    )
    lines = []
    for who in people:
        line = "".join(_cell_of(day, cells.get((who, day))) for day in calendar)
        lines.append(f"<tr><th>{html.escape(who)}</th>{line}</tr>")
    return _PAGE.format(title=html.escape(title), style=style, key=key, months=months, lines="\n".join(lines))


def _cell_of(day: date, cell: list | None) -> str:
    if cell is None:
        return "<td></td>"
    told, share, evidence = cell
    words = f"{day}: {_words(told)}, {share:.0%} there" + (f"; {evidence}" if evidence else "")
    return f"<td class='{told.replace(' ', '_')}' title='{html.escape(words, quote=True)}'></td>"


def _axes(days: "pl.DataFrame") -> tuple[list[str], list[date]]:
    """People, and every day from the first to the last."""
    people = days["participant_id"].unique().sort().to_list()
    seen = days["day"].to_list()
    first, last = min(seen), max(seen)
    return people, [first + n * _DAY for n in range((last - first).days + 1)]


def _used(days: "pl.DataFrame") -> list[str]:
    told = set(days["told"].to_list())
    return [name for name in COLOURS if name in told]


def _words(name: str) -> str:
    return name.replace("_", " ")


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body{{font:13px system-ui,sans-serif;margin:16px;color:#222}}
table{{border-collapse:collapse}} td{{min-width:11px;height:13px;border:1px solid #fff;padding:0}}
th{{font-weight:normal;font-size:11px;text-align:left;white-space:nowrap;padding:0 6px 0 0}}
thead th{{width:11px;max-width:11px;overflow:visible;padding:0}}
tbody th{{position:sticky;left:0;background:#fff}}
p span{{margin-right:14px}} p i{{display:inline-block;width:11px;height:11px;margin-right:4px}}
{style}
</style></head><body><h1 style="font-size:16px">{title}</h1><p>{key}</p>
<table><thead><tr><th></th>{months}</tr></thead><tbody>
{lines}
</tbody></table></body></html>
"""
