"""Many participants at once: a few threads, each doing one request of one participant and then of the next one.

Nobody waits for another: who has to wait, for the budget or after an error, is passed over until then. Participants are
begun in the order given, and finished ones leave in pull files while others go on.
"""

import heapq
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from neuro_assets.connectors.google_health.person import PersonJob
from neuro_assets.sources.google_health.pull_file import SUFFIX, PullWriter

# A pull file of more is closed, however few participants are in it.
_LARGE = 400_000_000


@dataclass(order=True)
class _Turn:
    """When a participant goes on; of those that may, the one whose last turn is longest ago."""

    at: float
    number: int
    job: PersonJob = field(compare=False)
    steps: Generator[float, None, None] = field(compare=False)


class Engine:
    """Drives participants' pulls and collects them into pull files."""

    def __init__(self, folder: Path, *, workers: int, people_per_file: int) -> None:
        """Prepare to pull.

        Args:
            folder: where pull files go.
            workers: requests under way at once.
            people_per_file: participants whose pages make one file.
        """
        self._folder, self._workers, self._per_file = folder, workers, people_per_file
        self._stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        self._files = itertools.count(1)
        self._numbers = itertools.count()
        self._turns: list[_Turn] = []
        self._waiting: deque[PersonJob] = deque()
        self._active = 0
        self._changed = threading.Condition()
        self._writing = threading.Lock()
        self._writer: PullWriter | None = None
        self._done: queue.Queue[Path | BaseException | None] = queue.Queue()
        self._is_stopping = False

    def run(self, jobs: Iterable[PersonJob]) -> Generator[Path, None, None]:
        """Pull everybody; yields pull files as they are whole.

        Closing the iterator stops the pull: what is whole by then has been yielded, the rest is pulled another time.
        """
        self._waiting.extend(jobs)
        with self._changed:
            self._admit()
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._workers)]
        for thread in threads:
            thread.start()
        try:
            yield from self._files_of(threads)
        finally:
            with self._changed:
                self._is_stopping = True
                self._changed.notify_all()
            for thread in threads:
                thread.join()
            if self._writer is not None:
                self._writer.discard()

    def _files_of(self, threads: list[threading.Thread]) -> Iterator[Path]:
        ended = 0
        while ended < len(threads):
            found = self._done.get()
            if found is None:
                ended += 1
            elif isinstance(found, BaseException):
                raise found
            else:
                yield found
        with self._writing:
            last, self._writer = self._writer, None
        if last is not None:
            yield last.close()

    # -- in the threads ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            while (turn := self._next()) is not None:
                self._step(turn)
        except BaseException as error:  # whoever reads the files has to know
            self._done.put(error)
        self._done.put(None)

    def _next(self) -> _Turn | None:
        """The turn that is due; waits for one. None: everybody is done."""
        with self._changed:
            while not self._is_stopping:
                if not self._active:
                    self._changed.notify_all()
                    return None
                wait = self._turns[0].at - time.monotonic() if self._turns else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._turns)
                self._changed.wait(wait)
            return None

    def _step(self, turn: _Turn) -> None:
        try:
            wait = next(turn.steps)
        except StopIteration:
            self._finish(turn.job)
            return
        with self._changed:
            heapq.heappush(self._turns, _Turn(time.monotonic() + wait, next(self._numbers), turn.job, turn.steps))
            self._changed.notify()

    def _finish(self, job: PersonJob) -> None:
        with self._writing:
            if self._writer is None:
                self._writer = PullWriter(self._folder, f"{self._stamp}_{next(self._files):05d}{SUFFIX}")
            job.finish(self._writer)
            if self._writer.people >= self._per_file or self._writer.bytes > _LARGE:
                writer, self._writer = self._writer, None
                self._done.put(writer.close())
        with self._changed:
            self._active -= 1
            self._admit()
            self._changed.notify_all()

    def _admit(self) -> None:
        """Let waiting participants begin: as many as make two files, so that files become whole one after the other."""
        while self._waiting and self._active < 2 * self._per_file:
            job = self._waiting.popleft()
            self._active += 1
            heapq.heappush(self._turns, _Turn(time.monotonic(), next(self._numbers), job, job.run()))
