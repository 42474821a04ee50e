"""The catalogue of all features: as a table, and as a page."""

import html
from itertools import groupby

import polars as pl

from neuro_assets.lake.frames import replace_rows
from neuro_assets.lake.lake import Connection, Lake
from neuro_assets.science.features.circadian import CIRCADIAN
from neuro_assets.science.features.model import Family, Feature
from neuro_assets.science.features.sleep import SLEEP
from neuro_assets.science.features.sleep_windows import SLEEP_WINDOWS
from neuro_assets.science.features.use import USE_FAMILIES
from neuro_assets.science.features.yields import YIELD
from neuro_assets.streams.features import FEATURE_CATALOG, MINUTE_FAMILIES, SLEEP_SPANS

# Table -> its family.
FAMILIES: dict[str, Family] = {
    **{f.name: f for f in MINUTE_FAMILIES},
    SLEEP.name: SLEEP,
    SLEEP_SPANS.name: SLEEP_WINDOWS,
    CIRCADIAN.name: CIRCADIAN,
    **{f.name: f for f in USE_FAMILIES},
    YIELD.name: YIELD,
}
# The scores of a study are those of its codebooks.
_SURVEY = {
    "family": "survey",
    "feature": "score",
    "version": 1,
    "unit": "",
    "description": "The last score of each instrument that was known when the day ended.",
    "formula": "the score of record of the last response up to the end of the local day, up to 27 days old",
    "source": "the codebook of the instrument: docs/surveys.md",
    "minimum": "a response with a score on the day or the 27 before",
    "bases": "",
    "is_trailing": False,
    "rapids": "",
    "differs": "",
    "known_answers": 0,
    "known_hold": 0,
    "conformance": "",
}


def catalog() -> pl.DataFrame:
    """A row for every feature, with its known answers computed anew; in the order of the tables and their columns."""
    rows = [_row(table, feature) for table, family in FAMILIES.items() for feature in family]
    return pl.DataFrame([*rows, _SURVEY]).cast({"version": pl.Int32, "known_answers": pl.Int32, "known_hold": pl.Int32})


def write_catalog(connection: Connection, lake: Lake, found: pl.DataFrame) -> None:
    """Put the catalogue in the place of the one that is there."""
    with lake.transaction(connection, [FEATURE_CATALOG.qualified]):
        replace_rows(connection, FEATURE_CATALOG, found)


def _row(table: str, feature: Feature) -> dict[str, object]:
    return {
        "family": table,
        "feature": feature.name,
        "version": feature.version,
        "unit": feature.unit,
        "description": feature.description,
        "formula": feature.formula,
        "source": feature.source,
        "minimum": feature.minimum,
        "bases": ", ".join(feature.bases) if table in {f.name for f in MINUTE_FAMILIES} else "",
        "is_trailing": feature.is_trailing,
        "rapids": ", ".join(feature.rapids),
        "differs": feature.differs,
        "known_answers": len(feature.known),
        "known_hold": sum(known.holds() for known in feature.known),
        "conformance": "; ".join(f"{k.told}: {k.expected:.6g} ({k.source})" for k in feature.known),
    }


_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:72em;padding:0 1em;color:#222}
h2{margin-top:2.2em;border-bottom:2px solid #4f8bc9}article{margin:1.1em 0;padding-left:.9em;border-left:3px solid #ddd}
h3{margin:0;font-size:1em;font-family:ui-monospace,monospace}p{margin:.15em 0}dl{margin:.2em 0;display:grid;
grid-template-columns:8em 1fr;gap:.05em .8em;font-size:.88em}dt{color:#777}dd{margin:0}nav a{margin-right:1em}
.holds{color:#17692f}.fails{color:#a40000;font-weight:bold}.unit{color:#777;font-weight:normal}
"""
_TOLD = {
    "formula": "formula",
    "source": "source",
    "minimum": "null without",
    "rapids": "RAPIDS",
    "differs": "differs",
}


def catalog_page(found: pl.DataFrame) -> str:
    """A page to keep: every feature with its formula, source, minimum and known answers."""
    rows = found.rows(named=True)
    families = [(name, list(own)) for name, own in groupby(rows, key=lambda row: row["family"])]
    links = "".join(f'<a href="#{name}">{name} ({len(own)})</a>' for name, own in families)
    known, hold = (int(found[c].sum()) for c in ("known_answers", "known_hold"))
    state = "holds" if known == hold else "fails"
    parts = "".join(
        f'<h2 id="{name}">features.{name}</h2>{"".join(_article(row) for row in own)}' for name, own in families
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Features</title><style>{_STYLE}</style>'
        f"<h1>Features</h1><p>{len(rows)} definitions; <span class={state}>{hold} of {known} known answers hold</span>."
        " What is not known is null, never 0. Features marked with ↺ are told over trailing spans of days as well, in"
        f" the table of the family's name with <code>_trailing</code>.</p><nav>{links}</nav>{parts}</html>\n"
    )


def _article(row: dict[str, object]) -> str:
    told = "".join(f"<dt>{t}</dt><dd>{html.escape(str(row[c]))}</dd>" for c, t in _TOLD.items() if row[c])
    if row["known_answers"]:
        state = "holds" if row["known_hold"] == row["known_answers"] else "fails"
        told += f"<dt>known</dt><dd class={state}>{html.escape(str(row['conformance']))}</dd>"
    unit = f' <span class="unit">[{html.escape(str(row["unit"]))}]</span>' if row["unit"] else ""
    version = f' <span class="unit">v{row["version"]}{" ↺" if row["is_trailing"] else ""}</span>'
    return (
        f"<article><h3>{row['feature']}{unit}{version}</h3><p>{html.escape(str(row['description']))}</p>"
        f"<dl>{told}</dl></article>"
    )
