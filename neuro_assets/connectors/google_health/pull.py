"""A pull of a study: what earlier pulls know, whom to ask for what, and each pull file into the lake as it is whole."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from neuro_assets import failpoints
from neuro_assets.connectors.google_health.accounts import Accounts, unreadable_types
from neuro_assets.connectors.google_health.asking import Asker
from neuro_assets.connectors.google_health.budget import Budget, RequestLog
from neuro_assets.connectors.google_health.client import Client
from neuro_assets.connectors.google_health.engine import Engine
from neuro_assets.connectors.google_health.errors import AccountError
from neuro_assets.connectors.google_health.known import read_fingerprints, read_states, read_zones
from neuro_assets.connectors.google_health.person import CLOCKS, PersonJob, Remember, Task
from neuro_assets.connectors.google_health.windows import EAST, Days, TypeState
from neuro_assets.ingest.load import Ingest, ingest_paths, prepare_lake
from neuro_assets.ingest.outcomes import FileOutcome
from neuro_assets.lake.lake import LakeBusyError
from neuro_assets.sources.google_health.data_types import BY_NAME, HEART_RATE_RAW, DataType
from neuro_assets.sources.google_health.pull_file import SUFFIX
from neuro_assets.streams.pulls import PULLS
from neuro_assets.study import Study
from neuro_assets.study_google_health import GoogleHealthRules

FOLDER = "google_health"
_WAIT_S = 5.0
# What a pull leaves of a file that it was killed at; see `PullWriter`.
_PARTS = re.compile(r"\.[0-9a-f]{32}\.part")


class NoAccountsError(AccountError):
    """The study does not pull from accounts, or nobody is connected."""


@dataclass
class PullReport:
    """What a pull did.

    Attributes:
        people: how many were asked for.
        outcomes: (outcome, code) -> data types of participants.
        requests: sent.
        files: what became of each pull file.
        seconds: how long it took.
    """

    people: int = 0
    outcomes: dict[tuple[str, str], int] = field(default_factory=dict)
    requests: int = 0
    changed_days: int = 0
    files: list[FileOutcome] = field(default_factory=list)
    seconds: float = 0.0


def rules_of(study: Study) -> GoogleHealthRules:
    """The protocol's rules of pulls.

    Raises:
        NoAccountsError: it has none.
    """
    if study.google_health is None:
        raise NoAccountsError("the study pulls from no accounts: write `google_health: {}` into study.yaml")
    return study.google_health


@contextmanager
def pull_lock(job: Ingest, wait_s: float = _WAIT_S) -> Iterator[Path]:
    """One pull at a time on a home: two would ask for the same. Gives the folder of connections.

    Args:
        job: the study.
        wait_s: how long another pull is waited for.

    Raises:
        LakeBusyError: another one has been running for longer than we wait.
    """
    folder = job.settings.home / "connections"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(folder / "pull.lock")
    try:
        lock.acquire(timeout=wait_s)
    except Timeout:
        raise LakeBusyError("another pull of this home is under way") from None
    try:
        yield folder
    finally:
        lock.release()


def is_pulling(job: Ingest) -> bool:
    """Whether a pull of this home is under way."""
    try:
        with pull_lock(job, 0):
            return False
    except LakeBusyError:
        return True


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


def pull(
    job: Ingest,
    people: Sequence[str] | None = None,
    days: tuple[date, date] | None = None,
    *,
    types: Sequence[str] | None = None,
    clock: Callable[[], datetime] = utc_now,
    wait_s: float = _WAIT_S,
) -> Iterator[FileOutcome]:
    """Pull participants' accounts and load what is new; yields what became of each pull file.

    Args:
        job: where and by which protocol.
        people: whom; everybody who is connected, if left out.
        days: local days, both inclusive, for a backfill; what is due, if left out.
        types: data types; those of the protocol, if left out; an empty list asks for devices and settings alone.
        clock: the moment in UTC, by which days are due.
        wait_s: how long another pull is waited for.

    Raises:
        NoAccountsError: nobody is connected whom to ask.
        LakeBusyError: another pull is under way.
    """
    rules = rules_of(job.study)
    accounts = Accounts(job.settings, job.study)
    with pull_lock(job, wait_s) as folder:
        prepare_lake(job.lake, job.tables)
        landing = job.settings.landing / FOLDER
        for part in landing.glob(".*.part"):
            if _PARTS.fullmatch(part.name):
                part.unlink()
        # What a pull left that was killed: it need not be asked for again.
        yield from ingest_paths(job, sorted(landing.glob(f"*{SUFFIX}")))
        tasks = plan(job, accounts, rules, people, days, types, clock())
        engine = Engine(landing, workers=rules.workers, people_per_file=rules.people_per_file)
        client, log = Client(job.settings.google_health_url), RequestLog(folder / "requests.log")
        budget = Budget(rules.quota, time.monotonic, log)
        remember = Remember(accounts)
        jobs = (PersonJob(t, Asker(t.participant_id, accounts, client, budget), rules, remember, clock) for t in tasks)
        with closing(log), closing(engine.run(jobs)) as files:
            for path in files:
                failpoints.reach("pull.written")
                yield from ingest_paths(job, [path])


def plan(
    job: Ingest,
    accounts: Accounts,
    rules: GoogleHealthRules,
    people: Sequence[str] | None,
    days: tuple[date, date] | None,
    types: Sequence[str] | None,
    now: datetime,
) -> list[Task]:
    """Whom to ask for what: those whose last complete pull is longest ago first.

    Raises:
        NoAccountsError: nobody is connected whom to ask.
    """
    connections = {c.participant_id: c for c in accounts.people()}
    wanted = sorted(connections) if people is None else list(people)
    if unknown := [p for p in wanted if p not in connections]:
        raise NoAccountsError(f"{unknown[0]} is not connected: `neuro participants connect {unknown[0]}`")
    # Who has ended the connection is nobody's gap any more.
    wanted = [p for p in wanted if connections[p].status in {"connected", "needs_reconsent"}]
    if not wanted:
        raise NoAccountsError("nobody is connected: `neuro participants connect ID`")
    wanted = [p for p in wanted if why_not(job.study, p, now) is None]
    since = accounts.forgotten_at()
    asked = _with_clocks(tuple(_as_asked(t, rules) for t in (rules.types if types is None else types)), rules)
    with job.lake.connect(read_only=True) as connection:
        states = read_states(connection, wanted, now, since)
        seen = read_fingerprints(connection, wanted, since) if HEART_RATE_RAW in asked else {}
        zones = read_zones(connection, wanted, since)
    tasks = []
    for participant in wanted:
        presence = _presence(job.study, participant)
        span = _backfill(days, *presence, now)
        if days is not None and span is None:
            continue
        scopes = connections[participant].scopes
        lacks = frozenset(unreadable_types(scopes)) if scopes else frozenset[str]()
        task = Task(
            participant_id=participant,
            types=asked,
            states=states[participant],
            presence=presence,
            days=span,
            zone=_zone_of(job.study, participant),
            fingerprints=seen.get(participant, {}),
            lacks=lacks,
            consented_at=connections[participant].since,
            # Who does not share settings has the protocol's zone, as it says today.
            zones_before=() if "settings" in lacks else tuple(zones.get(participant, ())),
        )
        tasks.append(task)
    return sorted(tasks, key=lambda t: (_last_complete(t), t.participant_id))


def why_not(study: Study, participant: str, now: datetime) -> str | None:
    """Why nothing is asked for of a participant whose account is connected; None where something is."""
    rules = rules_of(study)
    if not study.auto_enrol and all(p.participant_id != participant for p in study.people):
        return "is not in the participants file"
    first, last = _presence(study, participant)
    if first > (now + EAST).date():
        return f"takes part from {first} on"
    if last is not None and (now + EAST).date() > last + timedelta(days=rules.recheck_days):
        return f"took part up to {last}, and is not asked for more than {rules.recheck_days} days afterwards"
    return None


def _as_asked(name: str, rules: GoogleHealthRules) -> DataType:
    is_raw = name == HEART_RATE_RAW.name and rules.heart_rate == "raw"
    return HEART_RATE_RAW if is_raw else BY_NAME[name]


def _with_clocks(asked: tuple[DataType, ...], rules: GoogleHealthRules) -> tuple[DataType, ...]:
    """What is asked for, first of all that which tells the clock of roll-ups; it is added where it would be missing."""
    clocks = tuple(t for t in asked if t.name in CLOCKS)
    others = tuple(t for t in asked if t.name not in CLOCKS)
    if not clocks and any(t.method == "rollup" for t in asked):
        clocks = tuple(BY_NAME[name] for name in CLOCKS if name in rules.types)[:1]
    return clocks + others


def _last_complete(task: Task) -> datetime:
    never = datetime.min.replace(tzinfo=UTC)
    return min((task.states.get(t.name, TypeState()).fetched_at or never for t in task.types), default=never)


def _presence(study: Study, participant: str) -> tuple[date, date | None]:
    """The days that may be asked for: those of the study's window in which the participant takes part."""
    person = next((p for p in study.people if p.participant_id == participant), None)
    first, last = study.window.start, study.window.end
    if person is not None and person.enrolled_on is not None:
        first = max(first, person.enrolled_on)
    if person is not None and person.withdrawn_on is not None:
        last = min(last or person.withdrawn_on, person.withdrawn_on)
    return first, last


def _zone_of(study: Study, participant: str) -> str | None:
    """The zone that the protocol last gives a participant."""
    person = next((p for p in study.people if p.participant_id == participant), None)
    return person.zones[-1].zone if person is not None and person.zones else study.default_time_zone


def _backfill(days: tuple[date, date] | None, earliest: date, latest: date | None, now: datetime) -> Days | None:
    """The days of a backfill in which a participant takes part; today's are not whole yet."""
    if days is None:
        return None
    first, last = max(days[0], earliest), min(days[1], latest or days[1])
    if first > last:
        return None
    # A day is whole when it has ended everywhere.
    return Days(first, last, is_open=now < datetime.combine(last, datetime.min.time(), UTC) + _ENDED)


_ENDED = timedelta(days=1, hours=12)


def report_of(job: Ingest, outcomes: Sequence[FileOutcome], started: float) -> PullReport:
    """What the pull files of a pull said, from the lake."""
    report = PullReport(files=list(outcomes), seconds=time.monotonic() - started)
    with job.lake.connect(read_only=True) as connection:
        rows = connection.execute(
            f"SELECT outcome, coalesce(error_code, ''), count(*), sum(requests)::BIGINT, sum(changed_days)::BIGINT"
            f" FROM {PULLS.qualified} WHERE pull_id IN (SELECT unnest(?::VARCHAR[])) GROUP BY ALL ORDER BY ALL",
            [[o.file_id for o in outcomes]],
        ).fetchall()
        people = connection.execute(
            f"SELECT count(DISTINCT participant_id) FROM {PULLS.qualified} WHERE pull_id IN"
            " (SELECT unnest(?::VARCHAR[]))",
            [[o.file_id for o in outcomes]],
        ).fetchone()
    for outcome, code, count, requests, changed in rows:
        report.outcomes[outcome, code] = count
        report.requests += requests
        report.changed_days += changed
    report.people = people[0] if people else 0
    return report
