"""The one typed reader of the environment: where this home is and which lake it uses.

What a study *is* belongs in study.py, not here.
"""

import base64
import binascii
import difflib
import ipaddress
import os
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from neuro_assets import failpoints

PREFIX = "NEURO_"
REPOSITORY = Path(__file__).resolve().parent.parent
SURVEY_KEY_BYTES = 64
TOKEN_KEY_BYTES = 32


class SettingsError(ValueError):
    """The environment holds a name or a value that this program does not understand."""


class Settings(BaseSettings):
    """Everything read from `NEURO_*`, validated; construct it with `load_settings()`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(  # noqa: D102  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    home: Path = Field(default=Path(".neuro"), description="Folder of the study: landing, archive, lake, ...")
    study: Path | None = Field(default=None, description="Protocol file; default <home>/study.yaml.")
    catalog: str | None = Field(
        default=None,
        repr=False,
        description="Catalog of the lake: sqlite:<path>, postgres:<libpq connection string> or postgres:<URL>.",
    )
    data: str | None = Field(default=None, description="Folder, or s3://bucket/prefix, of the data files.")
    dagster_storage: str | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL database of Dagster's own records, postgresql://…; default SQLite in the home.",
    )
    encrypt: bool = Field(default=True, description="Encrypt the data files of a newly made lake.")
    memory_limit: str = Field(default="4GB", description="Memory DuckDB may use in one process.")
    threads: int | None = Field(default=None, ge=1, description="Threads of DuckDB; default all cores.")
    survey_key: SecretStr | None = Field(
        default=None,
        repr=False,
        description=f"Key of encrypted answers: base64 of {SURVEY_KEY_BYTES} bytes; default <home>/keys/survey.key.",
    )
    token_key: SecretStr | None = Field(
        default=None,
        repr=False,
        description="Keys of participants' tokens, comma-separated, the first encrypts; default <home>/keys/token.key.",
    )
    google_client_id: str | None = Field(
        default=None, repr=False, description="OAuth client of the study's project at Google."
    )
    google_client_secret: SecretStr | None = Field(default=None, repr=False, description="That client's secret.")
    google_health_url: str = Field(default="https://health.googleapis.com", description="Google Health API.")
    google_auth_url: str = Field(
        default="https://accounts.google.com/o/oauth2/v2/auth", description="Page on which participants consent."
    )
    google_token_url: str = Field(default="https://oauth2.googleapis.com/token", description="Google's token endpoint.")
    google_revoke_url: str = Field(
        default="https://oauth2.googleapis.com/revoke", description="Where a consent is taken back."
    )
    failpoint: str | None = Field(
        default=None, description="For tests of the program: a place (neuro_assets/failpoints.py) where it shall die."
    )
    settle_s: float = Field(
        default=2.0, ge=0, description="Seconds a landed file must be unchanged before it is taken."
    )

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        path = value.expanduser().resolve()
        if found := sorted(set("*?[]") & set(str(path))):
            # DuckDB takes these for patterns wherever it is given a path to read.
            raise ValueError(f"'{path}' contains {' '.join(found)}, which would be read as a pattern; choose another")
        return path

    @field_validator("catalog", mode="after")
    @classmethod
    def _known_catalog(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("sqlite:", "postgres:")):
            raise ValueError("expected 'sqlite:<path>' or 'postgres:<connection string>'")
        return value

    @field_validator("data", mode="after")
    @classmethod
    def _known_place_of_data(cls, value: str | None) -> str | None:
        if value is None or "://" not in value:
            return value
        scheme, _, rest = value.partition("://")
        bucket, _, prefix = rest.rstrip("/").partition("/")
        if scheme != "s3" or not bucket:
            raise ValueError(f"expected a folder or s3://bucket/prefix, not '{scheme}://…'")
        if not prefix:
            raise ValueError(f"a lake needs a prefix of its own: s3://{bucket}/<prefix>, not the whole bucket")
        if found := sorted(set("*?[]") & set(rest)):
            raise ValueError(f"it contains {' '.join(found)}, which would be read as a pattern")
        return f"s3://{bucket}/{prefix}"

    @field_validator("dagster_storage", mode="after")
    @classmethod
    def _known_storage(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"postgresql", "postgres", "postgresql+psycopg2"} or not parts.path.strip("/"):
            raise ValueError("expected postgresql://user:password@host:port/database")
        return value

    @field_validator("survey_key", mode="after")
    @classmethod
    def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        survey_key_bytes(value.get_secret_value())
        return value

    @field_validator("token_key", mode="after")
    @classmethod
    def _are_token_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value().strip():
            return None
        token_keys(value.get_secret_value())
        return value

    @field_validator("google_client_id", "google_client_secret", mode="after")
    @classmethod
    def _empty_is_none(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value or ""
        if not text.strip():
            return None
        return SecretStr(text.strip()) if isinstance(value, SecretStr) else text.strip()

    @field_validator("google_health_url", "google_auth_url", "google_token_url", "google_revoke_url", mode="after")
    @classmethod
    def _reached_privately(cls, value: str) -> str:
        try:
            parts = urlsplit(value.strip())
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            parts, host = urlsplit(""), ""
        if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("expected https://host/path, without user, password or query")
        if parts.scheme == "http" and not _is_loopback(host):
            raise ValueError("expected https://: tokens go there, and http:// is for this machine (127.0.0.1) only")
        return value.strip().rstrip("/")

    @field_validator("failpoint", mode="after")
    @classmethod
    def _known_place(cls, value: str | None) -> str | None:
        if value:
            failpoints.parse(value)
        return value

    @cached_property
    def study_path(self) -> Path:
        """The protocol file in use."""
        return (self.study or self.home / "study.yaml").expanduser().resolve()

    @property
    def landing(self) -> Path:
        """Where people and programs drop files."""
        return self.home / "landing"

    @property
    def processing(self) -> Path:
        """Where a file waits between leaving landing/ and its commit."""
        return self.home / "processing"

    @property
    def scratch(self) -> Path:
        """Copies of files while they are read: transcoded, unpacked; nothing here outlives an ingest."""
        return self.home / "scratch"

    @property
    def archive(self) -> Path:
        """Loaded files, by content hash."""
        return self.home / "archive"

    @property
    def rejected(self) -> Path:
        """Refused files, each beside its reason."""
        return self.home / "rejected"

    @property
    def models(self) -> Path:
        """Files of learned models, by name and version."""
        return self.home / "models"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own storage."""
        return self.home / "dagster"

    @property
    def source_dirs(self) -> tuple[Path, ...]:
        """Folders of source specs, the built-in one first."""
        return (REPOSITORY / "neuro_assets" / "sources", self.home / "sources")

    @property
    def catalog_url(self) -> str:
        """The catalog in use, `sqlite:` under the home unless the environment names another."""
        return self.catalog or f"sqlite:{self.home / 'lake' / 'catalog.sqlite'}"

    @property
    def data_path(self) -> str:
        """The folder or prefix of the data files."""
        return self.data or str(self.home / "lake" / "data")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def token_keys(text: str) -> list[str]:
    """Fernet keys as they are written down, separated by commas or lines; the first encrypts.

    Raises:
        ValueError: there is none, or one of them is none; the message does not repeat it.
    """
    found = text.replace(",", " ").translate(str.maketrans("+/", "-_")).split()
    for key in found:
        try:
            size = len(base64.b64decode(key, altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            size = 0
        if size != TOKEN_KEY_BYTES:
            raise ValueError(f"expected base64 of {TOKEN_KEY_BYTES} bytes for each key; `neuro keys new` makes one")
    if not found:
        raise ValueError("there is no key in it; `neuro keys new` makes one")
    return found


def survey_key_bytes(text: str) -> bytes:
    """The key of encrypted answers, as it is written down.

    Raises:
        ValueError: it is none; the message does not repeat it.
    """
    try:
        found = base64.b64decode(text.strip().translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) != SURVEY_KEY_BYTES:
        raise ValueError(f"expected base64 of {SURVEY_KEY_BYTES} bytes; `neuro survey key --new` makes such a key")
    return found


def load_settings(environ: dict[str, str] | None = None) -> Settings:
    """Read `NEURO_*` from the environment.

    Raises:
        SettingsError: an unknown name (with the nearest known one) or a value that does not fit.
    """
    env = dict(os.environ if environ is None else environ)
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    values: dict[str, Any] = {}
    for name, value in env.items():
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.0)
            raise SettingsError(f"unknown setting {name}; did you mean {near[0]}? Known: {', '.join(sorted(known))}")
        values[name.removeprefix(PREFIX).lower()] = value
    try:
        return Settings.model_validate(values)
    except ValueError as error:
        problems = getattr(error, "errors", lambda: [])()
        lines = [f"{PREFIX}{str(p['loc'][0]).upper()}: {p['msg']}" for p in problems] or [str(error)]
        raise SettingsError("; ".join(lines)) from None
