"""What may be wrong with the lake itself, and which of DuckDB's errors say so; never a fault of the data."""

import re

import duckdb


class LakeError(RuntimeError):
    """The lake cannot be reached or written; never a fault of the data."""


class LakeBusyError(LakeError):
    """Another process held the write lock for longer than we wait."""


class OvertakenError(LakeBusyError):
    """Others committed to the same tables, or so often, that DuckLake gave up on a commit."""


# DuckDB passes on what libpq or the server said, some of it as a plain duckdb.Error or a TransactionException.
_SERVER_LOST = re.compile(
    r"server closed the connection|terminating connection|connection to server|Unable to connect to Postgres"
    r"|no connection to the server|connection has been closed|could not (?:receive|send) data|Connection timed out"
    r"|the database system is|too many clients|remaining connection slots"
    r'|Failed to execute query "(?:ROLLBACK|COMMIT|BEGIN)',
    re.IGNORECASE,
)
_NOT_CONNECTED = re.compile(r"(?:connection to server at|could not translate host name) .*")
_CONFLICT = re.compile(r"Transaction conflict|Exceeded the maximum retry count|could not serialize", re.IGNORECASE)
_STORE_UNREACHED = re.compile(r"for HTTP [A-Z]+ to '|error for HTTP|Could not (?:connect to|resolve)", re.IGNORECASE)
_FILE_GONE = re.compile(r"ducklake-[0-9a-f-]+\S*\.parquet.*(?:No such file|404)", re.IGNORECASE)
# What SQLite, the file system and the decryption say of a machine that fails, and what that means for people.
_FAULTS: tuple[tuple[re.Pattern[str], type[LakeError], str], ...] = (
    (
        re.compile(r"No space left|database or disk is full|disk quota exceeded|disk I/O error", re.IGNORECASE),
        LakeError,
        "the disk has no space left, or fails: make room and do the same again, nothing is lost",
    ),
    (
        re.compile(r"read-only file system|readonly database|permission denied|unable to open database", re.IGNORECASE),
        LakeError,
        "the lake cannot be written: its folder or disk is read-only, or not this account's",
    ),
    (
        re.compile(r"database is locked", re.IGNORECASE),
        LakeBusyError,
        "another program has the catalog locked: close it and try again",
    ),
    (
        re.compile(r"AES tag|encryption key|decrypt", re.IGNORECASE),
        LakeError,
        "a data file does not open with the key that the catalog has for it: catalog and data files do not belong"
        " together; restore both from one backup",
    ),
)
_TOLD = re.compile(r"\b(?:IO|HTTP) Error:|LakeError")
_REFUSALS = {
    301: "the bucket is in another region; set AWS_REGION to it",
    400: "the request was refused; the region (AWS_REGION) or the session token (AWS_SESSION_TOKEN) may be wrong",
    401: "the key was not accepted; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    403: "the key was not accepted or may not do this; check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the"
    " bucket's policy",
    404: "there is no such bucket or object; check NEURO_DATA and the endpoint",
}


def lake_error(error: duckdb.Error) -> LakeError | None:
    """What an error of DuckDB says about the lake in plain words; None when it is about something else."""
    told = str(error)
    if isinstance(error, duckdb.IOException) and _FILE_GONE.search(told):
        return LakeError(
            "a data file that the catalog names is not there; `neuro maintain` says why, and puts it right after a"
            f" commit that was cut off ({_first_line(told)})"
        )
    if isinstance(error, duckdb.HTTPException):
        return _store_refused(error)
    if found := _NOT_CONNECTED.search(told):
        return LakeError(f"the catalog server cannot be reached: {_first_line(found[0])}")
    if is_server_lost(told):
        return LakeError(f"the connection to the catalog server was lost; try again ({_first_line(told)})")
    if isinstance(error, duckdb.TransactionException) and _CONFLICT.search(told):
        return OvertakenError(
            f"another process changed the same table at the same moment; try again ({_first_line(told)})"
        )
    for pattern, kind, says in _FAULTS:
        if pattern.search(told):
            return kind(f"{says} ({_first_line(told)})")
    if isinstance(error, duckdb.IOException) and _STORE_UNREACHED.search(told):
        return LakeError(f"the object store cannot be reached; is its endpoint right? ({_first_line(told)})")
    return None


def is_server_lost(text: str) -> bool:
    """Whether an error's text says that the connection to PostgreSQL broke."""
    return bool(_SERVER_LOST.search(text))


def lake_error_in(text: str) -> LakeError | None:
    """The same for what another program, dbt, printed of DuckDB's errors."""
    for pattern, error, says in (
        (_SERVER_LOST, LakeError, "the connection to the catalog server was lost"),
        (_CONFLICT, OvertakenError, "others committed faster, or to the same table at the same moment"),
        (_TOLD, LakeError, "the catalog or its data files could not be read or written"),
    ):
        if found := next((line for line in text.splitlines() if pattern.search(line)), None):
            return error(f"{says}; try again ({_first_line(found.strip())})")
    return None


def _store_refused(error: duckdb.HTTPException) -> LakeError:
    status = getattr(error, "status_code", None)
    if status is None and (found := re.search(r"HTTP (?:code )?(\d{3})", str(error))):
        status = int(found[1])
    meaning = _REFUSALS.get(status or 0, "the object store refused or failed; try again")
    return LakeError(f"the object store answered {status or 'nothing usable'}: {meaning} ({_first_line(str(error))})")


def _first_line(text: str) -> str:
    return without_secrets(next((line for line in text.splitlines() if line.strip()), "")[:300].strip())


def without_secrets(text: str) -> str:
    """The text with passwords, keys and tokens masked, as `name=value`, and in URLs."""
    text = re.sub(r"(://[^\s:/@]*:)[^\s@]+@", r"\1***@", text)
    return re.sub(
        r"(\w*(?:password|secret|token|key(?:_id)?|passfile))\s*=\s*('(?:[^'\\]|\\.|'')*'|\S+)",
        r"\1=***",
        text,
        flags=re.IGNORECASE,
    )
