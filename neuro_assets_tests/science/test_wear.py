"""Wear detection against hand-made records, every short record there is, and slow loops over random ones."""

import math
import re
import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_assets.science.wear import METHODS, WearMethod, WearParameters, context_min, worn

NAMES: list[WearMethod] = ["heart_rate", "zero_steps", "choi_steps", "choi_heart_rate", "combination"]
# Thresholds so small that random records reach them from both sides.
SMALL = WearParameters(
    heart_rate_bridge_min=2,
    zero_run_min=4,
    zero_hole_min=2,
    choi_window_min=7,
    choi_spike_min=2,
    choi_quiet_min=2,
    combination_run_min=3,
    choi_zero_steps=1,
)
STEPS = {"a": 7.0, "z": 0.0, "m": np.nan}  # active, zero, missing


def spell(text: str) -> str:
    """Return "zzza" for "3z 1a"."""
    return "".join(int(run[:-1]) * run[-1] for run in text.split())


def by_steps(method: WearMethod, text: str, parameters: WearParameters | None = None) -> str:
    """Return "W" for worn and "-" for each minute of a record of steps without any heart rate."""
    steps = np.array([[STEPS[c] for c in spell(text)]], dtype=np.float32)
    got = worn(method, steps, np.zeros(steps.shape, dtype=bool), parameters or WearParameters())
    return "".join("W" if w else "-" for w in got[0])


def by_heart_rate(method: WearMethod, text: str, parameters: WearParameters | None = None) -> str:
    """Return the same of a record of heart rate: r reading, n none but a steps row of 0, m no row at all."""
    spelt = spell(text)
    steps = np.array([[0.0 if c in "rn" else np.nan for c in spelt]], dtype=np.float32)
    got = worn(method, steps, np.array([[c == "r" for c in spelt]]), parameters or WearParameters())
    return "".join("W" if w else "-" for w in got[0])


# --- slow and obvious ----------------------------------------------------------------------------------------------


def slow_stretch(quiet: list[bool], t: int) -> int:
    """Return the length of the unbroken stretch of quiet minutes around t."""
    left, right = t, t
    while left > 0 and quiet[left - 1]:
        left -= 1
    while right + 1 < len(quiet) and quiet[right + 1]:
        right += 1
    return right - left + 1


def slow_choi_quiet(state: str, spike: int, quiet: int) -> list[bool]:
    """Say of every minute whether it is "0" or in a run of up to `spike` "1" with `quiet` "0" on both sides."""
    out = []
    for t, c in enumerate(state):
        first = t - len(state[: t + 1]) + len(state[: t + 1].rstrip("1")) + 1 if c == "1" else t
        end = first + len(state[first:]) - len(state[first:].lstrip("1"))
        before, after = state[max(first - quiet, 0) : first], state[end : end + quiet]
        is_spike = c == "1" and end - first <= spike and before == after == "0" * quiet
        out.append(c == "0" or is_spike)
    return out


def slow_worn(method: WearMethod, steps: list[float], reads: list[bool], p: WearParameters) -> list[bool]:
    """Decide minute by minute, from the sentences in the docstrings."""
    n, row = len(steps), [s == s for s in steps]
    if method == "heart_rate":
        out = []
        for t in range(n):
            before = [i for i in range(t) if reads[i]]
            after = [i for i in range(t + 1, n) if reads[i]]
            gap = after[0] - before[-1] - 1 if before and after else math.inf
            out.append(reads[t] or (row[t] and gap <= p.heart_rate_bridge_min))
        return out
    if method == "zero_steps":
        zeros = [s == 0 for s in steps]
        spelt = "".join("." if s != s else "0" if s == 0 else "1" for s in steps)
        for hole in re.finditer(r"(?<=0)\.+(?=0)", spelt):
            if len(hole[0]) <= p.zero_hole_min:
                zeros[hole.start() : hole.end()] = [True] * len(hole[0])
        return [row[t] and not (zeros[t] and slow_stretch(zeros, t) >= p.zero_run_min) for t in range(n)]
    if method == "combination":
        none = [s == 0 and not r for s, r in zip(steps, reads, strict=True)]
        return [
            (row[t] or reads[t]) and not (none[t] and slow_stretch(none, t) >= p.combination_run_min) for t in range(n)
        ]
    if method == "choi_steps":
        state = "".join("." if s != s else "0" if s <= p.choi_zero_steps else "1" for s in steps)
        seen = row
    else:
        state = "".join("1" if r else "0" for r in reads)
        seen = [a or b for a, b in zip(row, reads, strict=True)]
    quiet = slow_choi_quiet(state, p.choi_spike_min, p.choi_quiet_min)
    return [seen[t] and not (quiet[t] and slow_stretch(quiet, t) >= p.choi_window_min) for t in range(n)]


minute_runs = st.lists(
    st.tuples(st.sampled_from([0.0, 0.0, 1.0, 9.0, np.nan]), st.sampled_from([False, False, True]), st.integers(1, 8)),
    min_size=1,
    max_size=14,
)


def unroll(runs: list[tuple[float, bool, int]]) -> tuple[list[float], list[bool]]:
    return [s for s, _, k in runs for _ in range(k)], [r for _, r, k in runs for _ in range(k)]


@pytest.mark.parametrize("method", NAMES)
@given(runs=minute_runs)
@settings(max_examples=200, deadline=None)
def test_random_records_equal_the_slow_loop(method: WearMethod, runs: list[tuple[float, bool, int]]):
    steps, reads = unroll(runs)
    got = worn(method, np.array([steps], dtype=np.float32), np.array([reads]), SMALL)
    assert got[0].tolist() == slow_worn(method, steps, reads, SMALL)


@pytest.mark.parametrize("method", NAMES)
def test_every_record_of_six_minutes_equals_the_slow_loop(method: WearMethod):
    # 3^6 x 2^6 records, all in one array: neighbouring people must not run into each other
    tiny = WearParameters(
        heart_rate_bridge_min=1,
        zero_run_min=3,
        zero_hole_min=1,
        choi_window_min=4,
        choi_spike_min=1,
        choi_quiet_min=1,
        combination_run_min=2,
    )
    records = list(product(product([0.0, 9.0, np.nan], repeat=6), product([False, True], repeat=6)))
    steps = np.array([s for s, _ in records], dtype=np.float32)
    reads = np.array([r for _, r in records])
    expected = [slow_worn(method, list(s), list(r), tiny) for s, r in records]
    np.testing.assert_array_equal(worn(method, steps, reads, tiny), expected)


@pytest.mark.parametrize("method", NAMES)
@given(runs=minute_runs, data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_stretch_with_its_context_is_judged_as_in_the_whole_record(
    method: WearMethod, runs: list[tuple[float, bool, int]], data: st.DataObject
):
    steps, reads = (np.array([x]) for x in unroll(runs))
    first = data.draw(st.integers(0, steps.size - 1))
    end = data.draw(st.integers(first + 1, steps.size))
    margin = context_min(method, SMALL)
    cut = slice(max(first - margin, 0), end + margin)
    part = worn(method, steps[:, cut], reads[:, cut], SMALL)[0, first - cut.start :][: end - first]
    assert part.tolist() == worn(method, steps, reads, SMALL)[0, first:end].tolist()


@pytest.mark.parametrize("method", NAMES)
@given(runs=minute_runs)
@settings(max_examples=60, deadline=None)
def test_a_minute_without_any_row_is_never_worn(method: WearMethod, runs: list[tuple[float, bool, int]]):
    steps, reads = (np.array([x]) for x in unroll(runs))
    got = worn(method, steps, reads, SMALL)
    assert not got[np.isnan(steps) & ~reads].any()


# --- zero steps ----------------------------------------------------------------------------------------------------


def test_59_zeros_are_worn_60_and_61_are_not():
    assert by_steps("zero_steps", "5a 59z 5a") == 69 * "W"
    assert by_steps("zero_steps", "5a 60z 5a") == 5 * "W" + 60 * "-" + 5 * "W"
    assert by_steps("zero_steps", "5a 61z 5a") == 5 * "W" + 61 * "-" + 5 * "W"


def test_a_missing_minute_ends_a_run_of_zeros():
    # 40 + 40 zeros are 80 minutes, but nobody knows that the minute between had none: two runs of 40, both worn
    assert by_steps("zero_steps", "40z 1m 40z") == 40 * "W" + "-" + 40 * "W"
    # and the missing minutes count on neither side: 59 + 100 missing is not 60 zeros
    assert by_steps("zero_steps", "59z 100m 60z") == 59 * "W" + 100 * "-" + 60 * "-"


def test_runs_at_the_first_and_last_minute_are_as_long_as_they_are_seen():
    assert by_steps("zero_steps", "60z 1a 59z") == 60 * "-" + 60 * "W"
    assert by_steps("zero_steps", "59z 1a 60z") == 60 * "W" + 60 * "-"


def test_zero_steps_does_not_look_at_heart_rate():
    steps = np.array([[np.nan, 0.0, 5.0]])
    for reads in ([[True, True, True]], [[False, False, False]]):
        assert worn("zero_steps", steps, np.array(reads)).tolist() == [[False, True, True]]


@pytest.mark.parametrize("method", ["zero_steps", "choi_steps", "combination", "choi_heart_rate"])
def test_all_zero_is_off(method: WearMethod):
    assert by_steps(method, "1440z") == 1440 * "-"


@pytest.mark.parametrize("method", NAMES)
def test_all_missing_is_not_worn(method: WearMethod):
    assert by_steps(method, "1440m") == 1440 * "-"


@pytest.mark.parametrize("method", ["zero_steps", "choi_steps", "combination"])
def test_all_active_is_worn(method: WearMethod):
    assert by_steps(method, "1440a") == 1440 * "W"


# --- Choi ----------------------------------------------------------------------------------------------------------


def test_89_zeros_are_worn_and_90_are_not():
    assert by_steps("choi_steps", "5a 89z 5a") == 99 * "W"
    assert by_steps("choi_steps", "5a 90z 5a") == 5 * "W" + 90 * "-" + 5 * "W"


def test_a_spike_of_2_minutes_with_30_zeros_on_both_sides_is_not_worn():
    # 30 + 2 + 58 = 90 minutes: the spike counts towards the window
    assert by_steps("choi_steps", "5a 30z 2a 58z 5a") == 5 * "W" + 90 * "-" + 5 * "W"
    assert by_steps("choi_steps", "5a 58z 2a 30z 5a") == 5 * "W" + 90 * "-" + 5 * "W"
    # one minute less altogether: 89, worn
    assert by_steps("choi_steps", "5a 30z 2a 57z 5a") == 99 * "W"


def test_a_spike_with_29_zeros_on_one_side_is_movement():
    # before: 29 zeros, the spike stays, 89 zeros after it are too few
    assert by_steps("choi_steps", "5a 29z 2a 89z 5a") == 130 * "W"
    # with 90 after it, those alone are off
    assert by_steps("choi_steps", "5a 29z 2a 90z 5a") == 36 * "W" + 90 * "-" + 5 * "W"
    # after: 29 zeros
    assert by_steps("choi_steps", "5a 90z 2a 29z 5a") == 5 * "W" + 90 * "-" + 36 * "W"


def test_a_spike_of_3_minutes_is_movement():
    assert by_steps("choi_steps", "60z 3a 60z") == 123 * "W"
    assert by_steps("choi_steps", "60z 2a 60z") == 122 * "-"


def test_two_movements_with_a_zero_between_are_two_spikes_too_close_to_each_other():
    assert by_steps("choi_steps", "60z 1a 1z 1a 60z") == 123 * "W"
    # 30 zeros between them serve both
    assert by_steps("choi_steps", "30z 2a 30z 2a 30z") == 94 * "-"


def test_a_missing_minute_ends_a_window_and_is_no_zero_before_a_spike():
    assert by_steps("choi_steps", "60z 1m 60z") == 60 * "W" + "-" + 60 * "W"
    # 30 minutes before the spike, of which one is missing: movement; 89 zeros after it are too few
    assert by_steps("choi_steps", "29z 1m 2a 89z") == 29 * "W" + "-" + 91 * "W"
    assert by_steps("choi_steps", "1m 30z 2a 58z") == "-" + 90 * "-"


def test_a_spike_at_the_first_or_last_minute_has_nothing_before_or_after_it():
    assert by_steps("choi_steps", "2a 90z") == 2 * "W" + 90 * "-"
    assert by_steps("choi_steps", "90z 2a") == 90 * "-" + 2 * "W"


def test_one_person_ends_where_the_next_begins():
    # 60 zeros end the first record and begin the second; then a spike between two people
    steps = np.array([120 * [0.0], 120 * [0.0]])
    steps[0, :60] = steps[1, 60:] = 7.0
    assert worn("choi_steps", steps, np.zeros((2, 120), dtype=bool)).all()
    spike = np.array([[*60 * [0.0], 7.0], [7.0, *60 * [0.0]]])
    assert worn("choi_steps", spike, np.zeros((2, 61), dtype=bool)).all()


def test_one_step_is_movement_for_choi_and_none_for_fitibble():
    one_step = np.array([[*60 * [0.0], 1.0, 1.0, 1.0, *60 * [0.0]]])
    no_heart_rate = np.zeros(one_step.shape, dtype=bool)
    assert worn("choi_steps", one_step, no_heart_rate).all()
    assert not worn("choi_steps", one_step, no_heart_rate, WearParameters(choi_zero_steps=1)).any()


def test_choi_on_heart_rate_takes_no_reading_for_zero():
    assert by_heart_rate("choi_heart_rate", "5r 89n 5r") == 99 * "W"
    assert by_heart_rate("choi_heart_rate", "5r 90n 5r") == 5 * "W" + 90 * "-" + 5 * "W"
    assert by_heart_rate("choi_heart_rate", "60n 2r 60n") == 122 * "-"
    # silence is silence, with a steps row or without; but a minute without any row is not worn in a short gap either
    assert by_heart_rate("choi_heart_rate", "5r 45n 45m 5r") == 5 * "W" + 90 * "-" + 5 * "W"
    assert by_heart_rate("choi_heart_rate", "5r 44n 45m 5r") == 49 * "W" + 45 * "-" + 5 * "W"


# --- heart rate and combination ------------------------------------------------------------------------------------


def test_heart_rate_is_the_minutes_with_a_reading_unless_a_bridge_is_asked_for():
    assert by_heart_rate("heart_rate", "2r 3n 2r") == "WW---WW"
    bridge = WearParameters(heart_rate_bridge_min=3)
    assert by_heart_rate("heart_rate", "2r 3n 2r", bridge) == "WWWWWWW"
    assert by_heart_rate("heart_rate", "2r 4n 2r", bridge) == "WW----WW"
    # no reading on the other side: nothing to bridge to; no steps row: nothing known of that minute
    assert by_heart_rate("heart_rate", "3n 2r 3n", bridge) == "---WW---"
    assert by_heart_rate("heart_rate", "1r 1n 1m 1n 1r", bridge) == "WW-WW"


def test_combination_is_heart_rate_or_steps():
    # steps 0, 5, missing, 0, 5, missing; heart rate in the first three
    steps = np.array([[0.0, 5.0, np.nan, 0.0, 5.0, np.nan]])
    reads = np.array([[True, True, True, False, False, False]])
    assert worn("combination", steps, reads).tolist() == [[True, True, True, False, True, False]]


def test_combination_with_a_run_forgives_short_silences():
    ten = WearParameters(combination_run_min=10)
    assert by_heart_rate("combination", "1r 9n 1r 10n 1r", ten) == 11 * "W" + 10 * "-" + "W"
    assert by_heart_rate("combination", "1r 9n 1m 9n 1r", ten) == 10 * "W" + "-" + 10 * "W"


# --- refusals, descriptions, size ----------------------------------------------------------------------------------


def test_what_cannot_be_judged_is_refused():
    none, flags = np.zeros((2, 3)), np.zeros((2, 3), dtype=bool)
    with pytest.raises(ValueError, match=r"'watch'.*heart_rate, zero_steps"):
        worn("watch", none, flags)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(2, 2\)"):
        worn("zero_steps", none, flags[:, :2])
    with pytest.raises(ValueError, match="sentinel such as -1"):
        worn("zero_steps", none - 1, flags)
    with pytest.raises(TypeError, match="int64"):
        worn("zero_steps", none.astype(np.int64), flags)
    with pytest.raises(TypeError, match="float64"):
        worn("heart_rate", none, none)
    with pytest.raises(ValueError, match="zero_run_min must be at least 1, got 0"):
        WearParameters(zero_run_min=0)
    with pytest.raises(ValueError, match="choi_spike_min must be at least 0, got -1"):
        WearParameters(choi_spike_min=-1)


def test_zeros_between_short_holes_are_one_run():
    """And a hole beside a step, or a longer one, ends it: nobody knows what was in it."""
    holes = WearParameters(zero_run_min=4, zero_hole_min=2)
    for steps, expected in {
        "zzmmzz": "......",
        "zzmmmzz": "ww...ww",
        "zzmazz": "ww.www",
        "azzmm": "www..",
        "azmzmza": "w.....w",
        "mmzzzz": "......",
        "mmzzzmm": "..www..",
    }.items():
        got = worn("zero_steps", np.array([[STEPS[c] for c in steps]]), np.zeros((1, len(steps)), dtype=bool), holes)
        assert "".join("w" if w else "." for w in got[0]) == expected, steps


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
@pytest.mark.parametrize("method", NAMES)
def test_nobody_and_no_time_are_no_error(method: WearMethod, shape: tuple[int, int]):
    assert worn(method, np.zeros(shape), np.zeros(shape, dtype=bool), SMALL).shape == shape


@pytest.mark.parametrize("method", NAMES)
def test_the_input_stays_as_it_was(method: WearMethod):
    steps, reads = np.array([[0.0, 5.0, np.nan]]), np.array([[True, False, False]])
    worn(method, steps, reads)[:] = True
    np.testing.assert_array_equal(steps, [[0.0, 5.0, np.nan]])
    np.testing.assert_array_equal(reads, [[True, False, False]])


def test_methods_say_what_they_do_with_the_thresholds_in_use():
    assert list(METHODS) == NAMES
    assert "for 45 minutes or more" in METHODS["zero_steps"].describe(WearParameters(zero_run_min=45))
    assert "90 minutes or more" in METHODS["choi_steps"].describe()
    assert [context_min(m) for m in NAMES] == [0, 59, 122, 122, 0]
    assert context_min("zero_steps", WearParameters(zero_hole_min=60)) == 119


def simulated_people(n_people: int, n_min: int) -> tuple[np.ndarray, np.ndarray]:
    """Return steps and heart-rate presence: nights, walks, hours off the wrist and hours without any row."""
    rng = np.random.default_rng(20160412)
    is_day = (np.arange(n_min) // 60 % 24 >= 7)[None, :]
    steps = np.zeros((n_people, n_min), dtype=np.float32)
    steps[is_day & (rng.random(steps.shape, dtype=np.float32) < 0.3)] = 20
    n_hours = -(-n_min // 60)
    by_hour = np.repeat(rng.random((n_people, n_hours), dtype=np.float32), 60, axis=1)[:, :n_min]
    steps[by_hour < 0.15] = 0
    steps[by_hour > 0.9] = np.nan
    reads = (rng.random(steps.shape, dtype=np.float32) < 0.97) & (by_hour >= 0.15) & (by_hour <= 0.9)
    return steps, reads


@pytest.mark.parametrize("method", NAMES)
def test_people_in_several_blocks_are_judged_as_if_alone(method: WearMethod):
    steps, reads = simulated_people(30, 43_200)  # 1.3 M minutes
    together = worn(method, steps, reads)
    for person in (0, 21, 22, 23, 24, 29):
        alone = worn(method, steps[person : person + 1], reads[person : person + 1])
        np.testing.assert_array_equal(together[person], alone[0])


@pytest.mark.verify
def test_a_thousand_people_for_thirty_days():
    steps, reads = simulated_people(1000, 43_200)
    for method in NAMES:
        begun = time.perf_counter()
        got = worn(method, steps, reads)
        print(f"\n{method}: {time.perf_counter() - begun:.2f} s for {steps.size / 1e6:.0f} M minutes, {got.mean():.1%}")
        expected = slow_worn(method, steps[999, :2000].tolist(), reads[999, :2000].tolist(), WearParameters())
        assert got[999, : 2000 - 122].tolist() == expected[: 2000 - 122]
