"""The published JSON Schemas are those of the models."""

import pytest

from neuro_assets.cli.schema import FOLDER, SCHEMAS, schema_text


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_in_the_docs_is_current(name: str):
    """`make schema` writes it anew."""
    assert (FOLDER / f"{name}.schema.json").read_text(encoding="utf-8") == schema_text(SCHEMAS[name])


def test_no_participant_is_part_of_the_protocols_schema():
    assert '"people"' not in schema_text(SCHEMAS["study"])
