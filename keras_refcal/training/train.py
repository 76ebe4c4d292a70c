"""Recipes beside each other, seed by seed, and what came of them."""

import contextlib
import dataclasses
import pathlib
import platform
import shutil

import keras
import numpy as np

from keras_refcal import evaluation
from keras_refcal.backend import NAME
from keras_refcal.evaluation import plots, report
from keras_refcal.files import replacing, write_json
from keras_refcal.models import encoders
from keras_refcal.training import recipes
from keras_refcal.training.files import writable_directory
from keras_refcal.training.one_run import predictions_of, run_once
from keras_refcal.training.results import summarise, table
from keras_refcal.training.split import Split

FILES = ("model.keras", "predictions.npz", "history.json")


def train(config, images=None):
    """Trains every recipe and seed of a configuration, and writes the results.

    Args:
        config: A `TrainConfig` or `SweepConfig`.
        images: An `ImageData` in place of the data set that the configuration names.

    Returns:
        What `metrics.json` holds.

    Raises:
        ValueError: For an unknown data set, recipe or encoder, or if `output_dir`
            holds a run of another configuration.
        OSError: If `output_dir` cannot be written.
    """
    encoders.get(config.encoder)
    split = Split.load(config) if images is None else Split.of(images, config)
    for name in config.recipes:
        _stages(config, name, split)
    output_dir = writable_directory(config.output_dir)
    print(_introduction(config, split), flush=True)
    with _dtype_policy(config.dtype_policy):
        runs = {
            name: [_run(config, name, seed, split, output_dir) for seed in config.seeds]
            for name in config.recipes
        }
    return _conclude(config, split, runs, output_dir)


@contextlib.contextmanager
def _dtype_policy(name):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _stages(config, name, split):
    scale = recipes.get_scale(
        config.scale, config.epochs, config.classifier_epochs, config.batch_size
    )
    return recipes.get(name, scale, split.class_counts)


def _run(config, name, seed, split, output_dir):
    stages = _stages(config, name, split)
    return run_once(
        split,
        stages,
        config.encoder,
        seed,
        output_dir / name / f"seed-{seed}",
        _resolved(config, split)
        | {
            "recipe": name,
            "seed": seed,
            "stages": [stage.describe() for stage in stages],
        },
        title=f"{name}  seed {seed}",
        jit_compile=config.jit_compile,
    )


def _resolved(config, split):
    """Returns what a run of any recipe and seed depends on."""
    varying = ("seeds", "recipes", "method", "baseline")
    fields = dataclasses.asdict(config)
    return {
        **{key: value for key, value in fields.items() if key not in varying},
        "backend": NAME,
        "class_counts": split.class_counts,
        "split_sha256": split.draw.sha256,
        "imbalance_factor": split.draw.imbalance_factor,
        "augmentation": split.images.augmentation,
        "classifier_augmentation": split.images.classifier_augmentation,
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
    }


def _resolved_whole(config, split):
    """Returns what all runs of the configuration depend on."""
    return _resolved(config, split) | {
        "method": config.recipes[0],
        "recipes": list(config.recipes),
        "seeds": list(config.seeds),
        "stages": {
            name: [stage.describe() for stage in _stages(config, name, split)]
            for name in config.recipes
        },
    }


def _introduction(config, split):
    counts, images = split.class_counts, split.images
    held_out = ""
    if split.validation is not None:
        held_out = f" to train on, {len(split.validation[1])} for validation"
    return (
        f"{config.dataset}: {split.draw}; {max(counts)} to {min(counts)} a class"
        f"{held_out}, {len(images.test_labels)} test images; "
        f"split sha256 {split.draw.sha256[:16]}; backend {NAME}"
    )


def _conclude(config, split, runs, output_dir):
    labels = split.images.test_labels
    summary = {
        name: summarise(
            [
                evaluation.evaluate(
                    labels, predictions_of(run), class_counts=split.class_counts
                )
                for run in seed_runs
            ]
        )
        for name, seed_runs in runs.items()
    }
    results = {"methods": summary, "seeds": list(config.seeds)}
    for name in (*FILES, "validation.npz") if config.validation else FILES:
        with replacing(output_dir / name) as temporary:
            shutil.copyfile(runs[config.recipes[0]][0] / name, temporary)
    write_json(output_dir / "config.json", _resolved_whole(config, split))
    write_json(output_dir / "metrics.json", results)
    _draw_reliability(config, labels, runs, output_dir / "reliability.png")
    page = report.render_report([report.read_run(output_dir)])
    report.write_page(output_dir / "report.html", page)
    print(f"\n{table(summary)}")
    seeds = ", ".join(map(str, config.seeds))
    print(
        f"Test set, mean ± standard deviation over seeds {seeds}; refinement is exact "
        f"OVO AUROC x 100; ECE has 15 bins.\nReport: {output_dir / 'report.html'}",
        flush=True,
    )
    return results


def _draw_reliability(config, labels, runs, path):
    import matplotlib.figure

    figure = matplotlib.figure.Figure(
        figsize=(4.6 * len(runs), 4.6), layout="constrained"
    )
    axes = figure.subplots(1, len(runs), squeeze=False)[0]
    for ax, (name, seed_runs) in zip(axes, runs.items(), strict=True):
        curve = evaluation.reliability_curve(
            np.concatenate([labels] * len(seed_runs)),
            np.concatenate([predictions_of(run) for run in seed_runs]),
        )
        title = f"{name}: ECE {curve.expected_calibration_error:.3f}"
        plots.plot_reliability(curve, ax, title)
    figure.suptitle(f"{config.dataset}, {len(config.seeds)} seeds pooled")
    plots.save(figure, pathlib.Path(path))
