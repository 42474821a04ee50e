"""Which clock each participant had: the zones of the protocol, and the events' own offset where it has none."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import polars as pl

from neuro_assets.science.local_days import zone_of_offset
from neuro_assets.science.local_time import offset_spans, utc_spans
from neuro_assets.study import Participant, Study, zone_periods

_CLOCK = {
    "participant_id": pl.String,
    "zone": pl.String,
    "since_utc": pl.Datetime("us", "UTC"),
    "until_utc": pl.Datetime("us", "UTC"),
}
# Beyond the days asked for: what the clock shows there concerns none of their episodes.
_AROUND = timedelta(days=10)


def clock_of(study: Study, events: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Return the clock of everybody who has events, as `split_by_local_day` wants it.

    From one zone of the protocol to the next the clock changes at midnight of the zone that is left, as in staging.
    Before the first zone, and for people without any, the offset of an event holds until the next event: so an episode
    goes by the clock that its opening came with.

    Args:
        study: the protocol.
        events: participant_id, ts, utc_offset_min.
        first: first day of the events.
        last: last day of the events.
    """
    people = sorted(events["participant_id"].unique().to_list())
    listed = {p.participant_id: p for p in study.people}
    rows = [
        (who, *period)
        for who in people
        for period in _periods(study, listed.get(who, Participant(participant_id=who)), first, last)
    ]
    known = pl.DataFrame(rows, _CLOCK, orient="row")
    always = known.filter(pl.col("since_utc").is_null())["participant_id"]
    lost = events.filter(~pl.col("participant_id").is_in(always.implode()))
    return pl.concat([_own(lost, known), known])


def _periods(
    study: Study, person: Participant, first: date, last: date
) -> list[tuple[str, datetime | None, datetime | None]]:
    """Return (zone, since, until) of a person around some days; an open end is None."""
    periods = [z[:3] for z in zone_periods(study, person)]
    start = first - _AROUND
    ends: dict[int, datetime] = {}
    begins: dict[int, datetime] = {}
    if len(periods) == 1 and periods[0][0] <= start:
        return [(periods[0][2], None, None)]
    for span in utc_spans(periods, start, last + _AROUND):
        begins.setdefault(span.period, span.utc_start.replace(tzinfo=UTC))
        ends[span.period] = span.utc_end.replace(tzinfo=UTC)
    order = sorted(begins)
    return [
        (
            periods[n][2],
            None if n == order[0] and periods[n][0] <= start else begins[n],
            None if n == order[-1] else ends[n],
        )
        for n in order
    ]


def _own(events: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return the clock that events came with, until the protocol knows one."""
    moments = events.select("participant_id", "ts", "utc_offset_min").sort("participant_id", "ts", "utc_offset_min")
    moments = moments.unique(["participant_id", "ts"], keep="last", maintain_order=True)
    before = pl.col("utc_offset_min").shift().over("participant_id")
    moments = moments.filter(pl.col("utc_offset_min").ne_missing(before))
    ends = known.group_by("participant_id").agg(end=pl.col("since_utc").min())
    moments = moments.join(ends, on="participant_id", how="left", maintain_order="left")
    moments = moments.filter((pl.col("ts") < pl.col("end")).fill_null(True))
    names = {n: zone_of_offset(n) for n in moments["utc_offset_min"].unique().to_list()}
    return moments.select(
        "participant_id",
        pl.col("utc_offset_min").replace_strict(names, default=None, return_dtype=pl.String).alias("zone"),
        pl.col("ts").cast(_CLOCK["since_utc"]).alias("since_utc"),
        pl.lit(None, _CLOCK["until_utc"]).alias("until_utc"),
    )


def zone_offsets(study: Study, first: date, last: date) -> set[int]:
    """Return the offsets [minutes] of every zone of the protocol on some days."""
    zones: Iterable[str] = {z.zone for p in study.people for z in p.zones} | {study.default_time_zone or "UTC"}
    return {s.utc_offset_min for zone in zones for s in offset_spans(zone, first, last)}
