"""A heart-rate CSV of 1,000 people to committed staging, against other ways of getting it into a table."""

from pathlib import Path
from tempfile import TemporaryDirectory

from neuro_assets_tests.benchmarks.comparators import bare_duckdb, pandas_and_stock_io_manager, pandas_to_postgres
from neuro_assets_tests.benchmarks.homes import FIRST, new_home, write_heart_rate
from neuro_assets_tests.benchmarks.report import Section, Target
from neuro_assets_tests.benchmarks.timing import apart, take_turns, timed
from neuro_assets_tests.servers import postgres_server
from neuro_assets_tests.tables import load, one, stage

PEOPLE, READINGS, ROUNDS = 1_000, 2_880, 5
OURS, BARE = "this project: checked, recorded, deduplicated, committed", "(a) bare DuckDB to sorted Parquet"
STOCK, COPY = "(b) pandas, Pandera, stock I/O manager", "(c) pandas to PostgreSQL by COPY"


def heart_rate(root: Path, rounds: int = ROUNDS) -> Section:
    """The load of one large file."""
    with postgres_server() as server:
        dsn = server.new_database("bench")

        def loaded(way: str, number: int) -> float:
            code = f"""
from pathlib import Path
from neuro_assets_tests.benchmarks.heart_rate import seconds_of
told["seconds"] = seconds_of({way!r}, {number}, Path({str(root)!r}), {dsn!r})
"""
            seconds = apart(code, root).told["seconds"]
            # The server would go on with it, vacuum and checkpoint, at the expense of whoever is next.
            server.sql("DROP TABLE IF EXISTS heart_rate", "bench")
            server.sql("CHECKPOINT")
            return seconds

        ways = (OURS, BARE, STOCK, COPY)
        times = take_turns(rounds, {way: lambda number, way=way: loaded(way, number) for way in ways})
    own = times[OURS].median
    return Section(
        "One large file",
        f"{PEOPLE * READINGS:,} heart-rate readings of {PEOPLE:,} people on one day, from a CSV in landing/ to"
        f" committed staging; {rounds} rounds, each way in a fresh process that has done it once with a small file. In"
        " ours every row is kept as it came (raw), dated, checked, compared with what is there, encrypted and accounted"
        " for; the others do none of this, or a part.",
        ("way", "median (range)", "against ours"),
        [(name, t.shown, f"{t.median / own:.2f} x") for name, t in times.items()],
        (
            Target("ours over bare DuckDB (a)", own / times[BARE].median, 6.0, "x"),
            Target("(b) over ours", times[STOCK].median / own, 2.0, "x", is_floor=True),
            Target("(c) over ours", times[COPY].median / own, 5.0, "x", is_floor=True),
        ),
    )


def seconds_of(way: str, number: int, root: Path, dsn: str) -> float:
    """One load in this process, after a small one that imports what is imported at the first use."""
    _load(way, root, 20, 10, number, dsn)
    return _load(way, root, PEOPLE, READINGS, number, dsn)


def _load(way: str, root: Path, people: int, readings: int, number: int, dsn: str) -> float:
    if way == OURS:
        with new_home(root) as job:
            csv = write_heart_rate(job.settings.landing / "heartrate_seconds_merged.csv", people, readings, number)
            seconds = timed(lambda: (load(job, csv), stage(job, "heart_rate", FIRST, FIRST)))
            # A time for rows that did not arrive would be no measurement.
            assert one(job.lake, "SELECT count(*) FROM staging.heart_rate") == people * readings
            return seconds
    with TemporaryDirectory(dir=root) as folder:
        place = Path(folder)
        csv = write_heart_rate(place / "heart_rate.csv", people, readings, number)
        if way == BARE:
            return timed(lambda: bare_duckdb(csv, place / "bare.parquet"))
        if way == STOCK:
            return timed(lambda: pandas_and_stock_io_manager(csv, place / "stock.duckdb"))
        return timed(lambda: pandas_to_postgres(csv, dsn))
