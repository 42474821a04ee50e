"""What is decided about a file before its first row is written, seen in the rows it would have."""

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from neuro_assets.ingest.decided import Said, settled
from neuro_assets.study import Window
from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.fitabase_files import daily_activity_csv
from neuro_assets_tests.ingest.one_file import (
    BAND,
    BAND_HOURS,
    WHO,
    YEAR,
    Reader,
    april,
    hours_csv,
    steps_of_days_csv,
)

DAYS = [f"4/{d}/2016" for d in range(13, 31)]
DAY_HOURS = [f"4/13/2016 {h % 12 or 12}:00:00 {'AM' if h < 12 else 'PM'}" for h in range(24)]


class TestTable:
    """Header, separator, encoding and format."""

    def test_lines_above_the_header(self, reader: Reader):
        plan = reader.plan(f'"Steps, by day"\nAnn;2016\n\n{steps_of_days_csv(DAYS)}')
        assert (plan.scan.table.header_line, plan.extent.rows) == (4, 18)
        assert reader.rows(plan, "row_number, step_total")[0] == (1, 101)

    @pytest.mark.parametrize("above", ['"a\nb"\n', '"a\nb",c\n\n', "\r\n\n", "a\rb\n", '5" of snow\n'])
    def test_no_row_is_taken_for_a_line_above_however_alike_the_rows_are(self, reader: Reader, above: str):
        text = above + "Id,ActivityDay,StepTotal\n" + "1503960366,4/13/2016,7\n" * 3 + "1503960366,4/14/2016,8\n"
        assert reader.plan(text).extent.rows == 4

    def test_no_header_line(self, reader: Reader):
        told = reader.refusal(steps_of_days_csv(DAYS).split("\n", 1)[1])
        assert (told.code, told.what) == ("unknown_layout", "the file has no header line")

    def test_an_unknown_table_with_ids_has_a_header_all_the_same(self, reader: Reader):
        told = reader.refusal("a,b\n1503960366,2\n")
        assert "no known export has any of these columns: a, b" in str(told)

    @pytest.mark.parametrize("separator", [";", "\t", "|"])
    def test_separators(self, reader: Reader, separator: str):
        plan = reader.plan(steps_of_days_csv(DAYS).replace(",", separator))
        assert (plan.scan.table.separator, [m.day for (m,) in reader.rows(plan)]) == (separator, list(range(13, 31)))

    def test_a_decimal_comma_comes_with_semicolons(self, reader: Reader):
        text = daily_activity_csv([(WHO, day, {"TotalDistance": "3.25", "TotalSteps": "12345"}) for day in DAYS])
        text = text.replace(",", ";").replace(".", ",").replace("12345", "12.345")
        plan = reader.plan(text)
        assert plan.scan.numbers.decimal == "comma"
        assert set(reader.rows(plan, "total_steps, total_distance_km, unreadable")) == {(12345, 3.25, None)}

    def test_numbers_that_are_open_are_refused_and_a_person_may_say_it(self, reader: Reader):
        text = "Id;ActivityMinute;Calories\n" + "".join(f"{WHO};4/13/2016 1:0{n}:00 PM;1,234\n" for n in range(9))
        assert reader.refusal(text).code == "number_format"
        for said, value in (("comma", 1.234), ("point", 1234)):
            rows = reader.read(text, "DISTINCT calories_kcal, 1 AS row_number, 1 AS moment", said=Said(decimal=said))
            assert rows[0][0] == value

    @pytest.mark.parametrize("form", ["lines", "array"])
    def test_json(self, reader: Reader, form: str):
        rows = [{"Id": int(WHO), "ActivityDay": f"2016-04-{d}", "StepTotal": d} for d in (13, 14)]
        rows.append({"StepTotal": "15", "Id": f"{WHO}.0", "ActivityDay": "2016-04-15", "Note": None})
        text = json.dumps(rows) if form == "array" else "".join(json.dumps(r) + "\n" for r in rows)
        plan = reader.plan(text, name="steps.json")
        found = reader.rows(plan, "source_participant_id, moment, step_total")
        assert found == [(WHO, datetime(2016, 4, d), d) for d in (13, 14, 15)]
        assert plan.scan.unfinished_row is None

    def test_json_values_that_are_no_numbers_keep_their_text(self, reader: Reader):
        values = [*range(1, 30), {"a": 5}]
        rows = [{"Id": WHO, "ActivityDay": f"2016-04-{d:02}", "StepTotal": v} for d, v in enumerate(values, 1)]
        found = reader.read(json.dumps(rows), "step_total, unreadable")
        assert found[28:] == [(29, None), (None, '{"StepTotal":"{\\"a\\":5}"}')]

    @pytest.mark.parametrize(
        "day",
        [
            "DATE '2016-04-13' + n::INTEGER",
            "TIMESTAMP '2016-04-13' + to_days(n::INTEGER)",
            "'4/' || (13 + n) || '/2016'",
        ],
    )
    def test_parquet(self, reader: Reader, tmp_path: Path, day: str):
        path = tmp_path / "steps.parquet"
        reader.connection.execute(
            f"COPY (SELECT {WHO}::DOUBLE AS Id, {day} AS ActivityDay, n::DOUBLE AS StepTotal FROM range(9) t(n))"
            f" TO '{path}'"
        )
        rows = reader.read(path, "source_participant_id, moment, step_total")
        assert rows == [(WHO, datetime(2016, 4, 13 + n), n) for n in range(9)]

    def test_parquet_with_a_zone_is_refused(self, reader: Reader, tmp_path: Path):
        path = tmp_path / "steps.parquet"
        when = "TIMESTAMPTZ '2016-04-13 13:00:00+02' + to_hours(n::INTEGER)"
        reader.connection.execute(
            f"COPY (SELECT {WHO} AS Id, {when} AS ActivityHour, n AS StepTotal FROM range(9) t(n)) TO '{path}'"
        )
        assert reader.refusal(path).code in {"zoned_times", "unreadable_times"}


class TestLostClocks:
    """A time of day that a spreadsheet has dropped cannot be found again."""

    @pytest.mark.parametrize(
        "texts",
        [
            DAYS,
            [f"{d}.04.2016" for d in range(13, 31)],
            [f"2016-04-{d}" for d in range(13, 31)],
            [f"{d}-Apr-16" for d in range(13, 31)],
            [str(42473 + n) for n in range(18)],
        ],
        ids=["slashes", "dots", "ISO", "names", "day numbers"],
    )
    def test_days_alone_are_no_hours(self, reader: Reader, texts: list[str]):
        told = reader.refusal(hours_csv(texts))
        assert (told.code, told.column, told.value) == ("lost_times", "ActivityHour", texts[0])

    @pytest.mark.parametrize("days", [1, 2])
    def test_am_and_pm(self, reader: Reader, days: int):
        """12, 1, 2, ... 11, 12, 1, ... 11: each hour twice a day."""
        texts = [f"4/{13 + d}/2016 {h % 12 or 12}:00" for d in range(days) for h in range(24)]
        assert reader.refusal(hours_csv(texts)).code == "lost_am_pm"
        assert reader.refusal(hours_csv(texts[:-1])).code == "lost_am_pm"

    @pytest.mark.parametrize("lost", ["AM", "PM"])
    def test_half_of_the_halves(self, reader: Reader, lost: str):
        assert reader.refusal(hours_csv(t.replace(f" {lost}", "") for t in DAY_HOURS)).code == "lost_am_pm"

    def test_a_clock_of_24_hours_has_lost_nothing(self, reader: Reader):
        texts = [f"4/13/2016 {h}:00" for h in range(24)]
        assert reader.moments(hours_csv(texts)) == [datetime(2016, 4, 13, h) for h in range(24)]

    @pytest.mark.parametrize(
        "text",
        ["2016-04-13T13:00:00Z", "2016-04-13 13:00:00+02:00", "2016-04-13T13:00:00-0500", "2016-04-13 13:00 UTC"],
    )
    def test_a_zone_is_refused(self, reader: Reader, text: str):
        told = reader.refusal(hours_csv([*DAY_HOURS, text]))
        assert (told.code, told.row, told.value) == ("zoned_times", 25, text)

    def test_another_zones_letters_are_unreadable(self, reader: Reader):
        assert reader.refusal(hours_csv(["4/13/2016 1:00:00 PM EST"])).code == "unreadable_times"


class TestLines:
    """Lines that are no rows."""

    def test_totals_are_kept_aside_and_counted(self, reader: Reader):
        plan = reader.plan(hours_csv(DAY_HOURS) + "Total,,3000\n,,\nprinted 5/1/2016,,\n")
        assert (plan.extent.rows, plan.extent.readable, plan.extent.strays) == (26, 24, 2)
        rows = reader.rows(plan, "row_number, source_participant_id, moment")
        assert rows[-2:] == [(25, "Total", None), (27, "printed 5/1/2016", None)]

    def test_short_ones_too(self, reader: Reader):
        plan = reader.plan(hours_csv(DAY_HOURS) + "Total\n")
        assert (plan.extent.rows, plan.extent.strays) == (25, 1)

    def test_too_many_of_them_are_no_table(self, reader: Reader):
        notes = "".join(f"note {n},,\n" for n in range(6))
        assert len(reader.read(hours_csv(DAY_HOURS) + notes[: len(notes) * 5 // 6])) == 29
        assert reader.refusal(hours_csv(DAY_HOURS) + notes).code == "not_records"
        assert reader.refusal(hours_csv([]) + "Total,,5\n").code in {
            "not_records",
            "unreadable_times",
            "no_participant",
        }

    def test_a_row_that_was_cut_is_no_total(self, reader: Reader):
        told = reader.refusal(hours_csv(DAY_HOURS) + f"{WHO}\n{WHO},4/14/2016 1:00:00 AM,5\n")
        assert told.code == "broken_csv"
        assert "line 26" in str(told)

    def test_the_header_again_and_blank_lines_are_left_out_and_counted(self, reader: Reader):
        first, rest = hours_csv(DAY_HOURS[:12]), hours_csv(DAY_HOURS[12:])
        plan = reader.plan(f"{first},,\n{rest}")
        assert (plan.extent.rows, plan.extent.left_out, plan.extent.strays) == (24, 2, 0)
        assert reader.rows(plan) == [(datetime(2016, 4, 13, h),) for h in range(24)]

    @pytest.mark.parametrize(
        "header", ["Id,StepTotal,ActivityHour", "StepTotal,ActivityHour,Id", "Id,ActivityHour,Calories"]
    )
    def test_another_header_is_refused(self, reader: Reader, header: str):
        told = reader.refusal(f"{hours_csv(DAY_HOURS)}{header}\n{WHO},1,2\n")
        assert (told.code, told.row) == ("changed_header", 25)

    @pytest.mark.parametrize("form", ["{}/{}/2016 {}:00:00 AM", "{1}.{0}.2016 {2}:00", "{1}/{0}/16 {2}:00"])
    def test_a_file_without_a_last_line_end_has_an_unfinished_row(self, reader: Reader, form: str):
        """Its last value may be cut. Small as the file is, the others load."""
        texts = [form.format(4, d, 11) for d in (13, 14, 15)]
        if "AM" not in form:
            texts[0] = texts[0].replace("11:00", "0:00")
        plan = reader.plan(hours_csv(texts).rstrip("\n"))
        moments = [m for (m,) in reader.rows(plan)]
        assert plan.scan.unfinished_row == 3
        assert ([m.day for m in moments[:2]], moments[2]) == ([13, 14], None)
        assert (plan.extent.rows, plan.extent.readable, plan.extent.last_day) == (3, 2, date(2016, 4, 14))

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\n  "])
    def test_a_whole_last_line_is_finished(self, reader: Reader, end: str):
        assert reader.plan(hours_csv(DAY_HOURS).rstrip("\n") + end).scan.unfinished_row is None

    def test_a_share_of_unreadable_times_is_let_through(self, reader: Reader):
        texts = [f"4/{d}/2016 1:00:00 PM" for d in range(1, 30)]
        assert reader.moments(hours_csv([*texts, "soon"]))[-1] is None
        told = reader.refusal(hours_csv([*texts, "soon", "later"]))
        assert (told.code, told.row, told.value) == ("unreadable_times", 30, "soon")
        assert reader.moments(
            hours_csv(["soon", *texts[:3]]), study=study_of(gates={"max_unreadable_time_share": 0.5})
        )[1:] == [datetime(2016, 4, d, 13) for d in (1, 2, 3)]

    def test_a_nonsense_date_among_good_ones_is_one_of_them(self, reader: Reader):
        for nonsense in ("0000-00-00 00:00:00", "31.04.2016 13:00", "4/31/2016 1:00:00 PM"):
            texts = [f"4/{d}/2016 1:00:00 PM" for d in range(1, 30)]
            assert reader.moments(hours_csv([*texts, nonsense]))[28:] == [datetime(2016, 4, 29, 13), None]


class TestSiblings:
    """Another column of the same rows tells the order: an ISO date, a weekday."""

    # 3 April and 4 May 2016, day first, and what else may be read.
    ROWS = (("03/04/2016", "2016-04-03", "Sunday"), ("05/04/2016", "2016-04-05", "Tuesday"))

    @pytest.mark.parametrize("column", [1, 2], ids=["ISO", "weekday"])
    def test_decides(self, reader: Reader, column: int):
        """Month first, 4 March was a Friday and 4 May a Wednesday."""
        text = "Id,ActivityDay,StepTotal,other\n" + "".join(f"{WHO},{r[0]},5,{r[column]}\n" for r in self.ROWS)
        plan = reader.plan(text, window=YEAR)
        assert [m.date() for (m,) in reader.rows(plan)] == april(3, 5)
        assert "another column" in plan.date_evidence

    def test_one_that_agrees_with_neither_decides_nothing(self, reader: Reader):
        rows = "".join(f"{WHO},{r[0]},5,2016-12-31\n" for r in self.ROWS)
        assert reader.refusal(f"Id,ActivityDay,StepTotal,exported\n{rows}", window=YEAR).code == "date_order"


class TestNameOfAPerson:
    @pytest.fixture
    def band(self, reader: Reader) -> Reader:
        return reader.with_source(BAND)

    @pytest.mark.parametrize("name", ["ann1_steps.csv", "landing/ann1.csv", "ann1_2016/steps.csv"])
    def test_is_taken_from_the_files_name(self, band: Reader, name: str):
        plan = band.plan(BAND_HOURS, name=name)
        assert plan.scan.participant == "ann1"
        assert {row[0] for row in band.rows(plan, "source_participant_id")} == {"ann1"}
        assert plan.reading["participant_of_name"] == "ann1"

    @pytest.mark.parametrize("name", ["steps.csv", "ANN1_steps.csv", "ann_steps.csv", "1ann_steps.csv"])
    def test_nobody_is_guessed(self, band: Reader, name: str):
        told = band.refusal(BAND_HOURS, name=name)
        assert told.code == "no_participant"
        assert "ann1" in str(told)


class TestReading:
    """What the manifest keeps of the decisions, and reading again by it."""

    def test_an_untouched_file_says_little(self, reader: Reader):
        told = reader.plan(hours_csv(DAY_HOURS)).reading
        assert told["kind"] == "fitabase.hourly_steps"
        assert (told["format"], told["encoding"], told["separator"], told["header_line"]) == (
            "csv",
            "utf-8",
            "comma",
            1,
        )
        assert told["times"]["column"] == "ActivityHour"
        assert not {"renamed", "ignored", "missing", "participant_of_name", "unfinished_row"} & told.keys()

    def test_a_touched_one_says_what_was_found(self, reader: Reader):
        rows = "".join(f'{d}.04.2016;"1.503.960.366";x;12.345\n' for d in range(13, 20))
        told = reader.plan(f"Export\ndate;user;Note;steps\n{rows}".encode("utf-16")).reading
        assert (told["kind"], told["encoding"], told["separator"]) == ("fitabase.daily_steps", "utf-16", "semicolon")
        assert told["header_line"] == 2
        assert told["renamed"] == {"Id": "user", "ActivityDay": "date", "StepTotal": "steps"}
        assert (told["ignored"], told["decimal"], told["ids_repaired"]) == (["Note"], "comma", True)
        assert told["times"]["formats"] == ["%d.%m.%Y"]

    @pytest.mark.parametrize(
        "text",
        [
            hours_csv(DAY_HOURS),
            hours_csv([f"{d:02}/04/2016 13:00" for d in range(1, 9)]),
            hours_csv([f"{42461 + n}.5" for n in range(9)]),
            steps_of_days_csv([f"2016-{d:02}-04" for d in range(1, 13)] + DAYS),
            steps_of_days_csv(DAYS * 2).replace(",1", ";1.1").replace(",", ";") + f"{WHO};4/30/2016;1,5\n",
            steps_of_days_csv(DAYS).rstrip("\n"),
        ],
        ids=["untouched", "day first", "day numbers", "two shapes", "groups", "unfinished"],
    )
    def test_reading_again_gives_the_same_rows_whatever_would_be_decided_now(self, reader: Reader, text: str):
        """In a window of another year, nothing would speak for these orders."""
        plan = reader.plan(text)
        rows = reader.rows(plan, "*")
        before = settled(json.dumps(plan.reading), plan.date_order, plan.date_evidence)
        elsewhere = Window(start=date(2019, 1, 1), end=date(2019, 2, 1))
        again = reader.plan(text, before=before, window=elsewhere)
        assert reader.rows(again, "*") == rows
        assert (again.date_order, again.date_evidence) == (plan.date_order, plan.date_evidence)
        assert again.reading == plan.reading
