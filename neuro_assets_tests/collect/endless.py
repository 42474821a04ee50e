"""A collector of scripted samples that never ends by itself: `python -m … FOLDER MINUTE`, to be killed by a test."""

import sys
from itertools import count
from pathlib import Path

from neuro_assets.collect.collector import Collector
from neuro_assets.collect.identity import Identity
from neuro_assets.collect.spool import Spool
from neuro_assets_tests.collect.looks import RULES, look


def main(folder: Path, first: int) -> None:
    """Another program in front every minute; prints the minute after each sample."""
    spool = Spool(folder / "spool")
    with spool.held():
        collector = Collector(spool, Identity("P1", "d1"), folder / "landing", RULES, batch_s=300)
        collector.recover()
        print("ready", flush=True)
        for minute in count(first):
            collector.take(look(minute, app=f"app{minute % 3}", is_locked=False))
            print(minute, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
