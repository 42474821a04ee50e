"""What goes wrong on purpose: which requests, how often, and how."""

from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Literal

import numpy as np

from neuro_assets.simulate.google_health import errors
from neuro_assets.simulate.google_health.errors import Refused

Kind = Literal[
    "429", "500", "503", "401", "403_permission", "403_scope", "400_not_linked", "410", "cut", "short", "slow", "reset"
]
"""`cut`: a 200 whose JSON stops in the middle; `short`: fewer bytes than announced; `slow`: the answer comes late;
`reset`: the connection is reset without an answer."""


@dataclass
class Fault:
    """A rule: requests of `person` for `type` (any, if none), a share of them, at most `times` of them.

    `type` is a data type, or identity, profile, settings, pairedDevices, token. `retry_after_s` adds the header to 429
    and 503; `delay_s` is for `slow`.
    """

    kind: Kind
    share: float = 1.0
    person: str | None = None
    type: str | None = None
    times: int | None = None
    retry_after_s: int | None = None
    delay_s: float = 1.0

    def fits(self, person: str, name: str) -> bool:
        """Whether a request is one of those that the rule is about."""
        return self.times != 0 and self.person in (None, person) and self.type in (None, name)

    def refusal(self) -> Refused | None:
        """The answer, for kinds that have one of their own."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.kind == "429":
            return errors.exhausted("project:123456789", **headers)
        answers = {
            "500": errors.internal,
            "503": errors.unavailable,
            "401": errors.unauthenticated,
            "403_permission": errors.no_permission,
            "403_scope": errors.no_scope,
            "400_not_linked": errors.not_linked,
            "410": errors.gone,
        }
        return answers[self.kind]() if self.kind in answers else None


class Faults:
    """Rules, of which the first that fits and is drawn strikes. The same draws for a seed and order of requests."""

    def __init__(self, rules: Iterable[Fault] = (), seed: int = 1) -> None:
        self.rules = list(rules)
        self.struck: dict[str, int] = {}
        self._rng, self._lock = np.random.default_rng(seed), Lock()

    def add(self, *rules: Fault) -> None:
        """Add rules behind the others."""
        with self._lock:
            self.rules += rules

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self.rules.clear()

    def strike(self, person: str, name: str) -> Fault | None:
        """The rule that strikes a request, if any does."""
        with self._lock:
            for rule in self.rules:
                if not rule.fits(person, name) or (rule.share < 1 and self._rng.random() >= rule.share):
                    continue
                if rule.times is not None:
                    rule.times -= 1
                self.struck[rule.kind] = self.struck.get(rule.kind, 0) + 1
                return rule
        return None
