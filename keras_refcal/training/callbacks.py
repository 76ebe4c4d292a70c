"""Callbacks: checkpoints that resume a stage, and progress as lines of text."""

import math
import pathlib
import re
import time

import keras

from keras_refcal.files import read_json, replacing, write_json
from keras_refcal.validation import check_in_range, check_positive

# What HDF5 needs for the name and the place of one variable, at most.
_BYTES_OF_A_NAME = 8192

_NAME = re.compile(r"epoch-(\d+)\.weights\.h5")


class StageCheckpoint(keras.callbacks.Callback):
    """Saves weights, optimizer state and history after epochs of a stage.

    A checkpoint is one file, renamed into place, whose name tells the epoch: a
    process killed at any moment leaves the last one that was saved whole.

    Args:
        directory: Where the checkpoints of this stage lie.
        share_of_time: Largest share of the time that saving may take, in (0, 1].
            Where epochs are short, some are left out for it, never the first or the
            last; 1 saves every epoch.
    """

    def __init__(self, directory, share_of_time=1.0):
        super().__init__()
        check_positive("share_of_time", share_of_time)
        check_in_range("share_of_time", share_of_time, 0, 1)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.history = []
        self.share_of_time = share_of_time
        self._next_save = -math.inf

    def resume(self, model):
        """Loads the last checkpoint into a compiled model.

        Returns:
            The number of epochs that are done, 0 without a checkpoint.

        Raises:
            OSError: If the checkpoint cannot be read, naming the file.
        """
        checkpoints = self._checkpoints()
        if not checkpoints:
            return 0
        done = max(checkpoints)
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(checkpoints[done])
        except (OSError, ValueError, KeyError) as error:
            raise OSError(
                f"The checkpoint {checkpoints[done]} cannot be read ({error}). Remove "
                "it to train this stage anew; earlier stages are kept."
            ) from error
        self.history = read_json(self.directory / "history.json")[:done]
        return done

    def on_epoch_end(self, epoch, logs=None):
        """Writes history and checkpoint of the epoch where one is due."""
        self.history.append({name: float(value) for name, value in logs.items()})
        start = time.monotonic()
        if start >= self._next_save or epoch + 1 == self.params["epochs"]:
            self._save(epoch)
            end = time.monotonic()
            self._next_save = end + (end - start) * (1 / self.share_of_time - 1)

    def _save(self, epoch):
        """Writes history and checkpoint of the epoch and removes older ones."""
        write_json(self.directory / "history.json", self.history)
        path = self.directory / f"epoch-{epoch + 1}.weights.h5"
        with replacing(path, room=self._room()) as temporary:
            self.model.save_weights(temporary)
        for done, old in self._checkpoints().items():
            if done <= epoch:
                old.unlink()

    def _room(self):
        """Returns the bytes of a checkpoint of 32-bit weights, or a few more.

        HDF5 crashes the process when the disk is full.
        """
        variables = [*self.model.variables, *self.model.optimizer.variables]
        values = sum(math.prod(variable.shape) for variable in variables)
        return 4 * values + _BYTES_OF_A_NAME * len(variables)

    def _checkpoints(self):
        found = (_NAME.fullmatch(path.name) for path in self.directory.iterdir())
        return {int(m[1]): self.directory / m[0] for m in found if m}


class ProgressLines(keras.callbacks.Callback):
    """Prints a line of logs about ten times in a stage.

    Args:
        title: What stands before the epoch.
        epochs: Epochs of the stage.
    """

    def __init__(self, title, epochs):
        super().__init__()
        self.title = title
        self.epochs = epochs

    def on_epoch_end(self, epoch, logs=None):
        """Prints the logs of every tenth part of the stage."""
        done = epoch + 1
        if done % max(1, self.epochs // 10) == 0 or done == self.epochs:
            values = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
            print(f"{self.title}  epoch {done}/{self.epochs}  {values}", flush=True)
