"""What came of the runs of a directory: figures, pictures and a page."""

import pathlib
import shutil

import numpy as np

from keras_refcal import evaluation, report
from keras_refcal.files import replacing, write_json
from keras_refcal.npz import array_names, read_arrays
from keras_refcal.report import plots
from keras_refcal.terminal import say
from keras_refcal.training.calibrating import CALIBRATION
from keras_refcal.training.results import summarise, table

FILES = ("model.keras", "predictions.npz", "history.json")
VALIDATION = "validation.npz"


def conclude(config, split, runs, output_dir, resolved):
    """Judges runs and writes the files of their directory.

    Args:
        config: A `TrainConfig` or `SweepConfig`.
        split: A `Split`.
        runs: Name of a recipe to the directories of its seeds.
        output_dir: Where to write.
        resolved: What `config.json` is to hold.

    Returns:
        What `metrics.json` holds.

    Raises:
        ValueError: If predictions are for other labels than those of the split.
    """
    labels = split.images.test_labels
    predicted = {
        name: [_predictions(run, labels) for run in seeds]
        for name, seeds in runs.items()
    }
    summary = {
        name: summarise(
            [
                evaluation.evaluate(labels, p, class_counts=split.class_counts)
                for p in of_seeds
            ]
        )
        for name, of_seeds in predicted.items()
    }
    seeds = sorted({_seed(run) for of_recipe in runs.values() for run in of_recipe})
    results = {"methods": summary, "seeds": seeds}
    _copy(runs[config.recipes[0]][0], output_dir, split.validation is not None)
    write_json(output_dir / "config.json", resolved)
    write_json(output_dir / "metrics.json", results)
    _draw_reliability(config, labels, predicted, output_dir / "reliability.png")
    page = report.render_report([report.read_run(output_dir)])
    report.write_page(output_dir / "report.html", page)
    say(f"\n{table(summary)}")
    say(
        "Test set, mean ± standard deviation over seeds "
        f"{', '.join(map(str, seeds))}; refinement is exact OVO AUROC x 100; ECE has "
        f"15 bins.\nReport: {output_dir / 'report.html'}",
    )
    return results


def _copy(run, output_dir, has_validation):
    """Copies the files of the run that leads, that it is calibrated among them."""
    for name in (*FILES, VALIDATION) if has_validation else FILES:
        with replacing(output_dir / name) as temporary:
            shutil.copyfile(run / name, temporary)
    if (run / CALIBRATION).exists():
        with replacing(output_dir / CALIBRATION) as temporary:
            shutil.copyfile(run / CALIBRATION, temporary)
    else:
        (output_dir / CALIBRATION).unlink(missing_ok=True)


def _predictions(run, labels):
    path = run / "predictions.npz"
    arrays = read_arrays(path, array_names(path))
    numbers = np.arange(len(labels))
    for name, expected in (("y_true", labels), ("sample_number", numbers)):
        if not np.array_equal(arrays.get(name), expected):
            raise ValueError(
                f"{path} holds predictions for other samples than the test part of the "
                f"data set: `{name}` differs. Remove {run} to train it anew, or choose "
                "another directory."
            )
    return arrays["probabilities"]


def _draw_reliability(config, labels, predicted, path):
    import matplotlib.figure

    figure = matplotlib.figure.Figure(
        figsize=(4.6 * len(predicted), 4.6), layout="constrained"
    )
    axes = figure.subplots(1, len(predicted), squeeze=False)[0]
    for ax, (name, of_seeds) in zip(axes, predicted.items(), strict=True):
        curve = evaluation.reliability_curve(
            np.concatenate([labels] * len(of_seeds)), np.concatenate(of_seeds)
        )
        title = f"{name}: ECE {curve.expected_calibration_error:.3f}"
        plots.plot_reliability(curve, ax, title)
    most = max(map(len, predicted.values()))
    figure.suptitle(f"{config.dataset}, {most} seeds pooled")
    plots.save(figure, pathlib.Path(path))


def _seed(run):
    return int(run.name.removeprefix("seed-"))
