"""Writes the JSON Schemas of study.yaml, of source specs and of codebooks, for editors, and of events, for senders."""

import json

from pydantic import BaseModel

from neuro_assets.events.contract import Event
from neuro_assets.settings import REPOSITORY
from neuro_assets.sources.model import SourceSpec
from neuro_assets.study import Study
from neuro_assets.surveys.model import Codebook

SCHEMAS: dict[str, type[BaseModel]] = {"study": Study, "source": SourceSpec, "survey": Codebook, "event": Event}
FOLDER = REPOSITORY / "docs" / "schema"


def schema_text(model: type[BaseModel]) -> str:
    """A model's JSON Schema as it is published."""
    schema = model.model_json_schema()
    schema.get("properties", {}).pop("people", None)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"


def write_schemas() -> None:
    """Write every schema to docs/schema/."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, model in SCHEMAS.items():
        (FOLDER / f"{name}.schema.json").write_text(schema_text(model), encoding="utf-8")


if __name__ == "__main__":
    write_schemas()
