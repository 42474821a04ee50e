"""Measuring: candidates that take turns, and work in a process of its own whose memory can be told."""

import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Times:
    """Seconds of each round."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.seconds)

    @property
    def shown(self) -> str:
        """Median, and the range around it."""
        return f"{self.median:.2f} s ({min(self.seconds):.2f} to {max(self.seconds):.2f})"


def timed(work: Callable[[], object]) -> float:
    """Seconds on the wall clock; what came before has been written to disk."""
    gc.collect()
    os.sync()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def take_turns(rounds: int, candidates: Mapping[str, Callable[[int], float]]) -> dict[str, Times]:
    """Run every candidate once a round; each is given the number of the round and answers its seconds."""
    found: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds):
        for name, measure in candidates.items():
            found[name].append(measure(number))
    return {name: Times(tuple(seconds)) for name, seconds in found.items()}


@dataclass(frozen=True)
class Apart:
    """What was measured of a process of its own."""

    seconds: float
    peak_bytes: int
    told: dict[str, float]


_TAIL = """
import json, pathlib, re
status = pathlib.Path("/proc/self/status").read_text()
print(json.dumps({"peak": int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) * 1024, "told": told}))
"""


def apart(code: str, home: Path, threads: int | None = None, **environment: str) -> Apart:
    """Run Python code in a new process; the code may fill a dict `told`. The most memory is the kernel's word."""
    given = {k: v for k, v in os.environ.items() if not k.startswith(("NEURO_", "DAGSTER_"))}
    given |= {"NEURO_HOME": str(home), "DAGSTER_HOME": str(home / "dagster"), **environment}
    if threads:
        given["NEURO_THREADS"] = str(threads)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", "told = {}\n" + code + _TAIL],
        cwd=REPOSITORY, env=given, capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if done.returncode:
        raise RuntimeError(done.stderr[-3_000:])
    answer = json.loads(done.stdout.splitlines()[-1])
    return Apart(seconds, answer["peak"], answer["told"])
