"""The dbt project: where it is, and its manifest, made once and again only when a model changed."""

import sys
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from neuro_assets.settings import REPOSITORY

PROJECT = REPOSITORY / "dbt_project"
MANIFEST = PROJECT / "target" / "manifest.json"
_PARSED = ("*.sql", "*.yml")


def dbt_executable() -> str:
    """The dbt of this environment, whatever the PATH says."""
    beside = Path(sys.executable).parent / "dbt"
    return str(beside) if beside.exists() else "dbt"


def ensure_manifest() -> Path:
    """The manifest, parsed anew when a project file is younger; loading the code location stays cheap otherwise.

    Raises:
        RuntimeError: the project does not parse; the message is dbt's.
    """
    MANIFEST.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(MANIFEST.parent / "manifest.lock", timeout=120):
        if not _is_current():
            _parse()
    return MANIFEST


def _is_current() -> bool:
    if not MANIFEST.exists():
        return False
    made = MANIFEST.stat().st_mtime
    return all(path.stat().st_mtime <= made for path in _project_files())


def _project_files() -> Iterable[Path]:
    folders = (PROJECT / "models", PROJECT / "macros")
    yield from (PROJECT / name for name in ("dbt_project.yml", "profiles.yml"))
    for folder in folders:
        for pattern in _PARSED:
            yield from folder.rglob(pattern)


def _parse() -> None:
    import subprocess

    done = subprocess.run(  # noqa: S603
        [dbt_executable(), "parse", "--no-partial-parse", "--profiles-dir", ".", "--quiet"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the dbt project does not parse:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")
    MANIFEST.touch()
