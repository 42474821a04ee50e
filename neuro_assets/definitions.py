"""`defs`: everything Dagster knows of this project, built from the home the environment names."""

import os
import warnings

import dagster as dg

from neuro_assets.assets.analytics import build_analytics_assets
from neuro_assets.assets.baselines import build_dbt_assets, build_dbt_resource, build_engagement_asset
from neuro_assets.assets.coverage import build_coverage_assets
from neuro_assets.assets.events import build_event_assets
from neuro_assets.assets.features import build_feature_assets
from neuro_assets.assets.google_health import build_google_health_assets
from neuro_assets.assets.imputed import build_imputed_assets
from neuro_assets.assets.models import build_model_assets
from neuro_assets.assets.raw import LANDING, build_raw_asset
from neuro_assets.assets.series import build_series_assets
from neuro_assets.assets.staging import build_staging_asset
from neuro_assets.assets.surveys import build_survey_assets
from neuro_assets.automation.build import build_automation
from neuro_assets.home import ensure_home
from neuro_assets.ingest.pulls import SOURCE
from neuro_assets.lake.io_manager import LakeIOManager
from neuro_assets.partitions import daily_partitions
from neuro_assets.resources.home import HomeResource
from neuro_assets.settings import Settings, load_settings
from neuro_assets.streams.catalogue import STREAMS
from neuro_assets.study import load_study
from neuro_assets.surveys.load import home_sources

# Beta by name: the one policy that makes a range one run, and Dagster's own use of two others. Every
# other warning stays audible.
for _name in ("backfill_policy", "owners", "include_sources"):
    warnings.filterwarnings("ignore", message=rf"Parameter `{_name}` .* is currently in beta")


def build_definitions(settings: Settings | None = None) -> dg.Definitions:
    """The asset graph of a home: its study's window makes the partitions, its sources make the raw assets."""
    settings = settings or load_settings()
    ensure_home(settings)
    _warn_of_another_home(settings)
    study = load_study(settings.study_path)
    sources = home_sources(settings, study)
    partitions = daily_partitions(study)
    assets = [
        LANDING,
        *(build_raw_asset(kind, partitions) for kind in sources.kinds if kind.source.name != SOURCE),
        *build_google_health_assets(sources, study, partitions),
        *(build_staging_asset(s, sources, study, partitions) for s in STREAMS if sources.feeding(s.name)),
        *build_survey_assets(sources, partitions),
        *build_event_assets(sources, partitions),
        *build_coverage_assets(sources, study, partitions),
        *build_series_assets(sources, study, partitions),
        *build_imputed_assets(study, partitions),
        *build_feature_assets(sources, study, partitions),
        *build_dbt_assets(partitions),
        build_engagement_asset(),
    ]
    present = {key for a in assets if isinstance(a, dg.AssetsDefinition) for key in a.keys}
    assets += [*build_analytics_assets(present), *build_model_assets(sources, study, present)]
    automation = build_automation(settings, study)
    return dg.Definitions(
        assets=assets,
        jobs=automation.jobs,
        sensors=automation.sensors,
        schedules=automation.schedules,
        resources={
            "home": HomeResource.of(settings),
            "dbt": build_dbt_resource(),
            "lake_io_manager": LakeIOManager(home=str(settings.home)),
        },
        executor=dg.in_process_executor,
    )


def _warn_of_another_home(settings: Settings) -> None:
    """Dagster's storage and the study's home belong together; say so when they do not."""
    dagster_home = os.environ.get("DAGSTER_HOME")
    if dagster_home and os.path.realpath(dagster_home) != os.path.realpath(settings.dagster_home):
        dg.get_dagster_logger().warning(
            "DAGSTER_HOME is %s, but the home in use keeps Dagster's storage in %s: start with `neuro dev`",
            dagster_home,
            settings.dagster_home,
        )


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of the home in the environment."""
    return build_definitions()
