"""Which kind of file a header is, and which column is what: names, synonyms, clocks and the file's name."""

from collections.abc import Callable, Sequence

import pytest

from neuro_assets.ingest.layout import Layout, find_layout, look_of, plain, unknown_layout
from neuro_assets.ingest.refusal import FileRefusedError
from neuro_assets.sources.load import Sources
from neuro_assets.sources.model import SourceSpec
from neuro_assets_tests.ingest.one_file import BAND, WHO

Find = Callable[..., Layout | None]
DAYS = ["4/13/2016", "4/14/2016"]
MIDNIGHTS = [f"4/{d}/2016 12:00:00 AM" for d in range(13, 20)]
HOURS = [f"4/13/2016 {h}:00:00 PM" for h in range(1, 9)]
MINUTES = [f"4/13/2016 1:{m:02}:00 PM" for m in range(1, 9)]
SECONDS = [f"4/13/2016 1:00:{s:02} PM" for s in range(1, 60, 7)]


@pytest.fixture
def find(vendor_sources: Sources) -> Find:
    """`find("Id,Time,Value", times, name=, kind=)`: the layout; the first rows have these times and otherwise 1."""

    def of(header: str, times: Sequence[str] = (), name: str = "file.csv", kind: str | None = None) -> Layout | None:
        names = header.split(",")
        sample = [[WHO if n == 0 else time if n == 1 else "1" for n in range(len(names))] for time in times]
        return find_layout(vendor_sources, names, sample, name, kind)

    return of


@pytest.fixture
def kind_of(find: Find) -> Callable[..., str | None]:
    def of(*arguments: object, **options: object) -> str | None:
        layout = find(*arguments, **options)
        return layout.kind.kind if layout else None

    return of


@pytest.fixture
def refusal(find: Find) -> Callable[..., FileRefusedError]:
    def of(*arguments: object, **options: object) -> FileRefusedError:
        with pytest.raises(FileRefusedError) as caught:
            find(*arguments, **options)
        return caught.value

    return of


def test_every_kinds_own_header_is_known_in_any_order(vendor_sources: Sources):
    """Of a source that is recognised by name, where the kind is said."""
    for kind in vendor_sources.kinds:
        said = kind.name if kind.source.recognised_by == "name" else None
        header = sorted(kind.source.header_of(kind.kind))
        for names in (header, header[::-1]):
            layout = find_layout(vendor_sources, names, [], "file.csv", said)
            assert layout is not None
            assert (layout.kind.name, layout.ignored, layout.missing, layout.renamed()) == (kind.name, (), (), {})
            assert names[layout.time_at[0]] == kind.spec.time.column
            assert {names[at] for at in layout.columns_at.values()} == set(header) - {*kind.spec.drop} - {
                kind.source.identity.column,
                kind.spec.time.column,
            }


@pytest.mark.parametrize(
    ("header", "is_untouched"),
    [
        ("Id,ActivityHour,StepTotal", True),
        ("ActivityHour,Id,StepTotal", False),
        ("id,ActivityHour,StepTotal", False),
        ("Id,ActivityHour,StepTotal,Note", False),
        ("Id,ActivityHour,Steps", False),
    ],
)
def test_untouched_is_name_for_name_in_the_vendors_order(find: Find, header: str, is_untouched: bool):
    layout = find(header, HOURS)
    assert layout is not None
    assert layout.is_untouched is is_untouched


class TestNames:
    """Capitals, signs between words and known synonyms make no difference; nothing else is taken for a column."""

    @pytest.mark.parametrize(
        "header",
        [
            "ID,ACTIVITYHOUR,STEPTOTAL",
            "id,activity_hour,step_total",
            "Id,Activity Hour,Step-Total",
            "participant_id,activity hour,steps",
            "Subject ID,ActivityHour,number of steps",
            "user,ActivityHour,n_steps",
        ],
    )
    def test_are_found(self, find: Find, header: str):
        layout = find(header, HOURS)
        assert layout is not None
        assert (layout.kind.kind, layout.id_at, layout.time_at, layout.columns_at) == (
            "hourly_steps",
            0,
            (1,),
            {"StepTotal": 2},
        )

    def test_renamed_columns_are_told(self, find: Find):
        layout = find("user,activity_hour,steps", HOURS)
        assert layout is not None
        assert layout.renamed() == {"Id": "user", "ActivityHour": "activity_hour", "StepTotal": "steps"}

    @pytest.mark.parametrize("header", ["who,ActivityHour,StepTotal", "Id,ActivityHour,count", "Id,moment,StepTotal"])
    def test_of_no_meaning_are_not_guessed(self, kind_of, header: str):
        assert kind_of(header, HOURS) is None

    def test_a_weight_without_its_unit_is_none(self, kind_of):
        """It may be pounds."""
        assert kind_of("Id,Date,Weight", HOURS) is None
        assert kind_of("Id,Date,Weight (kg)", HOURS) is None or kind_of("Id,Date,Weight (kg)", HOURS) == "weight_log"
        assert kind_of("Id,Date,weight_lbs,kg", HOURS) == "weight_log"

    def test_the_vendors_own_name_goes_before_a_synonym(self, find: Find):
        """dailyActivity has Calories; `kcal` beside it is another column."""
        header = "Id,ActivityDay,kcal,Calories"
        layout = find(header, DAYS)
        assert layout is not None
        assert layout.columns_at == {"Calories": 3}
        assert layout.ignored == ("kcal",)

    @pytest.mark.parametrize(
        ("text", "word"),
        [("Step-Total", "steptotal"), (" \uff29\uff44 ", "id"), ("Fat (%)", "fat"), ("METs_x10", "metsx10")],
    )
    def test_plain(self, text: str, word: str):
        assert plain(text) == word


class TestColumns:
    def test_extra_columns_are_ignored_and_told(self, find: Find):
        layout = find("Id,ActivityHour,StepTotal,Note,,Site", HOURS)
        assert layout is not None
        assert (layout.kind.kind, layout.ignored) == ("hourly_steps", ("Note", "Site"))

    def test_optional_columns_may_be_missing(self, find: Find):
        layout = find("Id,Date,WeightKg", HOURS)
        assert layout is not None
        assert layout.kind.kind == "weight_log"
        assert layout.missing == ("WeightPounds", "Fat", "BMI", "IsManualReport", "LogId")

    def test_a_column_that_feeds_a_stream_may_not(self, kind_of):
        assert kind_of("Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed", DAYS) == "sleep_day"
        assert kind_of("Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep", DAYS) is None
        assert kind_of("ActivityHour,StepTotal", HOURS) is None
        assert kind_of("Id,StepTotal", HOURS) is None

    def test_all_cells_of_a_wide_line_are_needed(self, kind_of):
        cells = [f"Steps{n:02}" for n in range(60)]
        assert kind_of(",".join(["Id", "ActivityHour", *cells])) == "minute_steps_wide"
        assert kind_of(",".join(["Id", "ActivityHour", *cells[:59]])) is None

    @pytest.mark.parametrize(
        "header",
        [
            "Id,Id,ActivityHour,StepTotal",
            "Id,id,ActivityHour,StepTotal",
            "Id,ActivityHour,StepTotal,StepTotal",
            "Id,ActivityHour,StepTotal,step_total",
        ],
    )
    def test_twice_is_not_chosen_from(self, find: Find, header: str):
        """The name as the vendor writes it may be found among others written otherwise; two of the same may not."""
        names = header.split(",")
        try:
            layout = find(header, HOURS)
        except FileRefusedError as refusal:
            told = str(refusal)
            assert "columns appear twice" in told
        else:
            assert len(set(names)) == len(names)
            assert layout is not None
            assert layout.ignored in (("id",), ("step_total",))

    def test_twice_is_refused(self, refusal):
        told = refusal("Id,Id,ActivityHour,StepTotal")
        assert (told.code, str(told)) == ("unknown_layout", "columns appear twice: Id. Leave one of each")
        assert "StepTotal" in str(refusal("Id,ActivityHour,StepTotal,StepTotal"))

    def test_twice_among_columns_that_mean_nothing_is_no_matter(self, kind_of):
        assert kind_of("Id,ActivityHour,StepTotal,Note,Note") == "hourly_steps"


class TestTies:
    """`participant,date,steps` may be steps of days, hours or minutes: clocks decide, then the name, then nobody."""

    HEADER = "participant,date,steps"

    @pytest.mark.parametrize(
        ("times", "kind"),
        [(DAYS, "daily_steps"), (MIDNIGHTS, "daily_steps"), (HOURS, "hourly_steps"), (MINUTES, "minute_steps")],
    )
    def test_clocks(self, kind_of, times: list[str], kind: str):
        assert kind_of(self.HEADER, times) == kind
        assert kind_of(self.HEADER, times, name="minuteStepsNarrow dailySteps hourlySteps.csv") == kind

    @pytest.mark.parametrize("times", [HOURS[:1], HOURS[:2]])
    def test_too_few_clocks_are_refused_with_the_kinds(self, refusal, times: list[str]):
        told = refusal(self.HEADER, times)
        assert told.code == "ambiguous_layout"
        assert "fitabase.hourly_steps" in str(told)
        assert "fitabase.minute_steps" in str(told)
        assert "--kind" in str(told)

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("hourlySteps_merged.csv", "hourly_steps"),
            ("Ann/2016/hourly steps (2).csv", "hourly_steps"),
            ("P1_minuteStepsNarrow.csv", "minute_steps"),
        ],
    )
    def test_then_the_files_name(self, kind_of, name: str, kind: str):
        assert kind_of(self.HEADER, HOURS[:1], name=name) == kind

    @pytest.mark.parametrize("kind", ["hourly_steps", "fitabase.hourly_steps"])
    def test_what_a_person_says_is_not_asked_of_the_file(self, kind_of, kind: str):
        assert kind_of(self.HEADER, HOURS[:1], kind=kind) == "hourly_steps"
        assert kind_of(self.HEADER, MINUTES, kind=kind) == "hourly_steps"

    def test_nor_is_a_kind_found_that_lacks_its_columns(self, kind_of):
        assert kind_of(self.HEADER, HOURS, kind="sleep_day") is None
        assert kind_of(self.HEADER, HOURS, kind="no_such_kind") is None

    def test_the_kind_that_explains_more_columns(self, kind_of):
        """Every dailyActivity has the columns of dailyCalories and of dailyIntensities."""
        minutes = "SedentaryMinutes,LightlyActiveMinutes,FairlyActiveMinutes,VeryActiveMinutes"
        assert kind_of(f"Id,ActivityDay,{minutes}", DAYS) == "daily_intensities"
        assert kind_of(f"Id,ActivityDay,{minutes},TotalSteps,TotalDistance,Calories", DAYS) == "daily_activity"
        assert kind_of("Id,ActivityDay,Calories", DAYS) == "daily_calories"

    def test_heart_rate_by_the_second(self, kind_of):
        assert kind_of("id,time,bpm", SECONDS) == "heartrate_seconds"


class TestSplitTimes:
    """The day in one column, the time of day in another."""

    @pytest.mark.parametrize(
        "header", ["id,date,time,steps", "id,Day,Clock,steps", "id,ActivityDay,ActivityHour,steps"]
    )
    def test_day_and_clock(self, vendor_sources: Sources, header: str):
        sample = [(WHO, "4/13/2016", f"{h}:00", "1") for h in range(9)]
        layout = find_layout(vendor_sources, header.split(","), sample, "file.csv")
        assert layout is not None
        assert (layout.kind.kind, layout.time_at, layout.ignored) == ("hourly_steps", (1, 2), ())
        assert layout.time_name == " + ".join(header.split(",")[1:3])

    def test_the_clock_may_stand_first_and_be_a_bare_hour(self, vendor_sources: Sources):
        sample = [(WHO, str(h), "1", "13.04.2016") for h in range(24)]
        layout = find_layout(vendor_sources, ["id", "hour", "steps", "date"], sample, "file.csv")
        assert layout is not None
        assert (layout.kind.kind, layout.time_at) == ("hourly_steps", (3, 1))

    def test_a_column_with_both_goes_before_them(self, vendor_sources: Sources):
        sample = [(WHO, f"4/13/2016 {h}:00", "4/13/2016", f"{h}:00", "1") for h in range(9)]
        layout = find_layout(vendor_sources, ["id", "timestamp", "date", "time", "steps"], sample, "file.csv")
        assert layout is not None
        assert (layout.kind.kind, layout.time_at) == ("hourly_steps", (1,))

    def test_days_need_no_clock(self, vendor_sources: Sources):
        sample = [(WHO, "4/13/2016", "1")]
        layout = find_layout(vendor_sources, ["id", "date", "steps"], sample, "file.csv")
        assert layout is not None
        assert layout.time_at == (1,)


class TestTimeColumns:
    """Several columns may be the time of a row: the vendor's own name decides, never chance."""

    def test_the_vendors_name_goes_before_synonyms(self, vendor_sources: Sources):
        sample = [(WHO, "4/14/2016", "4/13/2016", "1")]
        for header in (["Id", "date", "ActivityDay", "StepTotal"], ["Id", "timestamp", "activity_day", "StepTotal"]):
            layout = find_layout(vendor_sources, header, sample, "file.csv", "daily_steps")
            assert layout is not None
            assert layout.time_at == (2,)

    @pytest.mark.parametrize(
        "header",
        [
            ["Id", "ActivityHour", "ActivityHour", "StepTotal"],
            ["Id", "start_time", "timestamp", "StepTotal"],
            ["Id", "timestamp", "start_time", "StepTotal"],
        ],
    )
    def test_two_that_may_be_it_are_refused(self, vendor_sources: Sources, header: list[str]):
        sample = [(WHO, f"4/13/2016 {h}:00", f"5/1/2016 1{h}:00", "1") for h in range(5)]
        with pytest.raises(FileRefusedError) as caught:
            find_layout(vendor_sources, header, sample, "file.csv", "hourly_steps")
        assert header[1] in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "look"),
    [
        ("4/13/2016 1:00:00 PM", "moment"),
        ("2016-04-13T13:00", "moment"),
        ("13.04.2016 13:00", "moment"),
        ("20160413 13:00", "moment"),
        ("2016-04-13T13:00:00Z", "moment"),
        ("4/13/2016", "day"),
        ("13 Apr 2016", "day"),
        ("Apr 13, 2016", "day"),
        ("13:00", "clock"),
        ("1:00:00 p.m.", "clock"),
        ("13", "hour"),
        ("1 PM", "hour"),
        ("soon", "other"),
        ("1503960366", "other"),
        ("1.5", "other"),
    ],
)
def test_a_cell_as_a_piece_of_time(cell: str, look: str):
    assert look_of(cell) == look


def test_where_the_file_name_says_whose_it_is_no_id_is_asked_for():
    sources = Sources((SourceSpec.model_validate(BAND),))
    layout = find_layout(sources, ["when", "counted"], [("2016-04-13 01:00", "1")], "ann1_x.csv")
    assert layout is not None
    assert (layout.id_at, layout.time_at, layout.columns_at) == (None, (0,), {"counted": 1})
    assert layout.is_untouched


class TestUnknown:
    def test_names_the_nearest_kind_and_the_differences(self, vendor_sources: Sources):
        told = unknown_layout(vendor_sources, ["Id", "ActivityHour", "TotalIntensity", "Mood"])
        assert told.code == "unknown_layout"
        assert "hourlyIntensities_merged" in str(told)
        assert "which also has: AverageIntensity" in str(told)
        assert "does not have: Mood" in str(told)

    def test_names_what_it_found_where_nothing_is_near(self, vendor_sources: Sources):
        assert "no known export has any of these columns: a, b" in str(unknown_layout(vendor_sources, ["a", "", "b"]))

    @pytest.mark.parametrize("header", ["", ",", "a,b"])
    def test_is_no_layout(self, kind_of, header: str):
        assert kind_of(header) is None
