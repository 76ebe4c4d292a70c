"""Writes `probmetrics.npz`: what probmetrics 1.3.0 makes of the same predictions.

pip install probmetrics==1.3.0 numba venn-abers==1.5.4
KERAS_BACKEND=torch python tests/golden/make_probmetrics.py
"""

import pathlib
import sys

import numpy as np
from probmetrics.calibrators import get_calibrator
from probmetrics.calibrators.temperature_scaling import ETSCalibrator

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from calibration_data import overconfident, softmax  # noqa: E402

if __name__ == "__main__":
    arrays = {}
    for classes in (2, 4, 20):
        labels, logits = overconfident(samples=300, classes=classes)
        logits[:, 0] += 2.0  # so that there is more to learn than a temperature
        p = softmax(logits.astype("float64"))
        arrays[f"labels_{classes}"], arrays[f"logits_{classes}"] = labels, logits
        calibrators = {name: get_calibrator(name) for name in ("ts-mix", "svs", "sms")}
        calibrators["ets"] = ETSCalibrator("ce")
        if classes < 20:
            calibrators["ivap-ovr"] = get_calibrator("ivap-ovr")
        for name, calibrator in calibrators.items():
            calibrator.fit(p, labels)
            arrays[f"{name}_{classes}"] = calibrator.predict_proba(p).astype("float32")
    np.savez_compressed(HERE / "probmetrics.npz", **arrays)
