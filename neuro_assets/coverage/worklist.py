"""The worklist: who needs a contact today, why, since when. A device that has not synced yet today is no reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

import polars as pl

from neuro_assets.coverage.answering import NotAnswered
from neuro_assets.coverage.finding import Finding
from neuro_assets.coverage.of_accounts import partly_unreadable, unreadable
from neuro_assets.coverage.overview import status_of
from neuro_assets.coverage.roster import begin_of, zone_of
from neuro_assets.coverage.standing import Moment, Standing, without_outages
from neuro_assets.coverage.valid import sentence
from neuro_assets.coverage.why import MAIN_REASON_OF_DAYS
from neuro_assets.lake.lake import Connection
from neuro_assets.streams.coverage import VALID_DAY
from neuro_assets.study import Study

_DAY = timedelta(days=1)
# How far back a run of days without wear is followed.
_FURTHEST = 60


@dataclass(frozen=True)
class _Day:
    """A day that was handed over: whether it counts, what was worn, and the reason for most of what is missing."""

    day: date
    is_valid: bool | None
    worn_min: int | None
    reason: str | None


def worklist(
    connection: Connection,
    study: Study,
    standings: Sequence[Standing],
    moment: Moment,
    unanswered: Mapping[str, NotAnswered],
) -> pl.DataFrame:
    """A row for each person who needs a contact, the urgent ones first, with the columns of `coverage.worklist`.

    Who was spoken to in the last days (`again_after_days`) is left out, and so is who can do nothing about it: days
    that are held, outages of the vendor, pulls that fail, people who have not begun or have left, and studies that are
    over. Somebody whose device is silent is asked about that first, and about answers (`unanswered`) another time.
    """
    rows = []
    if not (study.window.end and moment.asked.date() > study.window.end + _DAY):
        asked = [s for s in standings if status_of(s, study) in {"active", "inactive", "nothing_yet"}]
        days = _recent_days(connection, asked)
        held = _held_days(connection, study)
        latest = sorted((s.last_row, s.participant_id) for s in standings if s.last_row)[-2:]
        for standing in asked:
            others = max((at for at, who in latest if who != standing.participant_id), default=None)
            finding = _finding(standing, study, moment, days.get(standing.participant_id, []), held, others)
            finding = finding or _unanswered(unanswered.get(standing.participant_id))
            if finding and not _was_spoken_to(standing, study, moment):
                rows.append(_row(standing, moment, finding))
    rows.sort(key=lambda r: (r["priority"], r["since"], r["participant_id"]))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


_SCHEMA = {
    "participant_id": pl.String,
    "priority": pl.Int32,
    "reason": pl.String,
    "told": pl.String,
    "since": pl.Date,
    "days": pl.Int32,
    "as_of": pl.Datetime("us", "UTC"),
    "handed_over_at": pl.Datetime("us", "UTC"),
    "last_contact": pl.Datetime("us", "UTC"),
    "last_contact_by": pl.String,
}


def _row(standing: Standing, moment: Moment, finding: Finding) -> dict[str, object]:
    return {
        "participant_id": standing.participant_id,
        "priority": 1 if finding.is_urgent else 2,
        "reason": finding.reason,
        "told": finding.told,
        "since": finding.since,
        "days": max((_today(standing, moment) - finding.since).days, 0),
        "as_of": moment.at,
        "handed_over_at": standing.handed_over,
        "last_contact": standing.contacted,
        "last_contact_by": standing.contacted_by,
    }


def _today(standing: Standing, moment: Moment) -> date:
    return moment.at.astimezone(zone_of(standing.person, moment.at.date())).date()


def _was_spoken_to(standing: Standing, study: Study, moment: Moment) -> bool:
    wait = timedelta(days=study.coverage.worklist.again_after_days)
    return standing.contacted is not None and moment.asked - standing.contacted < wait


def _finding(
    standing: Standing,
    study: Study,
    moment: Moment,
    days: Sequence[_Day],
    held: Sequence[date],
    others: datetime | None,
) -> Finding | None:
    """The one thing to speak about, if any; who cannot do anything about it is not asked."""
    today = _today(standing, moment)
    asked = moment.asked.astimezone(zone_of(standing.person, today)).date()
    for lapse in standing.person.lapses:
        if lapse.since <= asked and (lapse.until is None or asked <= lapse.until):
            told = f"Consent lapsed on {lapse.since}. Nothing may be collected until it is given again."
            return Finding("needs_reconsent", lapse.since, told, is_urgent=True)
    if finding := unreadable(standing):
        return finding
    limit = timedelta(hours=study.coverage.overview.inactive_after_h)
    if not study.expected_streams:
        return None
    if standing.silent >= limit:
        if moment.at - _held_until(standing, held, today) < limit:
            return None
        return _silence(standing, study, moment, today)
    return (
        partly_unreadable(standing)
        or _nothing_measured(standing, study, today, held, others)
        or _not_worn(standing, study, days)
    )


def _held_until(standing: Standing, held: Sequence[date], today: date) -> datetime:
    """What is held may have come until its day ended: that is for the study to look at."""
    days = [day for day in held if day <= today]
    return begin_of(standing.person, min(max(days) + _DAY, today)) if days else datetime.min.replace(tzinfo=UTC)


def _day_of(standing: Standing, today: date) -> date:
    """The person's day on which something came last."""
    if standing.handed_over is None:
        return standing.person.first_day
    day = min(today, standing.handed_over.astimezone(zone_of(standing.person, today)).date())
    # What a device handed over before, when somebody tried it out, is nobody's silence.
    return max(day, standing.person.first_day)


def _silence(standing: Standing, study: Study, moment: Moment, today: date) -> Finding:
    since, rules = _day_of(standing, today), study.coverage
    for_days = _days((today - since).days)
    if standing.handed_over is None:
        told = (
            f"Nothing has arrived yet; data are expected since {since} ({for_days}). Ask whether the device is set up"
            " and connected to the app."
        )
        return Finding("nothing_yet", since, told)
    left = rules.device_memory_days - (moment.at - standing.handed_over).total_seconds() / 86_400
    is_urgent = standing.has_syncs and 0 < left <= 2
    hurry = (
        f" The device remembers {rules.device_memory_days:g} days: what is oldest is lost soon." if is_urgent else ""
    )
    if standing.battery_pct is not None and standing.battery_pct <= rules.low_battery_pct:
        told = (
            f"Nothing has arrived for {for_days}, and the battery was at {standing.battery_pct} % at the last sync."
            " Ask to charge the device and to open the app."
        )
        return Finding("battery", since, told + hurry, is_urgent)
    told = f"Nothing has arrived for {for_days}. Ask to open the app with the device nearby."
    return Finding("not_synced", since, told + hurry, is_urgent)


def _nothing_measured(
    standing: Standing, study: Study, today: date, held: Sequence[date], others: datetime | None
) -> Finding | None:
    """The device syncs, and no row comes of it, though rows of others do."""
    limit = timedelta(hours=study.coverage.overview.inactive_after_h)
    if not standing.has_syncs or standing.handed_over is None or others is None:
        return None
    begun = standing.last_row or begin_of(standing.person, standing.person.first_day)
    since_when = max(begun, _held_until(standing, held, today))
    known = min(m for m in (standing.handed_over, others, standing.read_until) if m)
    if without_outages(since_when, known, study) < limit:
        return None
    since = min(today, begun.astimezone(zone_of(standing.person, today)).date())
    told = (
        f"The device syncs, but nothing it measured has arrived for {_days((today - since).days)}. Ask whether it is"
        " the study's device and account that sync, and whether all data are shared."
    )
    return Finding("no_data", since, told)


def _not_worn(standing: Standing, study: Study, days: Sequence[_Day]) -> Finding | None:
    """The last days that were handed over do not count, because the device was not worn."""
    run = list(takewhile(lambda d: d.is_valid is False and d.reason == "not_worn", reversed(days)))
    if len(run) < study.coverage.worklist.not_worn_days:
        return None
    since = run[-1].day
    known = [d.worn_min for d in run if d.worn_min is not None]
    worn_h = sum(known) / len(known) / 60 if known else 0
    how_much = "not worn at all" if worn_h < 0.5 else f"worn for {worn_h:.0f} h a day"
    told = (
        f"The device was {how_much} on the last {len(run)} days that have arrived ({since} to {run[0].day}). Asked for:"
        f" {_lower(sentence(study.coverage.valid_day))} Ask whether something keeps the person from wearing it."
    )
    return Finding("not_worn", since, told)


def _unanswered(found: NotAnswered | None) -> Finding | None:
    if found is None:
        return None
    told = (
        f"No answer to '{found.title}' since {found.since} ({_days(found.days)}). Ask whether the person still gets it,"
        " and whether something keeps the person from answering."
    )
    return Finding("not_answered", found.since, told)


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _recent_days(connection: Connection, standings: Sequence[Standing]) -> dict[str, list[_Day]]:
    """Everybody's days that were handed over to their end, or count already, in order."""
    frame = pl.DataFrame(
        {"participant_id": [s.participant_id for s in standings], "until": [s.known_until for s in standings]},
        {"participant_id": pl.String, "until": pl.Date},
    )
    connection.register("frame_until", frame.to_arrow())
    found = connection.execute(
        f"""
        WITH why AS ({MAIN_REASON_OF_DAYS})
        SELECT v.participant_id, v.day, v.is_valid, v.worn_min, why.reason
        FROM {VALID_DAY.qualified} v
        JOIN frame_until u USING (participant_id)
        LEFT JOIN why ON why.participant_id = v.participant_id AND why.day = v.day
        WHERE v.day BETWEEN u.until - {_FURTHEST} AND u.until AND (v.is_handed_over OR v.is_valid)
        ORDER BY v.participant_id, v.day
        """
    ).fetchall()
    connection.unregister("frame_until")
    days: dict[str, list[_Day]] = {}
    for who, *fields in found:
        days.setdefault(who, []).append(_Day(*fields))
    return days


def _held_days(connection: Connection, study: Study) -> list[date]:
    """Days that are held of a stream the protocol expects."""
    found = connection.execute(
        "SELECT DISTINCT day FROM ops.day_holds WHERE released_at IS NULL AND table_name IN (SELECT unnest(?))",
        [[f"staging.{name}" for name in study.expected_streams]],
    ).fetchall()
    return [day for (day,) in found]
