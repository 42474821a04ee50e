"""Change points of real people whose calendar is known: eight Norwegians' waking up, 2019-11 to 2020-03."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from neuro_assets.science.change_points import ChangePoint, find_change_points

pytestmark = pytest.mark.verify

EPOCH = date(1970, 1, 1)


def wakings(path: Path) -> dict[int, float]:
    """Day -> minutes after midnight at which the main sleep's log ends."""
    logs = (log for log in json.loads(path.read_text()) if log["mainSleep"])
    ends = [datetime.fromisoformat(log["endTime"]) for log in logs]
    return {(end.date() - EPOCH).days: end.hour * 60 + end.minute + end.second / 60 for end in ends}


def about(change: ChangePoint, first: date, last: date) -> bool:
    return first <= EPOCH + timedelta(days=change.day) <= last


def test_people_wake_up_later_from_christmas_to_new_year(shared_data: Path):
    """Both ends of the holidays in most people, more than an hour in half of them; nobody the other way."""
    later, earlier, other_way = {}, {}, []
    for path in sorted((shared_data / "pmdata").glob("p*/fitbit/sleep.json")):
        seen, who = wakings(path), path.parts[-3]
        found = find_change_points(list(seen), list(seen.values()))
        for change in found.changes:
            begins = about(change, date(2019, 12, 19), date(2019, 12, 27))
            ends = about(change, date(2019, 12, 30), date(2020, 1, 8))
            if begins and change.difference > 0:
                later[who] = change
            elif ends and change.difference < 0:
                earlier[who] = change
            elif begins or ends:
                other_way.append(who)
    sizes = sorted(c.difference for c in later.values())
    print(f"\nlater: {sorted(later)}, earlier again: {sorted(earlier)}, {sizes} min; {other_way}")
    assert len(later) >= 5
    assert len(earlier) >= 5
    assert len(set(later) & set(earlier)) >= 5
    assert other_way == []
    assert sizes[len(sizes) // 2] > 60
