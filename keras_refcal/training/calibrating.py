"""Chooses a calibrator by cross-validation and puts it into the model of a run."""

import dataclasses
import pathlib
import warnings

import keras
import numpy as np
from keras import ops

from keras_refcal import layers
from keras_refcal.evaluation import evaluate
from keras_refcal.evaluation.predictions_file import read_predictions
from keras_refcal.files import replacing, write_json
from keras_refcal.training.files import writable_directory

METHODS = {
    "identity": None,
    "temperature": layers.TemperatureScaling,
    "vector": layers.VectorScaling,
    "dirichlet": layers.DirichletCalibration,
    "isotonic": layers.IsotonicCalibration,
    "histogram": layers.HistogramBinning,
    "beta": layers.BetaCalibration,
    "group_temperature": layers.GroupTemperatureScaling,
    "class_aware_temperature": layers.ClassDistributionAwareTemperature,
}
NEEDS_COUNTS = {"group_temperature", "class_aware_temperature"}
COLUMNS = ("nll", "brier", "ece")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What cross-validation said.

    Attributes:
        best: The method of least mean negative log-likelihood.
        figures: Method to its figures on the parts that it was not fitted on.
    """

    best: str
    figures: dict[str, dict[str, float]]

    def table(self) -> str:
        """Returns the figures as text, the best first."""
        order = sorted(self.figures, key=lambda name: self.figures[name]["nll"])
        lines = [f"{'method':<25}" + "".join(f"{name:>9}" for name in COLUMNS)]
        for name in order:
            values = "".join(f"{self.figures[name][key]:>9.4f}" for key in COLUMNS)
            lines.append(f"{name:<25}{values}")
        return "\n".join(lines)


def make_calibrator(method, class_counts=None):
    """Returns an unfitted calibrator that reads probabilities.

    Args:
        method: A key of `METHODS`.
        class_counts: Training samples of each class; the long-tailed temperatures
            need them.

    Raises:
        ValueError: For an unknown method, or one whose `class_counts` are missing.
    """
    if method not in METHODS:
        raise ValueError(
            f"`method` must be 'auto' or one of {sorted(METHODS)}. Received: {method!r}"
        )
    if METHODS[method] is None:
        # Never fitted, so it stays the identity.
        return layers.TemperatureScaling(from_logits=False, name="identity")
    if method not in NEEDS_COUNTS:
        return METHODS[method](from_logits=False)
    if class_counts is None:
        raise ValueError(f"`method` {method!r} needs `class_counts` in the file.")
    return METHODS[method](class_counts, from_logits=False)


def cross_validate(
    y_true, probabilities, class_counts=None, methods=None, folds=5, seed=0
) -> Comparison:
    """Compares calibrators by the proper loss of predictions they were not fitted on.

    Args:
        y_true: Class ids, shape `(n,)`.
        probabilities: Shape `(n, num_classes)`.
        class_counts: Training samples of each class, or `None`, which leaves out the
            methods that need them.
        methods: Keys of `METHODS`; `None` for all that apply.
        folds: Whole number of 2 or more. Each class is spread over them evenly.
        seed: Seed of the folds.

    Raises:
        ValueError: If there are fewer samples than folds.
    """
    y_true, probabilities = np.asarray(y_true), np.asarray(probabilities)
    if not 2 <= folds <= len(y_true):
        raise ValueError(
            f"`folds` must be from 2 to the {len(y_true)} validation samples. "
            f"Received: {folds}"
        )
    if methods is None:
        left_out = () if class_counts is not None else NEEDS_COUNTS
        methods = [name for name in METHODS if name not in left_out]
    fold_of = _folds(y_true, folds, seed)
    figures = {}
    for method in methods:
        held_out = np.empty(probabilities.shape)
        for fold in range(folds):
            inside = fold_of != fold
            layer = make_calibrator(method, class_counts)
            if method != "identity":
                _fit_quietly(layer, y_true[inside], probabilities[inside])
            held_out[~inside] = ops.convert_to_numpy(layer(probabilities[~inside]))
        found = evaluate(y_true, held_out / held_out.sum(axis=1, keepdims=True))
        figures[method] = {name: found[name] for name in COLUMNS}
    best = min(figures, key=lambda name: figures[name]["nll"])
    return Comparison(best, figures)


def calibrate_run(run, method="temperature", validation=None, output_dir=None):
    """Calibrates the model of a run directory on its validation predictions.

    Args:
        run: Directory with `model.keras`, `predictions.npz` and, from
            `train --validation=SHARE`, `validation.npz`.
        method: A key of `METHODS`, or `"auto"` for the one that `cross_validate`
            finds best.
        validation: File of validation predictions in place of `validation.npz`.
        output_dir: Where to write; `None` for `calibrated` inside `run`.

    Returns:
        What `calibration.json` holds.

    Raises:
        ValueError: For an unknown method or a file that does not fit.
        OSError: If a file is missing.
    """
    run = pathlib.Path(run)
    held_out = read_predictions(_validation_file(run, validation))
    test = read_predictions(run / "predictions.npz")
    counts = held_out.class_counts
    counts = test.class_counts if counts is None else counts
    labels, p = held_out.predictions.labels, held_out.predictions.probabilities
    comparison = cross_validate(labels, p, counts) if method == "auto" else None
    chosen = method if comparison is None else comparison.best
    layer = make_calibrator(chosen, counts)
    model = keras.saving.load_model(run / "model.keras")
    if chosen != "identity":
        layer.fit(labels, p)
    calibrated = layer.attach(model)
    after = ops.convert_to_numpy(layer(test.predictions.probabilities))
    results = {
        "method": chosen,
        "validation_samples": len(labels),
        "cross_validation": None if comparison is None else comparison.figures,
        "test_before": _figures(test, test.predictions.probabilities),
        "test_after": _figures(test, after),
    }
    output = writable_directory(output_dir or run / "calibrated")
    with replacing(output / "model.keras") as temporary:
        calibrated.save(temporary)
    _write_predictions(run / "predictions.npz", output / "predictions.npz", after)
    write_json(output / "calibration.json", results)
    if comparison is not None:
        print(f"Cross-validation on {len(labels)} validation predictions:")
        print(f"{comparison.table()}\n")
    print(_summary(chosen, results, output))
    return results


def _folds(labels, folds, seed):
    """Returns the fold of each sample, every class spread evenly."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold_of = np.empty(len(labels), "int64")
    fold_of[order] = np.arange(len(labels)) % folds
    return fold_of


def _fit_quietly(layer, labels, probabilities):
    """Fits; a fold that teaches nothing counts as the identity, as it will in use."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*stays the identity")
        layer.fit(labels, probabilities)


def _validation_file(run, validation):
    if validation is not None:
        return pathlib.Path(validation)
    path = run / "validation.npz"
    if not path.is_file():
        raise FileNotFoundError(
            f"No validation predictions: {path}. Train with --validation=0.2, say, or "
            "name a file by --validation. Predictions that the classifier was trained "
            "on cannot calibrate it, and those of the test set may not."
        )
    return path


def _figures(saved, probabilities):
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    found = evaluate(saved.predictions.labels, probabilities)
    return {name: found[name] for name in ("accuracy", *COLUMNS)}


def _write_predictions(source, target, probabilities):
    """Writes the file anew with other probabilities and all else as it was."""
    with np.load(source) as file:
        arrays = {name: file[name] for name in file.files if name != "logits"}
    with replacing(target) as temporary:
        np.savez_compressed(temporary, **{**arrays, "probabilities": probabilities})


def _summary(method, results, output):
    lines = [f"Test set, {method}:", f"{'':<10}{'before':>9}{'after':>9}"]
    for name in ("accuracy", *COLUMNS):
        before, after = results["test_before"][name], results["test_after"][name]
        lines.append(f"{name:<10}{before:>9.4f}{after:>9.4f}")
    return "\n".join([*lines, f"Files: {output}"])
