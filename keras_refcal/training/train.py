"""The main job: a method beside its baseline, seed by seed, and what came of it."""

import dataclasses
import pathlib
import platform
import shutil

import keras
import numpy as np

from keras_refcal import evaluation
from keras_refcal.backend import NAME
from keras_refcal.data import checksum, load, long_tail_indices
from keras_refcal.evaluation import plots, report
from keras_refcal.files import read_json, replacing, write_json
from keras_refcal.models import encoders
from keras_refcal.training import recipes
from keras_refcal.training.files import writable_directory
from keras_refcal.training.one_run import predictions_of, run_once
from keras_refcal.training.results import summarise, table

FILES = ("model.keras", "predictions.npz", "history.json")


def train(config):
    """Trains every method and seed of a `TrainConfig`, and writes the results.

    Args:
        config: A `TrainConfig`.

    Returns:
        What `metrics.json` holds.

    Raises:
        ValueError: For an unknown data set, method or encoder, or if `output_dir`
            holds the run of another configuration.
        OSError: If `output_dir` cannot be written.
    """
    encoders.get(config.encoder)
    recipe_of = {name: _recipe(config, name) for name in config.methods}
    images = load(config.dataset, config.data_dir)
    chosen = long_tail_indices(
        images.train_labels,
        images.num_classes,
        config.imbalance_factor,
        seed=config.split_seed,
    )
    output_dir = writable_directory(config.output_dir)
    _claim(output_dir, _resolved(config, recipe_of, images, chosen))
    images = dataclasses.replace(
        images,
        train_images=images.train_images[chosen],
        train_labels=images.train_labels[chosen],
    )
    print(_introduction(config, images, chosen), flush=True)
    runs = {
        method: [
            run_once(
                images,
                recipe,
                config.encoder,
                seed,
                output_dir / method / f"seed-{seed}",
                title=f"{method}  seed {seed}",
            )
            for seed in config.seeds
        ]
        for method, recipe in recipe_of.items()
    }
    return _conclude(config, images, runs, output_dir)


def _recipe(config, name):
    return recipes.get(
        name,
        epochs=config.epochs,
        classifier_epochs=config.classifier_epochs,
        batch_size=config.batch_size,
    )


def _resolved(config, recipe_of, images, chosen):
    return {
        **dataclasses.asdict(config),
        "seeds": list(config.seeds),
        "backend": NAME,
        "stages": {
            name: [stage.describe() for stage in recipe]
            for name, recipe in recipe_of.items()
        },
        "class_counts": np.bincount(images.train_labels[chosen]).tolist(),
        "split_sha256": checksum(chosen),
        "augmentation": images.augmentation,
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
    }


def _claim(output_dir, resolved):
    """Writes the configuration, or checks that it is the one that lies there."""
    path = output_dir / "config.json"
    if not path.exists():
        write_json(path, resolved)
        return
    ignored = ("output_dir", "versions", "data_dir")
    found, wanted = read_json(path), _plain(resolved)
    different = sorted(
        key
        for key in {*found, *wanted} - {*ignored}
        if found.get(key) != wanted.get(key)
    )
    if different:
        raise ValueError(
            f"`output_dir` {str(output_dir)!r} holds a run of another configuration: "
            f"{', '.join(different)} differ. Choose another directory, or give the "
            "same flags to go on with that run."
        )


def _plain(value):
    """Returns a value as it comes back from JSON."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _introduction(config, images, chosen):
    counts = np.bincount(images.train_labels)
    return (
        f"{config.dataset}: {len(chosen)} training images, {counts.max()} to "
        f"{counts.min()} a class, {len(images.test_labels)} test images; "
        f"split sha256 {checksum(chosen)[:16]}; backend {NAME}"
    )


def _conclude(config, images, runs, output_dir):
    figures = {
        method: [
            evaluation.evaluate(
                images.test_labels,
                predictions_of(run),
                class_counts=np.bincount(images.train_labels),
            )
            for run in seed_runs
        ]
        for method, seed_runs in runs.items()
    }
    summary = {method: summarise(rows) for method, rows in figures.items()}
    results = {"methods": summary, "seeds": list(config.seeds)}
    first = runs[config.method][0]
    for name in FILES:
        with replacing(output_dir / name) as temporary:
            shutil.copyfile(first / name, temporary)
    _draw_reliability(config, images, runs, output_dir / "reliability.png")
    write_json(output_dir / "metrics.json", results)
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


def _draw_reliability(config, images, runs, path):
    import matplotlib.figure

    figure = matplotlib.figure.Figure(
        figsize=(4.6 * len(runs), 4.6), layout="constrained"
    )
    axes = figure.subplots(1, len(runs), squeeze=False)[0]
    for ax, (method, seed_runs) in zip(axes, runs.items(), strict=True):
        curve = evaluation.reliability_curve(
            np.concatenate([images.test_labels] * len(seed_runs)),
            np.concatenate([predictions_of(run) for run in seed_runs]),
        )
        title = f"{method}: ECE {curve.expected_calibration_error:.3f}"
        plots.plot_reliability(curve, ax, title)
    figure.suptitle(f"{config.dataset}, {len(config.seeds)} seeds pooled")
    plots.save(figure, pathlib.Path(path))
