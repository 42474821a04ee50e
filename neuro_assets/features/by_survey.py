"""Features that are not told from episodes or minutes: data yield, from coverage, and what surveys last said."""

from datetime import date, timedelta

from neuro_assets.features.by_minute import FeatureReport
from neuro_assets.features.stretches import days_from, stretches
from neuro_assets.features.use import add_made, make_made, write_made
from neuro_assets.features.versions import definitions_of, outdated_days
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.lake import Connection, look_here_first
from neuro_assets.science.features.model import Family
from neuro_assets.science.features.yields import YIELD, DayYield
from neuro_assets.streams.coverage import DAILY, VALID_DAY
from neuro_assets.streams.episodes import EPISODE_ACCOUNT
from neuro_assets.streams.features_use import FEATURES_DATA_YIELD, FEATURES_SURVEY, OLDEST_DAYS
from neuro_assets.streams.series import SERIES_1D
from neuro_assets.streams.surveys import SURVEY_SCORE, SURVEY_SUBMISSION
from neuro_assets.surveys.load import codebooks_of

_DAY = timedelta(days=1)
# A day of a person is a row of each; these are read in one go.
_DAYS_OF_YIELD, _DAYS_OF_SCORES = 92, 31
# How survey features are told; counts up with every change of it.
_TOLD = 1
# Where anything of a person's day shows.
_ANYTHING = (SERIES_1D, EPISODE_ACCOUNT, SURVEY_SUBMISSION)


def tell_yield(connection: Connection, job: Ingest, first: date, last: date) -> FeatureReport:
    """Write the data yield of the days `first` to `last`, and of days that coverage judges otherwise by now.

    What comes on a day tells of days before it that they were handed over to their end: those are told with it, and so
    are days whose rows follow other definitions. A day whose rows are there already is left as it is.

    Args:
        connection: with the tables of coverage and `features.data_yield` there.
        job: the study and the lake.
        first: first local day.
        last: last local day.
    """
    table = FEATURES_DATA_YIELD
    look_here_first(connection)
    definitions = definitions_of([YIELD], [])
    asked = set(days_from(first, last))
    days = asked | set(outdated_days(connection, table, definitions)) | _days_judged_otherwise(connection)
    make_made(connection, table)
    for stretch in stretches(days, _DAYS_OF_YIELD):
        frame = connection.execute(
            f"""
            SELECT v.participant_id, v.day, v.length_min, v.is_handed_over, v.is_valid AS is_valid_day, v.worn_min,
                v.heart_rate_min, v.heart_rate_hours, coalesce(d.has_rows, false) AS has_rows,
                coalesce(d.is_heart_rate_expected, false) AS is_heart_rate_expected,
                d.expected_min::DOUBLE AS expected_min, d.observed_min::DOUBLE AS observed_min, d.least_share,
                d.streams_expected, d.streams_observed
            FROM {VALID_DAY.qualified} v LEFT JOIN (
                SELECT participant_id, day, bool_or(observed_min > 0) AS has_rows,
                    bool_or(stream = 'heart_rate') AS is_heart_rate_expected,
                    sum(expected_min) FILTER (worn_min IS NOT NULL) AS expected_min,
                    sum(least(observed_min, expected_min)) FILTER (worn_min IS NOT NULL) AS observed_min,
                    min(least(observed_min / expected_min, 1)) FILTER (worn_min IS NOT NULL) AS least_share,
                    count(*) AS streams_expected, count(*) FILTER (observed_min > 0) AS streams_observed
                FROM {DAILY.qualified} WHERE day BETWEEN $first AND $last AND expected_min > 0 GROUP BY ALL
            ) d USING (participant_id, day)
            WHERE v.day BETWEEN $first AND $last ORDER BY v.day, v.participant_id
            """,
            {"first": stretch[0], "last": stretch[-1]},
        ).pl()
        told = frame.with_columns(f.compute(DayYield()).alias(f.name) for f in YIELD)
        add_made(connection, table, told.select([c.name for c in table.columns if c.name != "definitions"]))
    rows, written = write_made(connection, job, table, days, definitions)
    return FeatureReport({table.qualified: rows}, frozenset(written - asked))


def _days_judged_otherwise(connection: Connection) -> set[date]:
    """Days on which coverage has other people, or says otherwise of one whether the day is whole and counts."""
    columns = "participant_id, day, length_min, is_handed_over"
    now = f"SELECT {columns}, is_valid AS is_valid_day FROM {VALID_DAY.qualified}"
    told = f"SELECT {columns}, is_valid_day FROM {FEATURES_DATA_YIELD.qualified}"
    found = connection.execute(
        f"SELECT DISTINCT day FROM ((({now}) EXCEPT ({told})) UNION ALL (({told}) EXCEPT ({now})))"
    )
    return {day for (day,) in found.fetchall()}


def tell_survey(connection: Connection, job: Ingest, first: date, last: date) -> FeatureReport:
    """Write the survey scores known at the end of the days `first` to `last`, and of the days that follow from them.

    Those beside are the days after them of which the scores are told, the days between them and the last day of before
    of people of whom there is something again, and days whose rows follow other definitions. A day whose rows are there
    already is left as it is.

    Of record is what is so at the end of the day: a response that a later one takes the place of, or the right to count
    from, is told until then.

    Args:
        connection: with the scores made, and the tables of rollups, episodes and `features.survey` there.
        job: the study and the lake.
        first: first local day.
        last: last local day.
    """
    table = FEATURES_SURVEY
    look_here_first(connection)
    rules = {c.name: c.repeat.keep for c in codebooks_of(job.sources) if c.repeat.within == "study"}
    definitions = definitions_of(list[Family](), ["survey", _TOLD, OLDEST_DAYS, rules])
    asked = set(days_from(first, last))
    reached = {last + n * _DAY for n in range(1, OLDEST_DAYS)}
    days = asked | reached | set(outdated_days(connection, table, definitions))
    _find_scores(connection, job, [n for n in rules if rules[n] == "last"], [n for n in rules if rules[n] == "none"])
    days |= _days_of_others(connection)
    make_made(connection, table)
    for stretch in stretches(days, _DAYS_OF_SCORES):
        connection.execute(
            f"""
            INSERT INTO made_{table.name} BY NAME
            SELECT participant_id, d.day, instrument, score_name, score, d.day - s.day AS age_days, ts AS answered_ts
            FROM known_scores s JOIN (SELECT unnest($days::DATE[]) AS day) d ON d.day BETWEEN s.from_day AND s.until_day
            QUALIFY row_number() OVER (
                PARTITION BY participant_id, d.day, instrument, score_name ORDER BY ts DESC, ordinal DESC, version DESC
            ) = 1
            """,
            {"days": stretch},
        )
    rows, written = write_made(connection, job, table, days, definitions)
    connection.execute("DROP TABLE known_scores")
    return FeatureReport({table.qualified: rows}, frozenset(written - asked))


def _find_scores(connection: Connection, job: Ingest, last_of: list[str], only_one_of: list[str]) -> None:
    """Make the temporary table known_scores: the scores that are told, and the last day on which each may be.

    Args:
        connection: of the lake.
        job: the study.
        last_of: instruments of which the last response of the study counts. Until it comes, the ones before do.
        only_one_of: instruments of which none counts once there are several. Until the second comes, the first does.
    """
    anything = " UNION ALL ".join(
        f"SELECT participant_id, max(day) AS day FROM {t.qualified} GROUP BY ALL" for t in _ANYTHING
    )
    window = job.study.window
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE known_scores AS
        WITH reach AS (SELECT participant_id, max(day) AS last_day FROM ({anything}) GROUP BY ALL),
        sent AS (
            SELECT participant_id, instrument, ts, response_id,
                lpad(replace(response_id, '#', ''), 20, '0') AS ordinal,
                row_number() OVER times AS number, lead(day) OVER times AS next_day
            FROM {SURVEY_SUBMISSION.qualified}
            WINDOW times AS (
                PARTITION BY participant_id, instrument ORDER BY ts, lpad(replace(response_id, '#', ''), 20, '0')
            )
        )
        SELECT participant_id, s.day, s.ts, r.ordinal, s.version, instrument, s.score_name, s.score,
            greatest(s.day, $begin) AS from_day, least(
            s.day + {OLDEST_DAYS - 1}, p.last_day, $end,
            CASE WHEN list_contains($only_one_of, instrument) THEN r.next_day - 1 END
        ) AS until_day
        FROM {SURVEY_SCORE.qualified} s
        JOIN sent r USING (participant_id, instrument, ts, response_id)
        JOIN reach p USING (participant_id)
        WHERE s.score IS NOT NULL AND s.day <= $end AND CASE
            WHEN list_contains($last_of, instrument) THEN true
            WHEN list_contains($only_one_of, instrument) THEN r.number = 1
            ELSE s.is_of_record END
        """,
        {"begin": window.start, "end": window.end or date.max, "last_of": last_of, "only_one_of": only_one_of},
    )


def _days_of_others(connection: Connection) -> set[date]:
    """Days on which other scores have rows than those that are told."""
    found = connection.execute(
        f"""
        WITH known AS (
            SELECT participant_id, unnest(range(from_day, until_day + 1, INTERVAL 1 DAY))::DATE AS day, instrument,
                score_name
            FROM known_scores
        ), there AS (SELECT participant_id, day, instrument, score_name FROM {FEATURES_SURVEY.qualified})
        SELECT DISTINCT day FROM ((FROM known EXCEPT FROM there) UNION ALL (FROM there EXCEPT FROM known))
        """
    )
    return {day for (day,) in found.fetchall()}
