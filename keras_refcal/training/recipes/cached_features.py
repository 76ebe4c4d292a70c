"""Arguments of `fit` in which a frozen encoder's features stand for images."""

import itertools

import keras
import numpy as np

from keras_refcal.models.features import encoding


def encoded_data(model, data, cache_features=None):
    """Returns arguments of `model.fit` with images passed through the encoder.

    Args:
        model: A `RefCalModel` with a frozen encoder.
        data: Arguments of `fit`, by name; `x` arrays or a batched data set.
        cache_features: `None` encodes arrays, unless the model makes views of them;
            `True` data sets as well: those are read once and become arrays. `False`
            returns `data` as they are.
    """
    in_arrays = is_arrays(data["x"])
    if cache_features is None and model.training_views is not None:
        return data
    if cache_features is False or not (in_arrays or cache_features):
        return data
    encoded = encoding(model)
    if in_arrays:
        data = {**data, "x": encoded(data["x"])}
    else:
        data = {**data, **_read(encoded, data["x"], data.get("steps_per_epoch"))}
    validation = data.get("validation_data")
    # Any other form of it holds images, which the model takes as well.
    if isinstance(validation, tuple | list) and is_arrays(validation[0]):
        images, *rest = validation
        data["validation_data"] = (encoded(images), *rest)
    return data


def is_arrays(x) -> bool:
    """Whether inputs are an array, or a tuple, list or mapping of arrays."""
    return all(hasattr(part, "shape") for part in keras.tree.flatten(x))


def _read(encoded, batches, steps):
    """Returns what one pass over batches gives, as arguments of `fit`."""
    if steps is None and isinstance(batches, keras.utils.PyDataset):
        steps = len(batches)  # in older Keras iterating one does not end
    columns = None
    for batch in itertools.islice(batches, steps):
        inputs, *rest = batch
        rest = map(keras.ops.convert_to_numpy, rest)
        parts = [encoded(inputs)["features"], *rest]
        columns = columns or [[] for _ in parts]
        for column, part in zip(columns, parts, strict=True):
            column.append(part)
    if columns is None:
        raise ValueError("`x` must hold one batch or more. Received none.")
    features, labels, *weights = map(np.concatenate, columns)
    return {
        "x": {"features": features},
        "y": labels,
        "sample_weight": weights[0] if weights else None,
        "batch_size": len(columns[0][0]),
        "steps_per_epoch": None,
        "shuffle": True,
    }
