"""Files as exports of AWARE's tables have them, written by hand."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from neuro_assets.ingest.load import Ingest
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets_tests.tables import load

PHONE = "7f3c1a52-90de-4c6b-8a11-5d2e9b40c7aa"
OTHER = "C0FFEE00-1234-4bcd-9eef-0123456789AB"
COLUMNS = {
    "screen": ("screen_status",),
    "applications_foreground": ("package_name", "application_name", "is_system_app"),
    "applications_notifications": ("package_name", "application_name", "text", "sound", "vibrate", "defaults", "flags"),
    "battery": (
        *("battery_status", "battery_level", "battery_scale", "battery_voltage", "battery_temperature"),
        *("battery_adaptor", "battery_health", "battery_technology"),
    ),
    "calls": ("call_type", "call_duration", "trace"),
    "messages": ("message_type", "trace"),
}


def ms(utc: str) -> int:
    """A moment such as 2026-03-08T06:59:59.5 in UTC, in milliseconds since 1970."""
    return round(datetime.fromisoformat(f"{utc}+00:00").timestamp() * 1000)


def table(name: str, rows: Iterable[Sequence[object]], *, phone: str = PHONE, header: str | None = None) -> str:
    """A table's CSV; rows are (moment in UTC, its columns ...), numbered from 1."""
    own = header or ",".join(("_id", "timestamp", "device_id", *COLUMNS[name]))
    cells = ((str(n), str(ms(str(at))), phone, *map(str, rest)) for n, (at, *rest) in enumerate(rows, 1))
    return "\n".join((own, *(",".join(f'"{c}"' if "," in c else c for c in line) for line in cells))) + "\n"


def send(job: Ingest, content: str, name: str) -> FileOutcome:
    """Put a file into landing/ and load it."""
    path = job.settings.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    (outcome,) = load(job, path)
    return outcome
