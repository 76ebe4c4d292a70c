"""Chooses a calibrator by cross-validation and puts it into the model of a run."""

import pathlib

import numpy as np
from keras import ops

from keras_refcal.evaluation import evaluate
from keras_refcal.files import replacing, write_json
from keras_refcal.models.loading import load_model
from keras_refcal.predictions.files import read_predictions
from keras_refcal.serving import save_like
from keras_refcal.terminal import say
from keras_refcal.training.cross_validation import (
    COLUMNS,
    cross_validate,
    make_calibrator,
)
from keras_refcal.training.files import check_directory, writable_directory

CALIBRATION = "calibration.json"

# A validation set this many times less even than the test set gets a hint.
LESS_EVEN = 2.0


def calibrate_run(
    run, method="temperature", validation=None, output_dir=None, class_weight=None
):
    """Calibrates the model of a run directory on its validation predictions.

    Args:
        run: Directory with `model.keras`, `predictions.npz` and, from
            `train --validation=SHARE`, `validation.npz`.
        method: A key of `METHODS`, or `"auto"` for the `best` of `cross_validate`.
        validation: File of validation predictions in place of `validation.npz`.
        output_dir: Where to write; `None` for `calibrated` inside `run`.
        class_weight: `"balanced"` to fit, and to compare methods, for classes that
            are equally frequent; `None` for classes as frequent as in the validation
            set.

    Returns:
        What `calibration.json` holds.

    Raises:
        ValueError: For an unknown method or a file that does not fit.
        OSError: If a file is missing.
    """
    run = pathlib.Path(run)
    output = run / "calibrated" if output_dir is None else output_dir
    _check_directories(run, output)
    held_out = read_predictions(_validation_file(run, validation))
    test = read_predictions(run / "predictions.npz")
    _check_parts(held_out, test)
    counts = held_out.class_counts
    counts = test.class_counts if counts is None else counts
    labels, p = held_out.predictions.labels, held_out.predictions.probabilities
    layer, comparison, record = fitted(labels, p, counts, method, class_weight)
    chosen = record["method"]
    calibrated = layer.attach(load_model(run / "model.keras"))
    after = ops.convert_to_numpy(layer(test.predictions.probabilities))
    results = {
        **record,
        "test_before": _figures(test, test.predictions.probabilities),
        "test_after": _figures(test, after),
    }
    output = writable_directory(output, _is_written_here)
    with replacing(output / "model.keras") as temporary:
        save_like(calibrated, temporary, run / "model.keras")
    _write_predictions(run / "predictions.npz", output / "predictions.npz", after)
    write_json(output / CALIBRATION, results)
    if comparison is not None:
        alike = ", every class weighted alike" if class_weight else ""
        say(f"Cross-validation on {len(labels)} validation predictions{alike}:")
        say(comparison.table())
        say(f"Taken: {chosen}, the simplest within one standard error of the least.\n")
    say(_summary(chosen, results, output))
    if class_weight is None and (hint := _hint(labels, test.predictions.labels)):
        say(hint)
    return results


def fitted(labels, probabilities, class_counts, method, class_weight):
    """Returns a fitted calibrator, how it compares, and what is kept of the choice.

    Args:
        labels: Class ids of the validation samples.
        probabilities: What the model predicts for them.
        class_counts: Training samples of each class, or `None`.
        method: A key of `METHODS`, or `"auto"` for the `best` of `cross_validate`.
        class_weight: As in `calibrate_run`.

    Returns:
        A layer, the comparison (`None` where a method was named) and JSON-ready values.
    """
    comparison = None
    if method == "auto":
        comparison = cross_validate(labels, probabilities, class_counts, class_weight)
    chosen = method if comparison is None else comparison.best
    layer = make_calibrator(chosen, class_counts)
    # Cross-validation has compared it with one temperature already.
    layer.fallback = layer.fallback and comparison is None
    if chosen != "identity":
        layer.fit(labels, probabilities, class_weight=class_weight)
    record = {
        "method": chosen,
        "class_weight": class_weight,
        "validation_samples": len(labels),
        "cross_validation": None if comparison is None else comparison.scores,
        "left_out": None if comparison is None else comparison.left_out,
    }
    return layer, comparison, record


def _check_directories(run, output):
    if _holds_calibration(run):
        raise ValueError(
            f"`run` must hold a model that is not calibrated. That of {run} is: it is "
            "what an earlier `calibrate` wrote, in which case name the run that it was "
            "given, or of a recipe that ends with a calibrator."
        )
    check_directory(output, _is_written_here)
    if run.resolve() == pathlib.Path(output).resolve():
        raise ValueError(
            "`output_dir` must not be the run itself, whose model would be lost. "
            f"Received: {str(output)!r}"
        )


def _holds_calibration(directory):
    return (directory / CALIBRATION).is_file()


def _is_written_here(directory):
    """Whether `calibrate` wrote it; a run of a recipe with a calibrator has more."""
    return _holds_calibration(directory) and not (directory / "history.json").exists()


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


def _check_parts(held_out, test):
    """Refuses validation predictions of other classes, or of the test set itself."""
    for name in ("class_names", "class_counts"):
        ours, theirs = getattr(held_out, name), getattr(test, name)
        if not (ours is None or theirs is None or np.array_equal(ours, theirs)):
            raise ValueError(
                f"The validation predictions must be of the run that is calibrated. "
                f"Their `{name}` differ from those of its test predictions."
            )
    ours, theirs = held_out.predictions, test.predictions
    if ours.num_classes != theirs.num_classes:
        raise ValueError(
            f"The validation predictions must be of {theirs.num_classes} classes, as "
            f"the test predictions are. Received: {ours.num_classes}"
        )
    if held_out.is_of_samples_of(test) and np.array_equal(
        ours.probabilities, theirs.probabilities
    ):
        raise ValueError(
            "The validation predictions are those of the test set, which may not "
            "calibrate what it is to judge."
        )


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


def _hint(validation_labels, test_labels):
    """Returns a line for a validation set that is longer-tailed than the test set."""
    validation, test = map(_imbalance, (validation_labels, test_labels))
    if validation < LESS_EVEN * test:
        return ""
    return (
        f"The largest class has {validation:.0f} times the validation samples of the "
        f"smallest, and {test:.1f} times the test samples. If classes to come are as "
        "even, calibrate with --class_weight=balanced."
    )


def _imbalance(labels):
    counts = np.bincount(labels)
    return counts.max() / counts[counts > 0].min()
