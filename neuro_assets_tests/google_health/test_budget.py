import threading
import time

import pytest

from neuro_assets.connectors.google_health.budget import Budget, BudgetSpentError, RequestLog
from neuro_assets.study_google_health import Quota


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def most_in_a_minute(sent: list[float]) -> int:
    return max(sum(at <= other < at + 60 for other in sent) for at in sent)


def spend(budget: Budget, clock: Clock, people: list[str], each: int) -> dict[str, list[float]]:
    """Everybody sends as fast as they may, taking turns; the clock goes on only while all have to wait."""
    sent: dict[str, list[float]] = {p: [] for p in people}
    while any(len(s) < each for s in sent.values()):
        waits = []
        for person in (p for p in people if len(sent[p]) < each):
            if (wait := budget.reserve(person)) > 0:
                waits.append(wait)
            else:
                sent[person].append(clock.now)
        if waits:
            clock.now += min(waits)
    return sent


def test_nobody_sends_more_in_a_minute_than_they_may():
    clock = Clock()
    sent = spend(Budget(Quota(person_minute=30), clock), clock, ["a", "b"], 100)
    assert [most_in_a_minute(s) for s in sent.values()] == [29, 29]
    assert clock.now < 5 * 60


def test_all_together_send_no_more_than_the_project_may_and_equally():
    clock = Clock()
    people = [f"p{n}" for n in range(10)]
    sent = spend(Budget(Quota(project_minute=50), clock), clock, people, 20)
    assert most_in_a_minute([at for s in sent.values() for at in s]) == 48
    halfway = clock.now / 2
    shares = [sum(at < halfway for at in s) for s in sent.values()]
    assert max(shares) - min(shares) <= 2


def test_the_quota_of_the_day_ends_it_and_counts_what_others_sent():
    clock = Clock()
    budget = Budget(Quota(project_day=10), clock, used_today=8)
    assert [budget.reserve("a") for _ in range(2)] == [0, 0]
    with pytest.raises(BudgetSpentError, match="10 requests"):
        budget.reserve("a")
    clock.now += 86_401
    assert budget.reserve("a") == 0


def test_many_threads_take_no_more_than_there_is():
    clock = Clock()
    budget = Budget(Quota(project_minute=1000), clock)
    taken = []

    def take(name: str) -> None:
        taken.extend(1 for _ in range(300) if budget.reserve(name) == 0)

    threads = [threading.Thread(target=take, args=(f"p{n}",)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(taken) == 970


def test_a_pull_knows_what_the_one_before_it_sent(tmp_path):
    """Ended or killed: nobody gets a second minute's worth by starting again."""
    path = tmp_path / "requests.log"
    clock = Clock()
    first = Budget(Quota(person_minute=10), clock, RequestLog(path))
    assert [first.reserve("a") for _ in range(9)] == [0] * 9
    with path.open("a") as file:
        file.write("17")  # the line it died in
    second = Budget(Quota(person_minute=10), clock, RequestLog(path))
    assert second.used_today == 9
    assert 60 < second.reserve("a") <= 63
    assert second.reserve("b") == 0
    assert "a" not in {line.split()[1] for line in path.read_text().splitlines()}


def test_other_days_are_forgotten(tmp_path):
    path = tmp_path / "requests.log"
    log = RequestLog(path, lambda: 86_399.0)
    log.add("a")
    log.close()
    # Those of the last minute count for the minute, on whatever day they were.
    assert [len(RequestLog(path, lambda at=at: at).sent) for at in (86_399.5, 86_400.5, 86_462.5)] == [1, 1, 0]


def test_what_was_sent_before_midnight_counts_for_the_minute_and_not_for_the_day(tmp_path, monkeypatch):
    path = tmp_path / "requests.log"
    log = RequestLog(path, lambda: 86_395.0)
    for _ in range(9):
        log.add("a")
    log.close()
    monkeypatch.setattr(time, "time", lambda: 86_405.0)
    budget = Budget(Quota(person_minute=10), Clock(), RequestLog(path, time.time))
    assert budget.used_today == 0
    assert 50 < budget.reserve("a") < 60
