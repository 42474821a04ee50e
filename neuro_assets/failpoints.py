"""Named places where a test makes this process die or fail; nothing happens unless `NEURO_FAILPOINT` names one.

`NEURO_FAILPOINT=lake.before_commit:3` kills the process, as `kill -9` does, when it reaches that place for the third
time; `NEURO_FAILPOINT=lake.before_commit=error` raises `FailpointError` there.
"""

import os
import re
import signal
from dataclasses import dataclass, field

NAMES = {
    "ingest.taken": "a file has left landing/ and waits in processing/",
    "ingest.unpacked": "the members of a container are loaded, the container itself is not settled",
    "ingest.loaded": "rows and manifest line are committed, the bytes still wait in processing/",
    "ingest.archived": "the bytes lie in archive/",
    "pull.asked": "an answer of a vendor's interface has come, and is not stored",
    "pull.written": "a pull file lies whole in landing/, its rows are not in the lake",
    "pull.planned": "a pull file is taken apart, nothing of it is in the lake",
    "lake.before_commit": "everything of a transaction is written, nothing committed",
    "lake.after_commit": "committed, the lock still held",
    "report.emitted": "Dagster has been told of touched days, the outbox still has them",
    "stage.computed": "the rows of a range of days are judged, nothing is written",
    "dbt.ran": "dbt has written its models, Dagster has not been told",
    "maintain.merged": "small files are merged",
    "maintain.expired": "old snapshots are forgotten, their files are still there",
    "backup.copied": "everything is copied, the manifest is not written",
    "restore.copied": "everything is copied, nothing is at its place",
    "migrate.step": "a step of a migration is done, not committed",
}
_FORM = re.compile(r"^([a-z_.]+)(?::([1-9]\d*))?(?:=(kill|error))?$")


class FailpointError(Exception):
    """Raised where a test asked for it."""


@dataclass
class Armed:
    """The place where something shall happen: at the hit of this number, counted from 1."""

    name: str
    at: int = 1
    action: str = "kill"
    hits: int = field(default=0, init=False)


def parse(text: str) -> Armed:
    """Read `name[:hit][=kill|error]`.

    Raises:
        ValueError: another form, or a name that no place has.
    """
    found = _FORM.match(text)
    if not found or found[1] not in NAMES:
        raise ValueError(f"'{text}' is none of {', '.join(NAMES)}, with :hit and =kill or =error after it")
    return Armed(found[1], int(found[2] or 1), found[3] or "kill")


ARMED: Armed | None = None
if told := os.environ.get("NEURO_FAILPOINT"):
    ARMED = parse(told)


def reach(name: str) -> None:
    """This place is reached. `name` is one of NAMES."""
    if ARMED is None or ARMED.name != name:
        return
    ARMED.hits += 1
    if ARMED.hits != ARMED.at:
        return
    if ARMED.action == "error":
        raise FailpointError(name)
    os.kill(os.getpid(), signal.SIGKILL)
