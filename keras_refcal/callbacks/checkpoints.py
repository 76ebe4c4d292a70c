"""Callbacks: checkpoints that resume a stage, and progress as lines of text."""

import math
import pathlib
import re
import time
from typing import Any

import keras
import numpy as np

from keras_refcal.files import read_json, replacing, sha256, write_json
from keras_refcal.terminal import say
from keras_refcal.validation import check_in_range, check_positive

# What HDF5 needs for the name and the place of one variable, at most.
_BYTES_OF_A_NAME = 8192

_RECORD = "checkpoint.json"
_NAME = re.compile(r"epoch-(\d+)\.weights\.h5")
_BEST = re.compile(r"best-(\d+)\.npz")


class StageCheckpoint(keras.callbacks.Callback):
    """Saves weights, optimizer state and logs after epochs of a stage.

    A checkpoint is one file, renamed into place. `checkpoint.json` is written after it:
    which file counts, its checksum, the stage that it is of and the logs of its epochs.
    So a process killed at any moment leaves the last checkpoint that was saved whole,
    and none that is damaged or of another stage is taken for it.

    Args:
        directory: Where the checkpoints of this stage lie; it has the stage's name.
        share_of_time: Largest share of the time that saving may take, in (0, 1].
            Where epochs are short, some are left out for it, never the first or the
            last; 1 saves every epoch.
        keep_best: Name of a figure in the logs, of which less is better: the weights of
            the epoch where it is least are kept too, see `load_best`.
        margin: By how much two figures must differ to count as different: of epochs
            within it of the least the latest is kept, because training goes on.
    """

    def __init__(
        self,
        directory: Any,
        share_of_time: float = 1.0,
        keep_best: Any = None,
        margin: float = 0.0,
    ):
        super().__init__()
        check_positive("share_of_time", share_of_time)
        check_in_range("share_of_time", share_of_time, 0, 1)
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.history = []
        self.share_of_time = share_of_time
        self.keep_best = keep_best
        self.margin = margin
        self._next_save = -math.inf
        self._best_weights = None
        self._best_saved = None

    def resume(self, model: keras.Model) -> Any:
        """Loads the last checkpoint into a compiled model.

        Returns:
            The number of epochs that are done, 0 without a whole checkpoint.

        Raises:
            OSError: If a whole checkpoint does not fit the model, naming the file.
        """
        record = self._record()
        if record is None or not self.is_whole():
            return 0
        path = self.directory / record["checkpoint"]
        model.optimizer.build(model.trainable_variables)
        try:
            model.load_weights(path)
        except (OSError, ValueError, KeyError) as error:
            raise OSError(
                f"The checkpoint {path} cannot be read ({error}). Remove it to train "
                "this stage anew; earlier stages are kept."
            ) from error
        self.history = record["logs"]
        if self.best_epoch:
            with np.load(self._best_path()) as file:
                self._best_weights = [file[name] for name in file.files]
            self._best_saved = self.best_epoch
        return len(self.history)

    @property
    def best_epoch(self) -> Any:
        """The epoch of the best figure, counted from 1; `None` if none is asked for."""
        values = np.array([logs.get(self.keep_best, math.nan) for logs in self.history])
        if not np.isfinite(values).any():
            return None
        good = values <= np.nanmin(values) + self.margin
        # Of equal figures the first: what brings nothing is not waited for.
        return int(np.flatnonzero(good)[-1 if self.margin else 0]) + 1

    def load_best(self, model: keras.Model) -> Any:
        """Gives a model the weights of the best epoch, if one is asked for."""
        if self._best_weights is not None:
            model.set_weights(self._best_weights)

    def is_whole(self) -> Any:
        """Whether there is a checkpoint that is as it was written."""
        record = self._record()
        return record is not None and all(
            sha256(self.directory / name) == checksum
            for name, checksum in [
                (record["checkpoint"], record["sha256"]),
                *record.get("best", {}).items(),
            ]
        )

    def is_broken(self) -> Any:
        """Whether there was a checkpoint that is gone or has changed."""
        return (self.directory / _RECORD).exists() and not self.is_whole()

    def logs(self) -> Any:
        """Returns the logs of the epochs that are done, one mapping each."""
        record = self._record()
        return [] if record is None else record["logs"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes the checkpoint of the epoch where one is due."""
        self.history.append({name: float(value) for name, value in logs.items()})
        if self.best_epoch == epoch + 1:
            self._best_weights = [np.array(w) for w in self.model.get_weights()]
        start = time.monotonic()
        if start >= self._next_save or epoch + 1 == self.params["epochs"]:
            self._save(epoch)
            end = time.monotonic()
            self._next_save = end + (end - start) * (1 / self.share_of_time - 1)

    def _save(self, epoch):
        """Writes the checkpoint of the epoch and removes older ones."""
        path = self.directory / f"epoch-{epoch + 1}.weights.h5"
        with replacing(path, room=self._room()) as temporary:
            self.model.save_weights(temporary)
            checksum = sha256(temporary)
        record = {
            "stage": self.directory.name,
            "checkpoint": path.name,
            "sha256": checksum,
            "logs": self.history,
        }
        kept = {path}
        if self.best_epoch:
            kept.add(self._best_path())
            record["best"] = {self._best_path().name: self._save_best()}
        write_json(self.directory / _RECORD, record)
        for other in self.directory.iterdir():
            if other not in kept and _is_checkpoint(other.name):
                other.unlink()

    def _save_best(self):
        """Writes the weights of the best epoch; returns the checksum of the file."""
        path = self._best_path()
        if self._best_saved != self.best_epoch:
            with replacing(path, room=self._room()) as temporary:
                with open(temporary, "wb") as file:
                    np.savez(file, *self._best_weights)
            self._best_saved = self.best_epoch
        return sha256(path)

    def _best_path(self):
        return self.directory / f"best-{self.best_epoch}.npz"

    def _record(self):
        """Returns what `checkpoint.json` says, `None` if nothing that holds here."""
        try:
            record = read_json(self.directory / _RECORD)
        except (OSError, ValueError):
            return None
        if not isinstance(record, dict) or record.get("stage") != self.directory.name:
            return None
        name, logs = record.get("checkpoint"), record.get("logs")
        found = _NAME.fullmatch(name) if isinstance(name, str) else None
        if not found or not isinstance(logs, list) or int(found[1]) != len(logs):
            return None
        return record

    def _room(self):
        """Returns the bytes of a checkpoint of 32-bit weights, or a few more.

        HDF5 crashes the process when the disk is full.
        """
        variables = [*self.model.variables, *self.model.optimizer.variables]
        values = sum(math.prod(variable.shape) for variable in variables)
        return 4 * values + _BYTES_OF_A_NAME * len(variables)


def _is_checkpoint(name):
    return _NAME.fullmatch(name) or _BEST.fullmatch(name)


class ProgressLines(keras.callbacks.Callback):
    """Prints a line of logs, and the time left, about ten times in a stage.

    Args:
        title: What stands before the epoch.
        epochs: Epochs of the stage.
    """

    def __init__(self, title: str, epochs: int):
        super().__init__()
        self.title = title
        self.epochs = epochs
        self._start = self._first = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes when the first epoch of this process began."""
        if self._start is None:
            self._start, self._first = time.monotonic(), epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Prints the logs of every tenth part of the stage."""
        done = epoch + 1
        if done % max(1, self.epochs // 10) == 0 or done == self.epochs:
            values = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
            say(f"{self.title}  epoch {done}/{self.epochs}  {values}{self._left(done)}")

    def _left(self, done):
        """Says how long the rest takes, if it is as fast as what is done."""
        an_epoch = (time.monotonic() - self._start) / (done - self._first)
        seconds = an_epoch * (self.epochs - done)
        if done == self.epochs:
            return ""
        if seconds < 100:
            return f"  {seconds:.0f} s left"
        return f"  {seconds / 60:.0f} min left"
