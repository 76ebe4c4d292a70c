"""Every loss of `losses.__all__`, made from its signature, with data that fits all."""

import inspect

import keras
import numpy as np

from keras_refcal import losses

CLASSES = 4
SAMPLES = 12
CLASS_COUNTS = (40, 20, 10, 5)
EXPORTED = {
    name: getattr(losses, name)
    for name in losses.__all__
    if isinstance(getattr(losses, name), type)
}
# What a constructor may ask for; embeddings are as long as there are classes.
ARGUMENTS = {
    "class_counts": CLASS_COUNTS,
    "num_classes": CLASSES,
    "num_samples": SAMPLES,
    "embedding_dim": CLASSES,
}


def make(name, **options):
    """Returns the loss of that name with a history, if it keeps one."""
    keras.utils.set_random_seed(0)
    cls = EXPORTED[name]
    known = inspect.signature(cls).parameters
    given = {k: v for k, v in ARGUMENTS.items() if k in known}
    loss = cls(**{**given, **options})
    labels, logits = draw(7)
    if loss.needs_index:
        loss.update_state(y_true(loss, labels), {"logits": logits})
    return loss


def on_logits(name, **options):
    """Returns the loss with `from_logits=True` where it has that argument."""
    if hasattr(make(name), "from_logits"):
        options["from_logits"] = True
    return make(name, **options)


def of_two_classes(name, from_logits, **options):
    """Returns the loss for two classes, of logits or of probabilities."""
    if "class_counts" in inspect.signature(EXPORTED[name]).parameters:
        options["class_counts"] = (30, 10)
    return make(name, from_logits=from_logits, **options)


def draw(seed=0, samples=SAMPLES):
    """Returns class ids, shape `(samples,)`, and logits, `(samples, CLASSES)`."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, CLASSES, samples)
    return labels, generator.normal(size=(samples, CLASSES)).astype("float32") * 2


def y_true(loss, labels, index=None):
    """Returns labels, ids or rows, with a column of indices if the loss needs it."""
    if not loss.needs_index:
        return labels
    columns = labels.reshape(len(labels), -1)
    index = np.arange(len(labels)) if index is None else index
    return np.concatenate([columns, index[:, None]], axis=1)


def to_numpy(x):
    """Returns a tensor as an array."""
    return np.array(keras.ops.convert_to_numpy(x))
