"""Counts of requests by user and project, and their limits. The clock is the server's, not the world's."""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from threading import Lock

PER_USER_MINUTE, PER_PROJECT_MINUTE, PER_PROJECT_DAY = 300, 120_000, 86_400_000
MINUTE, DAY = 60, 86_400


class Quota:
    """Limits of any 60 seconds per user and project, and of a UTC day per project.

    Any 60 seconds and not each minute of the clock: who keeps to these keeps to both. `highest` has the largest
    counts of requests that came (`user_minute`, `project_minute`, `project_day`), refused ones too; `refused` how many
    were.
    """

    def __init__(
        self,
        per_user_minute: int = PER_USER_MINUTE,
        per_project_minute: int = PER_PROJECT_MINUTE,
        per_project_day: int = PER_PROJECT_DAY,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.limits = {
            "user_minute": per_user_minute,
            "project_minute": per_project_minute,
            "project_day": per_project_day,
        }
        self.highest = dict.fromkeys(self.limits, 0)
        self.refused = 0
        self._clock, self._lock = clock, Lock()
        self._users: defaultdict[str, deque[float]] = defaultdict(deque)
        self._project: deque[float] = deque()
        self._days: defaultdict[int, int] = defaultdict(int)

    def count(self, person: str) -> str | None:
        """Count a request of a person. Returns the limit that it exceeds, if any."""
        with self._lock:
            now = self._clock()
            self._days[int(now // DAY)] += 1
            counts = {
                "user_minute": _added(self._users[person], now),
                "project_minute": _added(self._project, now),
                "project_day": self._days[int(now // DAY)],
            }
            for name, count in counts.items():
                self.highest[name] = max(self.highest[name], count)
            exceeded = next((name for name, count in counts.items() if count > self.limits[name]), None)
            self.refused += exceeded is not None
            return exceeded


def _added(times: deque[float], now: float) -> int:
    times.append(now)
    while times[0] <= now - MINUTE:
        times.popleft()
    return len(times)
