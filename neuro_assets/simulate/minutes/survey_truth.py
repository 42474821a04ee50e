"""What was due of each instrument, what was answered, and the scores that follow as they are published.

The rules are here once more, in numbers, so that a codebook or its scoring that says something else is found out.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from neuro_assets.simulate.minutes.questionnaires import NEVER, Responses


@dataclass(frozen=True)
class Published:
    """A sum of items times `factor`; `turned` are those counted as highest plus lowest code less the answer.

    With up to `most_missing` items left blank, the others stand for them.
    """

    items: tuple[str, ...]
    factor: int = 1
    turned: tuple[str, ...] = ()
    most_missing: int = 0


_NAMES: dict[str, type[pl.DataType]] = dict.fromkeys(
    ("participant_id", "instrument", "response_id", "score_name"), pl.String
)


def _q(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"q{n}" for n in range(first, last + 1))


PUBLISHED: dict[str, dict[str, Published]] = {
    # Topp et al. 2015: the raw score of 0 to 25 times 4.
    "who5": {"total": Published(_q(1, 5), factor=4)},
    # Kroenke et al. 2009: the sum, of which items 1 and 2 are the GAD-2, items 3 and 4 the PHQ-2.
    "phq4": {"total": Published(_q(1, 4)), "gad2": Published(_q(1, 2)), "phq2": Published(_q(3, 4))},
    # Spitzer et al. 2006.
    "gad7": {"total": Published(_q(1, 7))},
    # Kroenke et al. 2010: one or two missing answers take the mean of the others.
    "phq9": {"total": Published(_q(1, 9), most_missing=2)},
    # Cohen and Williamson 1988: items 4, 5, 7 and 8 are turned round.
    "pss10": {"total": Published(_q(1, 10), turned=("q4", "q5", "q7", "q8"))},
    # Ratings that are not to be added up.
    "ema_mood": {},
}


def survey_tables(responses: Responses) -> dict[str, pl.DataFrame]:
    """The tables of an instrument and a block of people, by name."""
    return {"survey_due": _due(responses), "survey_answers": _answers(responses), "survey_scores": _scores(responses)}


def _due(responses: Responses) -> pl.DataFrame:
    """A row for each due answer: until which day, when it was given, and which export was the first to hold it."""
    everything = np.arange(len(responses))
    first_day = responses.study.clocks.days[0]
    wall, told = responses.wall, pl.Series(~responses.is_missed)
    columns = {
        "answered_utc": pl.Series(wall.utc(responses.answered_ms)),
        "answered_local": pl.Series(wall.local(responses.row, responses.answered_ms)),
        "response_id": pl.Series(responses.response_ids(everything), dtype=pl.String),
        "is_straight_lined": pl.Series(responses.is_straight_lined),
        "items_answered": pl.Series((~responses.is_blank).sum(axis=1)),
    }
    export = pl.Series(responses.export + 1)
    return pl.DataFrame(
        {
            "participant_id": responses.names(everything),
            "instrument": [responses.codebook.name] * len(responses),
            "first_day": first_day + responses.first_day,
            "last_day": first_day + responses.first_day + responses.survey.every_days - 1,
            "is_missed": responses.is_missed,
            "wellbeing": responses.wellbeing,
        }
    ).with_columns(
        *(pl.when(told).then(values).alias(name) for name, values in columns.items()),
        pl.when(pl.Series(responses.export != NEVER)).then(export).alias("export"),
    )


def _answers(responses: Responses) -> pl.DataFrame:
    """A row for each item of each response, in the order of the file."""
    at = responses.given
    key = pl.DataFrame(
        {
            "participant_id": responses.names(at),
            "instrument": [responses.codebook.name] * len(at),
            "response_id": responses.response_ids(at),
        },
        schema_overrides=_NAMES,
    ).with_row_index("row")
    parts = [
        key.with_columns(pl.lit(item).alias("item"), responses.values(at, n).alias("code"))
        for n, item in enumerate(responses.items)
    ]
    return pl.concat(parts).sort("row", maintain_order=True).drop("row")


def _scores(responses: Responses) -> pl.DataFrame:
    """A row for each response and score; the score is empty where too much was left blank."""
    at, items = responses.given, list(responses.items)
    codes = [np.array(c, dtype=np.float64) for c in responses.items.values()]
    value = np.stack([codes[n][responses.answer[at, n]] for n in range(len(items))], axis=1)
    parts = []
    for name, rule in PUBLISHED[responses.codebook.name].items():
        of = np.array([items.index(item) for item in rule.items])
        turned = np.array([item in rule.turned for item in rule.items])
        ends = np.array([codes[n][0] + codes[n][-1] for n in of])
        given = ~responses.is_blank[at][:, of]
        counted = np.where(turned, ends - value[:, of], value[:, of])
        answered = given.sum(axis=1)
        total = np.where(given, counted, 0.0).sum(axis=1) * rule.factor
        enough = answered >= len(of) - rule.most_missing
        score = pl.Series(np.where(answered == len(of), total, total * len(of) / np.maximum(answered, 1)))
        parts.append(
            pl.DataFrame(
                {
                    "participant_id": responses.names(at),
                    "instrument": [responses.codebook.name] * len(at),
                    "response_id": responses.response_ids(at),
                    "score_name": [name] * len(at),
                    "score": pl.select(pl.when(pl.Series(enough)).then(score)).to_series(),
                    "items_answered": answered,
                },
                schema_overrides=_NAMES | {"score": pl.Float64},
            )
        )
    return pl.concat(parts) if parts else pl.DataFrame()
