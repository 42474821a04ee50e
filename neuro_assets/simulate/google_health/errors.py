"""Refusals as the API words them: google.rpc.Status in {"error": ...}."""

import json
from typing import Any

INFO = "type.googleapis.com/google.rpc.ErrorInfo"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
DOMAIN = "health.googleapis.com"


class Refused(Exception):  # noqa: N818 - an answer, not a mistake of ours
    """The answer to a request that is refused; `headers` go with it."""

    def __init__(self, code: int, status: str, message: str, *details: dict[str, Any], **headers: str) -> None:
        super().__init__(message)
        self.code, self.headers = code, headers
        error = {"code": code, "message": message, "status": status}
        if details:
            error["details"] = list(details)
        self.body = json.dumps({"error": error}).encode()


def info(reason: str, domain: str = DOMAIN, **metadata: str) -> dict[str, Any]:
    """An ErrorInfo."""
    found: dict[str, Any] = {"@type": INFO, "reason": reason, "domain": domain}
    return found | ({"metadata": metadata} if metadata else {})


def invalid(message: str, *violations: tuple[str, str]) -> Refused:
    """400 INVALID_ARGUMENT with a violation per field."""
    if not violations:
        return Refused(400, "INVALID_ARGUMENT", message)
    told = [{"field": field, "description": description} for field, description in violations]
    return Refused(400, "INVALID_ARGUMENT", message, {"@type": BAD_REQUEST, "fieldViolations": told})


def bad_filter(reason: str, *descriptions: str) -> Refused:
    """400 as recorded for a filter: the reason once per violation."""
    times = [reason] * len(descriptions)
    violations = [{"field": "filter", "description": text} for text in descriptions]
    return Refused(
        400,
        "INVALID_ARGUMENT",
        f"Invalid data point filter: {', '.join(times)}.",
        info("INVALID_DATA_POINT_FILTER", detailedReasons=",".join(times)),
        {"@type": BAD_REQUEST, "fieldViolations": violations},
    )


def unauthenticated() -> Refused:
    """401 for a token that is missing, unknown, expired or revoked."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid"
        " authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    return Refused(401, "UNAUTHENTICATED", message)


def no_scope() -> Refused:
    """403 for a token without the scope."""
    message = "Request had insufficient authentication scopes."
    reason = info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com")
    return Refused(403, "PERMISSION_DENIED", message, reason)


def no_permission() -> Refused:
    """403 that a new consent cures."""
    message = "The caller does not have permission to the resource."
    return Refused(403, "PERMISSION_DENIED", message, info("RESOURCE_PERMISSION_DENIED"))


def exhausted(subject: str, **headers: str) -> Refused:
    """429; no Retry-After unless it is given."""
    message = (
        "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'health.googleapis.com'"
        " for consumer 'project_number:123456789'."
    )
    failure = {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"subject": subject, "description": "Quota exceeded"}],
    }
    reason = info("RATE_LIMIT_EXCEEDED", "googleapis.com")
    return Refused(429, "RESOURCE_EXHAUSTED", message, reason, failure, **headers)


def not_linked() -> Refused:
    """400 for a Google account without Google Health."""
    message = "The account is not linked to Google Health."
    return Refused(400, "FAILED_PRECONDITION", message, info("ACCOUNT_NOT_LINKED", "googleapis.com"))


def internal() -> Refused:
    """500, transient."""
    return Refused(500, "INTERNAL", "Internal error encountered.")


def unavailable() -> Refused:
    """503, transient."""
    return Refused(503, "UNAVAILABLE", "The service is currently unavailable.")


def gone() -> Refused:
    """410: the source is retired."""
    return Refused(410, "FAILED_PRECONDITION", "This API has been turned off.")


def not_found(path: str) -> Refused:
    """404."""
    return Refused(404, "NOT_FOUND", f"Method not found: {path}")
