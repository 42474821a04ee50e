"""Writes .env beside workspace.yaml, which `dagster dev` reads: a bare one then uses the same home as `neuro dev`."""

from neuro_assets.home import ensure_home
from neuro_assets.settings import REPOSITORY, load_settings


def write_dotenv() -> None:
    """Name this checkout's default home for Dagster's own commands; an .env that is there stays as it is."""
    path = REPOSITORY / ".env"
    settings = load_settings({"NEURO_HOME": str(REPOSITORY / ".neuro")})
    ensure_home(settings)
    if path.exists():
        return
    # Dagster lets .env win over the environment; the default form keeps what the user exported.
    defaults = {"NEURO_HOME": settings.home, "DAGSTER_HOME": settings.dagster_home}
    lines = [f"{name}=${{{name}:-{value}}}" for name, value in defaults.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_dotenv()
