"""The evidence of an hour in words, from what tells it."""

from neuro_assets.coverage.outdated import WAITS
from neuro_assets.coverage.pulls import PULL

_EVIDENCE = """
CASE told_by
    WHEN 'rows' THEN 'rows are there, without a sign of wear'
    WHEN 'after_last_sync' THEN '{waits}'
    WHEN 'low_at_last_sync' THEN 'nothing has been handed over since a low charge, which is used up'
    WHEN 'not_fetched' THEN 'nothing has come of the sync of ' || strftime({moment}, '%Y-%m-%d %H:%M') || ' UTC'
    WHEN 'lost' THEN 'handed over nothing so old at the sync of ' || strftime({moment}, '%Y-%m-%d %H:%M') || ' UTC'
    WHEN 'battery' THEN 'charge of the sync of ' || strftime({moment}, '%Y-%m-%d %H:%M') || ' UTC was used up'
    WHEN 'charged' THEN 'off, and charged before the sync of ' || strftime({moment}, '%Y-%m-%d %H:%M') || ' UTC'
    WHEN 'unknown' THEN 'no rows, and no sync tells why'
    WHEN 'held' THEN 'ops.day_holds'
    WHEN 'source_failure' THEN 'coverage.outages of the protocol'
    WHEN 'needs_reconsent' THEN 'consent_lapsed of the participant'
    WHEN 'withdrawn' THEN 'withdrawn_on of the participant'
    WHEN 'not_enrolled' THEN 'enrolled_on of the participant, else the first day with data'
    WHEN '' THEN CASE WHEN reason IS NOT NULL THEN 'worn, and other streams have rows' END
    ELSE CASE WHEN starts_with(told_by, '{pull}') THEN
        'ops.pulls: ' || substr(told_by, {after}) || ' since ' || strftime({moment}, '%Y-%m-%d %H:%M') || ' UTC' END
END
"""
# SQL of the column `basis`: what kind of evidence it is, without its words.
BASIS = "nullif(split_part(told_by, ':', 1), '')"


def told_of_hour() -> str:
    """SQL that tells the evidence of an hour in `coverage_hours`."""
    moment = "make_timestamp(nullif(told_min, -1) * 60_000_000)"
    return _EVIDENCE.format(waits=WAITS, moment=moment, pull=PULL, after=len(PULL) + 1)
