"""Interviews of households with known truth, written as the file of the built-in survey `household`, with mistakes.

Belongs here: what is true of each household, how an interviewer writes it down, which cells are spoilt and how.
Does not belong here: anything that reads or judges answers; nothing of the codebook is imported, its codes and lines
are here once more.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from neuro_assets.simulate.arrays import Bools, Ints

LINES_CENTS = (215, 365, 685)
CLASSES = ("extremely vulnerable", "vulnerable", "at risk", "not vulnerable")
SOURCES = ("crops", "livestock", "wages", "business", "remittances", "transfers")
GATES = ("earns_crops", "earns_livestock", "earns_wages", "earns_business", "gets_remittances", "gets_transfers")
FOOD = ("worried", "unhealthy", "few_kinds", "skipped", "ate_less", "ran_out", "hungry", "whole_day")
VILLAGES = 12
NOT_APPLICABLE = (
    dict.fromkeys(("children_in_school", "land_ha", "land_cultivated_ha", "irrigates", "main_crop"), 99)
    | dict.fromkeys(("water_treatment", "earns_livestock", "sought_care"), 99)
    | dict.fromkeys(("cattle", "goats_sheep", "chickens", "water_min"), 999)
    | {"member_since": 9999}
    | dict.fromkeys(("rent_month", "savings", "loan_owed", *(f"income_{s}" for s in SOURCES)), 99999)
)
"""What is written where an item was not asked; the other items are asked of everybody."""

# kind of mistake -> column -> what is written instead of the answer
_SPOILT: dict[str, dict[str, str]] = {
    # 99 is in no codes of these
    "stray_99": dict.fromkeys(("household_size", "village", "rooms", "head_sex", "earns_wages", "food_hungry", "adults",
                               "owns_land", "mobile_phones", "toilet", "savings_member", "disabled_members"), "99"),
    "negative": {"income_wages": "-120", "household_size": "-4", "spent_food": "-35", "land_ha": "-0.5",
                 "chickens": "-1", "savings": "-99", "head_age": "-41", "water_min": "-9", "loan_owed": "-99999"},
    "out_of_range": {"household_size": "412", "head_age": "199", "income_crops": "1000000", "land_ha": "5000",
                     "water_min": "7200", "member_since": "1890", "mobile_phones": "55", "loan_owed": "0"},
    "not_a_choice": {"village": "Akassi", "head_sex": "head", "owns_land": "perhaps", "earns_crops": "next season",
                     "water_source": "rain", "food_skipped": "sometimes", "toilet": "3", "main_crop": "tea"},
    "not_a_number": {"household_size": "six", "land_ha": "2 ha", "income_business": "about 300",
                     "water_min": "20-30", "spent_food": "1,500"},
    "do_not_know": {"income_crops": "99998", "chickens": "998", "head_age": "998", "food_ran_out": "98",
                    "land_ha": "98", "earns_livestock": "98", "member_since": "9998", "ill_last_month": "98",
                    "income_remittances": "99998", "spent_other": "99998"},
    "not_applicable_asked": {"income_wages": "99999", "land_ha": "99", "chickens": "999", "member_since": "9999"},
    "blank": dict.fromkeys(("income_wages", "roof", "household_size", "sought_care", "owns_land", "food_worried",
                            "gets_transfers", "spent_school", "radio"), ""),
    "blank_unasked": dict.fromkeys(("income_business", "land_ha", "member_since", "sought_care"), ""),
    "answered_unasked": {"income_wages": "300", "land_ha": "1.5", "savings": "50", "water_treatment": "2",
                         "cattle": "3", "rent_month": "40", "income_livestock": "75", "loan_owed": "20",
                         "main_crop": "1", "sought_care": "1"},
}  # fmt: skip
# The 31st of April, a leap day of no leap year, a month and a day that there are not.
_IMPOSSIBLE_DATES = ("{year}-02-30", "2023-02-29", "{year}-04-31", "{year}-00-10", "{year}-06-00")
_DAYS_OFF = (-3650, 3650)


@dataclass(frozen=True)
class HouseholdPlan:
    """Arguments of a survey; equal plans give equal bytes. `days` are those of the interviews, from `start` on."""

    households: int = 5_000
    seed: int = 1
    start: date = date(2024, 3, 1)
    days: int = 31

    def __post_init__(self) -> None:
        """Raise ValueError for a size in which not every kind of mistake has its households, or ids run out."""
        if not 200 <= self.households <= 50_000:
            raise ValueError(f"HouseholdPlan.households is {self.households}: 200 to 50,000 can be drawn")
        if self.days < 2:
            raise ValueError(f"HouseholdPlan.days is {self.days}: a second interview needs another day")

    @property
    def mistakes_of_a_kind(self) -> int:
        """Households that each kind of mistake has."""
        return max(4, self.households // 100)

    def generator(self, topic: str) -> np.random.Generator:
        """A random stream of its own per topic."""
        return np.random.default_rng([self.seed, zlib.crc32(topic.encode())])


@dataclass(frozen=True)
class SimulatedHouseholds:
    """A survey.

    Attributes:
        answers: the truth, one row a household; null where an item was not asked.
        households: household_id, household_size, monthly_income, daily_income_per_person, vulnerability.
        rows: the file: all cells as text, blank ones null; more rows than households.
        mistakes: row (from 1), `of` which household, household_id as it stands there, column, kind, written: each
            spoilt cell once.
    """

    plan: HouseholdPlan
    answers: pl.DataFrame
    households: pl.DataFrame
    rows: pl.DataFrame
    mistakes: pl.DataFrame


def simulate_households(plan: HouseholdPlan) -> SimulatedHouseholds:
    """Draw a survey, write it down, and spoil it."""
    answers = pl.DataFrame({**_interview(plan), **_roster(plan), **_belongings(plan), **_farm(plan)})
    answers = answers.with_columns(**_income(plan, answers))
    answers = answers.with_columns(_spending(plan, answers)).select(_ORDER)
    rows, mistakes = _spoilt(plan, answers)
    return SimulatedHouseholds(plan, answers, classes_of(answers), rows, mistakes)


def classes_of(answers: pl.DataFrame) -> pl.DataFrame:
    """Income and class of true answers, in whole cents: what is on a line is in the class above it."""
    income = sum((pl.col(f"income_{s}").fill_null(0) for s in SOURCES), pl.lit(0))
    told = pl.lit(CLASSES[0])
    for cents, name in zip(LINES_CENTS, CLASSES[1:], strict=True):
        told = pl.when(100 * income >= cents * 30 * pl.col("household_size")).then(pl.lit(name)).otherwise(told)
    return answers.select(
        "household_id",
        "household_size",
        monthly_income=income,
        daily_income_per_person=income / (30 * pl.col("household_size")),
        vulnerability=told,
    )


def write_households(survey: SimulatedHouseholds, out: Path) -> dict[str, Path]:
    """Write the file, a variant that nobody can read, and `truth/`; return the files by name.

    `header_twice` has a column once more at its end, under the same name.
    """
    (out / "truth").mkdir(parents=True, exist_ok=True)
    paths = {name: out / f"{name}.csv" for name in ("households", "header_twice")}
    survey.rows.write_csv(paths["households"])
    lines = paths["households"].read_text(encoding="utf-8").splitlines()
    again = ["household_size", *("7" for _ in lines[1:])]
    text = "".join(f"{line},{cell}\n" for line, cell in zip(lines, again, strict=True))
    paths["header_twice"].write_text(text, encoding="utf-8", newline="\n")
    for name in ("answers", "households", "mistakes"):
        getattr(survey, name).write_csv(out / "truth" / f"{name}.csv")
    return paths


# -- what is true ------------------------------------------------------------------------------------------------


def _where(is_asked: Bools, values: np.ndarray) -> pl.Series:
    """Values, null where the item was not asked."""
    return pl.select(pl.when(pl.Series(is_asked)).then(pl.Series(values))).to_series()


def _interview(plan: HouseholdPlan) -> Mapping[str, object]:
    rng, n = plan.generator("interview"), plan.households
    village, day = rng.integers(1, VILLAGES + 1, n), rng.integers(0, plan.days, n)
    number = rng.choice(100_000, n, replace=False)
    return {
        "household_id": [f"HH{i:05d}" for i in number],
        "interview_date": (np.datetime64(plan.start) + day).astype("datetime64[D]"),
        "village": village,
        "interviewer": [f"I{1 + (v + d) % 7:02d}" for v, d in zip(village.tolist(), day.tolist(), strict=True)],
        "head_name": [f"Surname{i:05d}" for i in number],
        "phone_number": [f"0700{i:06d}" for i in rng.integers(0, 1_000_000, n)],
    }


def _roster(plan: HouseholdPlan) -> Mapping[str, object]:
    rng, n = plan.generator("roster"), plan.households
    adults = 1 + rng.binomial(5, 0.3, n)
    small, school_age = rng.poisson(0.9, n).clip(max=4), rng.poisson(1.5, n).clip(max=8)
    size = adults + small + school_age
    age = rng.normal(44, 14, n).astype(int).clip(18, 97)
    age[rng.random(n) < 0.02] = 99
    hunger = rng.normal(2, 3, n)
    ill = rng.random(n) < 0.3
    food = {f"food_{name}": (hunger > place).astype(int) for place, name in enumerate(FOOD, start=1)}
    return food | {
        "household_size": size,
        "adults": adults,
        "children_under_5": small,
        "children_school_age": school_age,
        "children_in_school": _where(school_age > 0, rng.binomial(school_age, 0.8)),
        "disabled_members": rng.binomial(size, 0.05),
        "head_age": age,
        "head_sex": rng.integers(1, 3, n),
        "head_education": rng.integers(0, 4, n),
        "head_reads": rng.integers(0, 2, n),
        "ill_last_month": ill.astype(int),
        "sought_care": _where(ill, rng.integers(0, 2, n)),
        "health_insurance": rng.integers(0, 2, n),
    }


def _belongings(plan: HouseholdPlan) -> Mapping[str, object]:
    rng, n = plan.generator("belongings"), plan.households
    kinds = ("radio", "television", "bicycle", "motorcycle", "solar_panel", "sewing_machine", "plough", "electricity")
    tenure, water, treats = rng.integers(1, 4, n), rng.integers(1, 6, n), rng.random(n) < 0.4
    minutes = rng.gamma(2, 15, n).astype(int).clip(max=300)
    minutes[rng.random(n) < 0.02] = 99
    member, owes = rng.random(n) < 0.35, rng.random(n) < 0.3
    return {kind: (rng.random(n) < 0.3).astype(int) for kind in kinds} | {
        "tenure": tenure,
        "rent_month": _where(tenure == 2, rng.integers(5, 400, n)),
        "rooms": rng.integers(1, 7, n),
        "roof": rng.integers(1, 5, n),
        "floor": rng.integers(1, 4, n),
        "cooking_fuel": rng.integers(1, 5, n),
        "toilet": rng.integers(0, 3, n),
        "mobile_phones": rng.poisson(1.4, n).clip(max=9),
        "mosquito_nets": rng.poisson(2, n).clip(max=12),
        "water_source": water,
        "water_min": _where(water != 1, minutes),
        "treats_water": treats.astype(int),
        "water_treatment": _where(treats, rng.integers(1, 4, n)),
        "savings_member": member.astype(int),
        "member_since": _where(member, rng.integers(2005, plan.start.year, n)),
        "savings": _where(member, rng.integers(0, 2_000, n)),
        "has_loan": owes.astype(int),
        "loan_owed": _where(owes, rng.integers(5, 3_000, n)),
    }


def _farm(plan: HouseholdPlan) -> Mapping[str, object]:
    rng, n = plan.generator("farm"), plan.households
    owns, keeps = rng.random(n) < 0.6, rng.random(n) < 0.5
    # Hundredths of a hectare: what is cultivated is part of it, to the last digit.
    land = (5 + rng.gamma(2, 80, n)).astype(int).clip(max=4_000)
    cultivated = (land * rng.random(n)).astype(int) * (rng.random(n) < 0.9)
    cattle, goats = rng.poisson(2, (2, n)) * (rng.random((2, n)) < 0.5)
    chickens = rng.poisson(5, n)
    chickens[cattle + goats + chickens == 0] = 1
    chickens[rng.random(n) < 0.03] = 99
    return {
        "owns_land": owns.astype(int),
        "land_ha": _where(owns, land / 100),
        "land_cultivated_ha": _where(owns, cultivated / 100),
        "irrigates": _where(owns, rng.integers(0, 2, n)),
        "main_crop": _where(owns & (cultivated > 0), rng.integers(1, 6, n)),
        "keeps_livestock": keeps.astype(int),
        "cattle": _where(keeps, cattle),
        "goats_sheep": _where(keeps, goats),
        "chickens": _where(keeps, chickens),
    }


def _income(plan: HouseholdPlan, answers: pl.DataFrame) -> dict[str, pl.Series]:
    """Sources of income and what they bring; a few households are on a line to the cent, a few amounts are 99."""
    rng, n = plan.generator("income"), plan.households
    size, keeps = answers["household_size"].to_numpy(), answers["keeps_livestock"].to_numpy() == 1
    has = rng.random((len(SOURCES), n)) < np.array([0.45, 0.5, 0.35, 0.25, 0.2, 0.15])[:, None]
    has[1] &= keeps
    has[2] |= ~has.any(axis=0)
    weight = rng.gamma(1.5, 1, (len(SOURCES), n)) * has
    month = rng.lognormal(np.log(3.4), 0.8, n) * 30 * size
    amounts = (weight / weight.sum(axis=0) * month).astype(int).clip(1, 40_000)
    amounts[5, rng.random(n) < 0.2] = 99
    # Of an even number of people, a line times 30 days is a whole amount.
    on_line = rng.permutation(np.flatnonzero(size % 2 == 0))[: 3 * plan.mistakes_of_a_kind]
    has[:, on_line] = (np.arange(len(SOURCES)) == 2)[:, None]
    amounts[2, on_line] = np.resize(LINES_CENTS, len(on_line)) * 30 * size[on_line] // 100
    is_asked = np.array([keeps if source == "livestock" else np.ones(n, dtype=bool) for source in SOURCES])
    gates = {gate: _where(is_asked[i], has[i].astype(int)) for i, gate in enumerate(GATES)}
    return gates | {f"income_{s}": _where(has[i], amounts[i]) for i, s in enumerate(SOURCES)}


def _spending(plan: HouseholdPlan, answers: pl.DataFrame) -> list[pl.Series]:
    """Up to one and a half times the income, in four parts."""
    rng = plan.generator("spending")
    income = classes_of(answers).get_column("monthly_income").to_numpy()
    part = rng.gamma(2, 1, (4, len(income)))
    parts = (part / part.sum(axis=0) * income * rng.uniform(0.4, 1.5, len(income))).astype(int).clip(max=50_000)
    return [pl.Series(f"spent_{name}", parts[i]) for i, name in enumerate(("food", "school", "health", "other"))]


# fmt: off
_ORDER = (
    "household_id", "interview_date", "village", "interviewer", "head_name", "phone_number",
    "household_size", "adults", "children_under_5", "children_school_age", "children_in_school", "disabled_members",
    "head_age", "head_sex", "head_education", "head_reads",
    "tenure", "rent_month", "rooms", "roof", "floor", "electricity", "cooking_fuel", "toilet",
    "radio", "television", "bicycle", "motorcycle", "solar_panel", "sewing_machine", "plough", "mobile_phones",
    "mosquito_nets", "owns_land", "land_ha", "land_cultivated_ha", "irrigates", "main_crop",
    "keeps_livestock", "cattle", "goats_sheep", "chickens",
    "water_source", "water_min", "treats_water", "water_treatment",
    *(column for pair in zip(GATES, (f"income_{s}" for s in SOURCES), strict=True) for column in pair),
    "spent_food", "spent_school", "spent_health", "spent_other", *(f"food_{name}" for name in FOOD),
    "savings_member", "member_since", "savings", "has_loan", "loan_owed",
    "ill_last_month", "sought_care", "health_insurance",
)
# fmt: on


# -- what is written ---------------------------------------------------------------------------------------------


@dataclass
class _Sheet:
    """The cells as they are written, and what was spoilt; a household is spoilt once.

    `of` says whose each row is, `is_new` which households are still as they were. Copies follow the rows of `answers`.
    """

    answers: pl.DataFrame
    rng: np.random.Generator
    cells: dict[str, list[str]]
    of: list[str]
    is_new: Bools
    found: list[tuple[int, str, str]] = field(default_factory=list)

    def take(self, is_fit: Bools | pl.Series) -> int:
        """A household that fits and is still as it was."""
        place = int(self.rng.choice(np.flatnonzero(self.is_new & np.asarray(is_fit))))
        self.is_new[place] = False
        return place

    def write(self, place: int, column: str, kind: str, text: str) -> None:
        """Spoil a cell."""
        self.cells[column][place] = text
        self.found.append((place, column, kind))

    def copy(self, place: int) -> int:
        """Append a row like another one."""
        for texts in self.cells.values():
            texts.append(texts[place])
        self.of.append(self.of[place])
        return len(self.cells["household_id"]) - 1


def _spoilt(plan: HouseholdPlan, answers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows in the order of the file, and what is wrong in which."""
    rng = plan.generator("mistakes")
    text = answers.select(pl.col(c).cast(pl.String).fill_null(str(NOT_APPLICABLE.get(c, ""))) for c in answers.columns)
    is_new = np.ones(answers.height, dtype=bool)
    sheet = _Sheet(answers, rng, text.to_dict(as_series=False), answers.get_column("household_id").to_list(), is_new)
    for number in range(plan.mistakes_of_a_kind):
        for kind, texts in _SPOILT.items():
            column = list(texts)[number % len(texts)]
            place = sheet.take(answers.get_column(column).is_null() == kind.endswith("_unasked"))
            sheet.write(place, column, kind, texts[column])
        _break_rules(sheet)
        _repeat_ids(sheet, plan, number)
        _shift_dates(sheet, plan, number)
    return _in_file_order(sheet, rng)


def _break_rules(sheet: _Sheet) -> None:
    """One household for each rule across items, spoilt in one cell."""
    answers = sheet.answers.with_columns(classes_of(sheet.answers).get_column("monthly_income"))
    income = pl.col("monthly_income")
    size, school, land = pl.col("household_size"), pl.col("children_school_age"), pl.col("land_ha")
    broken: Mapping[str, tuple[str, pl.Expr, pl.Expr]] = {
        "rule_size": ("household_size", size < 20, size + 1),
        "rule_pupils": ("children_in_school", school > 0, school + 2),
        "rule_disabled": ("disabled_members", size < 30, size + 1),
        # Where nothing is cultivated nothing is said of crops: that would be a second defect.
        "rule_cultivated": ("land_cultivated_ha", pl.col("land_cultivated_ha") > 0, (land + 1).round(2)),
        "rule_animals": ("chickens", (pl.col("cattle") == 0) & (pl.col("goats_sheep") == 0), pl.col("cattle")),
        "rule_spending": ("spent_food", income < 13_000, 3 * income + 1),
    }
    for kind, (column, is_fit, text) in broken.items():
        place = sheet.take(answers.select(is_fit.fill_null(value=False)).to_series())
        sheet.write(place, column, kind, answers.select(text.cast(pl.String)).item(place, 0))


def _repeat_ids(sheet: _Sheet, plan: HouseholdPlan, number: int) -> None:
    """A row twice, a household interviewed on two days, and an id given to two households."""
    same, other, first, second = (sheet.take(sheet.is_new) for _ in range(4))
    copy, again = sheet.copy(same), sheet.copy(other)
    day = date.fromisoformat(sheet.cells["interview_date"][other])
    later = plan.start + timedelta(days=((day - plan.start).days + 1 + number % (plan.days - 1)) % plan.days)
    sheet.cells["interview_date"][again] = later.isoformat()
    sheet.cells["household_id"][second] = sheet.cells["household_id"][first]
    pairs = {"repeated_row": (same, copy), "repeated_interview": (other, again), "shared_id": (first, second)}
    sheet.found += [(place, "household_id", kind) for kind, places in pairs.items() for place in places]


def _shift_dates(sheet: _Sheet, plan: HouseholdPlan, number: int) -> None:
    """A day that there is not, and one ten years off."""
    text = _IMPOSSIBLE_DATES[number % len(_IMPOSSIBLE_DATES)].format(year=plan.start.year)
    sheet.write(sheet.take(sheet.is_new), "interview_date", "impossible_date", text)
    far = plan.start + timedelta(days=_DAYS_OFF[number % 2])
    sheet.write(sheet.take(sheet.is_new), "interview_date", "outside_window", far.isoformat())


def _in_file_order(sheet: _Sheet, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Put the rows in any order: what belongs together stands apart."""
    rows = pl.DataFrame(sheet.cells)
    order: Ints = rng.permutation(rows.height)
    rank = np.argsort(order) + 1
    mistakes = [
        (
            int(rank[place]),
            sheet.of[place],
            sheet.cells["household_id"][place],
            column,
            kind,
            sheet.cells[column][place],
        )
        for place, column, kind in sheet.found
    ]
    names = ["row", "of", "household_id", "column", "kind", "written"]
    table = pl.DataFrame(mistakes, schema=names, orient="row").sort("row", "column", "kind")
    return rows[order].with_columns(pl.col(pl.String).replace("", None)), table
