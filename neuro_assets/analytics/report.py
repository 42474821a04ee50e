"""Analytics for people: short tables, and a page with everything."""

import base64
import html

import polars as pl

from neuro_assets.analytics.changes import tally

_POPULATION = (
    *("measure", "unit", "people", "days", "missing_share", "mean", "mean_lower", "mean_upper", "sd_between"),
    *("sd_within", "icc", "q25", "median", "q75", "weekend_difference", "weekend_lower", "weekend_upper"),
)
_CHANGES = (
    *(
        "participant_id",
        "measure",
        "verdict",
        "day",
        "people_alike",
        "level_before",
        "level_after",
        "difference",
        "lower",
        "upper",
    ),
    *("difference_sd", "unit", "p", "q"),
)


def short_population(found: pl.DataFrame) -> pl.DataFrame:
    """The columns of the population summary that a person looks at first, rounded."""
    return _rounded(found.select(_POPULATION))


def short_changes(found: pl.DataFrame) -> pl.DataFrame:
    """The changes alone, the surest first, with the columns that a person looks at first, rounded."""
    return _rounded(found.filter(pl.col("change") > 0).sort("q", "participant_id", "measure", "day").select(_CHANGES))


def _rounded(found: pl.DataFrame) -> pl.DataFrame:
    """Numbers to four digits."""
    return found.with_columns(pl.col(pl.Float64).round_sig_figs(4))


_STYLE = """
body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:90em;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:.6em 0 1.6em}td,th{padding:.15em .6em;border-bottom:1px solid #ddd}
td{text-align:right;white-space:nowrap}td:first-child,th:first-child{text-align:left}th{text-align:left}
h2{border-bottom:2px solid #4f8bc9}div{overflow-x:auto}
"""


def analytics_page(population: pl.DataFrame, changes: pl.DataFrame, picture: bytes | None, title: str) -> str:
    """A page to keep: the population, what became of people's levels, the surest changes, and what to know of them.

    Args:
        population: rows of `analytics.population_summary`.
        changes: rows of `analytics.change_point`.
        picture: PNG of changes; None without any.
        title: of the page.
    """
    image = base64.b64encode(picture).decode() if picture else ""
    shown = f'<img alt="the surest changes" src="data:image/png;base64,{image}">' if image else ""
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>{_STYLE}</style><h1>{html.escape(title)}</h1>
<h2>The people</h2><p>Each person counts once in a mean. <code>sd_between</code> is the spread of people's true means:
the noise of few days is taken out. Weekend differences are each person's own.</p>{_table(short_population(population))}
<h2>Does everybody hold their level?</h2><p>People by measure. Of the records called changed, one in twenty at most
is so by chance, on average; <i>perhaps</i> stands by its own record alone. <i>holding</i> means that no change was
found: the column
<code>detectable_sd</code> of analytics.change_point tells how great one would have been seen.</p>
{_table(tally(changes))}
<h2>Changes</h2><p>The level before and after, of weekdays where weekends differ. The interval allows for the day having
been searched. <code>people_alike</code> counts other people whose measure changed in the same direction within three
days: many of them speak of a device or a season.</p>{shown}{_table(short_changes(changes))}</html>
"""


def _table(found: pl.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in found.columns)
    rows = (("" if cell is None else html.escape(str(cell)) for cell in row) for row in found.iter_rows())
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div><table><tr>{head}</tr>{body}</table></div>"
