"""One person's regular series, as a picture or a page: what was observed, what was filled in, which gaps and why."""

import base64
import html
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from neuro_assets.coverage.heat_map import COLOURS
from neuro_assets.figures import open_frame, png_of
from neuro_assets.imputation.plot_data import (
    DAYS_SHOWN,
    LONGEST_BY_MINUTE,
    PlotData,
    PlotError,
    fates,
    read_series_of,
    refusals_of,
    segments,
)
from neuro_assets.science.imputation.rules import REFUSALS
from neuro_assets.streams.coverage import REASONS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PlotData", "PlotError", "page", "plot_series", "read_series_of", "segments"]

_BLUE, _NAVY, _GREY = COLOURS["there"], "#0b2f5c", "#555555"
_DASHES = (0, (3, 1.5))
# In a legend there is no room for what REFUSALS says.
_BRIEFLY = {
    "not_allowed": "the protocol says so",
    "not_imputed": "never done at this resolution",
    "not_over": "it is not over",
    "too_long": "too long",
    "only_totals": "too long but for a total",
    "no_model": "no model yet",
    "no_estimate": "no estimate",
}
_MODES = {
    "past_only": "made only with what was there by the end of its day",
    "whole_record": "made with what came before it and after it",
}


def plot_series(data: PlotData, title: str) -> bytes:
    """A PNG: observed solid, filled in dashed within its interval, gaps in the colours of their reasons.

    Args:
        data: as `read_series_of` returns it.
        title: above what a point is and how much is there, which the picture says itself.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(13, 4.6), dpi=110)
    _shade(axis, data)
    observed, imputed, not_worn = (segments(data, kind) for kind in ("observed", "imputed", "not_worn"))
    axis.plot(*_line(not_worn, "value"), color=_GREY, linewidth=0.8, zorder=2)
    axis.plot(*_line(observed, "value"), color=_BLUE, linewidth=1.0, zorder=3)
    along, lower = _line(imputed, "lower_90")
    axis.fill_between(along, lower, _line(imputed, "upper_90")[1], color=_NAVY, alpha=0.25, linewidth=0, zorder=2)
    axis.plot(along, _line(imputed, "value")[1], color=_NAVY, linewidth=1.6, linestyle=_DASHES, zorder=4)
    _label_days(axis, data)
    if data.adds_up:
        # Zeros are above the axis, not on it.
        axis.set_ylim(bottom=-0.02 * axis.get_ylim()[1])
    axis.set_ylabel(data.unit, fontsize=8)
    axis.tick_params(labelsize=7)
    # An id may hold a dollar: nothing of it is a formula.
    axis.set_title(f"{title}\n{_point(data)}; {_shares(data)}", fontsize=9, loc="left", parse_math=False)
    handles = _handles(data)
    axis.legend(handles=handles, fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.12), ncol=4, frameon=False)
    open_frame(axis)
    return png_of(figure)


def _line(stretches: Sequence[pl.DataFrame], column: str) -> tuple[np.ndarray, np.ndarray]:
    """A line through the middle of each point, from where each stretch begins to where it ends, broken between them."""
    x: list[datetime] = []
    y: list[float] = []
    for stretch in stretches:
        middles = stretch["begins"] + (stretch["ends"] - stretch["begins"]) / 2
        values = stretch[column].to_list()
        x += [stretch["begins"][0], *middles, stretch["ends"][-1], stretch["ends"][-1]]
        y += [values[0], *values, values[-1], np.nan]
    return np.array(x, dtype="datetime64[us]"), np.array(y, dtype=float)


def _shade(axis: "Axes", data: PlotData) -> None:
    """Each gap in the colour of its reason; what is left empty is hatched."""
    shown = data.gaps.select("gap_id", "reason", "shown_from", "shown_to")
    reasons = dict(zip(shown["gap_id"], shown["reason"], strict=True))
    empty = [(s["gap_id"][0], s["begins"][0], s["ends"][-1]) for s in segments(data, "empty")]
    for reason in _reasons(data):
        colour = COLOURS[reason]
        gaps = [(begins, ends) for _, of, begins, ends in shown.iter_rows() if of == reason]
        # With an edge, so that a short gap of a long range is seen.
        _span(axis, gaps, facecolor=colour, edgecolor=colour, alpha=0.28, linewidth=0.6)
        hatched = [(begins, ends) for gap, begins, ends in empty if reasons.get(gap) == reason]
        _span(axis, hatched, facecolor="none", edgecolor=colour, alpha=0.55, hatch="///", linewidth=0)


def _span(axis: "Axes", spans: Sequence[tuple[datetime, datetime]], **looks: Any) -> None:
    """Bands from bottom to top; all at once, as drawing each by itself takes seconds where there are thousands."""
    from matplotlib.dates import date2num

    widths = [(float(date2num(begins)), (ends - begins) / timedelta(days=1)) for begins, ends in spans]
    axis.broken_barh(widths, (0, 1), transform=axis.get_xaxis_transform(), **looks)


def _label_days(axis: "Axes", data: PlotData) -> None:
    """Midnights of the person's clock; hours as well where there are few days."""
    from matplotlib.dates import date2num

    first, days = datetime.combine(data.since, time()), data.days
    midnights = [first + timedelta(days=n) for n in range(0, days + 1, max(1, -(-days // 16)))]
    names = [f"{m:%a %d %b}" + (f"\n{m:%Y}" if m == first or (m.month, m.day) == (1, 1) else "") for m in midnights]
    axis.set_xticks([date2num(m) for m in midnights], names)
    if days <= DAYS_SHOWN:
        each = 3 if days <= LONGEST_BY_MINUTE else 12
        hours = [h for n in range(0, 24 * days, each) if (h := first + timedelta(hours=n)).hour]
        axis.set_xticks([date2num(h) for h in hours], [f"{h:%H:%M}" for h in hours], minor=True)
        axis.tick_params(axis="x", which="minor", labelsize=6, labelcolor=_GREY)
    axis.set_xlim(float(date2num(first)), float(date2num(first + timedelta(days=days))))
    axis.grid(axis="x", color="#dddddd", linewidth=0.5, zorder=0)


def _handles(data: PlotData) -> list:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    found: list = []
    if data.minutes("observed"):
        found.append(Line2D([], [], color=_BLUE, linewidth=1.2, label="observed"))
    if data.minutes("imputed"):
        found.append(Line2D([], [], color=_NAVY, linewidth=1.6, linestyle=_DASHES, label="filled in: an estimate"))
        found.append(Patch(facecolor=_NAVY, alpha=0.25, label="holds 90 % of such single values"))
    if data.minutes("not_worn"):
        found.append(Line2D([], [], color=_GREY, linewidth=0.8, label="recorded while not worn"))
    found += [Patch(facecolor=COLOURS[r], alpha=0.4, label=f"gap: {_words(r)}") for r in _reasons(data)]
    if data.minutes("empty"):
        why = ", ".join(["left empty", *(_BRIEFLY[r] for r in refusals_of(data))]).replace(",", ":", 1)
        found.append(Patch(facecolor="none", edgecolor=_GREY, hatch="////", linewidth=0, label=why))
    return found


def _reasons(data: PlotData) -> list[str]:
    used = set(data.gaps["reason"].to_list())
    return [reason for reason in REASONS if reason in used]


def _words(name: str) -> str:
    return "reason unknown" if name == "unknown" else name.replace("_", " ")


def _lasting(minutes: int) -> str:
    """A length of points in words: a minute, 10 minutes, an hour, 3 hours, a day."""
    number, unit = next((minutes // m, u) for m, u in ((1440, "day"), (60, "hour"), (1, "minute")) if minutes % m == 0)
    return f"{number} {unit}s" if number > 1 else f"{'an' if unit == 'hour' else 'a'} {unit}"


def _point(data: PlotData) -> str:
    """What a point of the picture is."""
    finest, coarsest = data.steps_min[0], data.steps_min[-1]
    beside = f", or {_lasting(coarsest)} where data are by the hour" if coarsest > data.bin_min else ""
    return f"a point is {'' if data.bin_min == finest else 'the mean of '}{_lasting(data.bin_min)}{beside}"


def _shares(data: PlotData) -> str:
    """How much is observed, filled in and empty."""
    observed, imputed, empty = (_number(data.minutes(kind) / 60, 1) for kind in ("observed", "imputed", "empty"))
    return f"{observed} h observed while worn, {imputed} h filled in, {empty} h left empty"


def page(data: PlotData, title: str) -> str:
    """An HTML page with the picture in it, what it shows in words, and its gaps as a table."""
    head = ("begins", "ends", "minutes", "why it is missing", "filled in?", f"would have added up to [{data.counted}]")
    head = head if data.adds_up else head[:-1]
    told = f"{_point(data)}; {_shares(data)}"
    return _PAGE.format(
        title=html.escape(title),
        picture=base64.b64encode(plot_series(data, title)).decode(),
        told=html.escape(f"{told[0].upper()}{told[1:]}. Times are those of the person's own clock."),
        legend="\n".join(f"<li>{html.escape(line)}</li>" for line in _legend(data)),
        head=_cells(head, "th"),
        rows="\n".join(f"<tr>{_cells(row[: len(head)], 'td')}</tr>" for row in _rows(data))
        or f"<tr><td colspan='{len(head)}'>There is none.</td></tr>",
    )


def _cells(texts: Iterable[str], tag: str) -> str:
    return "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts)


def _legend(data: PlotData) -> Iterator[str]:
    """What the picture shows, in words."""
    yield f"Solid line: observed while the device was worn, in {data.unit}."
    if data.minutes("imputed"):
        modes = data.of_kind("imputed")["mode"].unique().sort()
        yield (
            f"Dashed line: filled in; an estimate and no measurement, {' or '.join(_MODES[m] for m in modes)}. The band"
            " around it holds 90 % of such single values."
            + (" What a whole gap adds up to has an interval of its own in the table." if data.adds_up else "")
        )
    if data.minutes("not_worn"):
        yield "Thin grey line: what the device recorded while it was not worn; it counts as missing."
    for reason in _reasons(data):
        yield f"Gap, {_words(reason)}: {REASONS[reason]}."
    if data.minutes("empty"):
        yield f"Hatched: left empty, and no line runs there: {_why(refusals_of(data))}."
    yield "White, without a line: not asked for then."


def _rows(data: PlotData) -> Iterator[tuple[str, ...]]:
    """Gaps as text: begin, end, minutes, reason, what was done, total."""
    done = fates(data)
    for gap in data.gaps.iter_rows(named=True):
        imputed, empty, refusals = done.get(gap["gap_id"], (0, gap["gap_min"], [gap["refusal"]]))
        if not empty:
            told = "yes"
        else:
            part = f"{imputed:,} minutes, {empty:,} not: " if imputed else "no: "
            told = part + _why(refusals)
        total, lower, upper = (gap[name] for name in ("total", "lower_90", "upper_90"))
        yield (
            f"{gap['begins']:%a %Y-%m-%d %H:%M}",
            f"{gap['ends']:%a %Y-%m-%d %H:%M}",
            f"{gap['gap_min']:,}",
            _words(gap["reason"]),
            told,
            "" if total is None else f"{_number(total)} (90 % interval: {_number(lower)} to {_number(upper)})",
        )


def _why(refusals: Iterable[str | None]) -> str:
    words = {str(name): told for name, told in REFUSALS.items()}
    return "; or ".join(words[r] for r in refusals if r) or "it is not told why"


def _number(value: float, digits: int | None = None) -> str:
    """A number for people: whole from 10 on, without a needless zero behind the point."""
    shown = f"{value:,.{(0 if abs(value) >= 10 else 1) if digits is None else digits}f}"
    return shown.removesuffix(".0")


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body{{font:13px system-ui,sans-serif;margin:16px;color:#222;max-width:1430px}} img{{max-width:100%}}
table{{border-collapse:collapse}} th,td{{text-align:left;padding:2px 14px 2px 0;border-bottom:1px solid #ddd}}
td:nth-child(3){{text-align:right}}
</style></head><body><h1 style="font-size:16px">{title}</h1>
<p>{told}</p>
<img alt="{title}" src="data:image/png;base64,{picture}">
<ul>
{legend}
</ul>
<h2 style="font-size:14px">Gaps</h2>
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table></body></html>
"""
