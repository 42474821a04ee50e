"""The fake server in a process of its own, with `/_world/...` to steer it. Prints its address, serves until stopped."""

import argparse
import signal
import sys
import threading
from datetime import date, datetime, timedelta
from pathlib import Path

from neuro_assets.simulate.google_health.faults import Fault
from neuro_assets.simulate.google_health.quota import PER_PROJECT_MINUTE, PER_USER_MINUTE, Quota
from neuro_assets.simulate.google_health.server import GoogleHealthServer
from neuro_assets.simulate.google_health.validation import validator
from neuro_assets.simulate.google_health.world import World


def main(arguments: list[str] | None = None) -> None:
    """Serve what the arguments ask for."""
    asked = _parser().parse_args(arguments)
    start = asked.start or datetime.now().astimezone().date() - timedelta(days=asked.days)
    now = datetime.combine(start, datetime.min.time()) + timedelta(days=asked.days)
    world = World(
        asked.participants,
        start,
        asked.seed,
        now=now,
        live=asked.live,
        travel=asked.travel,
        cache_days=asked.cache_days,
    )
    faults = [Fault(kind, share=asked.fault_share / len(asked.fault)) for kind in asked.fault]
    server = GoogleHealthServer(
        world, faults, Quota(asked.per_user_minute, asked.per_project_minute),
        validator(asked.schema) if asked.schema else None,
        validate_every=asked.validate_every, empty_share=asked.empty_share, rotate_every=asked.rotate_every,
        port=asked.port, has_admin=True,
    )  # fmt: skip
    with server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        stopped = threading.Event()
        for kind in (signal.SIGINT, signal.SIGTERM):
            signal.signal(kind, lambda *_: stopped.set())
        stopped.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m neuro_assets.simulate.google_health", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=0)
    add("--participants", type=int, default=10)
    add("--days", type=int, default=30, help="days that lie behind when it starts")
    add("--start", type=date.fromisoformat, help="first day; today minus days by default")
    add("--seed", type=int, default=1)
    add("--live", action="store_true", help="the world goes with the clock")
    add("--travel", type=float, default=0.3)
    add("--cache-days", type=int, default=3000)
    add("--empty-share", type=float, default=0.05)
    add("--rotate-every", type=int, default=0)
    add("--per-user-minute", type=int, default=PER_USER_MINUTE)
    add("--per-project-minute", type=int, default=PER_PROJECT_MINUTE)
    add("--schema", type=Path, help="health.v4.jsonschema.json: answers are validated against it")
    add("--validate-every", type=int, default=1)
    add("--fault", action="append", default=[], help="a kind of fault; may be repeated")
    add("--fault-share", type=float, default=0.2, help="share of requests that meet any of the faults")
    return parser


if __name__ == "__main__":
    main()
