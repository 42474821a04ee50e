"""How the dates of a column are decided: each kind of evidence alone, together, and against each other."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from neuro_assets.ingest.dates import Circumstances, DateDecision, TimeSurvey, decide, read_date_text
from neuro_assets.study import Window

ALL_TIME = Window(start=date(1970, 1, 1), end=date(2199, 12, 31))
SPRING = Window(start=date(2016, 3, 12), end=date(2016, 5, 13))
# Nothing but the column itself: single entries, in no order, at any time.
SILENT = Circumstances(window=ALL_TIME, vendor_order="mdy", is_regular=False)
Rows = Sequence[str | tuple[str, str]]


def decision_of(rows: Rows, around: Circumstances = SILENT) -> DateDecision:
    """The decision over rows in file order: texts of one person, or (person, text)."""
    cells = [("ann", row) if isinstance(row, str) else row for row in rows]
    frame = pl.DataFrame(cells, schema=["id", "text"], orient="row").with_row_index("row", offset=1)
    pairs = frame.group_by("id", "text").agg(n=pl.len(), first_row=pl.col("row").min()).sort("first_row")
    return decide(TimeSurvey(pairs, "Day"), around)


def days(rows: Rows, around: Circumstances = SILENT) -> list[str] | None:
    """The day of every row as decided, without its year 2016; None where the column is refused."""
    decision = decision_of(rows, around)
    if decision.refusal:
        return None
    orders = {s.shape: s.order for s in decision.shapes}
    found = []
    for row in rows:
        text = read_date_text(row if isinstance(row, str) else row[1])
        day = text.days[orders[text.shape]] if text else None
        found.append(str(day).removeprefix("2016-"))
    return found


def around(**overrides: object) -> Circumstances:
    return replace(SILENT, **overrides)  # pyright: ignore[reportArgumentType]


class TestNothingSpeaks:
    """A day and month that may change places, and no evidence: never guessed."""

    @pytest.mark.parametrize("text", ["3/4/2016", "03.04.2016", "3/4/16", "03-04-2016", "10/11/12"])
    def test_is_refused(self, text: str):
        assert days([text]) is None

    def test_says_between_what(self):
        refusal = decision_of(["3/4/2016"]).refusal or ""
        assert "'3/4/2016' may be day/month/year or month/day/year" in refusal

    def test_a_day_that_is_the_same_both_ways_is_refused_all_the_same(self):
        """4 April is 4 April; but the order is recorded for the file, and nobody knows it."""
        decision = decision_of(["4/4/2016"])
        assert decision.refusal is not None or decision.order in {"mdy", "dmy"}

    def test_no_dates_at_all(self):
        assert decision_of(["soon", "later", "1503960366"]).shapes == ()
        assert "no cell of 'Day' is a date" in (decision_of(["soon"]).refusal or "")

    def test_a_column_of_texts_is_none_of_days(self):
        refusal = decision_of([f"x{n}" for n in range(50_001)]).refusal or ""
        assert "50,001 different texts" in refusal


class TestParse:
    """Rows that only one order can read."""

    @pytest.mark.parametrize(
        ("rows", "read"),
        [
            (["5/4/2016", "13/4/2016"], ["04-05", "04-13"]),
            (["5/4/2016", "4/13/2016"], ["05-04", "04-13"]),
            (["05.04.2016", "31.03.2016"], ["04-05", "03-31"]),
            (["2016-04-05", "2016-04-13"], ["04-05", "04-13"]),
            (["2016-05-04", "2016-13-04"], ["04-05", "04-13"]),
            (["4/13/16", "4/5/16"], ["04-13", "04-05"]),
            (["20160405", "20160413"], ["04-05", "04-13"]),
        ],
    )
    def test_one_row_above_12_decides_for_all(self, rows: list[str], read: list[str]):
        assert days(rows) == read

    @pytest.mark.parametrize("order", ["mdy", "dmy"])
    def test_the_row_that_decided_is_named(self, order: str):
        text = "13/4/2016" if order == "dmy" else "4/13/2016"
        first = ["5/4/2016", "6/4/2016"] if order == "dmy" else ["4/5/2016", "4/6/2016"]
        decision = decision_of([*first, text])
        assert decision.order == order
        assert f"1 of 3 rows (the first: row 3, '{text}')" in decision.evidence

    def test_a_few_cells_that_are_no_dates_change_nothing(self):
        rows = ["13/4/2016", "soon", "31/4/2016", "5/4/2016"]
        assert decision_of(rows).order == "dmy"

    @pytest.mark.parametrize(
        ("rows", "named"),
        [
            (["13/4/2016", "4/13/2016"], ("'13/4/2016'", "'4/13/2016'")),
            (["13/4/2016"] * 200 + ["4/13/2016"], ("200 rows", "'4/13/2016'")),
            (["2016-04-13", "2016-13-04"], ("'2016-04-13'", "'2016-13-04'")),
        ],
    )
    def test_rows_of_both_orders_are_two_hands_and_refused(self, rows: list[str], named: tuple[str, ...]):
        refusal = decision_of(rows, around(is_untouched=True, window=SPRING)).refusal or ""
        for part in named:
            assert part in refusal

    @pytest.mark.parametrize(
        ("text", "day"),
        [("12-Apr-16", "04-12"), ("April 12, 2016", "04-12"), ("42475", "04-15"), ("42475.75", "04-15")],
    )
    def test_names_and_day_numbers_need_no_more(self, text: str, day: str):
        assert days([text]) == [day]
        assert decision_of([text]).evidence


class TestWindow:
    """One reading within the study, every other far outside it."""

    DAY_FIRST = ("01/04/2016", "02/04/2016")

    def test_speaks(self):
        """1 and 2 April; 4 January and 4 February are two months before a study of May and late April."""
        late = Window(start=date(2016, 3, 30), end=date(2016, 5, 13))
        assert days(self.DAY_FIRST, around(window=late)) == ["04-01", "04-02"]
        assert "2 of 2 rows then fall into the study window (2016-03-30 to 2016-05-13), read otherwise 0" in (
            decision_of(self.DAY_FIRST, around(window=late)).evidence
        )

    def test_speaks_for_month_first_as_well(self):
        early = Window(start=date(2016, 1, 1), end=date(2016, 2, 5))
        assert days(self.DAY_FIRST, around(window=early)) == ["01-04", "02-04"]

    @pytest.mark.parametrize("text", ["03/04/2016", "04/03/2016"])
    def test_a_few_weeks_beside_the_window_prove_nothing(self, text: str):
        """4 March is 8 days before the study: exports often begin earlier."""
        assert days([text], around(window=SPRING)) is None

    def test_both_inside(self):
        assert days(["04/05/2016", "05/04/2016"], around(window=SPRING)) is None

    def test_neither_inside(self):
        assert days(["01/08/2016", "02/09/2016"], around(window=SPRING)) is None

    def test_a_row_in_ten_may_lie_outside_and_no_more(self):
        """Day first: 1 April 9 times, and 1 February; month first: 4 January and 2 January."""
        window = Window(start=date(2016, 3, 30), end=date(2016, 5, 13))
        nine, eight = ["01/04/2016"] * 9 + ["01/02/2016"], ["01/04/2016"] * 8 + ["01/02/2016"] * 2
        assert days(nine, around(window=window)) == ["04-01"] * 9 + ["02-01"]
        assert days(eight, around(window=window)) is None

    def test_an_open_window_ends_nowhere(self):
        future = Window(start=date(2016, 3, 30), end=None)
        assert days(["01/04/2016", "02/04/2016"], around(window=future)) == ["04-01", "04-02"]
        assert days(["05/06/2016"], around(window=future)) is None


class TestSequence:
    """Days follow each other through a person's rows; exchanged, they jump."""

    # 10 January, 2 and 11 February, 3 and 12 March, 4 and 11 April, 5 May: no text order, nothing dense.
    DAY_FIRST = ("10/01/2016", "02/02/2016", "11/02/2016", "03/03/2016", "12/03/2016", "04/04/2016", "11/04/2016",
                 "05/05/2016")  # fmt: skip
    READ = ("01-10", "02-02", "02-11", "03-03", "03-12", "04-04", "04-11", "05-05")

    def test_speaks(self):
        """Month first these are October, February, November, March, December, April, November, May."""
        assert days(self.DAY_FIRST) == list(self.READ)
        assert "follow each other" in decision_of(self.DAY_FIRST).evidence

    def test_newest_first_is_an_order_too(self):
        assert days(self.DAY_FIRST[::-1]) == list(self.READ[::-1])

    def test_every_person_begins_anew(self):
        rows = [(who, text) for who in ("ann", "ben") for text in self.DAY_FIRST]
        assert days(rows) == list(self.READ) * 2

    def test_rows_in_no_order_say_nothing(self):
        shuffled = [self.DAY_FIRST[n] for n in (3, 0, 6, 1, 5, 2, 7, 4)]
        assert days(shuffled) is None

    def test_two_jumps_are_not_enough(self):
        assert days(self.DAY_FIRST[:5]) is None

    @pytest.mark.parametrize("is_descending", [False, True], ids=["A to Z", "Z to A"])
    def test_a_column_sorted_as_text_is_in_the_order_of_its_texts_not_of_its_days(self, is_descending: bool):
        """1-5 April and 1-5 May, day first: sorted as texts they seem to be 4 January to 5 May without a jump."""
        rows = sorted((f"{d:02}/{m:02}/2016" for d in range(1, 6) for m in (4, 5)), reverse=is_descending)
        assert days(rows) is None


class TestDensity:
    """A device records day after day."""

    DAY_FIRST = tuple(f"{day:02}/04/2016" for day in range(1, 9))
    READ = tuple(f"04-{day:02}" for day in range(1, 9))

    def test_speaks(self):
        assert days(self.DAY_FIRST, around(is_regular=True)) == list(self.READ)
        evidence = decision_of(self.DAY_FIRST, around(is_regular=True)).evidence
        # 4 January to 4 August, both counted: 28 + 29 + 31 + 30 + 31 + 30 + 31 + 4 days.
        assert "its 8 days then lie side by side, read otherwise they are spread over 214 days" in evidence

    @pytest.mark.parametrize(
        "rows",
        [
            DAY_FIRST,
            # The 4th of every month, month first: as days of April they would lie side by side.
            tuple(f"{month:02}/04/2016" for month in range(1, 12)),
            # Mondays in May, day first.
            ("02/05/2016", "09/05/2016"),
        ],
    )
    def test_single_entries_such_as_weighings_are_not_regular(self, rows: tuple[str, ...]):
        assert days(rows, around(is_regular=False)) is None

    @pytest.mark.parametrize("count", [1, 2, 3])
    def test_three_days_are_not_enough(self, count: int):
        """The first visits of a month, three times, are as likely."""
        assert days(self.DAY_FIRST[:count], around(is_regular=True)) is None

    def test_days_of_all_people_are_taken_together(self):
        rows = [(f"person {n}", text) for n, text in enumerate(self.DAY_FIRST)]
        assert days(rows, around(is_regular=True)) == list(self.READ)

    def test_weekly_days_are_dense_under_no_order(self):
        """Tuesdays 5 and 12 April, 3 and 10 May, 7 June."""
        rows = ["05/04/2016", "12/04/2016", "03/05/2016", "10/05/2016", "07/06/2016"]
        assert days(rows, around(is_regular=True)) is None
