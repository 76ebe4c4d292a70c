"""Recipes beside each other, seed by seed."""

import contextlib
import dataclasses
import platform

import keras
import numpy as np

from keras_refcal.backend import NAME, keep_programs
from keras_refcal.files import remove_partial
from keras_refcal.models import encoders
from keras_refcal.terminal import say
from keras_refcal.training import recipes
from keras_refcal.training.calibrating import CALIBRATION
from keras_refcal.training.conclusion import FILES, VALIDATION, conclude
from keras_refcal.training.files import (
    broken_files,
    finished_runs,
    holds_runs,
    seal,
    unseal_if_broken,
    writable_directory,
)
from keras_refcal.training.one_run import check_same, run_once
from keras_refcal.training.split import Split, load_images

# Share of each class that is held out where a recipe asks for a validation part.
VALIDATION_SHARE = 0.2


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
    if config.compilation_cache is not None:
        keep_programs(config.compilation_cache)
    images = load_images(config) if images is None else images
    config = _with_validation(config, images)
    split = Split.of(images, config)
    for name in config.recipes:
        _stages(config, name, split)
    output_dir = writable_directory(config.output_dir, holds_runs)
    remove_partial(output_dir.iterdir())
    earlier = _earlier(config, split, output_dir)
    say(_introduction(config, split))
    with _dtype_policy(config.dtype_policy):
        runs = {
            name: [_run(config, name, seed, split, output_dir) for seed in config.seeds]
            for name in config.recipes
        }
    whole = _resolved_whole(config, split)
    for run in earlier:
        runs.setdefault(run.parent.name, []).append(run)
    return conclude(config, split, runs, output_dir, whole)


def _with_validation(config, images):
    """Returns the configuration with the share of images that its recipes need."""
    if config.validation is not None:
        return config
    needed = any(map(recipes.needs_validation, config.recipes))
    has_own = images.validation_labels is not None
    share = VALIDATION_SHARE if needed and not has_own else 0.0
    return dataclasses.replace(config, validation=share)


def _earlier(config, split, output_dir):
    """Returns runs that other commands finished in the same directory, checked."""
    wanted = {
        output_dir / name / f"seed-{seed}"
        for name in config.recipes
        for seed in config.seeds
    }
    runs = [run for run in finished_runs(output_dir) if run not in wanted]
    for run in runs:
        if broken := broken_files(run):
            raise ValueError(
                f"{run}: missing or changed: {', '.join(broken)}. Ask for that recipe "
                "and seed once more to make them anew, or remove the directory."
            )
        check_same(run, _resolved(config, split), varying=("recipe", "seed", "stages"))
    return runs


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
    stages = recipes.get(name, scale, split.class_counts)
    if split.validation is None and any(stage.needs_validation for stage in stages):
        raise ValueError(
            f"`validation` must be above 0 for {name}, which chooses or calibrates by "
            f"that part. Received: {config.validation}"
        )
    return stages


def _run(config, name, seed, split, output_dir):
    stages = _stages(config, name, split)
    directory, title = output_dir / name / f"seed-{seed}", f"{name}  seed {seed}"
    if broken := unseal_if_broken(directory):
        say(f"{title}  missing or changed, made anew: {', '.join(broken)}")
    run_once(
        split,
        stages,
        config.encoder,
        seed,
        directory,
        _resolved(config, split)
        | {
            "recipe": name,
            "seed": seed,
            "stages": [stage.describe() for stage in stages],
        },
        title=title,
        jit_compile=config.jit_compile,
        pipeline=_pipeline(config),
        select=config.select,
    )
    files = [*FILES]
    if split.validation is not None:
        files.append(VALIDATION)
    if stages[-1].calibrator is not None:
        files.append(CALIBRATION)
    seal(directory, files)
    return directory


def _pipeline(config):
    """Returns where views are made, by default where nothing new is to install."""
    return config.pipeline or ("tf.data" if NAME == "tensorflow" else "device")


def _resolved(config, split):
    """Returns what a run of any recipe and seed depends on."""
    varying = ("seeds", "recipes", "method", "baseline")
    fields = dataclasses.asdict(config)
    return {
        **{key: value for key, value in fields.items() if key not in varying},
        "backend": NAME,
        "pipeline": _pipeline(config),
        "class_counts": split.class_counts,
        "data_sha256": split.data_sha256,
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
    held_out, notes = "", "".join(f"{note}; " for note in images.notes)
    if split.validation is not None:
        held_out = f" to train on, {len(split.validation[1])} for validation"
    return (
        f"{config.dataset}: {notes}{split.draw}; {max(counts)} to {min(counts)} "
        f"a class{held_out}, {len(images.test_labels)} test images; "
        f"split sha256 {split.draw.sha256[:16]}; backend {NAME}"
    )
