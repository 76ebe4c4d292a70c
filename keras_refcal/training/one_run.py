"""One training: the stages of a recipe, one seed, resumable at any moment."""

import math
import pathlib

import keras
import numpy as np

from keras_refcal.callbacks import ProgressLines, StageCheckpoint, ValidationRefinement
from keras_refcal.data import DeviceBatches, TrainingBatches, augment, scaled
from keras_refcal.files import (
    as_json,
    read_json,
    remove_partial,
    replacing,
    write_json,
)
from keras_refcal.models import RefCalModel, encoders
from keras_refcal.serving import Classifier
from keras_refcal.terminal import say
from keras_refcal.training.calibrating import CALIBRATION, fitted

# Saving a ResNet-32 takes a fifth of a second; an epoch may take no longer.
CHECKPOINT_SHARE = 0.05

# Epochs of a stage that are judged on the validation part, evenly spread.
MOST_JUDGED = 60

# Images that are predicted in one call.
AT_ONCE = 4096

# May differ between the parts of a run that was stopped and went on.
UNESSENTIAL = ("versions", "data_dir", "output_dir", "compilation_cache")


def run_once(
    split,
    stages,
    encoder,
    seed,
    directory,
    resolved,
    title="train",
    jit_compile=None,
    pipeline="tf.data",
    select="last",
):
    """Trains a model through its stages and keeps its predictions.

    What an earlier call left in `directory` is used: a finished run is returned, an
    unfinished one goes on from its last checkpoint.

    Args:
        split: A `Split`.
        stages: A tuple of `Stage`.
        encoder: Name of an encoder, see `models.encoders.get`.
        seed: Seed of weights and batches.
        directory: Where the run keeps its files.
        resolved: What the run depends on, as JSON-ready values.
        title: What stands before each line of progress.
        jit_compile: Whether to compile steps with XLA; `None` lets Keras decide.
        pipeline: Where views are made: `"tf.data"`, or `"device"`, inside the step.
        select: `"last"`; `"refinement"` ends each stage that trains the classifier
            with the epoch of the best refinement of the validation part, the latest
            of those within a nat on one image. What a stage itself says stands.

    Returns:
        The directory, which holds `config.json`, `model.keras`, `predictions.npz`,
        `history.json`, with a validation part `validation.npz`, and with a calibrator
        `calibration.json`.

    Raises:
        ValueError: If the directory holds the run of another configuration.
    """
    directory = pathlib.Path(directory)
    _claim(directory, resolved)
    remove_partial(directory.rglob(".*"))
    if (directory / "history.json").exists():
        say(f"{title}  already done, see {directory}")
        return directory
    keras.utils.set_random_seed(seed)
    shape = split.images.train_images.shape[1:]
    num_classes = split.images.num_classes
    views = {}
    if pipeline == "device":
        views = _views(stages[0], split.images)
    model = RefCalModel(encoders.get(encoder)(input_shape=shape), num_classes, **views)
    selects = [
        (stage.select or select) != "last" and stage.trains_classifier
        for stage in stages
    ]
    # A nat on one image: smaller differences of a mean say nothing.
    margin = 1 / len(split.validation[1]) if any(selects) else 0.0
    checkpoints = [
        StageCheckpoint(
            directory / f"stage-{number}-{stage.name}",
            CHECKPOINT_SHARE,
            keep_best="val_nll_refinement" if selects[number - 1] else None,
            margin=margin,
        )
        for number, stage in enumerate(stages, 1)
    ]
    for number, (stage, checkpoint) in enumerate(zip(stages, checkpoints, strict=True)):
        is_done = len(checkpoint.logs()) == stage.epochs
        if is_done and any(later.is_whole() for later in checkpoints[number + 1 :]):
            continue
        if checkpoint.is_broken():
            say(f"{title}  damaged, trained anew: {checkpoint.directory}")
        batches = _batches(stage, split.images, seed, pipeline)
        if pipeline == "device":
            model.training_views.make(**_views(stage, split.images))
        stage.compile(model, batches.steps_per_epoch, jit_compile)
        judge = _judge(split, stage.epochs) if selects[number] else ()
        _fit(model, stage, batches, (*judge, checkpoint), f"{title}  {stage.name}")
    histories = {
        stage.name: checkpoint.logs()
        for stage, checkpoint in zip(stages, checkpoints, strict=True)
    }
    if stages[-1].calibrator is not None:
        model = _calibrated(model, stages[-1].calibrator, split, directory, title)
    _write(model, split, directory)
    # Last, because its presence means that the run is whole.
    write_json(directory / "history.json", histories)
    return directory


def _calibrated(model, method, split, directory, title):
    """Returns the model with a calibrator; writes `calibration.json`."""
    images, labels = split.validation
    probabilities = _predict(model, images)
    layer, _, record = fitted(
        labels, probabilities, split.class_counts, method, "balanced"
    )
    write_json(directory / CALIBRATION, record)
    say(f"{title}  calibrated: {record['method']}, on {len(labels)} validation images")
    return layer.attach(model)


def _claim(directory, resolved):
    """Writes the configuration, or checks that it is the one that lies there."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "config.json"
    if not path.exists():
        write_json(path, resolved)
        return
    check_same(directory, resolved)


def check_same(directory, resolved, varying=()):
    """Raises `ValueError` unless a directory holds a run of some configuration.

    Args:
        directory: One that holds `config.json`.
        resolved: What that is compared with.
        varying: Names of settings that may differ.

    Raises:
        OSError: If the file cannot be read.
    """
    found, wanted = _mapping(directory / "config.json"), as_json(resolved)
    different = sorted(
        key
        for key in {*found, *wanted} - {*UNESSENTIAL, *varying}
        if found.get(key) != wanted.get(key)
    )
    if different:
        raise ValueError(
            f"`output_dir` holds a run of another configuration, {directory}: "
            f"{', '.join(different)} differ. Choose another directory, or give the "
            "same flags to go on with that run."
        )


def _mapping(path):
    remedy = f"Remove {path.parent} to train that run anew."
    try:
        value = read_json(path)
    except ValueError as error:
        raise ValueError(f"{error} {remedy}") from error
    if not isinstance(value, dict):
        raise ValueError(
            f"{path}: expected an object. Received: {value!r:.60}. {remedy}"
        )
    return value


def _batches(stage, images, seed, pipeline):
    settings = {"seed": seed, "with_index": stage.with_index}
    if pipeline == "device":
        make = DeviceBatches
    else:
        make, views = TrainingBatches, _views(stage, images)
        settings |= {**views, "augmentation": augment.get(views["augmentation"])}
    return make(images.train_images, images.train_labels, stage.batch_size, **settings)


def _views(stage, images):
    """Returns what makes the views of a stage, as arguments of a `RefCalModel`."""
    return {"augmentation": _augmentation(stage, images), "views": stage.views}


def _augmentation(stage, images):
    if stage.augmentation == "mild":
        return images.mild_augmentation
    if stage.augmentation is not None:
        return stage.augmentation
    return images.augmentation if stage.views > 1 else images.classifier_augmentation


def _judge(split, epochs):
    """Returns the callback that judges epochs on the validation part."""
    images, labels = split.validation
    every = math.ceil(epochs / MOST_JUDGED)
    return (ValidationRefinement(scaled(images), labels, 256, every=every),)


def _fit(model, stage, batches, callbacks, title):
    """Fits a stage from its checkpoint on, the last of `callbacks`."""
    *_, checkpoint = callbacks
    done = checkpoint.resume(model)
    if done < stage.epochs:
        progress = ProgressLines(title, stage.epochs)
        model.fit(
            batches.from_epoch(done),
            initial_epoch=done,
            epochs=stage.epochs,
            steps_per_epoch=batches.steps_per_epoch,
            shuffle=False,
            callbacks=[*stage.callbacks, *callbacks, progress],
            verbose=0,
        )
        if checkpoint.best_epoch:
            say(f"{title}  epoch {checkpoint.best_epoch} is kept")
    checkpoint.load_best(model)


def _write(model, split, directory):
    images = split.images
    common = {
        "class_counts": np.bincount(images.train_labels, minlength=images.num_classes),
        "class_names": np.array(images.class_names),
    }
    test_numbers = np.arange(len(images.test_labels))
    parts = {"predictions": (images.test_images, images.test_labels, test_numbers)}
    if split.validation is not None:
        parts["validation"] = (*split.validation, split.validation_numbers)
    for name, (inputs, labels, numbers) in parts.items():
        with replacing(directory / f"{name}.npz") as temporary:
            np.savez_compressed(
                temporary,
                y_true=labels,
                probabilities=_predict(model, inputs),
                sample_number=numbers,
                images=inputs,
                **common,
            )
    with replacing(directory / "model.keras") as temporary:
        shape = images.train_images.shape[1:]
        Classifier(model, images.class_names, shape).save(temporary)


def _predict(model, images):
    """Returns probabilities; only some images are decoded and scaled at a time."""
    parts = [
        model.predict(
            scaled(images[start : start + AT_ONCE]), batch_size=256, verbose=0
        )
        for start in range(0, len(images), AT_ONCE)
    ]
    return np.concatenate(parts)
