"""Scores and oddities of responses by the rules of their codebook. Pure: polars frames in and out.

A frame of responses has one row a response: key columns, `duration_s`, and a column for each item (Float64 where the
codebook's `types` say number, else String) that is null where nothing was answered. For each item that not everybody
is asked there is a truth value under `NOT_ASKED` and its name: whether it was answered as not applicable.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from neuro_assets.surveys.model import Codebook
from neuro_assets.surveys.parts import Score

if TYPE_CHECKING:
    import polars as pl

NOT_ASKED = "not_asked:"
# Seconds an item below which nobody reads: Huang, Curran, Keeney, Poposki, DeShon 2012, J Bus Psychol 27:99-114.
FASTEST_ITEM_S = 2.0
# One answer to so many items of one scale is a line, where none of them is turned round.
_LINE = 10
_LINE_WITH_REVERSED = 5
# Yes to ten questions of fact is no line.
_LEAST_CODES = 3


def scores_of(codebook: Codebook, responses: "pl.DataFrame", key: Sequence[str]) -> "pl.DataFrame":
    """Every score of every response.

    Args:
        codebook: the instrument.
        responses: one row a response.
        key: columns that tell a response; they are handed on.

    Returns:
        One row a response and score: key, score_name, score, band, items, items_answered, is_prorated,
        unscored_reason (too_many_missing, item_missing, excluded_by_rule; null where there is a score).
    """
    import polars as pl

    excluding = [codebook.rule_expressions[r.name].polars() for r in codebook.rules if r.then == "exclude"]
    is_excluded = (
        pl.any_horizontal(*(~e.fill_null(value=True) for e in excluding)) if excluding else pl.lit(value=False)
    )
    frame = responses.with_columns(is_excluded.alias("__excluded"))
    parts = []
    for name, score in codebook.scores.items():
        told = _formula(codebook, name) if score.method == "formula" else _added_up(codebook, name, score)
        frame = frame.with_columns(told)
        value = pl.when("__excluded").then(None).otherwise(pl.col(name))
        reason = pl.when("__excluded").then(pl.lit("excluded_by_rule")).when(pl.col(name).is_null())
        missing = "item_missing" if score.method == "formula" or score.max_missing == 0 else "too_many_missing"
        parts.append(
            frame.select(
                *key,
                pl.lit(name).alias("score_name"),
                value.cast(pl.Float64).alias("score"),
                _band(score, value).alias("band"),
                pl.lit(_size(codebook, name), pl.Int32).alias("items"),
                pl.col(f"__answered_{name}").cast(pl.Int32).alias("items_answered"),
                (pl.col(f"__prorated_{name}") & value.is_not_null()).alias("is_prorated"),
                reason.then(pl.lit(missing)).otherwise(None).alias("unscored_reason"),
            )
        )
    return pl.concat(parts) if parts else pl.DataFrame()


def _size(codebook: Codebook, name: str) -> int:
    return len(codebook.parts_of(name))


def _formula(codebook: Codebook, name: str) -> "list[pl.Expr]":
    import polars as pl

    expression = codebook.formulas[name]
    items = sorted(codebook.parts_of(name))
    answered = pl.sum_horizontal(*(pl.col(i).is_not_null() for i in items)) if items else pl.lit(0)
    value = expression.polars() * codebook.scores[name].scale
    is_prorated = pl.lit(value=False).alias(f"__prorated_{name}")
    return [value.alias(name), answered.alias(f"__answered_{name}"), is_prorated]


def _added_up(codebook: Codebook, name: str, score: Score) -> "list[pl.Expr]":
    """Sum or mean of the answered items, where enough are."""
    import polars as pl

    items = codebook.items_of(name)
    values = [_turned(codebook, i) if i in score.reverse else pl.col(i) for i in items]
    answered = pl.sum_horizontal(*(pl.col(i).is_not_null() for i in items)).cast(pl.Int64)
    total = pl.sum_horizontal(*values)
    is_whole = answered == len(items)
    result = total / answered if score.method == "mean" else total
    is_prorated = pl.lit(value=False)
    if score.prorate:
        # One division at the end: 9 x 14 / 7 is 18, not 17.999.
        estimate = total * len(items) / answered
        if score.round is not None:
            estimate = estimate.ceil() if score.round == "up" else (estimate + 0.5).floor()
        result, is_prorated = pl.when(is_whole).then(total).otherwise(estimate), ~is_whole
    enough = (answered >= len(items) - score.max_missing) & (answered > 0)
    return [
        pl.when(enough).then(result * score.scale).otherwise(None).alias(name),
        answered.alias(f"__answered_{name}"),
        is_prorated.alias(f"__prorated_{name}"),
    ]


def _turned(codebook: Codebook, item: str) -> "pl.Expr":
    import polars as pl

    low, high = codebook.bounds_of(item) or (0.0, 0.0)
    return pl.lit(low + high) - pl.col(item)


def _band(score: Score, value: "pl.Expr") -> "pl.Expr":
    """The band that begins at or below the score; none below the first."""
    import polars as pl

    told = pl.lit(None, pl.String)
    for start, label in sorted(score.bands.items()):
        told = pl.when(value >= start).then(pl.lit(label)).otherwise(told)
    return told


def flags_of(codebook: Codebook, responses: "pl.DataFrame", key: Sequence[str]) -> "pl.DataFrame":
    """What is odd about responses; nothing is dropped for it.

    Returns:
        One row a response and oddity: key, flag, items, detail. Flags: the codebook's rules by name,
        `answered_unasked` (an item that the response's own answers say was not asked), `not_applicable_though_asked`
        (the other way round), `straight_lining` (one answer to at least ten items of one scale, or to five of which
        some are turned round in a score), `too_fast` (faster than the codebook's `fastest_s`, or than two seconds an
        item).
    """
    import polars as pl

    found = [_flagged(responses, key, *told) for told in _broken(codebook)]
    for scale, items in _scales(codebook).items():
        reversed_items = {i for s in codebook.scores.values() for i in s.reverse}
        least = _LINE_WITH_REVERSED if reversed_items & set(items) else _LINE
        if len(items) < least:
            continue
        listed = pl.concat_list(*items)
        is_line = (listed.list.drop_nulls().list.len() >= least) & (listed.list.drop_nulls().list.n_unique() == 1)
        text = pl.concat_str(pl.lit("all "), listed.list.drop_nulls().list.first().cast(pl.String))
        found.append(_flagged(responses, key, "straight_lining", is_line, items, text, scale))
    seconds = codebook.fastest_s or FASTEST_ITEM_S * len(codebook.kept_items)
    is_fast = pl.col("duration_s") < seconds
    text = pl.concat_str(pl.col("duration_s").cast(pl.String), pl.lit(f" s, less than {seconds:g}"))
    found.append(_flagged(responses, key, "too_fast", is_fast, (), text))
    return pl.concat(found)


def _broken(codebook: Codebook) -> "list[tuple[str, pl.Expr, Sequence[str], pl.Expr]]":
    import polars as pl

    found = []
    for rule in codebook.rules:
        expression = codebook.rule_expressions[rule.name]
        items = [i for i in codebook.kept_items if i in expression.names]
        found.append((rule.name, ~expression.polars(), items, pl.lit(rule.text)))
    for item, expression in codebook.conditions.items():
        is_unasked = ~expression.polars() & pl.col(item).is_not_null()
        text = pl.lit(f"asked only if {codebook.items[item].asked_if}")
        found.append(("answered_unasked", is_unasked, [item], text))
        is_passed_over = expression.polars() & pl.col(f"{NOT_ASKED}{item}")
        text = pl.lit(f"asked, for {codebook.items[item].asked_if}; yet answered as not applicable")
        found.append(("not_applicable_though_asked", is_passed_over, [item], text))
    return found


def _flagged(
    responses: "pl.DataFrame",
    key: Sequence[str],
    flag: str,
    is_odd: "pl.Expr",
    items: Sequence[str],
    detail: "pl.Expr",
    of: str = "",
) -> "pl.DataFrame":
    import polars as pl

    told = ", ".join(items) if len(items) <= _LINE else f"{len(items)} items of {of}"
    return responses.filter(is_odd.fill_null(value=False)).select(
        *key,
        pl.lit(flag).alias("flag"),
        pl.lit(told or None, pl.String).alias("items"),
        detail.cast(pl.String).alias("detail"),
    )


def _scales(codebook: Codebook) -> dict[str, list[str]]:
    """Named answer scales -> the numeric items that share them."""
    found: dict[str, list[str]] = {}
    for name, item in codebook.kept_items.items():
        is_scale = isinstance(item.choices, str) and len(codebook.codes_of(name)) >= _LEAST_CODES
        if is_scale and codebook.type_of(name) == "number":
            found.setdefault(str(item.choices), []).append(name)
    return found
