"""Whole files whose dates may be read two ways: the exact days they load as, or that they do not load. Never others."""

from datetime import date, timedelta

import pytest

from neuro_assets.ingest.decided import Said
from neuro_assets.study import Window
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.fitabase_files import sleep_day_csv
from neuro_assets_tests.ingest.one_file import WHO, YEAR, Reader, april, hours_csv, steps_of_days_csv

SPRING = Window(start=date(2016, 3, 12), end=date(2016, 5, 13))
ENDLESS = Window(start=date(2016, 1, 1), end=None)
WINDOWS = [SPRING, YEAR, ENDLESS]
SHOWN = {"mdy": "%m/%d/%Y", "dmy": "%d/%m/%Y", "dotted": "%d.%m.%Y", "dmy2": "%d/%m/%y", "mdy2": "%m/%d/%y"}
UNPADDED = {"mdy": "%-m/%-d/%Y", "dmy": "%-d/%-m/%Y"}
FIRST_WEEKS = [date(2016, 4, d) for d in range(1, 13)]
MAY = [date(2016, 5, d) for d in (10, 11, 12)]


def written(days: list[date], form: str) -> list[str]:
    return [d.strftime(form) for d in days]


def weighings(texts: list[str]) -> str:
    """weightLogInfo: single entries, in the evening."""
    return "Id,Date,WeightKg\n" + "".join(f"{WHO},{t} 21:30,{60 + n}\n" for n, t in enumerate(texts))


@pytest.mark.parametrize("window", WINDOWS, ids=["spring", "year", "endless"])
@pytest.mark.parametrize("form", SHOWN)
class TestRecordings:
    """Files of a device, day after day."""

    def test_days_up_to_12(self, reader: Reader, form: str, window: Window):
        assert reader.days(steps_of_days_csv(written(FIRST_WEEKS, SHOWN[form])), window=window) == FIRST_WEEKS

    def test_a_whole_month(self, reader: Reader, form: str, window: Window):
        days = [date(2016, 4, 1) + timedelta(n) for n in range(30)]
        assert reader.days(steps_of_days_csv(written(days, SHOWN[form])), window=window) == days

    def test_hours_of_a_week(self, reader: Reader, form: str, window: Window):
        texts = [f"{t} {h}:00" for t in written(FIRST_WEEKS[:7], SHOWN[form]) for h in range(24)]
        wanted = [d for d in FIRST_WEEKS[:7] for _ in range(24)]
        assert reader.days(hours_csv(texts), window=window) == wanted

    def test_single_days_are_not_guessed(self, reader: Reader, form: str, window: Window):
        """4 May or 5 April: both are days of the study."""
        texts = written([date(2016, 5, 4)], SHOWN[form])
        assert reader.refusal(steps_of_days_csv(texts), window=window).code == "date_order"

    def test_weighings_are_not_guessed(self, reader: Reader, form: str, window: Window):
        """5 and 12 April, 3 and 10 May; exchanged, they are days of April to December."""
        days = [date(2016, m, d) for m, d in ((4, 5), (4, 12), (5, 3), (5, 10))]
        text = weighings(written(days, SHOWN[form]))
        if window is SPRING:
            assert reader.days(text, window=window) == days
        else:
            assert reader.refusal(text, window=window).code == "date_order"


class TestUntouched:
    """M/D/YYYY as the vendor writes it: its word, unless the study says otherwise."""

    @pytest.mark.parametrize("window", WINDOWS, ids=["spring", "year", "endless"])
    def test_is_taken_at_its_word(self, reader: Reader, window: Window):
        days = [date(2016, 4, 5), date(2016, 4, 12), date(2016, 5, 3)]
        assert reader.days(steps_of_days_csv(written(days, UNPADDED["mdy"])), window=window) == days

    @pytest.mark.parametrize(
        ("texts", "window"),
        [
            # 4 March and 4 April, the first before the study; or 3 and 4 April.
            (["3/4/2016", "4/4/2016"], SPRING),
            # 4 April, 4 May, 4 June; or 4, 5 and 6 April.
            (["4/4/2016", "5/4/2016", "6/4/2016"], SPRING),
            # 4 January to 4 August, far outside; or 1 to 8 April.
            ([f"{d}/4/2016" for d in range(1, 9)], SPRING),
            ([f"{d}/4/2016" for d in range(1, 9)], YEAR),
        ],
    )
    def test_is_refused_where_the_other_order_fits_better(self, reader: Reader, texts: list[str], window: Window):
        told = reader.refusal(steps_of_days_csv(texts), window=window)
        assert told.code == "date_order"
        assert "--date-order" in told.remedy

    @pytest.mark.parametrize(
        "change",
        [
            lambda t: t.replace("/5/", "/05/"),
            lambda t: t.replace(",", ";"),
            lambda t: t.replace("StepTotal", "Steps"),
            lambda t: t.replace("ActivityDay,StepTotal", "ActivityDay,StepTotal,Note").replace(",101", ",101,x"),
            lambda t: "\ufeff" + t,
            lambda t: f"Export\n{t}",
            lambda t: t.replace("2016", "16"),
        ],
        ids=["padded", "semicolons", "renamed", "a column more", "mark", "title", "short year"],
    )
    def test_once_touched_it_is_no_longer_a_word(self, reader: Reader, change):
        text = steps_of_days_csv(["4/5/2016"])
        assert reader.days(text) == april(5)
        assert reader.refusal(change(text)).code == "date_order"

    def test_a_clock_of_24_hours_is_not_the_vendors(self, reader: Reader):
        assert reader.days(hours_csv(["4/5/2016 1:00:00 PM"])) == april(5)
        assert reader.refusal(hours_csv(["4/5/2016 13:00"])).code == "date_order"


class TestExcelsSwap:
    """m/d/yyyy opened where days come first: what could be read was exchanged, what could not stayed text."""

    MONTH = tuple(date(2016, 4, 1) + timedelta(n) for n in range(30))

    @pytest.mark.parametrize("window", WINDOWS, ids=["spring", "year", "endless"])
    @pytest.mark.parametrize("form", ["%Y-%d-%m", "%m/%d/%Y", "%m.%d.%Y"], ids=["ISO", "slashes", "dots"])
    def test_beside_the_texts_it_left(self, reader: Reader, form: str, window: Window):
        """1 to 12 April are shown as 4 January to 4 December, in the form of the cell."""
        texts = [d.strftime(form) if d.day <= 12 else d.strftime("%-m/%-d/%Y") for d in self.MONTH]
        content = steps_of_days_csv(texts)
        assert reader.days(content, window=window) == list(self.MONTH)

    @pytest.mark.parametrize("window", WINDOWS, ids=["spring", "year", "endless"])
    def test_with_nothing_beside_them_is_not_turned(self, reader: Reader, window: Window):
        texts = [d.strftime("%Y-%d-%m") for d in FIRST_WEEKS]
        assert reader.refusal(steps_of_days_csv(texts), window=window).code == "date_order"

    @pytest.mark.parametrize("window", WINDOWS, ids=["spring", "year", "endless"])
    @pytest.mark.parametrize("forms", [("%-m/%-d/%Y", "%-d/%-m/%Y"), ("%d/%m/%y", "%m/%d/%y")], ids=["mdy", "dmy"])
    def test_shown_again_in_the_form_of_the_texts(self, reader: Reader, forms: tuple[str, str], window: Window):
        """1 April stands as 1/4/2016 beside 4/13/2016: read as the others, it would be 4 January."""
        texts = [d.strftime(forms[d.day <= 12]) for d in self.MONTH]
        assert reader.refusal(steps_of_days_csv(texts), window=window).code in {"swapped_dates", "date_order"}

    def test_hours(self, reader: Reader):
        texts = [
            f"{d:%Y-%d-%m} {h:02}:00:00"
            if d.day <= 12
            else f"{d:%-m/%-d/%Y} {h % 12 or 12}:00:00 {'AM' if h < 12 else 'PM'}"
            for d in self.MONTH
            for h in range(24)
        ]
        assert reader.days(hours_csv(texts)) == [d for d in self.MONTH for _ in range(24)]


class TestTwoHands:
    """Rows of both orders in one column."""

    @pytest.mark.parametrize("texts", [["4/13/2016", "13/4/2016"], ["4/13/2016"] * 99 + ["13/4/2016"]])
    def test_are_refused_and_both_shown(self, reader: Reader, texts: list[str]):
        told = reader.refusal(steps_of_days_csv(texts))
        assert told.code == "date_order"
        assert "'4/13/2016'" in str(told)
        assert "'13/4/2016'" in str(told)


class TestSorted:
    """Rows sorted by the text of their date: the order of the rows is then no evidence."""

    @pytest.mark.parametrize("is_descending", [False, True])
    @pytest.mark.parametrize("form", ["%d/%m/%Y", "%d.%m.%Y", "%d/%m/%y"])
    def test_day_first(self, reader: Reader, form: str, is_descending: bool):
        days = [date(2016, m, d) for m in (4, 5) for d in range(1, 6)]
        texts = sorted(written(days, form), reverse=is_descending)
        assert reader.refusal(steps_of_days_csv(texts), window=YEAR).code == "date_order"

    def test_one_row_out_of_order_is_not_exchanged(self, reader: Reader):
        """12 April came late. As 4 December it would follow the others, and lie outside the study."""
        days = [*(date(2016, 4, d) for d in range(13, 31)), date(2016, 4, 12)]
        assert reader.days(steps_of_days_csv(written(days, "%-m/%-d/%Y")), window=SPRING) == days

    def test_one_day_a_month_is_no_recording(self, reader: Reader):
        """4 March, 4 April and 4 May, day first, lie in the study; so would 3, 4 and 5 April."""
        texts = written([date(2016, m, 4) for m in (3, 4, 5)], "%d/%m/%Y")
        assert reader.refusal(steps_of_days_csv(texts), window=YEAR).code == "date_order"


class TestSaid:
    """A person or the protocol knows."""

    TEXT = steps_of_days_csv(["3/4/2016", "4/4/2016"])

    @pytest.mark.parametrize(("order", "days"), [("dmy", april(3, 4)), ("mdy", [date(2016, 3, 4), date(2016, 4, 4)])])
    def test_by_a_person(self, reader: Reader, order: str, days: list[date]):
        plan = reader.plan(self.TEXT, said=Said(date_order=order))
        assert [m.date() for (m,) in reader.rows(plan)] == days
        assert plan.date_order == order
        assert "declared" in plan.date_evidence

    def test_a_person_may_say_that_rows_are_out_of_order_and_not_exchanged(self, reader: Reader):
        days = [*(date(2016, 4, d) for d in range(13, 31)), date(2016, 4, 11), date(2016, 4, 12)]
        content = steps_of_days_csv(written(days, "%m/%d/%Y"))
        assert reader.days(content, window=YEAR, said=Said(date_order="mdy")) == days

    @pytest.mark.parametrize("place", ["fitabase", "fitabase.daily_steps"])
    def test_by_the_protocol(self, reader: Reader, place: str):
        assert reader.days(self.TEXT, study=study_of(date_orders={place: "dmy"})) == april(3, 4)

    def test_of_another_kind_does_not_count(self, reader: Reader):
        told = reader.refusal(self.TEXT, study=study_of(date_orders={"fitabase.hourly_steps": "dmy"}))
        assert told.code == "date_order"

    @pytest.mark.parametrize("order", ["dmy", "ymd"])
    def test_against_the_rows_is_refused(self, reader: Reader, order: str):
        told = reader.refusal(steps_of_days_csv(["4/13/2016", "4/14/2016"]), said=Said(date_order=order))
        assert told.code == "unreadable_times"

    def test_against_some_rows_too(self, reader: Reader):
        texts = ["4/5/2016", "4/13/2016", "4/14/2016"]
        assert reader.refusal(steps_of_days_csv(texts), said=Said(date_order="dmy")).code == "unreadable_times"


def test_sleep_days_carry_their_midnight_in_any_order(reader: Reader):
    rows = [(WHO, f"{d:02}/04/2016", 400, 420) for d in range(1, 9)]
    text = sleep_day_csv(rows)
    assert reader.days(text, window=YEAR) == april(*range(1, 9))
    assert reader.days(text.replace(" 12:00:00 AM", " 0:00"), window=YEAR) == april(*range(1, 9))
    assert reader.days(text.replace(" 12:00:00 AM", ""), window=YEAR) == april(*range(1, 9))


def test_a_heart_rate_file_of_three_days_in_may(reader: Reader):
    """10 to 12 May; month first they are days of October, November and December."""
    texts = [f"{d:%d/%m/%Y} {h}:{m:02}:05" for d in MAY for h in range(24) for m in (0, 7)]
    text = "Id,Time,Value\n" + "".join(f"{WHO},{t},{60 + n % 9}\n" for n, t in enumerate(texts))
    wanted = [d for d in MAY for _ in range(48)]
    assert reader.days(text, window=SPRING) == wanted
