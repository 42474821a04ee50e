"""`python -m neuro_assets_tests.benchmarks [NAME ...]`: all write docs/benchmarks.md, some their own sections of it."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from neuro_assets_tests.benchmarks.coverage import coverage
from neuro_assets_tests.benchmarks.dagster_costs import code_location, latency, overhead
from neuro_assets_tests.benchmarks.events import events
from neuro_assets_tests.benchmarks.features import features
from neuro_assets_tests.benchmarks.google_health import google_health
from neuro_assets_tests.benchmarks.growth import growth
from neuro_assets_tests.benchmarks.heart_rate import heart_rate
from neuro_assets_tests.benchmarks.imputation import imputation
from neuro_assets_tests.benchmarks.imputed_day import imputed_day
from neuro_assets_tests.benchmarks.memory import memory
from neuro_assets_tests.benchmarks.queries import queries
from neuro_assets_tests.benchmarks.report import PAGE, Section, page, with_sections
from neuro_assets_tests.benchmarks.series import series
from neuro_assets_tests.benchmarks.simulator import simulator
from neuro_assets_tests.benchmarks.small_files import small_files

ALL: dict[str, Callable[[Path], Section]] = {
    "heart_rate": heart_rate,
    "events": events,
    "memory": memory,
    "code_location": code_location,
    "overhead": overhead,
    "latency": latency,
    "coverage": coverage,
    "queries": queries,
    "series": series,
    "simulator": simulator,
    "growth": growth,
    "small_files": small_files,
    "imputation": imputation,
    "imputed_day": imputed_day,
    "features": features,
    "google_health": google_health,
}


def main(names: list[str]) -> int:
    """Run some or all; 1 where a target is missed."""
    if unknown := set(names) - set(ALL):
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
        return 2
    sections = []
    with TemporaryDirectory(prefix="neuro-bench-") as root:
        for name in names or ALL:
            started = time.monotonic()
            sections.append(ALL[name](Path(root)))
            print(f"{sections[-1].text}\n({name}: {time.monotonic() - started:.0f} s)\n", flush=True)
    before = PAGE.read_text(encoding="utf-8") if names else ""
    PAGE.write_text(with_sections(before, sections) if before else page(sections), encoding="utf-8")
    missed = [t.name for s in sections for t in s.targets if not t.is_met]
    print(f"missed: {', '.join(missed)}" if missed else "every target is met")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
