"""What the checks of pulls say is what the latest line of each data type says, nothing that is over."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import dagster as dg
import polars as pl
import pytest

from neuro_assets.checks.google_health import pull_check_results
from neuro_assets.ingest.load import Ingest
from neuro_assets.lake.frames import insert_frame
from neuro_assets.streams.pulls import PULLS

COMPLETE = {"outcome": "complete"}
BERLIN, TOKYO = {"zone": "Europe/Berlin"}, {"zone": "Asia/Tokyo"}
ALL = {"nobody_needs_reconsent", "every_type_is_complete", "answers_are_of_the_contract", "zones_agree"}


def not_so(outcome: str, code: str, error: str = "in words") -> dict[str, str]:
    return {"outcome": outcome, "error_code": code, "error": error}


@pytest.fixture
def results(make_job: Callable[..., Ingest]) -> Callable[[Sequence[dict[str, str]]], dict[str, dg.AssetCheckResult]]:
    """`results(lines)`: what is told after a line a day of a data type, by the name of the check."""
    job = make_job(google_health={}, default_time_zone="Europe/Berlin")

    def tell(lines: Sequence[dict[str, str]]) -> dict[str, dg.AssetCheckResult]:
        counts = {"requests": 1, "points": 0, "changed_days": 0}
        told = {"participant_id": "P1", "source": "google_health", "data_type": "steps", **counts}
        days = (datetime(2026, 3, n, 10, tzinfo=UTC) for n in range(1, len(lines) + 1))
        rows = [{**told, "fetched_at": at, "pull_id": f"{at:%d}", **line} for at, line in zip(days, lines, strict=True)]
        with job.lake.connect() as connection:
            with job.lake.transaction(connection, [PULLS.qualified]):
                insert_frame(connection, PULLS, pl.DataFrame(rows, infer_schema_length=None))
            return {str(r.check_name): r for r in pull_check_results(connection, job.study)}

    return tell


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        ([not_so("failed", "contract")], {"every_type_is_complete", "answers_are_of_the_contract"}),
        ([not_so("failed", "contract"), COMPLETE], set()),
        ([not_so("complete", "unknown_fields")], {"answers_are_of_the_contract"}),
        ([not_so("complete", "unknown_fields"), COMPLETE], set()),
        ([COMPLETE, not_so("complete", "unknown_fields")], {"answers_are_of_the_contract"}),
        ([not_so("needs_reconsent", "invalid_grant"), not_so("failed", "server_error")], {"every_type_is_complete"}),
        ([COMPLETE | TOKYO], {"zones_agree"}),
        ([COMPLETE | TOKYO, COMPLETE | BERLIN], set()),
        # That the account cannot be read does not change its zone.
        ([COMPLETE | TOKYO, not_so("needs_reconsent", "invalid_grant")], {"zones_agree", "nobody_needs_reconsent"}),
    ],
)
def test_what_the_next_pull_has_made_good_is_no_longer_told(results, lines: list[dict[str, str]], broken: set[str]):
    found = results(lines)
    assert found.keys() == ALL
    assert {name for name, result in found.items() if not result.passed} == broken


def test_the_error_of_an_earlier_line_is_not_that_of_a_later_one(results):
    found = results([not_so("failed", "contract", "too many"), {"outcome": "paused"}])
    assert found["every_type_is_complete"].metadata["examples"].value == "P1 steps"


def test_who_is_not_asked_for_any_more_is_told_of_for_eight_days(results):
    gone = {"participant_id": "P2", **not_so("needs_reconsent", "invalid_grant")}
    assert not results([gone, *[COMPLETE] * 7])["nobody_needs_reconsent"].passed
    assert results([COMPLETE] * 10)["nobody_needs_reconsent"].passed
