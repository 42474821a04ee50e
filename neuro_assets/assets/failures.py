"""Which failures are worth another try: the infrastructure's, never the data's."""

import functools
import random
from collections.abc import Callable
from typing import Any, TypeVar

import dagster as dg
import duckdb

from neuro_assets.lake.lake import LakeError
from neuro_assets.lake.layout import LakeLayoutError
from neuro_assets.staging.stage import RawChangedError

R = TypeVar("R")
MAX_RETRIES = 4
_INFRASTRUCTURE = (
    LakeError,
    RawChangedError,
    duckdb.IOException,
    duckdb.TransactionException,
    ConnectionError,
    TimeoutError,
)


def is_infrastructure(error: BaseException) -> bool:
    """True for what another try may mend: a busy or unreachable catalog, a broken connection, a full queue."""
    return isinstance(error, _INFRASTRUCTURE) and not isinstance(error, LakeLayoutError)


def backoff_s(attempt: int, *, base_s: float = 2.0, cap_s: float = 120.0, jitter: float | None = None) -> float:
    """Seconds to wait before try number `attempt + 1`: doubling, capped, with +-50 % jitter against stampedes."""
    spread = random.uniform(0.5, 1.5) if jitter is None else jitter  # noqa: S311
    return min(cap_s, base_s * 2**attempt) * spread


def retry_infrastructure(context: Any, error: BaseException) -> None:
    """Raise a retry for an infrastructure failure; return for any other, which then fails the step at once.

    Raises:
        dagster.RetryRequested: with exponential back-off and jitter.
    """
    if is_infrastructure(error) and context.retry_number < MAX_RETRIES:
        raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=backoff_s(context.retry_number)) from error


def infrastructure_retried(body: Callable[..., R]) -> Callable[..., R]:
    """Decorate a step's function `(context, ...)` so that infrastructure failures are tried again."""

    @functools.wraps(body)
    def wrapped(context: Any, *args: Any, **kwargs: Any) -> R:
        try:
            return body(context, *args, **kwargs)
        except Exception as error:
            retry_infrastructure(context, error)
            raise

    return wrapped
