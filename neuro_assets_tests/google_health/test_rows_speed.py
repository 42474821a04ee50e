"""A page of 5,000 points, the most that the API gives at once, becomes rows within 15 ms."""

import time

import pytest

from neuro_assets.sources.google_health.contract import decode_page
from neuro_assets.sources.google_health.data_types import BY_NAME, Reading
from neuro_assets.sources.google_health.rows import Around, rows_of
from neuro_assets_tests.google_health.points_of import WATCH, body_of, steps

pytestmark = pytest.mark.verify
COUNT = 5_000
MOST_MS = 15


def _body(reading: Reading) -> bytes:
    civil = {"date": {"year": 2026, "month": 1, "day": 7}, "time": {"hours": 21, "minutes": 30}}
    points = []
    for n in range(COUNT):
        day, minute = divmod(n, 1440)
        own = steps(f"2026-01-{day + 1:02}T{minute // 60:02}:{minute % 60:02}Z", str(n % 97), "-14400s")
        own["steps"]["interval"] |= {"civilStartTime": civil, "civilEndTime": civil}
        points.append(own | ({"dataSource": WATCH} if reading == "list" else {}))
    return body_of(points, nextPageToken="more")


@pytest.mark.parametrize("reading", ["reconcile", "list"])
def test_a_page_of_steps_takes_little_time(reading: Reading) -> None:
    body, around = _body(reading), Around("America/New_York", reading)
    took = []
    for _ in range(30):
        begun = time.perf_counter()
        page = decode_page(body, BY_NAME["steps"], reading)
        frame = rows_of(BY_NAME["steps"], [page], around).frames["steps"]
        took.append(1000 * (time.perf_counter() - begun))
    assert (frame.height, frame["steps"].sum()) == (COUNT, sum(n % 97 for n in range(COUNT)))
    print(f"{reading}: {len(body) / 1e6:.1f} MB, best {min(took):.1f} ms, median {sorted(took)[15]:.1f} ms")
    assert min(took) < MOST_MS
