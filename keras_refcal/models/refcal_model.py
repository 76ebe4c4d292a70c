"""The model of RefCal: an encoder with a contrastive head and a classifier."""

import keras
from keras import ops

from keras_refcal.backend import TrainStep, global_batch, num_replicas
from keras_refcal.backend.keras_internals import flat_layers, without_loss_of_keras
from keras_refcal.layers.projection_head import ProjectionHead
from keras_refcal.models.compiled_loss import (
    HEADS,
    as_refcal_loss,
    own_loss,
    unreached_heads,
)
from keras_refcal.models.features import (
    FEATURES,
    FEATURES_RANK,
    features_shape_of,
    is_features,
)
from keras_refcal.models.given_data import GivenData
from keras_refcal.models.held_parts import HeldParts
from keras_refcal.models.training_views import TrainingViews
from keras_refcal.models.views import fold, fold_views, unfold_views
from keras_refcal.ops.labels import split_index, without_index
from keras_refcal.registration import serializable
from keras_refcal.validation import check_integer, is_class_ids


@serializable
class RefCalModel(HeldParts, GivenData, TrainStep, keras.Model):
    """An encoder, a projection head for refinement and a classifier.

    Calling the model returns probabilities, as `keras.applications` models do. Its
    losses see logits and embeddings, so
    `model.compile(optimizer, loss=RefCalLoss(), metrics=["accuracy"])` is right as it
    stands.

    A stage is a compile. The head that no term of the loss reaches keeps its weights
    until the next `compile`, which a log line says once. What is `trainable` is up to
    you: `compile` leaves it as it is. What a loss keeps between batches (prototypes,
    a history) is the model's own: `compile` copies such a loss, and `model.loss`, the
    copy, is trained, updated and saved with the model. The loss that was given stays
    as it is, for the next model.

    With a loss of this package, `fit`, `evaluate` and the steps on one batch look at
    labels and weights once, before the first compiled step, which could not: arrays
    wholly, the first batch of a data set that can be read again.

    Args:
        encoder: A `keras.Model` or layer that maps its inputs, a tensor of any rank, a
            tuple or a mapping of tensors, to features `(batch, features)`. It is saved
            with the model. A network of Keras or KerasHub whose output is of another
            form becomes one by `models.encoders.from_backbone`.
        num_classes: Integer, 2 or more.
        projection_dim: Positive integer, length of the contrastive embedding.
        classifier_activation: `"softmax"`, or `None` to return logits.
        micro_batch_size: Positive integer or `None`. A training step on more samples
            than this runs the encoder on so many at a time, twice: once for the
            outputs, and, after the loss of the whole batch, once for the gradient.
            The gradient is that of the whole batch; memory is that of a micro-batch.
            Batch normalisation in training mode sees one micro-batch at a time, and
            its moving statistics take a step for each; an activity regularizer
            counts less with Keras before 3.14, which sums it over a batch. All else
            is as without.
        heads: What `get_config` says of the two heads of a saved model: whether they
            are quantised, and what of them is trainable.
        augmentation: What makes views of raw images in training, inside the step, on
            the device that trains: a name of `data.augment`, a function of
            `(images, seed)` as those there, or a Keras layer. Images are uint8, or
            float in [0, 1]; the encoder sees them in [0, 1], at inference as they are.
            The seed is a variable: a run that goes on from saved weights sees the
            views that it would have seen, and several devices see different ones.
        views: Views of each image that `augmentation` makes.
        **kwargs: `name`, `dtype`, `trainable` of `keras.Model`.

    Call arguments:
        inputs: What the encoder takes, or the same with a view axis after the batch
            axis, in every part: `(batch, views, height, width, channels)`. All views
            go through the encoder as one batch. A layer or subclassed model that is
            not built yet reads its first inputs as without views (of images, rank 5,
            as with views): build or call it before. Or `{"features": features}`,
            what the encoder returned, `(batch, features)` or
            `(batch, views, features)`, see `encode`.
        training: Whether to run in training mode. A frozen encoder runs in inference
            mode always; one of which a layer is frozen does not.
        return_outputs: Whether to return a mapping of `"predictions"`, shape
            `(batch, num_classes)`, `"logits"`, shape `(batch, views, num_classes)`,
            and `"embeddings"`, shape `(batch, views, projection_dim)`, instead. In
            training mode a model compiled with a loss of this package has embeddings
            only if a term of the loss reads them.

    Returns:
        Probabilities, shape `(batch, num_classes)`, the mean over the views.

    Raises:
        ValueError: If an argument or the rank of the inputs does not fit.

    Reference:
        [RefCal, 2026](https://arxiv.org/abs/2605.23249).

    Example:

    >>> import keras
    >>> import numpy as np
    >>> import keras_refcal
    >>> encoder = keras.Sequential(
    ...     [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(16)]
    ... )
    >>> model = keras_refcal.RefCalModel(encoder, num_classes=10)
    >>> model.compile("sgd", loss=keras_refcal.losses.RefCalLoss())
    >>> images, labels = np.ones((4, 8, 8, 1)), np.array([0, 1, 1, 0])
    >>> history = model.fit(images, labels, verbose=0)
    >>> sorted(history.history)
    ['calibration_loss', 'classification_loss', 'loss', 'refinement_loss']
    >>> model.predict(images, verbose=0).shape
    (4, 10)
    """

    def __init__(
        self,
        encoder,
        num_classes,
        projection_dim=128,
        classifier_activation="softmax",
        micro_batch_size=None,
        heads=None,
        augmentation=None,
        views=1,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(num_classes, int) or num_classes < 2:
            raise ValueError(
                f"`num_classes` must be an integer >= 2. Received: {num_classes!r}"
            )
        if classifier_activation not in ("softmax", None):
            raise ValueError(
                "`classifier_activation` must be 'softmax' or None. "
                f"Received: {classifier_activation!r}"
            )
        if micro_batch_size is not None:
            check_integer("micro_batch_size", micro_batch_size, 1)
        if augmentation is None and views != 1:
            raise ValueError(
                "`views` must be 1 without an `augmentation` that makes them. "
                f"Received: views={views!r}"
            )
        self.encoder = encoder
        self.num_classes = num_classes
        self.projection_dim = projection_dim
        self.classifier_activation = classifier_activation
        self.micro_batch_size = micro_batch_size
        heads = {
            name: keras.saving.deserialize_keras_object(head)
            for name, head in (heads or {}).items()
        }
        self.projection = heads.get("projection") or ProjectionHead(
            projection_dim, dtype=self.dtype_policy, name="projection"
        )
        # Logits and softmax stay in float32 under mixed precision.
        self.classifier = heads.get("classifier") or keras.layers.Dense(
            num_classes, dtype="float32", name="classifier"
        )
        self._term_trackers = {
            term: keras.metrics.Mean(name=f"{term}_loss")
            for term in ("refinement", "calibration", "classification")
        }
        self._refcal_loss = None
        self._embedding_metrics = tuple
        self.training_views = None
        if augmentation is not None:
            self.training_views = TrainingViews(augmentation, views)
        if getattr(encoder, "inputs", None):
            self.build(encoder.input_shape)

    def build(self, input_shape):
        """Creates the weights for inputs with or without a view axis."""
        features_shape = features_shape_of(self.encoder, input_shape)
        for head in (self.projection, self.classifier):
            if not head.built:
                head.build(features_shape)
        self.built = True

    def call(self, inputs, training=None, return_outputs=False):
        """Returns probabilities, or all outputs as a mapping."""
        features, views = self._features(inputs, training)
        logits = unfold_views(self.classifier(features), views)
        predictions = logits
        if self.classifier_activation == "softmax":
            predictions = ops.softmax(logits, axis=-1)
        predictions = ops.mean(predictions, axis=1)
        if not return_outputs:
            return predictions
        outputs = {"predictions": predictions, "logits": logits}
        terms = self._active_terms()
        watched = "refinement" in terms or self._embedding_metrics()
        if not training or not terms or watched:
            outputs["embeddings"] = unfold_views(self.projection(features), views)
        return outputs

    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        *,
        loss_weights=None,
        freeze_encoder=False,
        embedding_metrics=(),
        **kwargs,
    ):
        """Configures a stage of training; see `keras.Model.compile`.

        Args:
            optimizer: As in Keras.
            loss: A `RefCalLoss`, any other loss of this package or its name (which
                then becomes the one term of a `RefCalLoss`), or any Keras loss, which
                sees the predictions alone.
            loss_weights: Must be `None` with a `RefCalLoss`, which has its own.
            freeze_encoder: Whether the encoder keeps its weights and statistics, and
                runs in inference mode, until the next `compile`.
            embedding_metrics: Metrics that see the projected embeddings, shape
                `(batch, views, projection_dim)`, see `metrics.embeddings`.
            **kwargs: As in Keras.
        """
        loss = own_loss(loss)
        self._refcal_loss = as_refcal_loss(loss)
        if self._refcal_loss is not None and loss_weights is not None:
            raise ValueError(
                "`loss_weights` does not apply to RefCalLoss: set "
                "`calibration_weight` and `refinement_weight` of the loss. "
                f"Received: loss_weights={loss_weights}"
            )
        self.hold(unreached_heads(loss) + ("encoder",) * freeze_encoder)
        # In a function, as a built model tracks no new state.
        watched = tuple(embedding_metrics)
        self._embedding_metrics = lambda: watched
        super().compile(
            optimizer=optimizer, loss=loss, loss_weights=loss_weights, **kwargs
        )
        if self._refcal_loss is not None:
            without_loss_of_keras(self)

    def get_compile_config(self):
        """Returns the arguments of this compile, serialised."""
        config = super().get_compile_config()
        return config and {
            **config,
            "freeze_encoder": "encoder" in self._held,
            "embedding_metrics": [
                keras.saving.serialize_keras_object(metric)
                for metric in self._embedding_metrics()
            ],
        }

    def compile_from_config(self, config):
        """Compiles the model as it was compiled when it was saved."""
        self._said = tuple(HEADS)
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def freeze_encoder(self):
        """Keeps the encoder's weights and statistics as they are from now on.

        It sets `encoder.trainable`; `compile(freeze_encoder=True)` is for one stage.
        Call `compile` afterwards, as Keras asks after any change of `trainable`.
        """
        self.encoder.trainable = False

    def splits_batch(self, x):
        """Returns whether a training step on these inputs runs in micro-batches."""
        size = self.micro_batch_size
        if size is None or is_features(x):  # which need no encoder
            return False
        batch = keras.tree.flatten(x)[0].shape[0]
        return batch is None or batch > size

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        """Returns the total loss of a batch and records its terms."""
        if self._refcal_loss is None:
            predictions = _predictions(y_pred)
            return super().compute_loss(x, y, predictions, sample_weight, training)
        if not isinstance(y_pred, dict):
            # Keras builds its losses from what the model returns by default.
            y_pred = self(x, training=training, return_outputs=True)
        if self._refcal_loss.needs_index and not training and is_class_ids(y):
            y = without_index(y)
        # Read before the global batch, where another replica takes its turn.
        additional = list(self.losses)
        y_pred = {name: y_pred[name] for name in self._refcal_loss.outputs_read}
        y, y_pred, sample_weight = global_batch((y, y_pred, sample_weight))
        values = self._refcal_loss.term_values(y, y_pred, sample_weight)
        if training:
            self._refcal_loss.update_state(y, y_pred, sample_weight)
        batch_size = ops.shape(next(iter(y_pred.values())))[0]
        for name, value in values.items():
            self._term_trackers[name].update_state(
                value * num_replicas(), sample_weight=batch_size
            )
        total = self._refcal_loss.total(values)
        # Under mixed precision the losses of layers are in half precision.
        additional = [ops.cast(ops.sum(loss), total.dtype) for loss in additional]
        return total + sum(additional) / num_replicas()

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the compiled metrics with the predictions and returns all logs."""
        if self._refcal_loss and self._refcal_loss.needs_index and not is_class_ids(y):
            y, _ = split_index(y)
        for metric in self._embedding_metrics():
            metric.update_state(y, y_pred["embeddings"], sample_weight)
        return super().compute_metrics(x, y, _predictions(y_pred), sample_weight)

    @property
    def variables(self):
        """The variables of all layers, with those of the loss of this compile."""
        return super().variables + self._loss_state("variables")

    @property
    def weights(self):
        """The weights of all layers, with those of the loss of this compile."""
        return super().weights + self._loss_state("weights")

    @property
    def metrics(self):
        """The metrics of this compile; losses of inactive terms are left out."""
        active = self._active_terms()
        inactive = [t for name, t in self._term_trackers.items() if name not in active]
        kept = [m for m in super().metrics if not any(m is t for t in inactive)]
        return [*kept, *self._embedding_metrics()]

    def get_config(self):
        """Returns the constructor's arguments, the encoder serialised."""
        return {
            **super().get_config(),
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "num_classes": self.num_classes,
            "projection_dim": self.projection_dim,
            "classifier_activation": self.classifier_activation,
            "micro_batch_size": self.micro_batch_size,
            "augmentation": self.training_views and self.training_views.described(),
            "views": self.training_views.views if self.training_views else 1,
            "heads": {
                name: keras.saving.serialize_keras_object(getattr(self, name))
                for name in HEADS
            },
            "frozen_layers": [
                number
                for number, layer in enumerate(flat_layers(self.encoder))
                if not layer.trainable
            ],
        }

    @classmethod
    def from_config(cls, config):
        """Returns the model that `get_config` described."""
        config = dict(config)
        encoder = keras.saving.deserialize_keras_object(config.pop("encoder"))
        # Keras loads `Sequential` awake, and wakes the layers of functional models.
        layers = flat_layers(encoder)
        for number in config.pop("frozen_layers", ()):
            layers[number].trainable = False
        if isinstance(config.get("augmentation"), dict):
            config["augmentation"] = keras.saving.deserialize_keras_object(
                config["augmentation"]
            )
        return cls(encoder, **config)

    def _features(self, inputs, training):
        """Returns features, shape `(batch * views, features)`, and the views."""
        if is_features(inputs):
            features = inputs[FEATURES]
            has_views = len(features.shape) == FEATURES_RANK + 1
            return (fold(features), features.shape[1]) if has_views else (features, 1)
        if self.training_views is not None:
            inputs = self.training_views.of_inputs(inputs, self.encoder, training)
        inputs, views = fold_views(inputs, self.encoder)
        held = "encoder" in self._held
        trains = training and self.encoder.trainable and not held
        features = self.encoder(inputs, training=trains)
        return (ops.stop_gradient(features) if held else features), views

    def _loss_state(self, kind):
        loss = getattr(self, "_refcal_loss", None)
        layers = [] if loss is None else loss.state_layers()
        return [variable for layer in layers for variable in getattr(layer, kind)]

    def _active_terms(self):
        return () if self._refcal_loss is None else tuple(self._refcal_loss.terms)


def _predictions(outputs):
    return outputs["predictions"] if isinstance(outputs, dict) else outputs
