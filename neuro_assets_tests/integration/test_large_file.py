"""`neuro ingest` on files larger than the memory it may take: every row arrives, and no more memory than promised."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from neuro_assets.lake.lake import Lake
from neuro_assets.settings import load_settings
from neuro_assets_tests.tables import one, query

pytestmark = [pytest.mark.verify, pytest.mark.timeout(2400)]

GB = 1000**3
FREE_BYTES = 10 * GB  # the file, the lake, and 5 GB that sorting spills
MEMORY_BYTES = 1.5 * GB
SECONDS = 24 * 60 * 60
FIRST_DAY = date(2016, 3, 13)
PROTOCOL = {
    "id": "large",
    "default_time_zone": "America/New_York",
    "window": {"start": "2016-03-12", "end": "2016-05-13"},
    "auto_enrol": True,
}
# The command itself, and then what the kernel says was the most it ever held. Unlike getrusage's, this figure does
# not count the process that started it.
COMMAND = """
import pathlib, sys
from neuro_assets.cli import main
sys.argv = ["neuro", "ingest", "--json"]
try:
    main()
finally:
    print(pathlib.Path("/proc/self/status").read_text(), file=sys.stderr)
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A study's home that leaves nothing on the disk."""
    if (free := shutil.disk_usage(tmp_path).free) < FREE_BYTES:
        pytest.skip(f"{FREE_BYTES / GB:.0f} GB of disk are needed, {free / GB:.1f} GB are free at {tmp_path}")
    if not Path("/proc/self/status").exists():
        pytest.skip("this machine has no /proc to ask for the most memory a process held")
    home = tmp_path / "home"
    (home / "landing").mkdir(parents=True)
    (home / "study.yaml").write_text(yaml.safe_dump(PROTOCOL))
    yield home
    shutil.rmtree(home)


def bpm(person: int, second: int) -> int:
    """60 to 120, another row of numbers for each person, the same every day."""
    return 60 + second * (person + 3) % 61


def write_heart_rate(path: Path, people: int, days: int, line_ends: tuple[bytes, ...] = (b"\n",)) -> None:
    """Fitabase's heart rate: a row every second of every day. The line ends take turns from day to day."""
    clocks = [
        f"{s // 3600 % 12 or 12}:{s // 60 % 60:02}:{s % 60:02} {'AM' if s < SECONDS // 2 else 'PM'}"
        for s in range(SECONDS)
    ]
    with path.open("wb") as file:
        file.write(b"Id,Time,Value" + line_ends[0])
        for person in range(people):
            any_day = "".join(f"@{clock},{bpm(person, s)}\n" for s, clock in enumerate(clocks)).encode()
            for n in range(days):
                day = FIRST_DAY + timedelta(n)
                start = f"{1503960366 + person},{day.month}/{day.day}/{day.year} ".encode()
                file.write(any_day.replace(b"\n", line_ends[n % len(line_ends)]).replace(b"@", start))


def ingest(home: Path) -> tuple[dict, int, float]:
    """Load what lies in landing/: what was said of the file, the most memory in bytes, seconds."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NEURO_")} | {"NEURO_HOME": str(home)}
    command = home.parent / "command.py"  # a file: DuckDB draws progress bars for what was started by `python -c`
    command.write_text(COMMAND)
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(command)], cwd=home, env=environment, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - started
    assert done.returncode == 0, done.stderr[-3_000:]
    (told,) = json.loads(done.stdout)["files"]
    peak = next(int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("VmHWM:"))
    return told, peak * 1024, seconds


def assert_all_arrived(home: Path, people: int, days: int) -> None:
    lake = Lake.from_settings(load_settings({"NEURO_HOME": str(home)}))
    by_person = query(
        lake,
        "SELECT source_participant_id, count(*), count(DISTINCT local_ts), min(day), max(day), sum(heart_rate_bpm),"
        " count(unreadable) FROM raw.fitabase_heartrate_seconds GROUP BY ALL ORDER BY ALL",
    )
    last = FIRST_DAY + timedelta(days - 1)
    assert by_person == [
        (str(1503960366 + p), rows := days * SECONDS, rows, FIRST_DAY, last, days * day_sum, 0)
        for p in range(people)
        for day_sum in [sum(bpm(p, s) for s in range(SECONDS))]
    ]
    # A value at its own second, not just the sums.
    assert query(
        lake,
        "SELECT heart_rate_bpm FROM raw.fitabase_heartrate_seconds WHERE source_participant_id = '1503960367'"
        " AND local_ts IN (TIMESTAMP '2016-03-14 00:00:01', TIMESTAMP '2016-03-14 13:00:10') ORDER BY local_ts",
    ) == [(bpm(1, 1),), (bpm(1, 46_810),)]
    assert one(lake, "SELECT sum(rows) FROM ops.landing_file_days") == people * days * SECONDS
    assert one(lake, "SELECT count(*) FROM ops.quarantine") == 0


def test_two_gigabytes_load_in_less_than_one_and_a_half(home: Path, capsys: pytest.CaptureFixture[str]):
    people, days = 12, 60
    path = home / "landing" / "heartrate_seconds_merged.csv"
    write_heart_rate(path, people, days)
    size = path.stat().st_size
    assert size >= 2 * GB
    told, peak, seconds = ingest(home)
    with capsys.disabled():
        print(f"\n{size / GB:.2f} GB, {told['rows']:,} rows: {seconds:.0f} s, at most {peak / GB:.2f} GB of memory")
    assert (told["outcome"], told["rows"]) == ("loaded", people * days * SECONDS)
    assert_all_arrived(home, people, days)
    assert peak < MEMORY_BYTES


def test_mixed_line_ends_are_read_line_by_line_in_the_same_memory(home: Path, capsys: pytest.CaptureFixture[str]):
    people, days = 2, 50
    path = home / "landing" / "heartrate_seconds_merged.csv"
    write_heart_rate(path, people, days, (b"\n", b"\r\n", b"\r"))
    size = path.stat().st_size
    assert size >= 0.3 * GB
    told, peak, seconds = ingest(home)
    with capsys.disabled():
        print(f"\n{size / GB:.2f} GB, {told['rows']:,} rows: {seconds:.0f} s, at most {peak / GB:.2f} GB of memory")
    assert (told["outcome"], told["rows"]) == ("loaded", people * days * SECONDS)
    assert_all_arrived(home, people, days)
    assert peak < MEMORY_BYTES
