"""What speaks beside a column's own dates: siblings, known rows, declarations, the form; and contradictions."""

import pytest

from neuro_assets.ingest.dates import SHOWN, Order, sentence
from neuro_assets_tests.ingest.test_date_decisions import SPRING, around, days, decision_of

OPEN = ("03/04/2016", "05/04/2016")
AS_DMY, AS_MDY = ["04-03", "04-05"], ["03-04", "05-04"]


def never(_: Order) -> tuple[int, int]:
    raise AssertionError("the lake is asked only when all else is silent")


class TestSibling:
    """Another column of the same rows: order -> (rows that agree, rows looked at)."""

    @pytest.mark.parametrize(
        ("siblings", "read"),
        [
            ({"dmy": (10, 10), "mdy": (0, 10)}, AS_DMY),
            ({"dmy": (1, 10), "mdy": (10, 10)}, AS_MDY),
            ({"dmy": (10, 10), "mdy": (10, 10)}, None),
            ({"dmy": (9, 10), "mdy": (1, 10)}, None),
            ({"dmy": (10, 10)}, None),
            ({"dmy": (0, 10), "mdy": (0, 10)}, None),
            ({}, None),
        ],
    )
    def test_speaks_where_it_agrees_always_with_one_and_not_with_the_other(self, siblings: dict, read: list[str]):
        assert days(OPEN, around(siblings=siblings)) == read


class TestKnown:
    """Rows that the lake has already: order -> (rows found again, of them equal)."""

    @pytest.mark.parametrize(
        ("dmy", "mdy", "read"),
        [
            ((10, 9), (0, 0), AS_DMY),
            ((0, 0), (10, 8), AS_MDY),
            ((10, 10), (10, 3), AS_DMY),
            ((5, 5), (0, 0), AS_DMY),
            ((4, 4), (0, 0), None),
            ((10, 7), (0, 0), None),
            ((10, 10), (10, 4), None),
            ((10, 10), (10, 10), None),
            ((0, 0), (0, 0), None),
        ],
    )
    def test_speaks_where_most_are_equal_and_otherwise_few(self, dmy: tuple, mdy: tuple, read: list[str]):
        found = {"dmy": dmy, "mdy": mdy}
        assert days(OPEN, around(known=found.__getitem__)) == read

    @pytest.mark.parametrize(
        ("rows", "circumstances"),
        [
            (("13/04/2016",), {}),
            (OPEN, {"declared": "dmy"}),
            (OPEN, {"siblings": {"dmy": (9, 9), "mdy": (0, 9)}}),
            (("3/4/2016", "5/4/2016"), {"is_untouched": True}),
            (("2016-04-03",), {}),
        ],
    )
    def test_is_asked_last(self, rows: tuple[str, ...], circumstances: dict):
        assert days(rows, around(known=never, **circumstances)) is not None


class TestDeclared:
    """A person or the protocol said it."""

    @pytest.mark.parametrize(("order", "read"), [("dmy", AS_DMY), ("mdy", AS_MDY)])
    def test_is_taken_against_all_other_evidence(self, order: Order, read: list[str]):
        against = around(declared=order, window=SPRING, is_regular=True, is_untouched=True, vendor_order="mdy")
        assert days(OPEN, against) == read
        assert SHOWN[order] in decision_of(OPEN, against).evidence
        assert "declared" in decision_of(OPEN, against).evidence

    @pytest.mark.parametrize(
        ("text", "order"), [("13/4/2016", "ymd"), ("13/4/2016", "mdy"), ("12-Apr-2016", "dmy"), ("42475", "mdy")]
    )
    def test_is_refused_where_nothing_is_written_so(self, text: str, order: Order):
        decision = decision_of([text], around(declared=order))
        assert decision.order is None
        assert f"declared as {SHOWN[order]}, but '{text}' is not written so" in (decision.refusal or "")

    def test_decides_only_what_can_be_meant_by_it(self):
        """Day first for the dates with slashes; the day numbers beside them have no order."""
        assert days(["03/04/2016", "42475"], around(declared="dmy")) == ["04-03", "04-15"]


class TestForm:
    """What stands for itself: the vendor's untouched form, and ISO."""

    @pytest.mark.parametrize(("vendor", "read"), [("mdy", AS_MDY), ("dmy", AS_DMY)])
    def test_the_vendors_untouched_form_is_taken_at_its_word(self, vendor: Order, read: list[str]):
        assert days(OPEN, around(is_untouched=True, vendor_order=vendor)) == read
        assert "untouched form" in decision_of(OPEN, around(is_untouched=True, vendor_order=vendor)).evidence

    def test_a_form_that_somebody_touched_is_none(self):
        assert days(OPEN, around(is_untouched=False)) is None

    def test_iso(self):
        assert days(["2016-04-05", "2016-05-04"]) == ["04-05", "05-04"]
        assert "ISO" in decision_of(["2016-04-05"]).evidence

    @pytest.mark.parametrize("rows", [("3/4/2016", "4/4/2016"), ("2016-03-04", "2016-04-04")])
    def test_is_not_trusted_where_the_other_order_fits_the_window_better(self, rows: tuple[str, ...]):
        """4 March lies before the study of 12 March on; 3 April does not."""
        decision = decision_of(rows, around(is_untouched=True, window=SPRING))
        assert decision.order is None
        assert "of 2 rows fall outside the study window" in (decision.refusal or "")
        assert "1 as " in (decision.refusal or "")
        assert "0 as " in (decision.refusal or "")

    def test_is_trusted_where_both_fit_the_window_as_well(self):
        assert days(["4/5/2016"], around(is_untouched=True, window=SPRING)) == ["04-05"]

    def test_outside_the_window_both_ways_is_still_its_word(self):
        assert days(["7/8/2015"], around(is_untouched=True, window=SPRING)) == ["2015-07-08"]


DENSE_DMY = tuple(f"{d:02}/04/2016" for d in range(1, 9))


class TestContradictions:
    """Evidence for both sides is no evidence."""

    @pytest.mark.parametrize(
        "circumstances",
        [
            {"is_regular": True, "is_untouched": True},
            {"is_regular": True, "siblings": {"mdy": (8, 8), "dmy": (1, 8)}},
            {"window": SPRING, "siblings": {"mdy": (8, 8), "dmy": (1, 8)}},
            {"window": SPRING, "is_untouched": True},
        ],
        ids=["days in a row, form", "days in a row, sibling", "window, sibling", "window, form"],
    )
    def test_are_refused_and_both_sides_told(self, circumstances: dict):
        """1 to 8 April day first; 4 January to 4 August month first."""
        decision = decision_of(DENSE_DMY, around(**circumstances))
        assert decision.order is None
        assert "day/month/year" in (decision.refusal or "")
        assert "month/day/year" in (decision.refusal or "")

    def test_what_agrees_is_told_together(self):
        evidence = decision_of(DENSE_DMY, around(window=SPRING, is_regular=True)).evidence
        assert "study window" in evidence
        assert "side by side" in evidence

    def test_iso_against_the_window(self):
        """Every date of the column exchanged by Excel, so that nothing shows it but the window: refused, not turned."""
        swapped = [f"2016-{d:02}-04" for d in range(1, 13)]
        assert days(swapped, around(window=SPRING)) is None


class TestMixedShapes:
    """Every way of writing in a column is decided for itself."""

    def test_excels_swap_beside_the_texts_it_could_not_read(self):
        """m/d/yyyy opened where days come first: 1-12 April became 4 January ... 4 December, the others stayed text."""
        swapped = [f"2016-{d:02}-04" for d in range(1, 13)]
        texts = [f"4/{d}/2016" for d in range(13, 31)]
        wanted = [f"04-{d:02}" for d in range(1, 31)]
        assert days([*swapped, *texts], around(window=SPRING)) == wanted
        assert days([*swapped, *texts], around(is_regular=True)) == wanted

    def test_iso_does_not_stand_for_itself_beside_other_texts(self):
        """5 April or 4 May: with m/d/yyyy texts beside it, it may be a swapped one."""
        assert days(["2016-05-04", "4/13/2016"], around(window=SPRING)) is None
        assert days(["2016-05-13", "4/13/2016"], around(window=SPRING)) == ["05-13", "04-13"]

    def test_one_open_shape_refuses_the_column(self):
        decision = decision_of(["13.04.2016", "14.04.2016", "3/4/2016"])
        assert decision.refusal is not None
        assert "'3/4/2016'" in decision.refusal
        assert [s.order for s in decision.shapes] == ["dmy", None]

    def test_the_order_of_a_column_is_that_of_most_rows(self):
        decision = decision_of(["13/4/2016"] * 2 + ["42475"] * 3)
        assert (decision.order, decision.refusal) == ("serial", None)
        assert [(s.order, s.rows) for s in decision.shapes] == [("serial", 3), ("dmy", 2)]

    @pytest.mark.parametrize("nonsense", ["0000-00-00", "31.04.2016", "20161340", "1/2/69"])
    def test_a_shape_that_is_nonsense_is_no_date_and_stops_nothing(self, nonsense: str):
        assert decision_of(["13/4/2016", nonsense]).order == "dmy"
        assert decision_of([nonsense]).order is None


SENTENCES: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "one order": (
        ["5/4/2016", "13/4/2016"],
        ("The dates in 'ActivityDate' are read as day/month/year because 1 of 2 rows", "'13/4/2016'"),
    ),
    "a month's name": (["12-Apr-2016"], ("The dates in 'ActivityDate' are read as with the month's name because",)),
    "two ways of writing": (
        ["4/13/2016", "42475", "42476"],
        ("'42475'", "a spreadsheet's day number", "'4/13/2016'", "month/day/year", "2 rows", "1 rows"),
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_the_sentence_for_people(name: str):
    rows, parts = SENTENCES[name]
    decision = decision_of(rows)
    told = sentence("ActivityDate", decision.order, decision.evidence)
    for part in parts:
        assert part in told
    assert told.endswith(".")
    for code in ("mdy", "dmy", "ydm", "None", "{"):
        assert code not in told
