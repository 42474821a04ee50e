"""A model as a file: scikit-learn's objects by skops, which runs no code when it reads, and a proof that it is the one.

Which versions there are is in `registry`.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neuro_assets.models.errors import ModelError
from neuro_assets.science.models.calibration import Calibration
from neuro_assets.science.models.pipelines import Learned
from neuro_assets.science.models.samples import Floats, Samples

FILE = "model.skops"
# Beside what skops trusts by itself; anything else in a file is refused.
TRUSTED = ("numpy.dtype", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")
_PROOF_ROWS = 16
_ALIKE = 1e-9


class ArtifactError(ModelError):
    """The file of a model is not there, not the one that was written, or does not say what it said."""


@dataclass(frozen=True, eq=False)
class Model:
    """A model as it predicts.

    Attributes:
        learned: the pipeline and the names of its features.
        calibration: from what it says to probabilities.
        prevalence: share of positive samples it learned from: above it somebody is called.
    """

    learned: Learned
    calibration: Calibration
    prevalence: float

    def probability(self, raw: Floats) -> Floats:
        """(n,) calibrated."""
        return self.calibration.apply(raw)

    def is_called(self, raw: Floats) -> np.ndarray:
        """(n,) above the share of positive samples; the margin is that of evaluations."""
        return raw > self.prevalence + 1e-9


def write_model(folder: Path, learned: Learned) -> str:
    """Write the pipeline to a folder, whole or not at all; returns the file's sha256."""
    import skops.io

    folder.mkdir(parents=True, exist_ok=True)
    data = skops.io.dumps(learned.model)
    part = folder / f"{FILE}.part"
    with part.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(folder / FILE)
    return hashlib.sha256(data).hexdigest()


def body_of(model: Model, samples: Samples) -> dict[str, Any]:
    """What belongs to a model beside its file; `read_model` takes it."""
    import sklearn

    ranges = _ranges(samples)
    said = model.learned.probability(_proof(model.learned.names, ranges))
    return {
        "features": list(model.learned.names),
        "chosen": dict(model.learned.chosen),
        "calibration": {"intercept": model.calibration.intercept, "slope": model.calibration.slope},
        "prevalence": model.prevalence,
        "scikit_learn": sklearn.__version__,
        "ranges": ranges,
        "proof": said.tolist(),
    }


def read_model(path: Path, sha256: str, body: dict[str, Any]) -> Model:
    """The model of a file.

    Raises:
        ArtifactError: there is no such file, it is another one, it has types that are not trusted, or the model says
            something else than when it was written (another scikit-learn, for instance).
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"{path.parent.name}/{path.name} cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ArtifactError(f"{path.parent.name}/{path.name} is not the file that was written: its sha256 differs")
    try:
        pipeline = skops.io.loads(data, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise ArtifactError(f"{path.parent.name}/{path.name}: {error}") from None
    learned = Learned(pipeline, tuple(body["features"]), dict(body["chosen"]))
    model = Model(learned, Calibration(**body["calibration"]), body["prevalence"])
    said = learned.probability(_proof(learned.names, body["ranges"]))
    if np.abs(said - np.array(body["proof"])).max() > _ALIKE:
        import sklearn

        raise ArtifactError(
            f"{path.parent.name}/{path.name} says something else than when it was learned with scikit-learn"
            f" {body['scikit_learn']} (this is {sklearn.__version__}): learn it anew with `neuro train`"
        )
    return model


def _ranges(samples: Samples) -> list[list[float]]:
    """The tenth and ninetieth percentile of each feature: nobody's values."""
    found = []
    for place in range(len(samples.names)):
        there = samples.values[~np.isnan(samples.values[:, place]), place]
        found.append([float(q) for q in np.quantile(there, [0.1, 0.9])] if len(there) else [0.0, 0.0])
    return found


def _proof(names: tuple[str, ...], ranges: list[list[float]]) -> Samples:
    """Made-up rows within the ranges of features, some values missing."""
    rng = np.random.default_rng(0)
    low, high = np.array(ranges).T
    values = low + (high - low) * rng.random((_PROOF_ROWS, len(names)))
    values[rng.random(values.shape) < 0.1] = np.nan
    who = np.array([f"proof {n}" for n in range(_PROOF_ROWS)])
    day = np.full(_PROOF_ROWS, np.datetime64("2000-01-01"))
    return Samples(values, names, np.zeros(_PROOF_ROWS, dtype=np.int8), who, who, day)
