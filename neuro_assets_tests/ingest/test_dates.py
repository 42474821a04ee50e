import pytest

from neuro_assets.ingest.dates import Reading, decide, needs_second_reading, other_order, time_format
from neuro_assets.sources.model import TimeColumn

FORM = "the vendor's untouched form (month/day/year)"


def mdy(readable: int, in_window: int) -> Reading:
    return Reading("mdy", 100, readable, in_window, 7, "25/3/2016")


def dmy(readable: int, in_window: int) -> Reading:
    return Reading("dmy", 100, readable, in_window, 3, "3/25/2016")


@pytest.mark.parametrize(
    ("vendor", "other", "declared", "order", "told"),
    [
        pytest.param(mdy(100, 100), None, None, "mdy", FORM, id="untouched"),
        pytest.param(mdy(100, 90), dmy(40, 10), None, "mdy", FORM, id="a few days outside the window"),
        pytest.param(mdy(98, 98), dmy(40, 20), None, "mdy", FORM, id="damaged cells"),
        pytest.param(mdy(100, 40), dmy(100, 40), None, "mdy", FORM, id="both fit as well"),
        pytest.param(mdy(98, 98), None, None, "mdy", FORM, id="no order to mistake it for"),
        pytest.param(mdy(40, 20), dmy(100, 100), None, None, "row 7 ('25/3/2016') is no month", id="resaved"),
        pytest.param(mdy(99, 99), dmy(100, 0), None, None, "100 of 100 rows read as", id="one row"),
        pytest.param(mdy(100, 40), dmy(100, 41), None, None, "60 of 100 rows fall out", id="window"),
        pytest.param(mdy(40, 20), dmy(100, 100), "mdy", "mdy", "declared as month", id="declared mdy"),
        pytest.param(dmy(100, 100), None, "dmy", "dmy", "declared as day/month/year", id="declared dmy"),
    ],
)
def test_decide(vendor: Reading, other: Reading | None, declared: str | None, order: str | None, told: str):
    decision = decide(vendor, other, declared)
    assert decision.order == order
    assert told in (decision.refusal or decision.evidence)
    assert (decision.refusal is None) is (order is not None)


@pytest.mark.parametrize(("reading", "asked"), [(mdy(100, 100), False), (mdy(99, 99), True), (mdy(100, 99), True)])
def test_a_second_reading_is_asked_for_only_where_something_is_open(reading: Reading, asked: bool):
    assert needs_second_reading(reading) is asked


def test_only_month_first_and_day_first_are_mistaken_for_each_other():
    assert [other_order(o) for o in ("mdy", "dmy", "ymd")] == ["dmy", "mdy", None]


@pytest.mark.parametrize(
    ("kind", "order", "shown"),
    [
        ("date", "mdy", "%m/%d/%Y"),
        ("midnight", "dmy", "%d/%m/%Y %I:%M:%S %p"),
        ("datetime", "ymd", "%Y-%m-%d %H:%M:%S"),
    ],
)
def test_formats(kind: str, order: str, shown: str):
    assert time_format(order, TimeColumn(column="t", kind=kind)) == shown
