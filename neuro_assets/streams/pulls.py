"""What was asked of a vendor's interface, and what it then had: the accounts of pulls."""

from neuro_assets.streams.columns import PARTICIPANT
from neuro_assets.streams.model import Column, Table

OUTCOMES = ("complete", "failed", "paused", "needs_reconsent", "retired")

PULLS = Table(
    "ops",
    "pulls",
    (
        Column("participant_id", "VARCHAR", "Participant, as the study names them"),
        Column("source", "VARCHAR", "Source spec"),
        Column("data_type", "VARCHAR", "Data type, as the interface names it"),
        Column("fetched_at", "TIMESTAMPTZ", "When its last page was there, or when it failed"),
        Column(
            "outcome",
            "VARCHAR",
            "complete: every page is stored; failed: an error, tried again; paused: refused several times, tried again"
            " after a day; needs_reconsent: the person has to consent again; retired: the interface has ended",
            isin=OUTCOMES,
        ),
        Column(
            "is_delta",
            "BOOLEAN",
            "Whether it asked for all that was not known yet; days that somebody names move nothing. Empty: it did not",
            nullable=True,
        ),
        Column("first_day", "DATE", "First local day that was asked for whole", nullable=True),
        Column("last_day", "DATE", "Last one; the day of the pull is whole only up to it", nullable=True),
        Column(
            "only_days",
            "VARCHAR",
            "Those of them that were asked for, with commas; null: all. Samples of heart rate are read of days alone"
            " whose minutes have changed",
            nullable=True,
        ),
        Column("last_sync_at", "TIMESTAMPTZ", "Latest sync of a tracker, as known then", nullable=True),
        Column("tracker_syncs", "VARCHAR", "The latest sync of each tracker, in order, with commas", nullable=True),
        Column("zone", "VARCHAR", "The account's time zone then", nullable=True),
        Column("reading", "VARCHAR", "reconcile, list or rollUp", nullable=True),
        Column("requests", "BIGINT", "Requests it took, repeated ones included", "count"),
        Column("points", "BIGINT", "Points on the pages", "count"),
        Column("changed_days", "BIGINT", "Local days of which something had changed", "count"),
        Column("error_code", "VARCHAR", "Why it failed", nullable=True),
        Column("error", "VARCHAR", "The same in words", nullable=True),
        Column("pull_id", "VARCHAR", "sha256 of the pull file"),
    ),
    "One line for each participant, data type and pull. The latest complete delta is where the next one begins.",
    sort_by=("participant_id", "data_type", "fetched_at"),
    may_grow=True,
)

PULL_CLAIMS = Table(
    "ops",
    "pull_claims",
    (
        Column("participant_id", "VARCHAR", "Id as the rows have it"),
        Column("source", "VARCHAR", "Source spec"),
        Column("data_type", "VARCHAR", "Data type, as the interface names it"),
        Column("file_kind", "VARCHAR", "Kind of file within the source"),
        Column("chunk_day", "DATE", "Local day that the interface counts the points to; of sleep that of its end"),
        Column("fetched_at", "TIMESTAMPTZ", "When the interface had exactly these"),
        Column("digest", "VARCHAR", "sha256 of the rows; nothing but their content is in it"),
        Column("rows", "BIGINT", "Rows; 0 where there are none, or where an earlier claim has the same", "count"),
        Column("file_id", "VARCHAR", "sha256 of the file that the rows are in, else of the pull file"),
        Column("claim_no", "BIGINT", "What the rows call this claim within their file"),
    ),
    "What was there of a participant's day, and nothing else: the latest claim of a day is in force, and rows of any"
    " other are superseded. Days that were found as before have no claim of their own.",
    sort_by=("chunk_day", "participant_id", "data_type"),
)

SOURCE_BREAK = Table(
    "coverage",
    "source_break",
    (
        PARTICIPANT,
        Column("stream", "VARCHAR", "Name of the stream in staging"),
        Column("day", "DATE", "First local day with rows of the new source"),
        Column("source", "VARCHAR", "Where the rows come from since"),
        Column("previous_source", "VARCHAR", "Where the latest rows before came from"),
        Column("last_day_before", "DATE", "Their day"),
        Column("gap_days", "INTEGER", "Days between the two without any row; 0: none", "d", ge=0),
    ),
    "Where a person's stream changes its source: what is compared across such a day may differ by the source alone.",
    sort_by=("participant_id", "stream"),
)

PULL_TABLES: tuple[Table, ...] = (PULLS, PULL_CLAIMS)
