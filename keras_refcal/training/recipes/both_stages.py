"""RefCal's two stages on a model and data of one's own."""

import math

import keras
import numpy as np

from keras_refcal.callbacks import ValidationRefinement
from keras_refcal.models import RefCalModel
from keras_refcal.training.config import SELECTIONS
from keras_refcal.training.recipes.cached_features import encoded_data, is_arrays
from keras_refcal.training.recipes.refcal import refcal_two_stage
from keras_refcal.training.recipes.scale import small
from keras_refcal.validation import check_choice


def two_stage(
    model, x, y=None, *, epochs=100, classifier_epochs=30, batch_size=64, **arguments
):
    """Trains a `RefCalModel` as RefCal does: first the encoder, then the classifier.

    Args:
        model: A `RefCalModel`.
        x: What the model takes, an array, or a tuple or mapping of arrays: images,
            shape `(n, height, width, channels)` or `(n, views, height, width,
            channels)`, say. Or a batched data set of such and labels. Two augmented
            views a sample serve best, which the model makes of images if it has
            `augmentation=..., views=2`; see `data.two_views` too.
        y: Class ids, shape `(n,)`, if `x` is an array.
        epochs: Epochs of the encoder.
        classifier_epochs: Epochs of the classifier on the frozen encoder.
        batch_size: Images a step, if `x` is an array.
        **arguments: `classifier_x`, the data of the second stage if it is not `x`,
            `cache_features`, see below, `select="refinement"` to keep the epoch of the
            classifier whose `validation_data` have the best refinement, and arguments
            of `model.fit`.

    The second stage trains the classifier on an encoder that stays as it is. Arrays
    pass through it once, before the first epoch, and the classifier is fitted to the
    features: the same training, many times as fast. `cache_features=True` does so with
    data sets too, which are then read once, so they should augment nothing;
    `cache_features=False` passes every image in every epoch, as `None` does where the
    model has an `augmentation` of its own.

    Called again, it trains again: the encoder, then the classifier. What you set
    `trainable` before stays as it is, in both stages and afterwards.

    Returns:
        `{"refinement": History, "classifier": History}`.

    Raises:
        ValueError: If the model is no `RefCalModel`, or the steps of an epoch are not
            known.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_refcal import RefCalModel, recipes
    >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    >>> model = RefCalModel(encoder, num_classes=2)
    >>> x, y = np.eye(4, dtype="float32"), np.array([0, 0, 1, 1])
    >>> histories = recipes.two_stage(
    ...     model, x, y, epochs=2, classifier_epochs=1, verbose=0)
    >>> {name: len(history.epoch) for name, history in histories.items()}
    {'refinement': 2, 'classifier': 1}
    """
    stages = refcal_two_stage(small(epochs, classifier_epochs, batch_size))
    return fit_stages(model, stages, x, y, **arguments)


def fit_stages(
    model,
    stages,
    x,
    y=None,
    *,
    classifier_x=None,
    cache_features=None,
    select="last",
    **fit_arguments,
):
    """Compiles and fits a model for one stage after the other.

    Args:
        model: A `RefCalModel`.
        stages: A tuple of `Stage`.
        x: What `model.fit` takes: an array, or a tuple or mapping of arrays, of shape
            `(n, ...)` or `(n, views, ...)`; or a batched data set.
        y: Class ids, shape `(n,)`, if `x` is an array.
        classifier_x: In place of `x` for stages with a frozen encoder, whose
            classifier needs one view only.
        cache_features: Whether stages with a frozen encoder are fitted to its features,
            computed once. `None` does so for arrays, `True` for data sets as well, of
            which only the first pass is used.
        select: The epoch that stages end with which train the classifier: `"last"`, or
            `"refinement"`, that of the least `val_nll_refinement` of `validation_data`,
            a tuple of inputs and labels; see `callbacks.ValidationRefinement`.
        **fit_arguments: Further arguments of `model.fit`: `callbacks`, which come
            after those of a stage, `verbose`, `validation_data`, `steps_per_epoch`, ….

    Returns:
        Name of a stage to the `keras.callbacks.History` of its fit.

    Raises:
        ValueError: If the model is no `RefCalModel`, the steps of an epoch are not
            known, or there is nothing to select by.
    """
    if not isinstance(model, RefCalModel):
        raise ValueError(f"`model` must be a RefCalModel. Received: {model!r}")
    check_choice("select", select, SELECTIONS)
    histories = {}
    for stage in stages:
        inputs = x if classifier_x is None or not stage.freeze_encoder else classifier_x
        steps = fit_arguments.get("steps_per_epoch") or _steps(inputs, stage.batch_size)
        stage.compile(model, steps)
        # A data set comes in batches and in an order of its own.
        form = {"shuffle": False} if y is None else {"batch_size": stage.batch_size}
        data = {"x": inputs, "y": y, **form, **fit_arguments}
        if stage.with_index:
            data["y"] = _with_index(y)
        if stage.freeze_encoder:
            data = encoded_data(model, data, cache_features)
        chooses = select != "last" and stage.trains_classifier
        data["callbacks"] = [
            *(_judge(data.get("validation_data")) if chooses else ()),
            *stage.callbacks,
            *keras.tree.flatten(fit_arguments.get("callbacks") or []),
            *(_keep_best(stage.epochs) if chooses else ()),
        ]
        histories[stage.name] = model.fit(epochs=stage.epochs, **data)
    return histories


def _judge(validation_data):
    """Returns the callback that judges each epoch on the validation data."""
    if not isinstance(validation_data, tuple | list):
        raise ValueError(
            "`select='refinement'` needs `validation_data`, a tuple of inputs and "
            f"labels. Received: {type(validation_data).__name__}"
        )
    return (ValidationRefinement(*validation_data[:2]),)


def _keep_best(epochs):
    """Returns the callback that ends a fit with its best epoch."""
    return (
        keras.callbacks.EarlyStopping(
            "val_nll_refinement",
            mode="min",
            patience=epochs,
            restore_best_weights=True,
        ),
    )


def _with_index(y):
    """Returns class ids, shape `(n,)`, with the number of each sample, `(n, 2)`."""
    if y is None or np.ndim(y) != 1:
        return y
    return np.stack([np.asarray(y), np.arange(len(y))], axis=1)


def _steps(x, batch_size):
    if is_arrays(x):
        return math.ceil(len(keras.tree.flatten(x)[0]) / batch_size)
    try:
        steps = len(x)
    except TypeError as error:
        raise ValueError(
            "`steps_per_epoch` must be given for data whose length is not known. "
            f"Received: {type(x).__name__}"
        ) from error
    return steps
