"""What one date as written may mean. How a whole column is decided is in test_date_decisions.py."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.ingest.dates import Order, read_date_text, strptime_format
from neuro_assets.lake.lake import Connection


def readings(text: str) -> dict[str, str]:
    """Order -> day of everything a text may mean."""
    found = read_date_text(text)
    return {order: str(day) for order, day in found.days.items()} if found else {}


NUMERIC = {
    "4/5/2016": {"mdy": "2016-04-05", "dmy": "2016-05-04"},
    "04/05/2016": {"mdy": "2016-04-05", "dmy": "2016-05-04"},
    "4.5.2016": {"mdy": "2016-04-05", "dmy": "2016-05-04"},
    "4-5-2016": {"mdy": "2016-04-05", "dmy": "2016-05-04"},
    "4/13/2016": {"mdy": "2016-04-13"},
    "13/4/2016": {"dmy": "2016-04-13"},
    "13.04.2016": {"dmy": "2016-04-13"},
    "29/2/2016": {"dmy": "2016-02-29"},
    "4/4/2016": {"mdy": "2016-04-04", "dmy": "2016-04-04"},
    "2016-04-05": {"ymd": "2016-04-05", "ydm": "2016-05-04"},
    "2016/4/5": {"ymd": "2016-04-05", "ydm": "2016-05-04"},
    "2016.04.13": {"ymd": "2016-04-13"},
    "2016-13-04": {"ydm": "2016-04-13"},
    "20160405": {"ymd": "2016-04-05"},
}
TWO_DIGIT_YEARS = {
    "4/5/16": {"mdy": "2016-04-05", "dmy": "2016-05-04"},
    "4/13/16": {"mdy": "2016-04-13"},
    # Where the first number has two digits, it may be the year as well.
    "13.4.16": {"dmy": "2016-04-13", "ymd": "2013-04-16"},
    "10/11/12": {"mdy": "2012-10-11", "dmy": "2012-11-10", "ymd": "2010-11-12"},
    "16-04-05": {"dmy": "2005-04-16", "ymd": "2016-04-05"},
    # POSIX: 69 to 99 are the last century, and we know no day before 1970.
    "1/2/68": {"mdy": "2068-01-02", "dmy": "2068-02-01"},
    "1/2/70": {"mdy": "1970-01-02", "dmy": "1970-02-01"},
    "1/2/99": {"mdy": "1999-01-02", "dmy": "1999-02-01"},
    "1/2/69": {},
}
NAMED = {
    "12-Apr-2016": "2016-04-12",
    "12-apr-16": "2016-04-12",
    "12 Apr 2016": "2016-04-12",
    "5 May 2016": "2016-05-05",
    "12 April 2016": "2016-04-12",
    "12 APRIL 16": "2016-04-12",
    "Apr 12, 2016": "2016-04-12",
    "April 12 2016": "2016-04-12",
    "December 1, 2016": "2016-12-01",
}
# Excel shows 42,461 as 2016-04-01; fractions are the time of day.
SERIAL = {
    "42461": "2016-04-01",
    "42461.0": "2016-04-01",
    "42461.999988": "2016-04-01",
    "42475.5": "2016-04-15",
    "25569": "1970-01-01",
}
NO_DATE = [
    "",
    " ",
    "soon",
    "n/a",
    "2016",
    "4/13",
    "4/5/216",
    "4/5/20166",
    "4/5-2016",
    "4 / 5 / 2016",
    "-4/5/2016",
    "12:30",
    "4/5/2016 12:30",
    "1503960366",
    "99999",
    "25568",
    "4246",
    "42461,5",
    "2016040",
    "20161340",
    "22160405",
    "12-Abc-2016",
    "Apr 2016",
    "32/13/2016",
    "31/04/2016",
    "30.2.2016",
    "29/2/2015",
    "2016-04-31",
    "0000-00-00",
    "0/0/2016",
    "1/2/1969",
    "1/2/2200",
    "31-Apr-2016",
]


@pytest.mark.parametrize(("text", "days"), (NUMERIC | TWO_DIGIT_YEARS).items())
def test_a_text_of_numbers_has_every_reading_it_may_have(text: str, days: dict[str, str]):
    assert readings(text) == days


@pytest.mark.parametrize(("text", "day"), NAMED.items())
def test_a_month_by_name_leaves_nothing_open(text: str, day: str):
    assert readings(text) == {"named": day}


@pytest.mark.parametrize(("text", "day"), SERIAL.items())
def test_a_spreadsheets_day_number(text: str, day: str):
    assert readings(text) == {"serial": day}


@pytest.mark.parametrize("text", NO_DATE)
def test_what_is_no_date(text: str):
    assert readings(text) == {}


def test_texts_are_of_one_shape_when_one_format_reads_them():
    """Padding makes no other shape; separator, length of the year and place of the year do."""
    shapes = [
        ("4/5/2016", "04/05/2016", "4/13/2016", "13/4/2016"),
        ("4.5.2016", "04.05.2016"),
        ("4/5/16", "13/4/16"),
        ("2016/4/5", "2016/13/04"),
        ("2016-04-05", "2016-4-5"),
        ("12-Apr-16", "5-may-16"),
        ("12-Apr-2016",),
        ("12 April 2016", "1 June 2016"),
        ("Apr 12, 2016",),
        ("Apr 12 2016",),
        ("20160405",),
        ("42461", "42461.5"),
    ]
    found = [{getattr(read_date_text(t), "shape", None) for t in texts} for texts in shapes]
    assert [len(f) for f in found] == [1] * len(shapes)
    assert len(set.union(*found)) == len(shapes)
    assert None not in set.union(*found)


STYLES: dict[str, tuple[str, Order]] = {
    "%m/%d/%Y": ("4/5/2016", "mdy"),
    "%d/%m/%Y": ("4/5/2016", "dmy"),
    "%d.%m.%Y": ("4.5.2016", "dmy"),
    "%Y-%m-%d": ("2016-04-05", "ymd"),
    "%Y-%d-%m": ("2016-04-05", "ydm"),
    "%y/%m/%d": ("16/04/05", "ymd"),
    "%d.%m.%y": ("4.5.16", "dmy"),
    "%Y%m%d": ("20160405", "ymd"),
    "%d-%b-%Y": ("12-Apr-2016", "named"),
    "%d %B %y": ("12 April 16", "named"),
    "%B %d, %Y": ("April 12, 2016", "named"),
    "%b %d %Y": ("Apr 12 2016", "named"),
}


@pytest.mark.parametrize(("code", "example"), STYLES.items())
def test_the_format_of_a_shape(code: str, example: tuple[str, Order]):
    text, order = example
    found = read_date_text(text)
    assert found is not None
    assert strptime_format(found.shape, order) == code


def test_a_day_number_has_no_format():
    assert strptime_format("serial", "serial") is None


@given(st.dates(date(1970, 1, 1), date(2199, 12, 31)), st.sampled_from(sorted(STYLES)), st.booleans())
def test_every_day_in_every_style_is_read_as_itself(day: date, code: str, padded: bool):
    """Python's own strftime and strptime are the second opinion, for every reading of the text."""
    if "%y" in code and not 1970 <= day.year <= 2068:
        day = day.replace(year=1970 + day.year % 98, day=min(day.day, 28))
    text = day.strftime(code if padded or "%Y%m" in code or code.startswith("%y") else code.replace("%d", "%-d"))
    found = read_date_text(text)
    assert found is not None
    assert found.days[STYLES[code][1]] == day
    for order, reading in found.days.items():
        shown = strptime_format(found.shape, order)
        assert shown is not None
        assert datetime.strptime(text, shown).date() == reading


@given(st.dates(date(1970, 1, 1), date(2099, 12, 30)), st.integers(0, 86_399))
def test_day_numbers_count_from_the_last_day_of_1899_but_one(day: date, second: int):
    number = (day - date(1899, 12, 30)).days + second / 86_400
    found = read_date_text(f"{number:.6f}")
    assert found is not None
    assert found.days["serial"] in {day, day + timedelta(days=second > 86_398)}


def test_the_engine_reads_two_digit_years_as_we_do(memory: Connection):
    texts = [f"3/4/{y:02}" for y in range(100)]
    rows = memory.execute("SELECT try_strptime(unnest(?), '%m/%d/%y')::DATE", [texts]).fetchall()
    for text, (engine,) in zip(texts, rows, strict=True):
        found = read_date_text(text)
        ours = found.days.get("mdy") if found else None
        assert ours == (engine if engine.year >= 1970 else None), text


@pytest.mark.parametrize(("text", "code"), [("5-may-16", "%d-%b-%y"), ("12 APRIL 2016", "%d %B %Y")])
def test_the_engine_reads_month_names_in_any_case(memory: Connection, text: str, code: str):
    (row,) = memory.execute("SELECT try_strptime(?, ?)::DATE", [text, code]).fetchall()
    assert {"named": str(row[0])} == readings(text)
