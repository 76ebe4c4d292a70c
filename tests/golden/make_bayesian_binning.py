"""Writes `bayesian_binning.npz`: netcal's BBQ, by BIC over bins of equal width.

    pip install --no-deps netcal==1.4.0
    KERAS_BACKEND=torch python tests/golden/make_bayesian_binning.py

netcal stops averaging where the scores of two histograms differ little; here all of
them are averaged, by telling its `_elbow` to stop nowhere.
"""

import pathlib
import sys

import netcal.binning
import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from calibration_data import overconfident, softmax  # noqa: E402


class WithoutElbow(netcal.binning.BBQ):
    """BBQ that averages every histogram."""

    def _elbow(self, confidences, ground_truth, model_list, score_function, alpha):
        return super()._elbow(
            confidences, ground_truth, model_list, score_function, alpha=-1.0
        )


def one_class(labels, probabilities):
    """Returns what netcal makes of the probability of one class."""
    fitted = WithoutElbow("BIC", equal_intervals=True)
    return fitted.fit(probabilities, labels).transform(probabilities)


if __name__ == "__main__":
    arrays = {}
    for classes in (2, 4):
        labels, logits = overconfident(samples=500, classes=classes)
        p = softmax(logits.astype("float64"))
        calibrated = [one_class((labels == c) * 1, p[:, c]) for c in range(classes)]
        if classes == 2:
            calibrated[0] = 1 - calibrated[1]
        arrays |= {
            f"labels_{classes}": labels,
            f"probabilities_{classes}": p,
            f"calibrated_{classes}": np.stack(calibrated, axis=1),
        }
    np.savez_compressed(HERE / "bayesian_binning.npz", **arrays)
