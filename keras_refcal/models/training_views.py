"""Augmented views that a model makes itself, in training, on the device that trains."""

import keras

from keras_refcal.backend import key_of_replica
from keras_refcal.data import augment, colour, device_arrays, scaled
from keras_refcal.data.keras_layers import draws_from_seed
from keras_refcal.data.seeds import DeviceSeed
from keras_refcal.models.views import input_ranks
from keras_refcal.validation import check_integer


class TrainingViews(keras.layers.Layer):
    """Makes views of raw images in training; at other times images are left alone.

    The seed is a variable that moves on with every batch: saved weights hold it, and
    training that goes on from them sees the views that it would have seen.

    Args:
        augmentation: A name of `data.augment`, a function of `(images, seed)`, or a
            Keras layer for images in [0, 1].
        views: Views of each image.

    Call arguments:
        images: uint8, or float in [0, 1], shape `(batch, height, width, channels)`.
        rank: Rank of the inputs of the encoder, batch axis included.
        training: Whether to make views.

    Returns:
        float32 in [0, 1], shape `(batch, views, height, width, channels)`, or without
        the view axis where `views` is 1; the images, if not training.
    """

    def __init__(self, augmentation, views=1):
        super().__init__(dtype="float32", autocast=False, name="training_views")
        self._generator = keras.random.SeedGenerator()
        self.make(augmentation, views)

    def make(self, augmentation, views):
        """Sets what is made from the next compile on; the seed goes on."""
        check_integer("views", views, 1)
        self.views = views
        self.augmentation = augmentation
        self._augment = _as_function(augmentation)

    def call(self, images, rank=4, training=None):
        """Returns views, or the images."""
        if not training:
            return colour.unit_range(images, device_arrays)
        if len(images.shape) != rank:
            raise ValueError(
                f"The inputs must have rank {rank} and no view axis, because "
                "`augmentation` makes the views. Received shape: "
                f"{tuple(images.shape)}"
            )
        seed = DeviceSeed(key_of_replica(self._generator.next()))
        return augment.augmented_views(images, self.views, self._augment, seed)

    def raw_as_float(self, images):
        """Returns an array of images as the encoder sees them at inference."""
        return scaled(images) if images.dtype == "uint8" else images

    def of_inputs(self, inputs, encoder, training):
        """Returns the views of what an encoder takes, which must be images alone."""
        shapes = [tuple(x.shape) for x in keras.tree.flatten(inputs)]
        if len(shapes) > 1:
            raise ValueError(
                "`augmentation` makes views of images, so that the inputs must be one "
                f"tensor. Received {len(shapes)}, of shapes {shapes}."
            )
        (rank,) = input_ranks(encoder, shapes)
        return self(inputs, rank=rank, training=training)

    def build(self, images_shape):
        """Builds a Keras layer that makes the views."""
        if isinstance(self.augmentation, keras.layers.Layer):
            self.augmentation.build(images_shape)

    def save_own_variables(self, store):
        """Saves where the draws are, which Keras leaves out."""
        for number, seed in enumerate(self._seeds()):
            store[f"seed_{number}"] = keras.ops.convert_to_numpy(seed)

    def load_own_variables(self, store):
        """Goes on with the draws that were saved."""
        for number, seed in enumerate(self._seeds()):
            seed.assign(store[f"seed_{number}"])

    def described(self):
        """Returns the augmentation as JSON can hold it; ours by their names."""
        for name, function in augment.AUGMENTATIONS.items():
            if self.augmentation in (name, function):
                return name
        return keras.saving.serialize_keras_object(self.augmentation)

    def _seeds(self):
        weights = {id(weight) for weight in self.weights}
        return [v for v in self.variables if id(v) not in weights]


def _as_function(augmentation):
    if isinstance(augmentation, str):
        return augment.get(augmentation)
    if isinstance(augmentation, keras.layers.Layer):
        if draws_from_seed(augmentation):
            return augment.from_layer(augmentation)
        return lambda images, seed: augmentation(
            colour.unit_range(images, device_arrays), training=True
        )
    if callable(augmentation):
        return augmentation
    raise ValueError(
        "`augmentation` must be a name of `data.augment`, a function of "
        f"(images, seed), or a Keras layer. Received: {augmentation!r}"
    )
