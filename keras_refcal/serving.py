"""Saved classifiers as others use them: images in, names of classes out."""

import dataclasses
import json
import os
import pathlib
import zipfile

import keras
import numpy as np

from keras_refcal.data.image_files import decode
from keras_refcal.models.loading import load_model
from keras_refcal.predictions import two_columns

# A member that Keras leaves alone when it loads the file.
DESCRIPTION = "keras_refcal.json"
# Inputs that are read and judged at once.
AT_ONCE = 1024


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a classifier says of one input.

    Attributes:
        label: Name of the most probable class.
        confidence: Its probability.
        prediction_set: Names of the classes in the prediction set, `None` for a model
            without conformal sets.
    """

    label: str
    confidence: float
    prediction_set: tuple[str, ...] | None = None


class Classifier:
    """A model with what it takes to serve it: names of classes, size and scale.

    Args:
        model: A `keras.Model` that returns probabilities, `(batch, num_classes)` or one
            column for two classes, or a mapping of `"probabilities"` and
            `"prediction_set"`, as `ConformalSets.attach` makes it.
        class_names: One name a class.
        input_shape: Height, width and channels of images, or the number of columns of
            a table, as a tuple.
        divide_by: What raw inputs are divided by: 255 for images, whose encoders take
            values from 0 to 1.

    Raises:
        ValueError: If names or shape do not fit the model.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal.serving import Classifier
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Softmax()])
    >>> classifier = Classifier(model, ["cat", "dog"], (2,), divide_by=1)
    >>> classifier.answers(np.array([[0.0, 2.0]]))[0].label
    'dog'
    """

    def __init__(self, model, class_names, input_shape, divide_by=255):
        self.model = model
        self.class_names = tuple(map(str, class_names))
        self.input_shape = tuple(int(side) for side in input_shape)
        self.divide_by = float(divide_by)
        if len(self.class_names) < 2 or len(self.input_shape) not in (1, 3):
            raise ValueError(
                "`class_names` must name two classes or more, and `input_shape` be "
                "(height, width, channels) or (columns,). Received: "
                f"{self.class_names} and {self.input_shape}"
            )
        if not (np.isfinite(self.divide_by) and self.divide_by > 0):
            raise ValueError(f"`divide_by` must be above 0. Received: {divide_by!r}")

    @classmethod
    def load(cls, path):
        """Returns the classifier of a `.keras` file.

        Args:
            path: A file that `save`, `keras-refcal train` or `calibrate` wrote.

        Raises:
            OSError: If the file cannot be read.
            ValueError: If it is damaged, or does not say its classes.
        """
        model, described = load_model(path), description(path)
        try:
            return cls(model, **described)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {DESCRIPTION} is damaged ({error}).") from error

    def save(self, path):
        """Writes model, names, size and scale into one `.keras` file."""
        self.model.save(path)
        described = {
            "class_names": self.class_names,
            "input_shape": self.input_shape,
            "divide_by": self.divide_by,
        }
        with zipfile.ZipFile(path, "a") as file:
            file.writestr(DESCRIPTION, json.dumps(described))

    def with_model(self, model):
        """Returns a classifier of the same classes and inputs with another model."""
        return Classifier(model, self.class_names, self.input_shape, self.divide_by)

    def answers(self, inputs) -> list[Answer]:
        """Returns an `Answer` for each input.

        Args:
            inputs: Raw inputs, shape `(n, height, width, channels)` or `(n, columns)`;
                or a list of images as paths or as the bytes of their files, of any
                size.

        Raises:
            ValueError: If the inputs have another shape, an image cannot be read, or
                the model returns something else than these classes.
        """
        found = []
        for start in range(0, len(inputs), AT_ONCE):
            found += self._answers(self._array(inputs[start : start + AT_ONCE]))
        return found

    def _array(self, inputs):
        if not isinstance(inputs, np.ndarray):
            return np.stack([self.decoded(source) for source in inputs])
        if inputs.shape[1:] != self.input_shape or inputs.dtype.kind not in "biuf":
            raise ValueError(
                f"inputs must be numbers of shape (n, {str(self.input_shape)[1:-1]}). "
                f"Received: {inputs.dtype} of shape {inputs.shape}"
            )
        return inputs

    def decoded(self, source):
        """Returns an image, as a path or the bytes of a file, as the model takes it.

        Raises:
            ValueError: If it cannot be read, naming it.
        """
        if len(self.input_shape) != 3:
            raise ValueError(
                f"This model takes {self.input_shape[0]} numbers an input."
            )
        height, width, channels = self.input_shape
        encoded, name = source, "the image"
        if isinstance(source, str | os.PathLike):
            encoded, name = pathlib.Path(source).read_bytes(), source
        return decode(encoded, name, (height, width), channels)

    def _answers(self, inputs):
        outputs = self.model.predict(
            inputs.astype("float32") / self.divide_by, batch_size=256, verbose=0
        )
        sets = None
        if isinstance(outputs, dict):
            outputs, sets = outputs["probabilities"], outputs["prediction_set"]
        outputs = two_columns(np.asarray(outputs), from_logits=False)
        if outputs.shape != (len(inputs), len(self.class_names)):
            raise ValueError(
                f"The model must return a probability for each of "
                f"{len(self.class_names)} classes. Received shape: {outputs.shape}"
            )
        labels = np.argmax(outputs, axis=1)
        return [
            Answer(
                self.class_names[label],
                float(outputs[row, label]),
                None if sets is None else self._names(sets[row]),
            )
            for row, label in enumerate(labels)
        ]

    def _names(self, members):
        return tuple(np.array(self.class_names, object)[np.asarray(members, bool)])


def description(path):
    """Returns what a `.keras` file says of its classes and inputs.

    Raises:
        ValueError: If it says nothing, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as file:
            if DESCRIPTION not in file.namelist():
                raise ValueError(
                    f"{path} does not say its classes and inputs: save it by "
                    "keras_refcal.serving.Classifier(model, class_names, input_shape)"
                    ".save(path)."
                )
            described = json.loads(file.read(DESCRIPTION))
    except (zipfile.BadZipFile, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: damaged ({error}).") from error
    if not isinstance(described, dict):
        raise ValueError(f"{path}: {DESCRIPTION} must hold an object.")
    return described


def save_like(model: keras.Model, path, source) -> None:
    """Saves a model, with the classes and inputs of another file if that tells them.

    Args:
        model: The model.
        path: The file to write.
        source: The `.keras` file of a model of the same classes and inputs.
    """
    try:
        described = description(source)
    except ValueError:
        model.save(path)
        return
    Classifier(model, **described).save(path)
