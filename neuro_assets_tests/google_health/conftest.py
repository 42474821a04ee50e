"""What tests of Google Health share: the folder of Google's contract and of payloads that others have recorded."""

import os
from pathlib import Path

import pytest

from neuro_assets_tests.conftest import REPOSITORY


@pytest.fixture(scope="session")
def google_spec() -> Path:
    """The folder of the API's schema and of payloads, beside the public data."""
    if os.environ.get("SHARED_DATA") == "none":
        pytest.skip("SHARED_DATA=none: this machine says that it has no public data")
    data = Path(os.environ.get("SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
    folder = data.parent / "spec" / "google_health_v4"
    if not folder.is_dir():
        reason = f"the contract of Google Health is not at {folder}; set SHARED_DATA to the folder of data beside it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
