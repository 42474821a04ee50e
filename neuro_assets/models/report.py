"""A version for people: pictures of how it was judged, and a page with its card."""

import base64
import html
from pathlib import Path

import numpy as np

from neuro_assets.figures import open_frame, png_of
from neuro_assets.models.judge import Judged
from neuro_assets.models.records import Facts, Written
from neuro_assets.science.models.calibration import calibrated_apart
from neuro_assets.science.models.evaluate import CHANCE_AUC, Evaluation

CARD, REPORT = "card.md", "report.html"
_HONEST, _RANDOM, _BINS = "#1f5c99", "#c9812b", 8
_STYLE = """
body{font:15px/1.55 system-ui,sans-serif;margin:2em auto;max-width:66em;padding:0 1em;color:#222}
h1{font-size:1.6em;margin-bottom:.3em}h2{margin-top:1.8em;border-bottom:2px solid #4f8bc9;font-size:1.2em}
table{border-collapse:collapse;font-size:.88em;display:block;overflow-x:auto}
td,th{padding:.25em .7em;border-bottom:1px solid #ddd;text-align:left;white-space:nowrap}
code{font-size:.9em}figure{display:inline-block;margin:.6em 1em .6em 0;vertical-align:top}img{max-width:100%}
"""


def write_report(folder: Path, written: Written, facts: Facts, card: str) -> None:
    """Write the card and the page beside the model's file."""
    (folder / CARD).write_text(card, encoding="utf-8")
    (folder / REPORT).write_text(report_page(written, facts, card), encoding="utf-8")


def report_page(written: Written, facts: Facts, card: str) -> str:
    """The page of a version: its card with the pictures under the verdict."""
    from markdown_it import MarkdownIt

    told = MarkdownIt("commonmark", {"html": False}).enable("table").render(card)
    pictures = {
        "AUC of each pipeline: people held out, and rows at random": auc_picture(facts.judged.evaluation),
        "What happened against what was predicted, calibrated on other folds": calibration_picture(facts.judged),
        "AUC lost when a feature's values are exchanged": importance_picture(facts.judged),
    }
    figures = "".join(
        f'<figure><img alt="{html.escape(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}"></figure>'
        for alt, png in pictures.items()
    )
    head, mark, rest = told.partition("<h2>")
    title = html.escape(f"{written.model} version {written.version}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"{head}{figures}{mark}{rest}</html>\n"
    )


def auc_picture(evaluation: Evaluation) -> bytes:
    """AUC with its interval, of each pipeline: the honest split beside random rows."""
    from matplotlib.lines import Line2D

    pyplot = _pyplot()
    names = list(evaluation.scored)
    figure, axis = pyplot.subplots(figsize=(5.4, 0.75 + 0.55 * len(names)), dpi=100)
    for place, name in enumerate(reversed(names)):
        honest = evaluation.scored[name].metrics["auc"]
        _bar(axis, place + 0.12, honest.estimate, honest.low, honest.high, _HONEST)
        if name in evaluation.random_rows:
            random = evaluation.random_rows[name]["auc"]
            _bar(axis, place - 0.16, random.estimate, random.low, random.high, _RANDOM)
    axis.axvline(CHANCE_AUC, color="#888", linewidth=1, linestyle=":")
    told = [f"{n} (baseline)" if evaluation.scored[n].to_baseline is None else n for n in reversed(names)]
    axis.set_yticks(range(len(names)), told, fontsize=8)
    axis.set_ylim(-0.5, len(names) - 0.4)
    axis.tick_params(axis="x", labelsize=8)
    axis.set_xlabel("AUC, 95 % interval over people", fontsize=8)
    honest_told = "people held out" if evaluation.split == "grouped" else "later days held out"
    handles = [
        Line2D([], [], color=color, marker="o", label=label)
        for color, label in ((_HONEST, honest_told), (_RANDOM, "rows at random"))
    ]
    axis.legend(
        handles=handles[: 2 if evaluation.random_rows else 1],
        fontsize=7,
        frameon=False,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=2,
    )
    open_frame(axis)
    return png_of(figure)


def calibration_picture(judged: Judged) -> bytes:
    """Share of positive outcomes by what was predicted while held out, raw and calibrated."""
    pyplot = _pyplot()
    figure, axis = pyplot.subplots(figsize=(3.6, 3.4), dpi=100)
    axis.plot([0, 1], [0, 1], color="#888", linewidth=1, linestyle=":")
    raw = judged.held_out
    for predictions, color, label in (
        (raw, "#9bb7d4", "as the model says"),
        (calibrated_apart(raw, judged.split.fold_of_tested), _HONEST, "calibrated on other folds"),
    ):
        edges = np.unique(np.quantile(predictions.probability, np.arange(1, _BINS) / _BINS))
        place = np.searchsorted(edges, predictions.probability, side="left")
        used = np.unique(place)
        x = [float(predictions.probability[place == b].mean()) for b in used]
        y = [float(predictions.outcome[place == b].mean()) for b in used]
        axis.plot(x, y, color=color, marker="o", markersize=4, linewidth=1.2, label=label)
    axis.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axis.set_xlabel("predicted", fontsize=8)
    axis.set_ylabel("share that happened", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.legend(fontsize=7, frameon=False, loc="upper left")
    open_frame(axis)
    return png_of(figure)


def importance_picture(judged: Judged, most: int = 12) -> bytes:
    """The features that it leans on most."""
    pyplot = _pyplot()
    shown = judged.importances[:most][::-1]
    figure, axis = pyplot.subplots(figsize=(5.4, 0.6 + 0.24 * len(shown)), dpi=100)
    for place, each in enumerate(shown):
        _bar(axis, place, each.lost, each.low, each.high, _HONEST)
    axis.axvline(0, color="#888", linewidth=1, linestyle=":")
    axis.set_yticks(range(len(shown)), [each.name for each in shown], fontsize=7)
    axis.tick_params(axis="x", labelsize=8)
    axis.set_xlabel("AUC lost without it", fontsize=8)
    open_frame(axis)
    return png_of(figure)


def _bar(axis, y: float, estimate: float, low: float, high: float, color: str) -> None:
    if not np.isnan(low):
        axis.plot([low, high], [y, y], color=color, linewidth=2)
    axis.plot([estimate], [y], color=color, marker="o", markersize=5)


def _pyplot():
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot
