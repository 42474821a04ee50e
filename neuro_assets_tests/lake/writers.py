"""What other processes do to a lake in the concurrency tests; run by multiprocessing's spawn."""

import time
from multiprocessing.synchronize import Event

from neuro_assets.ingest.load import prepare_lake
from neuro_assets.lake.lake import Lake
from neuro_assets.streams.catalogue import STREAMS


def make_tables(lake: Lake) -> None:
    """What every program does first; several may at once."""
    prepare_lake(lake, STREAMS)


def write_pairs(lake: Lake, writer: int, times: int) -> None:
    """`times` transactions that each put one row into both tables."""
    with lake.connect() as connection:
        for n in range(times):
            with lake.transaction(connection, ["s.left_half", "s.right_half"]):
                connection.execute("INSERT INTO s.left_half VALUES (?, ?)", [writer, n])
                connection.execute("INSERT INTO s.right_half VALUES (?, ?)", [writer, n])


def hold_a_transaction(lake: Lake, has_written: Event, may_commit: Event) -> None:
    """Write one pair and keep the transaction open until told to commit."""
    with lake.connect() as connection, lake.transaction(connection, ["s.left_half", "s.right_half"]):
        connection.execute("INSERT INTO s.left_half VALUES (9, 9)")
        connection.execute("INSERT INTO s.right_half VALUES (9, 9)")
        has_written.set()
        if not may_commit.wait(60):
            raise TimeoutError("nobody said when to commit")


def die_in_a_transaction(lake: Lake, has_written: Event) -> None:
    """Write one half of a pair and never come back."""
    with lake.connect() as connection, lake.transaction(connection, ["s.left_half", "s.right_half"]):
        connection.execute("INSERT INTO s.left_half VALUES (8, 8)")
        has_written.set()
        time.sleep(60)
