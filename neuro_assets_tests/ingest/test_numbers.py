"""Which sign is the decimal one, decided from all cells, and what a cell then is."""

import pytest

from neuro_assets.ingest.numbers import PLAIN, NumberForm, decide_numbers
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.lake.lake import Connection

NBSP, THIN = "\u00a0", "\u202f"


@pytest.fixture
def form(memory: Connection):
    """`form(integers, numbers)`: the decision over two columns of cells, shorter ones filled up with blanks."""

    def decided(integers: list[str], numbers: list[str] | None = None, declared=None, *, is_suspect: bool = False):
        numbers = numbers or []
        count = max(len(integers), len(numbers))
        pairs = zip(integers + [None] * (count - len(integers)), numbers + [None] * (count - len(numbers)), strict=True)
        memory.execute("CREATE OR REPLACE TEMP TABLE cells (whole VARCHAR, real VARCHAR)")
        memory.executemany("INSERT INTO cells VALUES (?, ?)", [*pairs, (None, "")])
        columns = [("whole", "integer"), ("real", "number")]
        return decide_numbers(memory, "cells", {}, columns, declared, is_suspect=is_suspect)  # pyright: ignore[reportArgumentType]

    return decided


@pytest.fixture
def values(memory: Connection):
    """`values(form, cells)`: what DuckDB makes of each cell."""

    def read(number_form: NumberForm, *cells: str) -> list[float | None]:
        sql = f"SELECT TRY_CAST({number_form.plain('c')} AS DOUBLE) FROM (SELECT unnest(?) AS c)"
        return [row[0] for row in memory.execute(sql, [list(cells)]).fetchall()]

    return read


class TestPlain:
    """A form applied to cells."""

    def test_as_the_vendor_writes(self, values):
        cells = ("12", "-0.5", "1e3", ".5", "1,5", "1,234", "1 234", "", "n/a")
        assert values(PLAIN, *cells) == [12, -0.5, 1000, 0.5, None, None, None, None, None]

    def test_decimal_comma(self, values):
        cells = ("12", "-0,5", "1e3", "1,5e3", ",5", "1,234", "3,14159")
        assert values(NumberForm("comma"), *cells) == [12, -0.5, 1000, 1500, 0.5, 1.234, 3.14159]

    def test_in_a_file_of_decimal_commas_a_point_is_no_decimal_sign(self, values):
        """Read as 1.5 it would be a guess; its row goes to quarantine with its text."""
        assert values(NumberForm("comma", has_groups=True), "1.5", "12.34", "1.234,5.6") == [None, None, None]

    @pytest.mark.parametrize(
        ("sign", "cell", "value"),
        [
            ("point", "1,234", 1234),
            ("point", "1,234,567.5", 1_234_567.5),
            ("point", "-12,345.25", -12_345.25),
            ("comma", "1.234", 1234),
            ("comma", "1.234.567,5", 1_234_567.5),
            ("point", "1 234.5", 1234.5),
            ("comma", "1 234,5", 1234.5),
            ("comma", f"1{NBSP}234{NBSP}567,5", 1_234_567.5),
            ("comma", f"1{THIN}234,5", 1234.5),
            ("point", "1'234.5", 1234.5),
            ("point", "1\u2019234.5", 1234.5),
            # Signs out of place group nothing.
            ("point", "12,34", None),
            ("point", "1,2345", None),
            ("point", "1234,567", None),
            ("point", "1,234 567", None),
            ("comma", "1.23,4", None),
            ("point", "1 23", None),
            ("point", "12 3456", None),
            ("point", "5 000 steps", None),
        ],
    )
    def test_groups_of_three(self, values, sign: str, cell: str, value: float | None):
        assert values(NumberForm(sign, has_groups=True), cell) == [value]


class TestEvidence:
    """Cells that can only be one thing."""

    @pytest.mark.parametrize(
        ("integers", "numbers", "cells", "read"),
        [
            (["12"], ["3.5"], ["3.5", "0.25"], [3.5, 0.25]),
            (["12"], ["3,5"], ["3,5", "0,25"], [3.5, 0.25]),
            ([], ["0,797"], ["0,797", "1,234"], [0.797, 1.234]),
            ([], ["0.797"], ["0.797", "1.234"], [0.797, 1.234]),
            ([], ["1,2345"], ["1,234"], [1.234]),
            ([], ["1234,567"], ["1,234"], [1.234]),
            (["12.0"], [], ["12.0"], [12]),
            # 1,234 in a column of whole numbers groups, and so it does in the others.
            (["1,234"], ["2.5"], ["1,234", "2.5"], [1234, 2.5]),
            (["1.234"], ["2,5"], ["1.234", "2,5"], [1234, 2.5]),
            (["1,234"], [], ["1,234"], [1234]),
            (["1.234"], [], ["1.234"], [1234]),
            ([], ["1,234,567"], ["1,234", "1,234,567"], [1234, 1_234_567]),
            ([], ["1.234.567"], ["1.234", "1.234.567"], [1234, 1_234_567]),
            ([], ["1,234.5"], ["1,234.5", "1,234"], [1234.5, 1234]),
            ([], ["1.234,5"], ["1.234,5", "1.234"], [1234.5, 1234]),
            (["1 234"], ["2.5"], ["1 234", "2.5"], [1234, 2.5]),
            (["1 234"], ["2,5"], ["1 234", "2,5"], [1234, 2.5]),
            ([f"1{NBSP}234"], ["2,5"], [f"1{NBSP}234,5"], [1234.5]),
            (["1'234"], ["2.5"], ["1'234.5"], [1234.5]),
        ],
    )
    def test_decides(self, form, values, integers: list[str], numbers: list[str], cells: list[str], read: list):
        decided = form(integers, numbers)
        assert values(decided, *cells) == read
        assert decided.evidence

    def test_a_blank_table_and_plain_numbers_are_as_the_vendor_writes_them(self, form, values):
        for decided in (form([]), form(["5", "17", "1000"], ["3"]), form(["5"], ["3"], is_suspect=True)):
            assert (decided.decimal, decided.has_groups) == ("point", False)

    def test_a_point_and_three_digits_is_a_number_where_nothing_speaks_of_a_comma(self, form, values):
        assert values(form([], ["1.234", "10.125"]), "1.234", "10.125") == [1.234, 10.125]


class TestOpen:
    """What may be a thousand and more, or one and a bit."""

    @pytest.mark.parametrize(
        ("integers", "numbers", "is_suspect"),
        [
            ([], ["1,234"], False),
            ([], ["1,234"], True),
            ([], ["1.234"], True),
            (["1,234", "1.234"], [], False),
            (["1.234"], ["2.345"], True),
            ([], ["3.5", "4.5", "3,5", "4,5"], False),
            (["1,234,567"], ["3,5"], False),
        ],
    )
    def test_is_refused(self, form, integers: list[str], numbers: list[str], is_suspect: bool):
        with pytest.raises(FileRefusedError) as caught:
            form(integers, numbers, is_suspect=is_suspect)
        assert caught.value.code == "number_format"
        assert "--decimal point|comma" in str(caught.value)

    @pytest.mark.parametrize("cell", ["62.000", "62,000"])
    @pytest.mark.parametrize("is_suspect", [False, True])
    def test_whole_numbers_with_three_noughts_are_not_multiplied(self, form, values, cell: str, is_suspect: bool):
        """62.000 may be 62 written with three decimals, or 62 thousand; a 62.001 among them shows which."""
        with pytest.raises(FileRefusedError, match="may be thousands, or have three decimals"):
            form([cell] * 20, [], is_suspect=is_suspect)
        shown = form([cell] * 20 + [cell[:-1] + "1"], [], is_suspect=is_suspect)
        assert values(shown, cell) == [62_000]

    @pytest.mark.parametrize(("declared", "read"), [("point", [1234, 1.234]), ("comma", [1.234, 1234])])
    def test_a_declaration_decides(self, form, values, declared: str, read: list[float]):
        decided = form([], ["1,234", "1.234"], declared)
        assert (decided.decimal, decided.evidence) == (declared, "declared")
        assert values(decided, "1,234", "1.234") == read


class TestFewAgainstMany:
    """One cell in twenty that cannot be read is a damaged cell; more are two ways of writing."""

    @pytest.mark.parametrize(("point", "comma"), [("3.5", "3,5"), ("1,234.5", "2,5"), ("0.5", "12,75")])
    def test_five_percent_of_the_other_sign_are_unreadable_cells(self, form, values, point: str, comma: str):
        mostly_point = form([], [point] * 20 + [comma])
        assert (mostly_point.decimal, values(mostly_point, comma)) == ("point", [None])
        mostly_comma = form([], [comma] * 20 + ["3.5"])
        assert (mostly_comma.decimal, values(mostly_comma, "3.5")) == ("comma", [None])

    def test_six_percent_are_refused(self, form):
        with pytest.raises(FileRefusedError, match=r"33 cells have a decimal point and 2 a decimal comma"):
            form([], ["3.5"] * 33 + ["3,5"] * 2)

    def test_a_damaged_cell_does_not_hide_that_digits_are_grouped(self, form, values):
        decided = form(["1,234"] * 20, ["3.5"] * 20 + ["3,5"])
        assert values(decided, "1,234", "3.5", "3,5") == [1234, 3.5, None]
