"""The back-test for people: a table, a picture, and a page with both."""

import html
from collections.abc import Sequence

import polars as pl

from neuro_assets.figures import open_frame, png_of
from neuro_assets.imputation.backtest import Tested
from neuro_assets.science.imputation.backtest import ALL, COMPARATORS, verdicts
from neuro_assets.science.imputation.model import CROSS, STACK

_COLUMNS = {
    "stream": "stream",
    "resolution": "values by",
    "pattern": "gaps",
    "length_min": "minutes",
    "hidden": "hidden",
    "best": "best comparator",
    "to_best": "error / best",
    "to_rule": "/ best rule",
    "to_ffill": "/ last value",
    "total_to_rule": "total / best rule",
    "coverage": "values in interval",
    "total_coverage": "totals in interval",
}


def summary_of(tested: Sequence[Tested]) -> pl.DataFrame:
    """A row for each stream, resolution, pattern and length: the default against what would have been best."""
    rows = [
        {
            "stream": test.stream,
            "resolution": test.resolution,
            "pattern": test.pattern,
            "length_min": v.length_min,
            "hidden": v.gaps,
            "best": v.best,
            **{
                name: round(getattr(v, name), 3)
                for name in ("to_best", "to_rule", "to_ffill", "total_to_rule", "coverage", "total_coverage")
            },
        }
        for test in tested
        for v in verdicts(test.scores)
    ]
    return pl.DataFrame(rows).rename(_COLUMNS) if rows else pl.DataFrame(schema=list(_COLUMNS.values()))


def backtest_picture(tested: Sequence[Tested]) -> bytes:
    """A panel for each stream: error of each method over that of the default, by length of gap."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = [t for t in tested if t.pattern == "random"] or list(tested)
    figure, axes = pyplot.subplots(
        1, len(shown), figsize=(3.6 * len(shown) + 1, 3.2), dpi=90, squeeze=False, sharey=True
    )
    for axis, test in zip(axes[0], shown, strict=True):
        of = {(s.method, s.length_min): s.rmse for s in test.scores if s.part_of_day == ALL and s.person is None}
        lengths = sorted({length for _, length in of})
        for method in (STACK, *COMPARATORS, *([CROSS] if (CROSS, lengths[0]) in of else [])):
            ratio = [of[method, n] / of[STACK, n] if of[STACK, n] else 1.0 for n in lengths]
            is_own = method == STACK
            axis.plot(
                range(len(lengths)),
                ratio,
                label=method,
                linewidth=2.4 if is_own else 1.0,
                color="black" if is_own else None,
                marker=".",
            )
        axis.set_xticks(range(len(lengths)), [f"{n} min" if n < 120 else f"{n // 60} h" for n in lengths], fontsize=7)
        axis.set_title(f"{test.stream} {test.resolution}", fontsize=9)
        axis.tick_params(axis="y", labelsize=7)
        open_frame(axis)
    axes[0][0].set_ylabel("error over that of the default", fontsize=8)
    axes[0][-1].legend(fontsize=6, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return png_of(figure)


def backtest_page(tested: Sequence[Tested], title: str) -> str:
    """A page to keep: what was tested, the picture, the table, and what the columns mean."""
    import base64

    summary = summary_of(tested)
    head = "".join(f"<th>{html.escape(name)}</th>" for name in summary.columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(str(cell))}</td>' for cell in row)}</tr>" for row in summary.iter_rows()
    )
    spans = "".join(
        f"<li>{html.escape(t.stream)} {t.resolution}, {t.pattern}: {len(t.people)} people, {t.first} to {t.last}</li>"
        for t in tested
    )
    image = base64.b64encode(backtest_picture(tested)).decode() if tested else ""
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>
<style>body{{font:14px sans-serif;margin:2em;max-width:80em}}table{{border-collapse:collapse}}
td,th{{padding:.2em .6em;border-bottom:1px solid #ddd;text-align:right}}td:nth-child(-n+3){{text-align:left}}</style>
<h1>{html.escape(title)}</h1>
<p>Gaps were hidden in what had been observed on the last 40 % of each person's days, and filled in by methods that had
learned from the first 60 %. An error is the root mean squared error; below 1 the default is better. The best comparator
is known only afterwards. Of 100 intervals 90 should hold what was hidden.</p>
<ul>{spans}</ul>
<img alt="error of each method over that of the default" src="data:image/png;base64,{image}">
<table><tr>{head}</tr>{body}</table></html>
"""
