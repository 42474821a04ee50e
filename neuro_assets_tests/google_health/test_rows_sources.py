"""Of several sources for one time one stands, the nearest to the body; what a source says twice stands once."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.sources.google_health import precedence
from neuro_assets_tests.google_health.points_of import (
    PHONE,
    TYPED,
    WATCH,
    page_of,
    rows_from,
    steps,
    told,
)


def test_of_several_sources_the_nearest_to_the_body_stands() -> None:
    points = [
        steps("2026-01-08T10:00Z", "900", length=15, dataSource=PHONE),
        steps("2026-01-08T10:20Z", "9", dataSource=PHONE),
        steps("2026-01-08T10:02Z", "30", dataSource=PHONE),
        steps("2026-01-08T10:02Z", "40", dataSource=WATCH),
        steps("2026-01-08T10:20Z", "1000", dataSource=TYPED),
        steps("2026-01-08T10:30Z", "500", dataSource=TYPED),
    ]
    rows = rows_from("steps", points, "list", zone="UTC")
    columns = ("local_time", "steps", "platform", "recording_method", "device")
    assert sorted(told(rows.frames["steps"], *columns)) == [
        ("2026-01-08 10:02:00", 40, "FITBIT", "PASSIVELY_MEASURED", "watch"),
        ("2026-01-08 10:20:00", 9, "FITBIT", "PASSIVELY_MEASURED", "phone"),
        ("2026-01-08 10:30:00", 500, "FITBIT", "MANUAL", None),
    ]
    assert rows.left_out == {precedence.OTHER_SOURCE: 3}


def test_how_near_to_the_body_a_source_is() -> None:
    def source(**own: Any) -> int:
        page = page_of("steps", [steps("2026-01-08T10:00Z", "1", dataSource=own)], "list")
        return precedence.rank(page.points[0].data_source)

    measured = {"platform": "FITBIT", "recordingMethod": "PASSIVELY_MEASURED"}
    worn = [source(**WATCH), source(**measured), source(**measured, device={}), source(device={"formFactor": "WATCH"})]
    ring, connect = {"device": {"formFactor": "RING"}}, {"platform": "HEALTH_CONNECT"}
    other = [source(**measured, **ring), source(**connect), source()]
    # Fitbit's name for the pedometer of a phone.
    phone = [source(**PHONE), source(**measured, device={"displayName": "MobileTrack"})]
    typed = [source(**TYPED), source(recordingMethod="MANUAL", device={"formFactor": "WATCH"})]
    assert [set(group) for group in (worn, other, phone, typed)] == [{0}, {1}, {2}, {3}]


def test_a_device_is_told_without_a_persons_name() -> None:
    own = {"formFactor": "FITNESS_BAND", "manufacturer": "Acme", "displayName": "Ann's band"}
    tracker = {"platform": "FITBIT", "device": {"displayName": "Inspire 3"}}
    sources = [{"platform": "HEALTH_CONNECT", "device": own}, tracker]
    points = [steps(f"2026-01-08T10:0{n}Z", "1", dataSource=s) for n, s in enumerate(sources)]
    band, model = rows_from("steps", points, "list", zone="UTC").frames["steps"].sort("local_time")["device"]
    assert band.startswith("fitness band Acme ")
    assert "Ann" not in band
    assert model == "Inspire 3"


def test_a_minute_under_two_offsets_is_one_minute() -> None:
    """As a client has seen it of one watch on a day of travel."""
    points = [
        steps("2026-09-30T13:50Z", "90", "3600s", dataSource=WATCH),
        steps("2026-09-30T13:50Z", "98", "7200s", dataSource=WATCH),
        steps("2026-09-30T13:51Z", "5", "7200s", dataSource=WATCH),
        steps("2026-09-30T13:51Z", "5", "7200s", dataSource=WATCH),
    ]
    for order in (points, points[::-1]):
        rows = rows_from("steps", order, "list", zone="UTC")
        assert sorted(told(rows.frames["steps"], "local_time", "steps")) == [
            ("2026-09-30 15:50:00", 98),
            ("2026-09-30 15:51:00", 5),
        ]
        assert rows.left_out == {precedence.CONFLICT: 1, precedence.TWICE: 1}


_SOURCES = (WATCH, PHONE, TYPED, {"platform": "HEALTH_CONNECT"})


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(1, 5), st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=15
    ),
    st.randoms(use_true_random=False),
)
def test_no_minute_is_told_by_two_sources(drawn: list[tuple[int, int, int, int]], shuffled: random.Random) -> None:
    begin = datetime(2026, 1, 8, 10, tzinfo=UTC)

    def rows_in(order: list[tuple[int, int, int, int]]) -> Any:
        points = [
            steps(f"{begin + timedelta(minutes=at):%Y-%m-%dT%H:%MZ}", str(n), length=length, dataSource=_SOURCES[who])
            for at, length, who, n in order
        ]
        return rows_from("steps", points, "list", zone="UTC")

    rows = rows_in(drawn)
    found = rows.frames["steps"]
    covered: dict[int, set[tuple[Any, ...]]] = {}
    for row in found.iter_rows(named=True):
        first = int((row["local_time"] - begin.replace(tzinfo=None)).total_seconds()) // 60
        for at in range(first, first + row["period_s"] // 60):
            covered.setdefault(at, set()).add((row["platform"], row["recording_method"], row["device"]))
    assert all(len(sources) == 1 for sources in covered.values())
    # What the nearest source tells is all there.
    nearest = min((0, 3, 1, 2)[who] for _, _, who, _ in drawn)
    keys = {(at, length) for at, length, who, _ in drawn if (0, 3, 1, 2)[who] == nearest or False}
    assert len(found) + sum(rows.left_out.values()) == len(drawn)
    assert len(found) >= len({k for k in keys if nearest == 0})
    shuffled.shuffle(drawn)
    assert rows_in(drawn).frames["steps"].sort(pl.all()).equals(found.sort(pl.all()))
