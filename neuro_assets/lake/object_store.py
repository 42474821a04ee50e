"""The object store that holds the data files (`NEURO_DATA=s3://bucket/prefix`), opened for one connection.

Credentials come from the environment only, under the names that every S3 client knows.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import duckdb

from neuro_assets.lake.errors import LakeError

SCHEME = "s3://"
_KEY, _SECRET, _TOKEN = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_NEEDS_NO_REGION = "us-east-1"
# A request is tried six times within some 12 s; what is down for longer is the step's to retry.
_SETTINGS = {"http_timeout": 60, "http_retries": 5, "http_retry_wait_ms": 400, "http_retry_backoff": 2}
# httpfs copies the credentials of the environment into these, where any query can read them.
_EXPOSED = ("s3_access_key_id", "s3_secret_access_key", "s3_session_token")


@dataclass(frozen=True)
class ObjectStore:
    """An S3 store: a prefix, and how to reach it."""

    prefix: str
    key_id: str = field(repr=False)
    secret: str = field(repr=False)
    region: str
    token: str | None = field(default=None, repr=False)
    endpoint: str | None = None
    is_encrypted_in_transit: bool = True

    @classmethod
    def from_environment(cls, prefix: str, environ: Mapping[str, str] | None = None) -> "ObjectStore":
        """The store of a prefix, with the credentials of the environment.

        Raises:
            LakeError: a variable is missing or no address; the message names it, never its value.
        """
        env = os.environ if environ is None else environ
        if missing := [name for name in (_KEY, _SECRET) if not env.get(name)]:
            raise LakeError(f"the data files are in {prefix}, but {' and '.join(missing)} is not set")
        endpoint, has_tls = _endpoint(env)
        region = next((env[name] for name in _REGIONS if env.get(name)), None)
        if region is None and endpoint is None:
            raise LakeError(f"the data files are in {prefix}, but AWS_REGION is not set (nor AWS_ENDPOINT_URL_S3)")
        return cls(
            prefix=prefix,
            key_id=env[_KEY],
            secret=env[_SECRET],
            region=region or _NEEDS_NO_REGION,
            token=env.get(_TOKEN) or None,
            endpoint=endpoint,
            is_encrypted_in_transit=has_tls,
        )

    def open(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let a connection, which has loaded httpfs, reach the prefix and nothing else.

        Raises:
            LakeError: DuckDB does not take the credentials; without their values.
        """
        options: dict[str, str | bool] = {"KEY_ID": self.key_id, "SECRET": self.secret, "REGION": self.region}
        if self.token:
            options["SESSION_TOKEN"] = self.token
        if self.endpoint:
            # A bucket in the host's name needs a wildcard in DNS and certificate, which own stores seldom have.
            options |= {"ENDPOINT": self.endpoint, "URL_STYLE": "path", "USE_SSL": self.is_encrypted_in_transit}
        given = ", ".join(f"{name} ?" for name in options)
        scope = f"{self.prefix}/"
        try:
            for name, value in _SETTINGS.items():
                connection.execute(f"SET {name} = {value}")
            for name in _EXPOSED:
                connection.execute(f"SET GLOBAL {name} = ''")
            connection.execute(
                f"CREATE OR REPLACE TEMPORARY SECRET data_files (TYPE s3, PROVIDER config, {given}, SCOPE ?)",
                [*options.values(), scope],
            )
        except duckdb.Error as error:
            raise LakeError(
                f"the credentials for {self.prefix} cannot be used ({type(error).__name__}); check the AWS_* variables"
            ) from None

    def holds_files(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Whether Parquet files lie under the prefix; asks the store, so that its refusals come early.

        Raises:
            duckdb.IOException: the store cannot be reached or refuses.
        """
        found = connection.execute("SELECT 1 FROM glob(?) LIMIT 1", [f"{self.prefix}/**/*.parquet"]).fetchall()
        return bool(found)


def _endpoint(env: Mapping[str, str]) -> tuple[str | None, bool]:
    """Host and port of the store, None for AWS itself; and whether it speaks TLS."""
    name = next((n for n in _ENDPOINTS if env.get(n)), None)
    if name is None:
        return None, True
    parts = urlsplit(env[name])
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise LakeError(f"{name} is no address of a store; expected http://host:port or https://host")
    return f"{parts.netloc}{parts.path.rstrip('/')}", parts.scheme == "https"
