"""Writes .env beside workspace.yaml, which `dagster dev` reads: a bare one then uses the same home as `neuro dev`."""

from neuro_assets.home import ensure_home
from neuro_assets.settings import REPOSITORY, load_settings


def write_dotenv() -> None:
    """Name this checkout's default home for Dagster's own commands; an .env that is there stays as it is."""
    path = REPOSITORY / ".env"
    settings = load_settings({"NEURO_HOME": str(REPOSITORY / ".neuro")})
    ensure_home(settings)
    if not path.exists():
        path.write_text(f"NEURO_HOME={settings.home}\nDAGSTER_HOME={settings.dagster_home}\n", encoding="utf-8")


if __name__ == "__main__":
    write_dotenv()
