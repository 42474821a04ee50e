"""What the fake does that no schema says, and how that is known: the table of docs/google-health-server.md.

Tags: D the discovery document's own text, G another page of Google's, R recorded from the live API, I an issue thread,
C the code of a client, ours an assumption.
"""

from dataclasses import dataclass
from typing import Literal

Tag = Literal["D", "G", "R", "I", "C", "ours"]
TAGS: dict[Tag, str] = {
    "D": "Google's discovery document, revision 20261030: its descriptions",
    "G": "another page of Google's documentation",
    "R": "recorded from the live API by a third party",
    "I": "an issue thread of somebody who uses the live API",
    "C": "read in the code of a client",
    "ours": "an assumption; the live API may do otherwise",
}


@dataclass(frozen=True)
class Behaviour:
    """Something that the fake does, in `module`, and the evidence for it."""

    module: str
    what: str
    tag: Tag
    source: str


_MCP, _BOT = "mcp-fitbit-air, captured fixtures", "slackhealthbot, sleep client"
BEHAVIOURS = (
    # Pages
    Behaviour(
        "answers", "list and reconcile give the newest start first", "D", "list.filter: ordered by start, descending"
    ),
    Behaviour("catalogue", "default page 1440 points, 25 of sleep and exercise", "D", "list.pageSize"),
    Behaviour("pages", "a larger pageSize than 10,000 (25) is truncated, not refused", "D", "list.pageSize"),
    Behaviour("pages", "a page of list or reconcile has 5,000 points at most", "I", "fitbit-grafana#65"),
    Behaviour(
        "pages",
        "a page may come empty and carry a nextPageToken; no other page ends a listing early",
        "I",
        "fit-gauge#3",
    ),
    Behaviour(
        "pages",
        "a page token with another filter, type or person is refused with 400",
        "D",
        "pairedDevices.list, rollUp.pageToken: all other fields must be the same; for list ours",
    ),
    Behaviour("pages", "page size may change from one page to the next", "ours", ""),
    Behaviour("answers", "an answer without points is {}: an empty list is left out", "ours", "proto3 JSON"),
    Behaviour("answers", "bodies are compact JSON", "ours", "the live API indents unless prettyPrint=false"),
    # Filters
    Behaviour(
        "catalogue",
        "the member to filter on follows the record type; sleep has only its end, sessions only a civil start",
        "D",
        "list.filter",
    ),
    Behaviour(
        "filters",
        "any other member is 400 INVALID_DATA_POINT_FILTER, one violation per term with its column",
        "R",
        _MCP,
    ),
    Behaviour(
        "filters", "sleep by start and daily types by interval.start_time are refused that way", "I", "fit-gauge#3"
    ),
    Behaviour(
        "filters",
        "an empty range is 400: Query end time must be strictly larger",
        "C",
        "mcp-fitbit-air, its message; the reason code is ours",
    ),
    Behaviour(
        "filters", "civil members of steps and heart-rate answer 200 without points", "R", "mcp-fitbit-air, a probe"
    ),
    Behaviour("filters", "only >= and < compare; AND joins, OR for sleep only", "D", "list.filter"),
    Behaviour("filters", "reason codes of bad operators, literals and syntax", "ours", ""),
    Behaviour(
        "filters",
        "a sleep in progress is filtered as if it ended now",
        "ours",
        "Home Assistant receives such sleeps (core#179322)",
    ),
    # Points
    Behaviour(
        "points",
        "steps, heart rate and most others have no name; sleep, exercise and weight have",
        "D",
        "DataPoint.name; which ones: R and C",
    ),
    Behaviour("points", "reconciled points have dataPointName and no dataSource", "D", "ReconciledDataPoint"),
    Behaviour(
        "points",
        'zero is written, not left out: "count":"0"',
        "ours",
        'recorded "minutesAfterWakeUp":"0" shows that int64 members have presence (' + _BOT + ")",
    ),
    Behaviour("points", "false is left out: nap, mainSleep, processed", "R", _MCP),
    Behaviour("points", "a time of day at midnight is {}", "R", _MCP + ", daily roll-up"),
    Behaviour("points", "civil times on interval and sample points, none on sleeps", "R", _MCP),
    Behaviour("points", "no civil times on exercises", "ours", "as on sleeps"),
    Behaviour(
        "points",
        "trackers with an empty device, recordingMethod PASSIVELY_MEASURED or DERIVED",
        "R",
        _MCP + "; every third person here, the others have formFactor and displayName",
    ),
    Behaviour("points", "a sleep by hand is CLASSIC, one ASLEEP stage, REJECTED_SERVER, no device", "R", _BOT),
    Behaviour(
        "points",
        "one active-minutes point per active minute; one active-zone-minutes point per minute in a zone",
        "ours",
        "",
    ),
    Behaviour(
        "vitals",
        "variability every 5 minutes and oxygen every minute of the main sleep",
        "ours",
        "as the Fitbit Web API had them",
    ),
    Behaviour("days", "heart rate every two seconds", "R", _MCP),
    Behaviour(
        "series",
        "explicit zeros of steps and distance in each worn minute, nothing while not worn",
        "G",
        "data-presence-and-true-zeros",
    ),
    Behaviour("series", "a phone counts only minutes with steps", "ours", ""),
    Behaviour(
        "series",
        "list has the points of every source; reconcile has one stream",
        "D",
        "reconcile; sums differ: open-wearables",
    ),
    Behaviour("series", "where tracker and phone both have a minute, reconcile gives the tracker's", "ours", ""),
    Behaviour(
        "series",
        "total-calories are of worn minutes only",
        "G",
        "data-presence-and-true-zeros lists them; RollupDataPoint: not what was not worn [D]",
    ),
    Behaviour(
        "answers",
        "total-calories cannot be listed or reconciled",
        "I",
        "fit-gauge#3; DataPoint has no such member [D]; the words of the refusal are ours",
    ),
    Behaviour(
        "answers", "a dataSourceFamily for sleep is refused by list, not by reconcile", "D", "list.dataSourceFamily"
    ),
    # Sleep
    Behaviour(
        "sleeps",
        "a sleep is there 25 minutes after its onset and updated 15 minutes after waking",
        "R",
        _MCP + ", createTime and updateTime",
    ),
    Behaviour(
        "sleeps",
        "a sleep in progress has no endTime, type, stages or summary",
        "I",
        "Home Assistant core#179322; no type: ours",
    ),
    Behaviour(
        "sleeps",
        "until it has been processed: an end, no processed, no stages, no summary",
        "D",
        "SleepMetadata.processed; no summary: ours",
    ),
    Behaviour("sleeps", "minutes of a summary are rounded down", "ours", ""),
    Behaviour("sleeps", "short awakenings lie over the stages", "D", "Sleep.shortAwakenings"),
    Behaviour(
        "visible", "mainSleep is the night; a nap only where it is the day's only sleep", "D", "SleepMetadata.mainSleep"
    ),
    Behaviour("visible", "what is derived from a night is there once it has been processed", "ours", ""),
    Behaviour(
        "visible",
        "the resting rate of a day is provisional (one too high) until the day has been synced to its end",
        "ours",
        "",
    ),
    # Syncs
    Behaviour(
        "visible",
        "data by the minute are there up to lastSyncTime",
        "C",
        "heartsteps: a day is complete when lastSyncTime is behind it",
    ),
    Behaviour("syncs", "nothing is lost in a silence of any length", "ours", "Fitabase speaks of about 5 days"),
    Behaviour(
        "syncs", "battery status by level: High over 50, Medium over 20, Low over 0, Empty", "ours", "the words: D"
    ),
    Behaviour("accounts", "settings have the zone in which the phone was at the last sync", "ours", ""),
    Behaviour(
        "accounts",
        "the identity of somebody without a Fitbit past has no legacyUserId",
        "ours",
        "D calls it of no use for them",
    ),
    # Roll-ups
    Behaviour(
        "rollups",
        "windows are anchored at the start of the range; the last one is cut at its end",
        "D",
        "rollUp.windowSize",
    ),
    Behaviour("rollups", "windows without points are left out", "ours", ""),
    Behaviour("rollups", "the newest window first", "R", _MCP + ", daily roll-up; of rollUp: ours"),
    Behaviour("rollups", "a point belongs to the window that its start is in", "ours", ""),
    Behaviour(
        "rollups", "a civil day is that of the offset of each point", "D", "DailyRollupDataPoint: civil time intervals"
    ),
    Behaviour(
        "catalogue", "ranges: 14 days of heart-rate, active-minutes, total-calories; 90 of others", "D", "rollUp.range"
    ),
    Behaviour("answers", "the refusals of bad ranges and windows: 400 INVALID_ARGUMENT, words", "ours", ""),
    Behaviour("rollups", "rolled-up pages hold up to 10,000 windows and are never empty", "D", "rollUp.pageSize"),
    # Errors and limits
    Behaviour(
        "errors",
        "401, 403 for scopes, 429, ACCOUNT_NOT_LINKED in google.rpc.Status",
        "C",
        "python-google-health-api, fixtures",
    ),
    Behaviour("errors", "403 RESOURCE_PERMISSION_DENIED until the person consents again", "I", "fitbit-grafana#79"),
    Behaviour("errors", "500 INTERNAL that passes", "I", "open-wearables#1545"),
    Behaviour("errors", "429 without Retry-After, unless a test asks for it", "G", "rate-limits does not mention it"),
    Behaviour("errors", "410 for what is retired, its body", "ours", "410 Gone of the Fitbit Web API: G"),
    Behaviour(
        "quota",
        "300 requests a minute and user, 120,000 a minute and 86.4 million a day and project",
        "G",
        "rate-limits",
    ),
    Behaviour("quota", "a minute is any 60 seconds", "ours", "the strictest reading"),
    Behaviour("answers", "another person's id in the path is 403", "ours", ""),
    Behaviour(
        "answers",
        "a parameter or a field of a body that the method does not have is 400: Unknown name",
        "D",
        "the parameters of each method; the words are those of other Google APIs",
    ),
    # OAuth
    Behaviour("oauth", "an access token holds 3,599 seconds", "G", "identity/protocols/oauth2/web-server"),
    Behaviour(
        "oauth",
        "a refresh token only for access_type=offline, and again only with prompt=consent",
        "G",
        "identity/protocols/oauth2/web-server",
    ),
    Behaviour(
        "oauth",
        "a code holds ten minutes and once; a used, late or foreign one is invalid_grant",
        "ours",
        "RFC 6749, 4.1.2",
    ),
    Behaviour("oauth", "PKCE S256 is verified", "G", "identity/protocols/oauth2/native-app"),
    Behaviour("oauth", "invalid_grant: Token has been expired or revoked.", "G", "identity/protocols/oauth2"),
    Behaviour(
        "oauth", "a refresh may give a new refresh token, which ends the old one", "ours", "RFC 6749, 6; off by default"
    ),
    Behaviour(
        "consent_page",
        "a person may untick scopes; denying comes back as access_denied",
        "G",
        "identity/protocols/oauth2/web-server, granular consent",
    ),
)


def as_markdown() -> str:
    """The table of the docs."""
    lines = ["| What the server does | Evidence | Where from | Module |", "|---|---|---|---|"]
    lines += [f"| {b.what} | {b.tag} | {b.source or 'no source'} | `{b.module}` |" for b in BEHAVIOURS]
    return "\n".join(lines) + "\n"
