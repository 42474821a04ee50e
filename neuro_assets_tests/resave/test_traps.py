"""Files whose dates fit two orders: whatever is decided, no row may stand on another day than its own.

Each trap is set in the window of the study and in an open one, where a shifted day is a day of the study too.
"""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from neuro_assets.study import Window
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.resave.export import Export, render
from neuro_assets_tests.resave.originals import ORIGINALS, Original, some_people
from neuro_assets_tests.resave.trial import Frames, Trials, Verdict, judge
from neuro_assets_tests.resave.variants import variant

FILES = {o.label: o for o in ORIGINALS}
Send = Callable[..., Verdict]


@pytest.fixture(scope="module", params=[pytest.param("closed", marks=pytest.mark.verify), "open"])
def place(request: pytest.FixtureRequest, trials: Trials, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    """Homes with the study's window, and with one that begins before it and does not end."""
    if request.param == "closed":
        yield trials
        return
    window = Window(start=date(2016, 1, 1), end=None)
    with closing(Trials(tmp_path_factory.mktemp("open"), study_of(window=window))) as empty_homes:
        yield empty_homes


@pytest.fixture
def table(shared_data: Path) -> Callable[..., Export]:
    """`table(label, keep)`: one person of a real file, at the moments to keep."""

    def of(label: str, keep: Callable[[datetime], bool] = lambda _: True, people: int = 1) -> Export:
        return some_people(FILES[label].export(shared_data), people, keep)

    return of


@pytest.fixture
def send(place: Trials, expected: Callable[[Original], Frames]) -> Send:
    """`send(label, export, *steps)`: the verdict, judged by the rows of the whole file that the table still has."""

    def of(label: str, export: Export, *steps: str) -> Verdict:
        remade = variant(export, *steps)
        name, content = remade.file()
        outcomes, frames = place.send({name: content})
        return judge(outcomes, frames, only(expected(FILES[label]), export), remade.result)

    return of


def only(frames: Frames, export: Export) -> Frames:
    """The expected rows of the people and days that a table still has."""
    who = export.where("id")[0]
    left = {(str(row[who]), m.date()) for row, m in zip(export.rows, export.moments, strict=True)}
    days = pl.DataFrame(sorted(left), schema={"participant_id": pl.String, "day": pl.Date}, orient="row")
    return {s: f.join(days, on=["participant_id", "day"], how="semi", maintain_order="left") for s, f in frames.items()}


def early(moment: datetime) -> bool:
    """A day that both orders can name."""
    return moment.day <= 12


def never_shifted(verdict: Verdict) -> bool:
    return verdict.outcome in {"loaded", "refused"}


def often(first: str, *others: str) -> list:
    """The first step in every run, the others in `make verify`."""
    return [first, *(pytest.param(other, marks=pytest.mark.verify) for other in others)]


_DAY_FIRST = ("day first, padded", "day first, unpadded", "day first, AM/PM", "dotted", "two-digit year, day first")
_MONTH_FIRST = ("month first, padded", "clock of 24 hours", "two-digit year, month first")
DAY_FIRST = often(*_DAY_FIRST)
ORDERLESS = often(*_DAY_FIRST, "dashes, day first", *_MONTH_FIRST)


@pytest.mark.parametrize("step", ORDERLESS)
def test_hours_of_a_month_without_any_day_above_12(send: Send, table: Callable[..., Export], step: str):
    verdict = send("hourlySteps-p1", table("hourlySteps-p1", early), step)
    assert never_shifted(verdict), verdict


@pytest.mark.parametrize("step", DAY_FIRST)
def test_hours_of_a_month_of_which_a_third_fits_both_orders(send: Send, table: Callable[..., Export], step: str):
    export = table("hourlySteps-p1")
    share = sum(map(early, export.moments)) / len(export.moments)
    assert 0.3 < share < 0.5
    verdict = send("hourlySteps-p1", export, step)
    assert never_shifted(verdict), verdict


@pytest.mark.parametrize("step", ORDERLESS)
def test_a_heart_rate_file_of_three_days_in_may(send: Send, table: Callable[..., Export], step: str):
    export = table("heartrate_seconds-partial")
    assert {m.date().isoformat() for m in export.moments} == {"2016-05-10", "2016-05-11", "2016-05-12"}
    verdict = send("heartrate_seconds-partial", export, step)
    assert never_shifted(verdict), verdict


@pytest.mark.parametrize("step", often("day first, padded", "dotted", "month first, padded", "compact"))
@pytest.mark.parametrize("label", ["hourlyCalories-p1", "dailySteps-p2"])
@pytest.mark.verify
def test_a_file_of_one_day(send: Send, table: Callable[..., Export], label: str, step: str):
    day = date(2016, 4, 5) if label.endswith("p1") else date(2016, 5, 4)
    export = table(label, lambda m: m.date() == day, 3)
    assert export.rows
    verdict = send(label, export, step)
    assert never_shifted(verdict), verdict


@pytest.mark.parametrize("step", often("day first, padded", "day first, unpadded", "dotted", "clock of 24 hours"))
@pytest.mark.parametrize("label", often("weightLogInfo-p2", "weightLogInfo-p1"))
def test_a_weight_log_of_few_events(send: Send, table: Callable[..., Export], label: str, step: str):
    verdict = send(label, table(label, early, 99), step)
    assert never_shifted(verdict), verdict


@pytest.mark.parametrize(
    "how", ["Excel's swap, shown ISO", "Excel's swap, shown day first", "Excel's swap, real dates"]
)
@pytest.mark.parametrize(
    "keep", [early, pytest.param(lambda _: True, marks=pytest.mark.verify)], ids=["days up to 12", "all days"]
)
def test_days_that_excel_has_swapped(send: Send, table: Callable[..., Export], how: str, keep: Callable):
    steps = (how, "xlsx, typed") if how.endswith("real dates") else (how,)
    verdict = send("hourlySteps-p1", table("hourlySteps-p1", keep), *steps)
    assert never_shifted(verdict), verdict


@pytest.mark.parametrize(
    "keep", [early, pytest.param(lambda _: True, marks=pytest.mark.verify)], ids=["days up to 12", "all days"]
)
@pytest.mark.parametrize("first", ["day first", pytest.param("month first", marks=pytest.mark.verify)])
def test_siblings_in_one_drop_one_of_each_order(
    place: Trials, expected: Callable[[Original], Frames], table: Callable[..., Export], keep: Callable, first: str
):
    """Each is right or refused, whichever comes first; neither borrows the other's order."""
    steps, calories = table("hourlySteps-p1", keep), table("hourlyCalories-p1", keep)
    files = [
        render(variant(steps, "day first, padded").result),
        render(variant(calories, "month first, padded").result),
    ]
    outcomes, frames = place.send(dict(files if first == "day first" else files[::-1]))
    for export in (steps, calories):
        own = [o for o in outcomes if Path(o.name).stem == export.stem]
        stream = "steps" if export is steps else "calories"
        want = only(expected(FILES[f"{export.stem.removesuffix('_merged')}-p1"]), export)
        verdict = judge(own, {s: f for s, f in frames.items() if s == stream}, want, export)
        assert never_shifted(verdict), verdict


@pytest.mark.parametrize("label", often("hourlySteps-p1", "dailySteps-p2", "heartrate_seconds-partial", "sleepDay-p2"))
def test_the_untouched_form_is_no_trap(send: Send, table: Callable[..., Export], label: str):
    """Days up to 12 only, as the vendor writes them: read month first or refused, in every window."""
    verdict = send(label, table(label, early))
    assert never_shifted(verdict), verdict


def test_a_shifted_row_would_be_found(
    place: Trials, expected: Callable[[Original], Frames], table: Callable[..., Export]
):
    """The trap is sharp: the same rows with day and month exchanged are judged wrong."""
    export = table("hourlySteps-p1", lambda m: m.date() == date(2016, 4, 5))
    moved = replace(export, rows=tuple((r[0], r[1].replace(month=5, day=4), r[2]) for r in export.rows))
    name, content = render(moved)
    outcomes, frames = place.send({name: content})
    assert judge(outcomes, frames, only(expected(FILES["hourlySteps-p1"]), export), export).outcome == "wrong"
