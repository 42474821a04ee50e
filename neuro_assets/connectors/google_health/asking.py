"""Asking until there is an answer: tokens, the budget of requests, errors, and when to try again.

Waiting is not done here: a generator yields the seconds after which it wants to go on, and whoever drives it sees to
others meanwhile.
"""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from neuro_assets import failpoints
from neuro_assets.connectors.google_health.budget import Budget, BudgetSpentError
from neuro_assets.connectors.google_health.client import Answer, Client, Request, UnreachableError
from neuro_assets.connectors.google_health.errors import (
    AccountError,
    NeedsReconsentError,
    NotConnectedError,
    TokenUnavailableError,
)
from neuro_assets.connectors.google_health.windows import REFUSALS
from neuro_assets.sources.google_health.account import VendorStatus, decode_error
from neuro_assets.sources.google_health.pull_file import Outcome

TRIES = 5
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
# An answer may ask for any wait. A pull is not held up by one for longer: it is left to the next pull.
LONGEST_ASKED_S = 900.0
PERMISSION_DENIED = "permission_denied"

T = TypeVar("T")
Waiting = Generator[float, None, T]


class Accounts(Protocol):
    """Tokens of participants, as accounts.py has them."""

    def access_token(self, participant_id: str) -> str:
        """A token that is good for another minute."""
        ...

    def refuse_token(self, participant_id: str, token: str) -> object:
        """Say that the interface did not take it."""
        ...

    def needs_reconsent(self, participant_id: str, why: str, token: str | None = None) -> None:
        """Say that the consent behind it is no longer good."""
        ...


class AskError(Exception):
    """A data type that cannot be read now.

    Attributes:
        outcome: what becomes of it in this pull.
        code: why, for programs.
        ends_all: whether nothing else of the participant can be read either.
    """

    def __init__(self, outcome: Outcome, code: str, message: str, *, ends_all: bool = False) -> None:
        super().__init__(message)
        self.outcome: Outcome = outcome
        self.code = code
        self.ends_all = ends_all


@dataclass
class Asker:
    """Asks in a participant's name.

    Attributes:
        participant_id: whose account.
        accounts: has the tokens.
        client: sends.
        budget: of requests.
        requests: how many were sent so far.
    """

    participant_id: str
    accounts: Accounts
    client: Client
    budget: Budget
    requests: int = 0
    _last_token: str | None = field(default=None, repr=False)
    _chance: random.Random = field(default_factory=random.Random)

    def ask(self, request: Request) -> Waiting[Answer]:
        """Send a request until it is answered with 200.

        Raises:
            AskError: it will not be, now.
        """
        failed = refused = unauthorised = 0
        while True:
            token = yield from self._token()
            answer = yield from self._send(request, token)
            if answer.status == 200:
                return answer
            status = decode_error(answer.status, answer.body)
            if answer.status == 401:
                unauthorised += 1
                if unauthorised > 1:
                    raise AskError("failed", "unauthorized", _told(status), ends_all=True)
                yield from self._of_accounts(partial(self.accounts.refuse_token, self.participant_id, token))
            elif answer.status == 403:
                refused += 1
                _raise_forbidden(status, refused)
                yield self._wait_s(refused, None)
            elif answer.status in {0, 408, 429} or answer.status >= 500:
                failed += 1
                if failed >= TRIES:
                    raise AskError("failed", _code_of(answer.status), f"{_told(status)}, {TRIES} times")
                if _is_too_long(answer.retry_after_s):
                    message = f"{_told(status)}: to be asked again after {answer.retry_after_s:.0f} s"
                    raise AskError("failed", _code_of(answer.status), message)
                yield self._wait_s(failed, answer.retry_after_s)
            else:
                raise _final(answer.status, status)

    def lose_consent(self, why: str) -> Waiting[None]:
        """Take down that the consent is no longer good, as the answer to the last request shows."""
        lose = partial(self.accounts.needs_reconsent, self.participant_id, why, self._last_token)
        yield from self._of_accounts(lose)

    def _token(self) -> Waiting[str]:
        token = yield from self._of_accounts(partial(self.accounts.access_token, self.participant_id))
        self._last_token = token
        return token

    def _of_accounts(self, call: Callable[[], T]) -> Waiting[T]:
        """Something that accounts are asked; what goes wrong with them ends it for the participant."""
        failed = 0
        while True:
            try:
                return call()
            except TokenUnavailableError as error:
                failed += 1
                if failed >= TRIES or _is_too_long(error.retry_after_s):
                    raise AskError("failed", "token_unavailable", str(error), ends_all=True) from None
                wait = self._wait_s(failed, error.retry_after_s)
            except NeedsReconsentError as error:
                raise AskError("needs_reconsent", "invalid_grant", str(error), ends_all=True) from None
            except NotConnectedError as error:
                raise AskError("needs_reconsent", "not_connected", str(error), ends_all=True) from None
            except AccountError as error:
                raise AskError("failed", type(error).__name__, str(error), ends_all=True) from None
            yield wait

    def _send(self, request: Request, token: str) -> Waiting[Answer]:
        yield 0.0  # the others' turn
        try:
            while (wait := self.budget.reserve(self.participant_id)) > 0:
                yield wait
        except BudgetSpentError as error:
            raise AskError("failed", "quota_of_the_day", str(error), ends_all=True) from None
        self.requests += 1
        try:
            answer = self.client.send(request, token)
        except UnreachableError:
            answer = Answer(0, b"")
        failpoints.reach("pull.asked")
        return answer

    def _wait_s(self, tries: int, asked: float | None) -> float:
        """Twice as long each time, and never the same for two participants; at least what the answer asks for."""
        wait = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (tries - 1)) * self._chance.uniform(0.5, 1.5)
        return wait if asked is None else max(wait, asked)


def _is_too_long(asked_s: float | None) -> bool:
    return asked_s is not None and asked_s > LONGEST_ASKED_S


def _raise_forbidden(status: VendorStatus, refused: int) -> None:
    if status.is_scope_missing:
        raise AskError("needs_reconsent", "scope_missing", "the participant did not consent to this kind of data")
    if refused >= REFUSALS:
        code = PERMISSION_DENIED if status.is_permission_denied else "forbidden"
        raise AskError("paused", code, f"{_told(status)}, {REFUSALS} times: asked again after a day")


def _final(status: int, told: VendorStatus) -> AskError:
    if status == 410:
        return AskError("retired", "gone", f"{_told(told)}: the interface has ended")
    if told.is_account_not_linked:
        message = "the Google account has no Google Health data: the participant has to set it up"
        return AskError("failed", "account_not_linked", message, ends_all=True)
    return AskError("failed", _code_of(status), _told(told))


def _code_of(status: int) -> str:
    if status >= 500:
        return "server_error"
    return {0: "unreachable", 400: "bad_request", 408: "timeout", 429: "rate_limited"}.get(status, f"http_{status}")


def _told(status: VendorStatus) -> str:
    """An error without its message, which may name people, projects and addresses."""
    known = " ".join(t for t in (status.status, status.reason) if t)
    return f"HTTP {status.code}" + (f" {known}" if known else "") if status.code else "no answer came"
