"""One training: the stages of a recipe, one seed, resumable after any epoch."""

import pathlib

import keras
import numpy as np

from keras_refcal.data import TrainingBatches, augment, scaled
from keras_refcal.files import replacing, write_json
from keras_refcal.models import RefCalModel, encoders
from keras_refcal.training.callbacks import ProgressLines, StageCheckpoint


def run_once(images, recipe, encoder, seed, directory, title="train"):
    """Trains a model through the stages of a recipe and keeps its test predictions.

    What an earlier call left in `directory` is used: a finished run is returned, an
    unfinished one goes on after its last whole epoch.

    Args:
        images: An `ImageData`, its training part as it is to be trained on.
        recipe: A tuple of `Stage`.
        encoder: Name of an encoder, see `models.encoders.get`.
        seed: Seed of weights and batches.
        directory: Where the run keeps its files.
        title: What stands before each line of progress.

    Returns:
        The directory, which holds `model.keras`, `predictions.npz` and
        `history.json`.
    """
    directory = pathlib.Path(directory)
    if (directory / "history.json").exists():
        print(f"{title}  already done, see {directory}", flush=True)
        return directory
    keras.utils.set_random_seed(seed)
    shape = images.train_images.shape[1:]
    model = RefCalModel(encoders.get(encoder)(input_shape=shape), images.num_classes)
    histories = {}
    for number, stage in enumerate(recipe):
        checkpoint = StageCheckpoint(directory / f"stage-{number + 1}-{stage.name}")
        _fit(model, stage, images, checkpoint, seed, f"{title}  {stage.name}")
        histories[stage.name] = checkpoint.history
    _write(model, images, directory)
    # Last, because its presence means that the run is whole.
    write_json(directory / "history.json", histories)
    return directory


def predictions_of(directory):
    """Returns the probabilities of a finished run, shape `(n, num_classes)`."""
    with np.load(pathlib.Path(directory) / "predictions.npz") as file:
        return file["probabilities"]


def _fit(model, stage, images, checkpoint, seed, title):
    batches = TrainingBatches(
        images.train_images,
        images.train_labels,
        stage.batch_size,
        augment.get(
            images.augmentation if stage.views > 1 else images.classifier_augmentation
        ),
        views=stage.views,
        seed=seed,
    )
    stage.compile(model, batches.steps_per_epoch)
    done = checkpoint.resume(model)
    if done >= stage.epochs:
        return
    model.fit(
        batches.from_epoch(done),
        initial_epoch=done,
        epochs=stage.epochs,
        steps_per_epoch=batches.steps_per_epoch,
        shuffle=False,
        callbacks=[checkpoint, ProgressLines(title, stage.epochs)],
        verbose=0,
    )


def _write(model, images, directory):
    probabilities = model.predict(scaled(images.test_images), batch_size=256, verbose=0)
    with replacing(directory / "predictions.npz") as temporary:
        np.savez_compressed(
            temporary,
            y_true=images.test_labels,
            probabilities=probabilities,
            class_counts=np.bincount(images.train_labels),
            class_names=np.array(images.class_names),
            images=images.test_images,
        )
    with replacing(directory / "model.keras") as temporary:
        model.save(temporary)
