"""Pictures of a person's series: what is read is what was planted, and no line runs where nothing is."""

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from neuro_assets.imputation.compute import imputation_tables
from neuro_assets.imputation.plot import PlotData, PlotError, page, plot_series, read_series_of, segments
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.ddl import ensure_tables
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.catalogue import stream as stream_of
from neuro_assets_tests.cli.test_commands import Said, neuro
from neuro_assets_tests.study_homes import write_study

# The person's clock is four hours behind UTC.
BEHIND = timedelta(hours=4)
WHO, BOTH = "<b>&", "both"
STUDY: dict[str, object] = {
    "window": {"start": "2019-11-01", "end": "2019-11-30"},
    "default_time_zone": "America/New_York",
    "expected_streams": ["steps", "heart_rate"],
}


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A wall time of November 2019."""
    return datetime(2019, 11, day, hour, minute)


@dataclass(frozen=True)
class Planted:
    """Tables of imputation written by hand."""

    job: Ingest
    connection: Connection

    def cells(
        self,
        who: str,
        since: datetime,
        until: datetime,
        *,
        every: int = 1,
        value: float | None = None,
        observed: float | None = None,
        interval: tuple[float, float] | None = None,
        gap: str | None = None,
        refusal: str | None = None,
    ) -> None:
        """Rows side by side in a half-open stretch of wall time; with an interval they are imputed."""
        name = "1m" if every == 1 else "1h"
        self.connection.execute(
            f"""
            INSERT INTO imputed.steps_{name} BY NAME
            SELECT $who AS participant_id, moment::DATE AS day, timezone('UTC', moment + $behind::INTERVAL) AS ts,
                moment AS local_ts, 0 AS fold, $value AS value, $observed AS observed_value,
                $lower IS NOT NULL AS is_imputed, $lower AS lower_90, $upper AS upper_90, $gap AS gap_id,
                $refusal AS refusal, 'whole_record' AS mode
            FROM (SELECT unnest(generate_series($since::TIMESTAMP, $until::TIMESTAMP - to_minutes($every),
                to_minutes($every))) AS moment)
            """,
            {
                "who": who, "since": since, "until": until, "every": every, "value": value, "observed": observed,
                "lower": interval[0] if interval else None, "upper": interval[1] if interval else None, "gap": gap,
                "refusal": refusal, "behind": BEHIND,
            },
        )  # fmt: skip
        self.connection.execute(
            """
            INSERT INTO imputed.daily BY NAME
            SELECT $who AS participant_id, unnest(generate_series($since::DATE, $last::DATE, INTERVAL 1 DAY)) AS day,
                'steps' AS stream, $name AS resolution, 'whole_record' AS mode, $observed AS observed_min,
                0 AS imputed_min, 0 AS empty_min
            EXCEPT SELECT participant_id, day, stream, resolution, mode, observed_min, imputed_min, empty_min
            FROM imputed.daily
            """,
            {"who": who, "since": since, "last": until - timedelta(minutes=1), "name": name,
             "observed": 0 if value is None or interval else 1},
        )  # fmt: skip

    def seen(self, who: str, since: datetime, until: datetime, value: float, every: int = 1) -> None:
        """What was observed while worn."""
        self.cells(who, since, until, every=every, value=value, observed=value)

    def gap(
        self,
        who: str,
        gap: str,
        since: datetime,
        until: datetime,
        reason: str,
        refusal: str | None = None,
        total: tuple[float, float, float] | None = None,
    ) -> None:
        """A gap, and what it would have added up to."""
        bound = {"who": who, "gap": gap, "since": since + BEHIND, "until": until + BEHIND}
        self.connection.execute(
            """
            INSERT INTO imputed.gap BY NAME
            SELECT $who AS participant_id, $since::DATE AS day, 'steps' AS stream, '1m' AS resolution, $gap AS gap_id,
                timezone('UTC', $since::TIMESTAMP) AS ts, timezone('UTC', $until::TIMESTAMP) AS until_ts,
                date_diff('minute', $since::TIMESTAMP, $until::TIMESTAMP) AS gap_min, $reason AS reason,
                'night' AS part_of_day, true AS is_over, $refusal IS NULL AS is_allowed, $refusal AS refusal
            """,
            bound | {"reason": reason, "refusal": refusal},
        )
        if total:
            self.connection.execute(
                "INSERT INTO imputed.gap_total BY NAME SELECT $who AS participant_id, $until::DATE AS day, 'steps' AS"
                " stream, '1m' AS resolution, $gap AS gap_id, 1 AS gap_min, $total AS total, $lower AS lower_90, $upper"
                " AS upper_90, 'stack' AS method, 'whole_record' AS mode, 'v' AS model_version",
                {"who": who, "gap": gap, "until": bound["until"]}
                | dict(zip(("total", "lower", "upper"), total, strict=True)),
            )


@pytest.fixture(scope="module")
def study(make_job: Callable[..., Ingest]) -> Iterator[Planted]:
    """Days 3 to 6 of one person by the minute with four gaps; days 4 and 5 of another, by the hour, then the minute."""
    job = make_job(**STUDY)
    write_study(job.settings.home, **STUDY, name="A [red]study")
    with job.lake.connect() as connection:
        it = Planted(job, connection)
        with job.lake.transaction(connection, ["ddl"]):
            ensure_tables(connection, imputation_tables(job.study))
        with job.lake.transaction(connection, ["planted"]):
            it.seen(WHO, at(3), at(3, 20), 6)
            it.cells(WHO, at(3, 20), at(4, 1), gap="long", refusal="too_long")
            it.seen(WHO, at(4, 1), at(4, 10), 6)
            it.cells(WHO, at(4, 10), at(4, 10, 30), value=3, observed=0, interval=(1, 9), gap="filled")
            it.seen(WHO, at(4, 10, 30), at(5, 22), 6)
            it.cells(WHO, at(5, 22), at(6, 3), observed=0, gap="off", refusal="not_allowed")
            it.seen(WHO, at(6, 3), at(6, 12), 6)
            it.cells(WHO, at(6, 12), at(6, 20), gap="total", refusal="only_totals")
            it.seen(WHO, at(6, 20), at(6, 21), 6)
            it.seen(WHO, at(6, 22), at(7), 6)  # the hour from 21 on is not asked for
            it.gap(WHO, "long", at(3, 20), at(4, 1), "unknown", "too_long")
            it.gap(WHO, "filled", at(4, 10), at(4, 10, 30), "battery", total=(90.4, 40, 1234))
            it.gap(WHO, "off", at(5, 22), at(6, 3), "not_worn", "not_allowed")
            it.gap(WHO, "total", at(6, 12), at(6, 20), "not_synced", "only_totals", total=(700, 0, 1500))
            it.seen(BOTH, at(4), at(5), 600, every=60)
            it.seen(BOTH, at(5), at(6), 10)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NEURO_HOME", str(job.settings.home))
            patch.setenv("DAGSTER_HOME", str(job.settings.home / "dagster"))
            yield it


def read(study: Planted, first: int, last: int, who: str = WHO) -> PlotData:
    return read_series_of(study.connection, who, "steps", date(2019, 11, first), date(2019, 11, last))


def spans(data: PlotData, kind: str) -> list[tuple[datetime, datetime]]:
    """From where to where each stretch of a kind is drawn."""
    return [(s["begins"][0], s["ends"][-1]) for s in segments(data, kind)]  # type: ignore[arg-type]


def test_what_is_read_is_what_was_planted(study: Planted):
    data = read(study, 4, 6)
    assert data.points.height == 3 * 1440 - 60
    assert (data.points["local_ts"][0], data.points["local_ts"][-1]) == (at(4), at(6, 23, 59))
    assert data.points["ts"][0].replace(tzinfo=None) == at(4, 4)
    assert data.points["ts"].is_sorted()
    # Empty: an hour of the first gap, five not worn, eight not synced.
    kinds = {kind: data.minutes(kind) for kind in ("observed", "imputed", "not_worn", "empty")}
    # The minutes that were filled in were recorded as well, while the device was not worn.
    assert kinds == {"observed": 3 * 1440 - 60 - 60 - 30 - 300 - 480, "imputed": 30, "not_worn": 330, "empty": 840}
    assert data.gaps.select("gap_id", "reason", "refusal", "total", "lower_90", "upper_90").rows() == [
        ("long", "unknown", "too_long", None, None, None),
        ("filled", "battery", None, 90.4, 40, 1234),
        ("off", "not_worn", "not_allowed", None, None, None),
        ("total", "not_synced", "only_totals", 700, 0, 1500),
    ]


def test_gaps_are_shown_as_far_as_they_are_in_the_days_and_told_whole(study: Planted):
    ends = ("gap_id", "begins", "ends", "shown_from", "shown_to")
    assert read(study, 4, 5).gaps.select(*ends).rows() == [
        ("long", at(3, 20), at(4, 1), at(4), at(4, 1)),
        ("filled", at(4, 10), at(4, 10, 30), at(4, 10), at(4, 10, 30)),
        ("off", at(5, 22), at(6, 3), at(5, 22), at(6)),
    ]
    # The gap that ended at 1:00 of day 4 is not one of day 5.
    assert read(study, 5, 5).gaps["gap_id"].to_list() == ["off"]


@pytest.mark.parametrize("first", [3, 5])
def test_no_line_runs_over_an_empty_gap(study: Planted, first: int):
    """By the minute (two days) and by ten minutes (four)."""
    data = read(study, first, 6)
    assert data.bin_min == (1 if first == 5 else 10)
    drawn = [
        (at(3), at(3, 20)), (at(4, 1), at(4, 10)), (at(4, 10, 30), at(5, 22)), (at(6, 3), at(6, 12)),
        (at(6, 20), at(6, 21)), (at(6, 22), at(7)),
    ]  # fmt: skip
    expected = [(max(a, at(first)), b) for a, b in drawn if b > at(first)]
    assert spans(data, "observed") == expected
    filled = [(at(4, 10), at(4, 10, 30))] if first == 3 else []
    assert spans(data, "imputed") == filled
    assert spans(data, "not_worn") == [*filled, (at(5, 22), at(6, 3))]
    assert spans(data, "empty")[-2:] == [(at(5, 22), at(6, 3)), (at(6, 12), at(6, 20))]


def test_points_are_means_of_one_kind_and_a_short_gap_keeps_its_own(study: Planted):
    data = read(study, 3, 6)
    (filled,) = segments(data, "imputed")
    assert filled.select("begins", "ends", "value", "lower_90", "upper_90").rows() == [
        (at(4, 10, 10 * n), at(4, 10, 10 * n + 10), 3, 1, 9) for n in range(3)
    ]
    assert {value for s in segments(data, "observed") for value in s["value"]} == {6}
    assert sum(s.height for s in segments(data, "observed")) == data.minutes("observed") / 10


def test_days_by_the_hour_and_by_the_minute_have_one_scale(study: Planted):
    """600 steps an hour and 10 a minute are the same; the hours are neither cut nor joined with the minutes."""
    data = read(study, 3, 6, BOTH)
    assert (data.steps_min, data.bin_min, data.unit) == ([1, 60], 10, "steps per minute")
    assert spans(data, "observed") == [(at(4), at(5)), (at(5), at(6))]
    assert [(s.height, set(s["value"])) for s in segments(data, "observed")] == [(24, {10}), (144, {10})]
    by_hour = read(study, 4, 4, BOTH)
    assert (by_hour.unit, set(segments(by_hour, "observed")[0]["value"])) == ("steps per hour", {600})
    assert "10 minutes, or an hour where data are by the hour; 48 h observed while worn" in page(data, "x")


def hours(clock: list[tuple[datetime, datetime]]) -> PlotData:
    """An hour of 60 steps at each (UTC, wall time)."""
    points = pl.DataFrame({"ts": [u for u, _ in clock], "local_ts": [w for _, w in clock]}).with_columns(
        step_min=60, value=60.0, observed_value=60.0, is_imputed=False, lower_90=pl.lit(None, pl.Float64),
        upper_90=pl.lit(None, pl.Float64), gap_id=pl.lit(None, pl.String),
    )  # fmt: skip
    return PlotData("a", stream_of("steps"), date(2019, 11, 3), date(2019, 11, 3), points, pl.DataFrame())


@pytest.mark.parametrize(
    ("walls", "expected"),
    [
        ([0, 1, 1, 2], [(0, 2), (1, 3)]),  # put back: the line does not run backwards
        ([0, 1, 3, 4], [(0, 5)]),  # put forward: nothing is missing
        ([0, 1, 8, 9], [(0, 2), (8, 10)]),  # a journey: the hours between were not
    ],
)
def test_lines_and_the_clock(walls: list[int], expected: list[tuple[int, int]]):
    data = hours([(at(3, 4 + n), at(3, wall)) for n, wall in enumerate(walls)])
    assert spans(data, "observed") == [(at(3, a), at(3, b)) for a, b in expected]


@pytest.mark.parametrize(("days", "step", "bins"), [(2, 1, 1), (3, 1, 10), (14, 1, 10), (15, 1, 30), (63, 60, 60),
                                                    (90, 60, 180), (9999, 1, 1440)])  # fmt: skip
def test_lines_have_some_two_thousand_points_at_most(days: int, step: int, bins: int):
    points = pl.DataFrame({"step_min": [step]})
    until = date(2000, 1, 1) + timedelta(days=days - 1)
    data = PlotData("a", stream_of("heart_rate"), date(2000, 1, 1), until, points, pl.DataFrame())
    assert (data.bin_min, data.unit) == (bins, "bpm")


def test_without_a_range_it_is_the_last_week_with_anything_observed(study: Planted):
    data = read_series_of(study.connection, WHO, "steps")
    assert (data.since, data.until) == (date(2019, 10, 31), date(2019, 11, 6))


def test_the_page_names_reasons_and_what_was_done(study: Planted):
    text = page(read(study, 4, 6), f"steps of {WHO} $x$")
    assert "<title>steps of &lt;b&gt;&amp; $x$</title>" in text
    assert "<b>" not in text
    assert re.findall("<td>(.*?)</td>", text)[:24] == [
        "Sun 2019-11-03 20:00", "Mon 2019-11-04 01:00", "300", "reason unknown",
        "no: longer than estimates are worth anything", "",
        "Mon 2019-11-04 10:00", "Mon 2019-11-04 10:30", "30", "battery", "yes", "90 (90 % interval: 40 to 1,234)",
        "Tue 2019-11-05 22:00", "Wed 2019-11-06 03:00", "300", "not worn",
        "no: the protocol does not let gaps of this reason be filled in", "",
        "Wed 2019-11-06 12:00", "Wed 2019-11-06 20:00", "480", "not synced",
        "no: too long for single values; the gap&#x27;s total is in imputed.gap_total",
        "700 (90 % interval: 0 to 1,500)",
    ]  # fmt: skip
    for told in ("Gap, battery: the battery was empty.", "Dashed line: filled in; an estimate", "Hatched: left empty"):
        assert f"<li>{told}" in text
    assert "A point is the mean of 10 minutes; 56.5 h observed while worn, 0.5 h filled in, 14 h left empty." in text
    (picture,) = re.findall(r'src="data:image/png;base64,(.*?)"', text)
    assert base64.b64decode(picture).startswith(b"\x89PNG")
    assert not re.search(r"https?:|href=|<script|<link|@import|url\(", text.replace(picture, ""))


def test_a_picture_without_a_gap_is_one(study: Planted):
    assert plot_series(read(study, 4, 5, BOTH), "no gap").startswith(b"\x89PNG\r\n\x1a\n")


def test_a_lake_without_the_tables_says_what_to_run():
    with duckdb.connect() as empty, pytest.raises(PlotError, match="no filled-in series yet; `neuro run` writes them"):
        read_series_of(empty, "a", "steps")


def flat(said: Said) -> str:
    return " ".join(re.sub("[│╭╮╰╯─]", " ", said.out + said.err).split())


def test_the_picture_is_put_into_the_home_and_its_path_told(study: Planted):
    said = neuro("plot", "participant", WHO, "steps", "--since", "2019-11-04")
    folder = study.job.settings.home / "plots"
    picture = folder / "steps_%3Cb%3E%26_2019-11-04_2019-11-06.png"
    assert (said.code, said.out) == (0, f"steps, 2019-11-04 to 2019-11-06, 4 gaps, in {picture}\n")
    assert folder.stat().st_mode & 0o77 == 0
    assert picture.read_bytes().rstrip().endswith(b"IEND\xaeB`\x82")


def test_a_page_is_written_where_it_is_asked_for(study: Planted, tmp_path: Path):
    wanted = tmp_path / "[a] page.HTML"
    said = neuro("plot", "participant", BOTH, "steps", "-o", str(wanted))
    assert (said.code, said.out) == (0, f"steps, 2019-10-30 to 2019-11-05, 0 gaps, in {wanted}\n")
    text = wanted.read_text(encoding="utf-8")
    assert "<title>A [red]study: steps of both, 2019-10-30 to 2019-11-05</title>" in text
    assert "There is none." in text


@pytest.mark.parametrize(
    ("who", "stream", "days", "told"),
    [
        ("nobody", "steps", (), "no steps of nobody: there is nothing of that person; `neuro status` tells"),
        (WHO, "heart_rate", (), f"no heart_rate of {WHO}: there is steps; `neuro status` tells what is there"),
        (WHO, "sleep", (), "gaps of 'sleep' are never filled in; there are series of steps, distance,"),
        (WHO, "steps", (24, 25), "from 2019-11-24 to 2019-11-25: there are days from 2019-11-03 to 2019-11-06;"),
        (WHO, "steps", (5, 4), "ends on 2019-11-04, before it begins on 2019-11-05"),
        (WHO, "steps", (7,), "ends on 2019-11-06, before it begins on 2019-11-07"),
    ],
)
def test_what_is_not_there_is_told(study: Planted, who: str, stream: str, days: tuple[int, ...], told: str):
    with pytest.raises(PlotError, match=re.escape(told)):
        read_series_of(study.connection, who, stream, *(date(2019, 11, n) for n in days))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nobody", "steps", "-o", "x.png"], "error: no steps of nobody: there is nothing of that person"),
        ([WHO, "sleep", "-o", "x.html"], "error: gaps of 'sleep' are never filled in"),
        ([WHO, "steps", "--since", "May"], "expected a date such as 2026-03-02, got 'May'"),
        ([WHO, "steps", "-o", "x.pdf"], "expected a name that ends in .html or .png, got 'x.pdf'"),
        ([WHO, "steps", "-o", "nowhere/x.png"], "make it first"),
    ],
)
def test_what_cannot_be_drawn_is_told_and_nothing_is_written(
    study: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
):
    monkeypatch.chdir(tmp_path)
    said = neuro("plot", "participant", *arguments)
    assert said.code == 2
    assert told in flat(said)
    assert list(tmp_path.iterdir()) == []
