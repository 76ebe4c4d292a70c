"""Arguments of `fit` in which a frozen encoder's features stand for images."""

import itertools

import keras
import numpy as np

from keras_refcal.models.features import encoding


def encoded_data(model, data, cache_features=None):
    """Returns arguments of `model.fit` with images passed through the encoder.

    Args:
        model: A `RefCalModel` with a frozen encoder.
        data: Arguments of `fit`, by name; `x` an array or a batched data set.
        cache_features: `None` encodes arrays, unless the model makes views of them;
            `True` data sets as well: those are read once and become arrays. `False`
            returns `data` as they are.
    """
    is_array = hasattr(data["x"], "shape")
    if cache_features is None and model.training_views is not None:
        return data
    if cache_features is False or not (is_array or cache_features):
        return data
    encoded = encoding(model)
    if is_array:
        data = {**data, "x": encoded(data["x"])}
    else:
        data = {**data, **_read(encoded, data["x"], data.get("steps_per_epoch"))}
    validation = data.get("validation_data")
    # Any other form of it holds images, which the model takes as well.
    if isinstance(validation, tuple | list) and hasattr(validation[0], "shape"):
        images, *rest = validation
        data["validation_data"] = (encoded(images), *rest)
    return data


def _read(encoded, batches, steps):
    """Returns what one pass over batches gives, as arguments of `fit`."""
    if steps is None and isinstance(batches, keras.utils.PyDataset):
        steps = len(batches)  # in older Keras iterating one does not end
    columns = None
    for batch in itertools.islice(batches, steps):
        images, *rest = (keras.ops.convert_to_numpy(part) for part in batch)
        parts = [encoded(images)["features"], *rest]
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
