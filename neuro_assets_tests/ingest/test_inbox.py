import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_assets.ingest.inbox import (
    Landed,
    archive_path,
    content_id,
    discard_copy,
    left_over,
    list_landing,
    plan_ingest,
    rejected_path,
    settle,
    take,
)
from neuro_assets.settings import Settings
from neuro_assets_tests.fitabase_files import write

SECOND = 1_000_000_000
NOW = 1_000 * SECOND


def landed(name: str, size: int = 10, age_s: float = 60) -> Landed:
    return Landed(name, size, int(NOW - age_s * SECOND))


def plan(files: list[Landed], seen: dict[str, str] | None = None, limit: int = 200):
    stamps = {f.name: f.stamp for f in files} if seen is None else seen
    return plan_ingest(files, stamps, NOW, settle_ns=2 * SECOND, limit=limit)


def test_a_file_seen_for_the_first_time_waits_for_a_second_look():
    files = [landed("a.csv")]
    first = plan(files, seen={})
    assert (first.take, dict(first.waiting)) == ((), {"a.csv": files[0].stamp})
    second = plan(files, seen=dict(first.waiting))
    assert (second.take, dict(second.waiting)) == (tuple(files), {})


@pytest.mark.parametrize(
    ("before", "now", "taken"),
    [
        (landed("a", 10, 60), landed("a", 10, 60), True),
        (landed("a", 10, 60), landed("a", 11, 60), False),
        (landed("a", 10, 60), landed("a", 10, 59), False),
        (landed("a", 10, 2), landed("a", 10, 2), True),
        (landed("a", 10, 1.9), landed("a", 10, 1.9), False),
    ],
)
def test_only_what_is_unchanged_and_settled_is_taken(before: Landed, now: Landed, taken: bool):
    decided = plan([now], seen={"a": before.stamp})
    assert bool(decided.take) is taken
    assert dict(decided.waiting) == ({} if taken else {"a": now.stamp})


def test_one_run_takes_no_more_than_its_limit_and_remembers_the_rest():
    files = [landed(f"{i:03}.csv") for i in range(10)]
    first = plan(files, limit=4)
    assert [f.name for f in first.take] == ["000.csv", "001.csv", "002.csv", "003.csv"]
    second = plan([f for f in files if f not in first.take], seen=dict(first.waiting), limit=4)
    assert [f.name for f in second.take] == ["004.csv", "005.csv", "006.csv", "007.csv"]


def test_what_is_remembered_is_bounded():
    assert len(plan([landed(f"{i}.csv") for i in range(100)], seen={}, limit=5).waiting) == 20


@given(
    st.lists(st.tuples(st.text("abc", min_size=1), st.integers(0, 3), st.integers(0, 5)), unique_by=lambda t: t[0]),
    st.integers(1, 4),
    st.data(),
)
def test_every_file_is_taken_or_remembered_never_both(drawn: list[tuple], limit: int, data: st.DataObject):
    files = [landed(*f) for f in drawn]
    seen = {f.name: f.stamp for f in files if data.draw(st.booleans())}
    decided = plan(files, seen, limit)
    taken = {f.name for f in decided.take}
    assert taken <= set(seen)
    assert len(taken) <= limit
    assert taken.isdisjoint(decided.waiting)
    assert len(files) > 4 * limit or taken | set(decided.waiting) == {f.name for f in files}


def test_the_listing_leaves_out_what_is_unfinished(home: Settings):
    names = [
        "a.csv",
        "sub/b.csv",
        "c.csv.part",
        "d.TMP",
        "e.crdownload",
        ".f.csv",
        ".git/g.csv",
        "h.filepart",
    ]
    for age, name in enumerate(names):
        path = write(home.landing, name, "x" * (age + 1))
        os.utime(path, ns=(NOW - age, NOW - age))
    assert list_landing(home.landing) == [Landed("sub/b.csv", 2, NOW - 1), Landed("a.csv", 1, NOW)]


def test_a_folder_that_cannot_be_listed_is_no_empty_folder(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        list_landing(tmp_path / "landing")
    (tmp_path / "empty").mkdir()
    assert list_landing(tmp_path / "empty") == []


def test_identity_is_the_sha256_of_the_bytes(tmp_path: Path):
    path = write(tmp_path, "a.csv", b"abc")
    assert content_id(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_taking_moves_within_the_home_and_copies_from_outside(home: Settings, tmp_path: Path):
    inside, outside = write(home.landing, "a.csv", "1"), write(tmp_path / "desk", "a.csv", "2")
    moved = take(home, inside, "a.csv", keep_original=False)
    copied = take(home, outside, "a.csv", keep_original=True)
    assert (inside.exists(), outside.exists()) == (False, True)
    assert (moved.path.read_text(), copied.path.read_text()) == ("1", "2")
    assert {f.path for f in left_over(home)} == {moved.path, copied.path}
    assert {f.name for f in left_over(home)} == {"a.csv"}


def test_settling_leaves_no_trace_in_processing(home: Settings):
    taken = take(home, write(home.landing, "a.csv", "1"), "deep/er/a.csv", keep_original=False)
    settle(home, taken, archive_path(taken.file_id, taken.name))
    stored = home.home / "archive" / taken.file_id[:2] / taken.file_id / "a.csv"
    assert stored.read_text() == "1"
    assert list(home.processing.iterdir()) == []
    assert rejected_path(taken.file_id, "deep/er/a.csv") == f"rejected/{taken.file_id[:12]}/a.csv"


def test_a_repeated_arrival_is_dropped_only_while_the_home_holds_its_bytes(home: Settings):
    stored = archive_path(content_id(write(home.landing, "a.csv", "1")), "a.csv")
    for _ in range(2):
        taken = take(home, write(home.landing, "a.csv", "1"), "a.csv", keep_original=False)
        discard_copy(home, taken, stored)
        assert (home.home / stored).read_text() == "1"
        assert left_over(home) == []


def test_an_interrupted_copy_is_dropped_its_original_is_still_there(home: Settings):
    write(home.processing / "0abc", ".a.csv.part", "half of")
    assert left_over(home) == []
    assert list(home.processing.iterdir()) == []


def test_a_whole_file_whose_name_ends_in_part_is_not_lost(home: Settings):
    """It left landing/ by rename: what lies in processing/ is all there is."""
    taken = take(home, write(home.landing, "week1.part", "1"), "week1.part", keep_original=False)
    assert [f.path for f in left_over(home)] == [taken.path]


def test_a_stray_file_in_processing_does_not_stop_ingest(home: Settings):
    write(home.processing, ".DS_Store", "x")
    taken = take(home, write(home.landing, "a.csv", "1"), "a.csv", keep_original=False)
    assert [f.path for f in left_over(home)] == [taken.path]


def test_a_file_from_the_future_is_taken_once_two_looks_agree():
    """After the clock was set back by an hour, waiting for its age would hold it up for that hour."""
    now = 10**18
    file = Landed("a.csv", 5, now + 3600 * 10**9)
    first = plan_ingest([file], {}, now, settle_ns=2 * 10**9)
    assert first.take == ()
    assert plan_ingest([file], first.waiting, now, settle_ns=2 * 10**9).take == (file,)
