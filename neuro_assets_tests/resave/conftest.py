"""Fixtures of the re-saves: empty studies to send files to."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from neuro_assets_tests.conftest import study_of
from neuro_assets_tests.resave.export import render
from neuro_assets_tests.resave.originals import Original
from neuro_assets_tests.resave.trial import Frames, Trials


@pytest.fixture(scope="session")
def trials(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trials]:
    """Homes of the study that the public data fit."""
    with closing(Trials(tmp_path_factory.mktemp("trials"), study_of())) as empty_homes:
        yield empty_homes


@pytest.fixture(scope="session")
def expected(trials: Trials, shared_data: Path) -> Callable[[Original], Frames]:
    """`expected(original)`: the rows of the untouched file, by stream."""
    known: dict[str, Frames] = {}

    def rows(original: Original) -> Frames:
        if original.label not in known:
            name, content = render(original.export(shared_data))
            outcomes, frames = trials.send({name: content})
            assert [o.outcome for o in outcomes] == ["loaded"], [o.line.reason for o in outcomes]
            assert all(f.height for f in frames.values())
            assert frames
            known[original.label] = frames
        return known[original.label]

    return rows
