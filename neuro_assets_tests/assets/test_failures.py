"""What is tried again: the infrastructure's failures, with back-off, and nothing else."""

from collections.abc import Callable

import dagster as dg
import duckdb
import pytest

from neuro_assets.assets.failures import backoff_s, infrastructure_retried, is_infrastructure
from neuro_assets.lake.io_manager import OutsidePartitionError
from neuro_assets.lake.lake import LakeBusyError, LakeError
from neuro_assets.staging.stage import RawChangedError
from neuro_assets_tests.study_homes import QUIET


@pytest.mark.parametrize(("attempt", "seconds"), [(0, 2), (1, 4), (2, 8), (3, 16), (5, 64), (6, 120), (20, 120)])
def test_the_wait_doubles_up_to_two_minutes(attempt: int, seconds: float):
    assert backoff_s(attempt, jitter=1.0) == seconds
    assert 0.5 * seconds <= backoff_s(attempt) <= 1.5 * seconds


def test_two_that_failed_together_do_not_try_again_together():
    assert len({backoff_s(3) for _ in range(20)}) > 10


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (LakeError("x"), True),
        (LakeBusyError("x"), True),
        (RawChangedError("x"), True),
        (duckdb.IOException("x"), True),
        (duckdb.TransactionException("x"), True),
        (ConnectionResetError("x"), True),
        (duckdb.ConversionException("x"), False),
        (duckdb.ConstraintException("x"), False),
        (OutsidePartitionError("x"), False),
        (ValueError("x"), False),
        (FileNotFoundError("x"), False),
    ],
)
def test_infrastructure_and_data_are_told_apart(error: Exception, is_one: bool):
    assert is_infrastructure(error) is is_one


@pytest.mark.parametrize(("error", "tries"), [(LakeBusyError, 3), (ValueError, 1)])
def test_a_step_is_tried_again_for_the_first_kind_only(
    monkeypatch: pytest.MonkeyPatch, new_instance: Callable, error: type[Exception], tries: int
):
    """It fails twice and would succeed at the third try."""
    monkeypatch.setattr("neuro_assets.assets.failures.backoff_s", lambda _attempt: 0.0)
    seen: list[int] = []

    @dg.asset
    @infrastructure_retried
    def flaky(context: dg.AssetExecutionContext) -> None:
        seen.append(context.retry_number)
        if len(seen) < 3:
            raise error("not now")

    result = dg.materialize([flaky], instance=new_instance(), run_config=QUIET, raise_on_error=False)
    assert seen == list(range(tries))
    assert result.success is (tries == 3)
