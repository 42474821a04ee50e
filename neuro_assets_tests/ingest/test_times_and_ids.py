"""Ids, times and wide lines in the forms that spreadsheets and other tools give them, as the rows they become."""

import json
from datetime import date, datetime, timedelta

import pytest

from neuro_assets.study import Participant
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.ingest.one_file import WHO, Reader, april, hours_csv, steps_of_days_csv

DAYS = [f"4/{d}/2016" for d in range(13, 16)]
NBSP, THIN = "\u00a0", "\u202f"


class TestIds:
    """One person's digits, however they are dressed; other digits are never made up."""

    @pytest.mark.parametrize(
        "written",
        [
            "1503960366",
            " 1503960366 ",
            f"{NBSP}1503960366",
            "1503960366.0",
            "1503960366.00",
            "'1503960366",
            '"1,503,960,366"',
            "1.503.960.366",
            "1 503 960 366",
            f"1{NBSP}503{NBSP}960{NBSP}366",
            f"1{THIN}503{THIN}960{THIN}366",
            "1'503'960'366",
            "1.503960366E+09",
            "1.503960366e9",
        ],
    )
    def test_are_the_same(self, reader: Reader, written: str):
        ids = reader.read(steps_of_days_csv(DAYS, who=written), "source_participant_id")
        assert ids == [(WHO,)] * 3

    def test_grouped_noughts_at_the_end_are_digits(self, reader: Reader):
        ids = reader.read(steps_of_days_csv(DAYS, who="1.503.961.000"), "source_participant_id")
        assert ids == [("1503961000",)] * 3

    def test_leading_noughts_stay(self, reader: Reader):
        assert reader.read(steps_of_days_csv(DAYS, who="0012345"), "source_participant_id") == [("0012345",)] * 3

    @pytest.mark.parametrize(
        ("written", "cause"),
        [
            ("1.50396E+09", "a spreadsheet rounded it"),
            ("1.5039603666E+09", "a spreadsheet rounded it"),
            ('"1,50396E+09"', "a spreadsheet rounded it"),
            ("1503960366.5", "looks like 1503960366"),
            ("-1503960366", "looks like 1503960366"),
            ("15,03", "looks like 1503960366"),
            ("12 34 56", "looks like 1503960366"),
            ("ann@example.org", "looks like 1503960366"),
            ("#REF!", "looks like 1503960366"),
        ],
    )
    def test_damaged_in_one_row_are_refused_with_it(self, reader: Reader, written: str, cause: str):
        written = f'"{written}"' if "," in written and '"' not in written else written
        told = reader.refusal(steps_of_days_csv(DAYS) + f"{written},4/16/2016,5\n")
        assert (told.code, told.row, told.value) == ("damaged_ids", 4, written.strip('"'))
        assert cause in str(told)

    def test_a_blank_one_stays_blank(self, reader: Reader):
        text = steps_of_days_csv(DAYS) + ",4/16/2016,5\n"
        assert reader.read(text, "source_participant_id")[-1] == (None,)

    def test_all_blank_is_refused(self, reader: Reader):
        assert reader.refusal(steps_of_days_csv(DAYS, who="")).code == "no_participant"

    def test_all_ending_in_four_noughts_were_rounded(self, reader: Reader):
        text = steps_of_days_csv(DAYS, who="1503960000") + steps_of_days_csv(DAYS, who="1624580000").split("\n", 1)[1]
        told = reader.refusal(text)
        assert told.code == "damaged_ids"
        assert "ends in 0000" in str(told)
        one_whole = text + f"{WHO},4/13/2016,5\n"
        assert len(reader.read(one_whole)) == 7

    @pytest.mark.parametrize("form", ["2016-04-{:02}", "{}.4.2016", "{} April 2016"])
    def test_of_another_kind_are_told_where_the_dates_are_not_in_the_vendors_form_either(
        self, reader: Reader, form: str
    ):
        """Until its date is read, such a line looks like a remark below the table."""
        days = [form.format(d) for d in range(13, 16)]
        told = reader.refusal(steps_of_days_csv(days, who="ann"))
        assert (told.code, told.row, told.value) == ("damaged_ids", 1, "ann")

    def test_unless_the_study_knows_them(self, reader: Reader):
        people = [Participant(participant_id="P1", aliases={"fitabase": ("1503960000",)})]
        text = steps_of_days_csv(DAYS, who="1503960000")
        assert reader.days(text, study=study_of(people=people)) == april(13, 14, 15)


MINUTE = datetime(2016, 4, 13, 13, 5)
SAME_MINUTE = [
    "4/13/2016 1:05:00 PM",
    "04/13/2016 01:05:00 PM",
    "4/13/2016 1:05 PM",
    "4/13/2016 1:05:00PM",
    "4/13/2016 1:05:00 p.m.",
    "4/13/2016 1:05:00 pm",
    "4/13/2016  1:05:00  PM",
    f"4/13/2016{NBSP}1:05:00{THIN}PM",
    "4/13/2016 13:05",
    "4/13/2016 13:05:00",
    "4/13/16 13:05",
    "13/4/2016 13:05",
    "13.04.2016 13:05",
    "13.4.16 13:05",
    '"13.04.2016, 13:05:00"',
    "2016-04-13 13:05",
    "2016-04-13T13:05:00",
    "2016-04-13 13:05:00.000",
    '"2016-04-13 13:05:00,000"',
    "2016/4/13 13:05",
    "20160413 13:05",
    "13-Apr-2016 13:05",
    '"April 13, 2016 1:05 PM"',
    "42473.545138888891",
    "42473.5451389",
]
NO_TIME = ["2016-04-13 13.05", "2016-04-13 13h05", "4/13/2016 25:05", "4/13/2016 1:65:00 PM", "13:05", "1460552700"]


class TestTimes:
    @pytest.mark.parametrize("written", SAME_MINUTE)
    def test_one_minute_in_many_forms(self, reader: Reader, written: str):
        assert reader.moments(f"Id,ActivityMinute,Steps\n{WHO},{written},5\n") == [MINUTE]

    @pytest.mark.parametrize("written", NO_TIME)
    def test_what_is_no_time_is_refused(self, reader: Reader, written: str):
        told = reader.refusal(f"Id,ActivityMinute,Steps\n{WHO},{written},5\n")
        assert told.code == "unreadable_times"
        assert told.row == 1

    def test_fractions_of_a_second_are_kept(self, reader: Reader):
        text = f"Id,Time,Value\n{WHO},2016-04-13 13:05:07.25,60\n{WHO},2016-04-13 13:05:08.5,61\n"
        assert [m.microsecond for m in reader.moments(text)] == [250_000, 500_000]

    @pytest.mark.parametrize(("clock", "hour"), [("12:30:00 AM", 0), ("12:30:00 PM", 12), ("0:30", 0), ("12:30", 12)])
    def test_noon_and_midnight(self, reader: Reader, clock: str, hour: int):
        text = f"Id,ActivityMinute,Steps\n{WHO},2016-04-13 {clock},5\n"
        assert reader.moments(text) == [datetime(2016, 4, 13, hour, 30)]

    def test_day_numbers_by_the_second(self, reader: Reader):
        """A spreadsheet's number is the day and its fraction, cut at fifteen digits: no second is lost or moved.

        42,473 is 13 April 2016; the seconds of a morning, 7 apart, and the first is a bare midnight.
        """
        seconds = range(0, 43_200, 7)
        cells = [f"{42473 + s / 86400:.15g}" for s in seconds]
        assert cells[0] == "42473"
        text = "Id,Time,Value\n" + "".join(f"{WHO},{c},{60 + n % 9}\n" for n, c in enumerate(cells))
        assert reader.moments(text) == [datetime(2016, 4, 13) + timedelta(seconds=s) for s in seconds]

    def test_more_day_numbers_than_any_column_of_days_has_texts(self, reader: Reader):
        text = "Id,Time,Value\n" + "".join(f"{WHO},{42473 + s / 86400:.15g},{60 + s % 9}\n" for s in range(60_000))
        moments = reader.moments(text)
        assert (len(moments), moments[-1]) == (60_000, datetime(2016, 4, 13) + timedelta(seconds=59_999))

    def test_a_day_number_with_a_clock_is_no_day(self, reader: Reader):
        assert reader.days(steps_of_days_csv(["42473", "42474"])) == april(13, 14)
        assert reader.refusal(steps_of_days_csv(["42473.25", "42474"])).code == "unreadable_times"

    def test_a_midnight_may_stand_without_its_clock(self, reader: Reader):
        """Spreadsheets in some languages show it so; every other hour of the two days has its own."""
        texts = [f"4/{d}/2016" + (f" {h}:00" if h else "") for d in (13, 14) for h in range(24)]
        wanted = [datetime(2016, 4, d, h) for d in (13, 14) for h in range(24)]
        assert reader.moments(hours_csv(texts)) == wanted

    def test_a_lost_clock_beside_written_midnights_is_not_midnight(self, reader: Reader):
        """One row of 49 has lost it: it has no time, and the midnight of its day is another row."""
        texts = [f"4/{d}/2016 {h}:00" for d in (13, 14) for h in range(24)]
        moments = reader.moments(hours_csv([*texts, "4/14/2016"]))
        assert moments[:-1] == [datetime(2016, 4, d, h) for d in (13, 14) for h in range(24)]
        assert moments[-1] is None

    def test_day_and_clock_in_columns_of_their_own(self, reader: Reader):
        rows = "".join(f"{WHO},13.04.2016,{h}:00,{h}\n" for h in range(24))
        moments = reader.moments(f"id,date,time,steps\n{rows}")
        assert moments == [datetime(2016, 4, 13, h) for h in range(24)]

    def test_day_and_bare_hour(self, reader: Reader):
        rows = "".join(f"{WHO},{h},4/13/2016,{h}\n" for h in range(24))
        assert reader.moments(f"id,hour,date,steps\n{rows}") == [datetime(2016, 4, 13, h) for h in range(24)]

    @pytest.mark.parametrize(
        "written", ["4/13/2016", "4/13/2016 12:00:00 AM", "13.04.2016 00:00", "2016-04-13", "42473"]
    )
    def test_days_may_be_written_with_their_midnight(self, reader: Reader, written: str):
        assert reader.days(steps_of_days_csv([written])) == april(13)

    def test_a_day_with_another_clock_is_no_day(self, reader: Reader):
        assert reader.refusal(steps_of_days_csv(["4/13/2016 6:30:00 AM"] * 3)).code == "unreadable_times"

    @pytest.mark.parametrize(("year", "read"), [("2199", 2199), ("1970", 1970), ("2200", None), ("1969", None)])
    def test_years_that_can_be_meant(self, reader: Reader, year: str, read: int | None):
        texts = [f"{day}/2016" for day in ("4/13", "4/14", "4/15")] * 10 + [f"4/16/{year}"]
        days = reader.read(steps_of_days_csv(texts))
        assert days[-1][0] == (datetime(read, 4, 16) if read else None)


class TestWideLines:
    """Sixty minutes in one line: a row for each cell that has something."""

    HEADER = "Id,ActivityHour," + ",".join(f"Steps{n:02}" for n in range(60))

    def line(self, hour: str, **cells: str) -> str:
        values = [cells.get(f"m{n}", str(n)) for n in range(60)]
        return f"\n{WHO},{hour},{','.join(values)}"

    def test_minutes_follow_each_other(self, reader: Reader):
        rows = reader.read(self.HEADER + self.line("4/13/2016 11:00:00 PM") + "\n", "row_number, moment, steps")
        assert rows == [(1, datetime(2016, 4, 13, 23, n), n) for n in range(60)]

    def test_a_blank_cell_is_no_measurement_and_an_unreadable_one_is_told(self, reader: Reader):
        lines = [self.line("4/13/2016 1:00:00 PM", m0="", m7=" ", m30="#N/A", m59="1.5")]
        lines += [self.line(f"4/{d}/2016 1:00:00 PM") for d in range(14, 30)]
        found = reader.read(self.HEADER + "".join(lines) + "\n", "row_number, moment, steps, unreadable")
        rows = {m.minute: (steps, bad) for n, m, steps, bad in found if n == 1}
        assert set(rows) == set(range(60)) - {0, 7}
        assert rows[30] == (None, '{"Steps30":"#N/A"}')
        assert rows[59] == (None, '{"Steps59":"1.5"}')
        assert {n: v for n, v in rows.items() if n not in {30, 59}} == {n: (n, None) for n in rows if n not in {30, 59}}

    def test_a_line_without_a_time_is_kept_with_what_stood_there(self, reader: Reader):
        lines = [self.line(f"4/{d}/2016 1:00:00 PM") for d in range(1, 26)] + [self.line("soon")]
        rows = reader.read(self.HEADER + "".join(lines) + "\n", "row_number, moment, unreadable")
        bad = [r for r in rows if r[0] == 26]
        assert len(rows) == 25 * 60 + len(bad)
        assert bad
        assert {(m, json.loads(told)["ActivityHour"]) for _, m, told in bad} == {(None, "soon")}

    def test_a_line_of_blanks_has_no_rows(self, reader: Reader):
        blank = self.line("4/13/2016 2:00:00 PM", **{f"m{n}": "" for n in range(60)})
        rows = reader.read(self.HEADER + self.line("4/13/2016 1:00:00 PM") + blank + "\n", "row_number")
        assert set(rows) == {(1,)}


def test_how_far_a_wide_line_saw_is_its_last_minute(reader: Reader):
    wide = TestWideLines()
    plan = reader.plan(wide.HEADER + wide.line("4/13/2016 1:00:00 PM") + "\n")
    assert plan.extent.as_of == datetime(2016, 4, 13, 13, 59)
    assert (plan.extent.first_day, plan.extent.last_day) == (date(2016, 4, 13), date(2016, 4, 13))
