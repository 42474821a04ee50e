"""What people answer: the staging table of all instruments, and the tables that follow from it."""

from neuro_assets.streams.columns import day_is_local_date, sample_columns
from neuro_assets.streams.model import Column, Rule, Stream, Table

ANSWER_TYPES = ("choice", "number", "text", "missing")
MISSING_REASONS = ("blank", "refused", "do_not_know", "not_applicable", "not_answered", "not_asked")


def _not_of_type(name: str, wrong: str, description: str, shown: tuple[str, ...] = ("item", "answer")) -> Rule:
    """An answer that the codebook has no place for."""

    def holds():
        import polars as pl

        return pl.col("answer_type") != wrong

    return Rule(name, ("answer_type",), description, holds, shown=shown)


SURVEY_RESPONSE = Stream(
    schema="staging",
    name="survey_response",
    columns=sample_columns(
        Column("instrument", "VARCHAR", "Codebook"),
        Column("version", "INTEGER", "Version of the codebook by which the answer was read", ge=1),
        Column("response_id", "VARCHAR", "Id of the response: the platform's, or #n for the n-th of that moment"),
        Column("time_precision", "VARCHAR", "day: only the day is known, ts is its beginning",
               isin=("moment", "day")),
        Column("duration_s", "DOUBLE", "Seconds that answering took", "s", nullable=True, ge=0),
        Column("item", "VARCHAR", "Item of the codebook"),
        Column("answer", "VARCHAR", "What was answered, as written", nullable=True),
        Column("answer_type", "VARCHAR", f"How the answer was understood: {', '.join(ANSWER_TYPES)}"),
        Column("code", "VARCHAR", "Code of the choice", nullable=True),
        Column("label", "VARCHAR", "What the code means", nullable=True),
        Column("value", "DOUBLE", "The answer as a number, where it is one", nullable=True, ge=-1e12, le=1e12),
        Column("text", "VARCHAR", "The answer to an item of free text", nullable=True),
        Column("is_missing", "BOOLEAN", "Nothing was answered; 0 is an answer"),
        Column("missing_reason", "VARCHAR", "Why not, as far as the file says", nullable=True, isin=MISSING_REASONS),
        has_period=False,
    ),
    description="Answers of all instruments, one row an item of a response.",
    partition_by="day",
    sort_by=("participant_id", "local_ts"),
    key=("participant_id", "instrument", "local_ts", "fold", "response_id", "item"),
    # The same code in another spelling is the same answer.
    values=("answer_type", "code", "value", "text", "is_missing", "missing_reason"),
    attributes=(
        *("instrument", "version", "response_id", "time_precision", "duration_s", "item"),
        *("answer", "label"),
    ),
    sampling="event",
    held_from=200,
    rules=(
        day_is_local_date(),
        _not_of_type("known_instrument", "unknown_instrument", "there is a codebook of that name",
                     shown=("instrument", "item")),
        _not_of_type("known_item", "unknown_item", "the codebook has such an item",
                     shown=("instrument", "item")),
        _not_of_type("is_a_choice", "not_a_choice", "the answer is a code or a label of its item"),
        _not_of_type("is_a_number", "not_a_number", "the answer is a number"),
        _not_of_type("within_range", "out_of_range", "the number is one that can be answered"),
    ),
)  # fmt: skip

SURVEY_SUBMISSION = Table(
    schema="baselines",
    name="survey_submission",
    columns=(
        Column("participant_id", "VARCHAR", "Pseudonymous participant"),
        Column("day", "DATE", "The participant's local date: the partition"),
        Column("ts", "TIMESTAMPTZ", "When it was answered", "UTC"),
        Column("local_ts", "TIMESTAMP", "The participant's wall clock at ts"),
        Column("fold", "TINYINT", "1 for the second pass of a repeated autumn hour, else 0", ge=0, le=1),
        Column("instrument", "VARCHAR", "Codebook"),
        Column("version", "INTEGER", "Version of the codebook"),
        Column("response_id", "VARCHAR", "Id of the response"),
        Column("duration_s", "DOUBLE", "Seconds that answering took", "s", nullable=True, ge=0),
        Column("items", "INTEGER", "Items of the codebook", "count"),
        Column("items_answered", "INTEGER", "Those that are answered", "count"),
        Column("is_of_record", "BOOLEAN", "It is the one that counts, by the codebook's rule of repetition"),
    ),
    description="Every response, and which of several counts.",
    partition_by="day",
    sort_by=("participant_id", "local_ts"),
)

SURVEY_SCORE = Table(
    schema="baselines",
    name="survey_score",
    columns=(
        Column("participant_id", "VARCHAR", "Pseudonymous participant"),
        Column("day", "DATE", "The participant's local date: the partition"),
        Column("ts", "TIMESTAMPTZ", "When it was answered", "UTC"),
        Column("local_ts", "TIMESTAMP", "The participant's wall clock at ts"),
        Column("instrument", "VARCHAR", "Codebook"),
        Column("version", "INTEGER", "Version of the codebook"),
        Column("response_id", "VARCHAR", "Id of the response"),
        Column("score_name", "VARCHAR", "Score of the codebook"),
        Column("score", "DOUBLE", "The score; null where it was not computed", nullable=True),
        Column("band", "VARCHAR", "What the published cut-offs call it", nullable=True),
        Column("items", "INTEGER", "Items that the score is made of", "count"),
        Column("items_answered", "INTEGER", "Those that are answered", "count"),
        Column("is_prorated", "BOOLEAN", "Missing items took the mean of the others"),
        Column("unscored_reason", "VARCHAR", "Why there is no score", nullable=True,
               isin=("too_many_missing", "item_missing", "excluded_by_rule")),
        Column("is_of_record", "BOOLEAN", "It is the one that counts, by the codebook's rule of repetition"),
    ),
    description="Scores of every response by the rules of its codebook.",
    partition_by="day",
    sort_by=("participant_id", "local_ts"),
)  # fmt: skip

SURVEY_FLAG = Table(
    schema="baselines",
    name="survey_flag",
    columns=(
        Column("participant_id", "VARCHAR", "Pseudonymous participant"),
        Column("day", "DATE", "The participant's local date: the partition"),
        Column("instrument", "VARCHAR", "Codebook"),
        Column("response_id", "VARCHAR", "Id of the response"),
        Column("local_ts", "TIMESTAMP", "The participant's wall clock"),
        Column("flag", "VARCHAR", "Rule of the codebook, or: straight_lining, too_fast, answered_unasked,"
               " not_applicable_though_asked, repeated_response"),
        Column("items", "VARCHAR", "Items that it is about", nullable=True),
        Column("detail", "VARCHAR", "What was found", nullable=True),
    ),
    description="What is odd about a response; nothing is dropped for it.",
    partition_by="day",
    sort_by=("participant_id",),
)  # fmt: skip

SURVEY_ANOMALY = Table(
    schema="baselines",
    name="survey_anomaly",
    columns=(
        Column("participant_id", "VARCHAR", "Pseudonymous participant"),
        Column("day", "DATE", "The participant's local date"),
        Column("ts", "TIMESTAMPTZ", "When it was answered", "UTC"),
        Column("local_ts", "TIMESTAMP", "The participant's wall clock at ts"),
        Column("instrument", "VARCHAR", "Codebook"),
        Column("version", "INTEGER", "Version of the codebook"),
        Column("response_id", "VARCHAR", "Id of the response"),
        Column("kind", "VARCHAR", "item: a number far from those of others; response: a combination of answers",
               isin=("item", "response")),
        Column("item", "VARCHAR", "The item, where it is about one", nullable=True),
        Column("value", "DOUBLE", "What was answered to it", nullable=True),
        Column("expected", "DOUBLE", "Median of all answers to it", nullable=True),
        Column("distance", "DOUBLE", "Robust z of an item; squared Mahalanobis distance of a response"),
        Column("far_from", "DOUBLE", "What is far: a distance above it, of either sign"),
        Column("responses", "INTEGER", "How many it was judged against", "count"),
    ),
    description="Answers and responses that lie far from all others of the study; to be asked about, never dropped.",
    sort_by=("participant_id", "local_ts"),
)  # fmt: skip

SURVEY_TABLES = (SURVEY_SUBMISSION, SURVEY_SCORE, SURVEY_FLAG)
