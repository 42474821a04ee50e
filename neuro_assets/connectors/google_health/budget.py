"""How many requests may be sent when: by participant and minute, by project and minute, by project and day.

What was sent is written down, so that a pull that follows one that was ended, or killed, knows of it.
"""

import hashlib
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from neuro_assets.study_google_health import Quota

# Requests do not arrive as evenly as they leave: the interface's minute may have some of ours from before.
_MINUTE_S = 63.0
_SHARE = 0.97
_DAY_S = 86_400.0


class BudgetSpentError(RuntimeError):
    """No more requests today: the project's quota of the day is used up."""


def _share(limit: int) -> int:
    return max(1, int(limit * _SHARE))


class RequestLog:
    """The requests of this day, a line each: when, and a number that stands for the participant."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        """Read what is there; older lines than the day and the minute need are dropped. One process has it open."""
        self._now = now
        self.day_began = now() // _DAY_S * _DAY_S
        self.sent = [(at, who) for at, who in _lines(path) if at >= min(self.day_began, now() - _MINUTE_S)]
        part = path.with_suffix(".part")
        part.write_text("".join(_line(*entry) for entry in self.sent))
        part.replace(path)
        self._file: IO[str] = path.open("a", buffering=1)

    @staticmethod
    def number(person: str) -> str:
        """What stands for a participant."""
        return hashlib.sha256(person.encode()).hexdigest()[:16]

    def add(self, person: str) -> None:
        """Write down a request that is about to be sent."""
        self._file.write(_line(self._now(), self.number(person)))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _line(at: float, who: str) -> str:
    return f"{at:.3f} {who}\n"


def _lines(path: Path) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    for line in path.read_text().splitlines() if path.exists() else ():
        at, _, who = line.partition(" ")
        try:
            found.append((float(at), who))
        except ValueError:
            continue  # a line that was cut off when its process died
    return found


@dataclass
class Budget:
    """Counts requests, and says how long to wait before the next one.

    Attributes:
        quota: what the interface allows.
        clock: seconds, monotonic.
        log: where requests are written down, and those of before are known from.
        used_today: requests of this day so far.
    """

    quota: Quota
    clock: Callable[[], float]
    log: RequestLog | None = None
    used_today: int = 0
    _people: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    _project: deque[float] = field(default_factory=deque)
    _since: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Begin with what was sent before."""
        if self.log is None:
            return
        now, wall = self.clock(), time.time()
        self.used_today += sum(at >= self.log.day_began for at, _ in self.log.sent)
        for at, who in self.log.sent:
            if (age := max(0.0, wall - at)) < _MINUTE_S:
                self._people[who].append(now - age)
                self._project.append(now - age)

    def reserve(self, person: str) -> float:
        """Take one request of a budget: 0, or the seconds after which to ask again; nothing is taken then.

        Raises:
            BudgetSpentError: the day's quota is used up.
        """
        with self._lock:
            now = self.clock()
            if self._since is None:
                self._since = now
            if now - self._since > _DAY_S:
                self._since, self.used_today = now, 0
            if self.used_today >= self.quota.project_day:
                raise BudgetSpentError(f"the project's {self.quota.project_day:,} requests of the day are used up")
            own = self._people[RequestLog.number(person)]
            waits = [
                _wait(own, _share(self.quota.person_minute), now),
                _wait(self._project, _share(self.quota.project_minute), now),
            ]
            if (wait := max(waits)) > 0:
                return wait
            own.append(now)
            self._project.append(now)
            self.used_today += 1
            if self.log is not None:
                self.log.add(person)
            return 0.0


def _wait(sent: deque[float], limit: int, now: float) -> float:
    while sent and sent[0] <= now - _MINUTE_S:
        sent.popleft()
    return 0.0 if len(sent) < limit else sent[0] + _MINUTE_S - now
