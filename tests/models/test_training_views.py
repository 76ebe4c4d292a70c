"""Views that a model makes itself: in training alone, resumed, saved."""

import keras
import numpy as np
import pytest

from keras_refcal import RefCalModel, losses, recipes
from keras_refcal.data import augment
from keras_refcal.models import encode

IMAGES = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3)).astype("uint8")
LABELS = np.arange(16) % 4


def make(augmentation="shift_flip", views=2, **options):
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(8)]
    )
    model = RefCalModel(
        encoder, 4, projection_dim=4, augmentation=augmentation, views=views, **options
    )
    model.compile(keras.optimizers.SGD(0.1), losses.RefCalLoss(calibration=None))
    return model


def fit(model, epochs=1):
    model.fit(IMAGES, LABELS, batch_size=8, epochs=epochs, shuffle=False, verbose=0)
    return model.get_weights()


def seen(model, **options):
    outputs = model(IMAGES, return_outputs=True, **options)
    return keras.ops.convert_to_numpy(outputs["logits"])


def test_views_are_made_in_training_alone():
    model = make(views=3)
    first, second = seen(model, training=True), seen(model, training=True)
    assert first.shape == (16, 3, 4)
    assert np.ptp(first, axis=1).min() > 0 and np.any(first != second)
    plain = RefCalModel(model.encoder, 4)
    plain.classifier.set_weights(model.classifier.get_weights())
    floats = (IMAGES / 255).astype("float32")
    for images in (IMAGES, floats):
        np.testing.assert_allclose(
            model.predict(images, verbose=0), plain.predict(floats, verbose=0), 1e-5
        )


def test_features_are_those_of_images_at_inference():
    model = make()
    floats = encode(model, (IMAGES / 255).astype("float32"))["features"]
    np.testing.assert_allclose(encode(model, IMAGES)["features"], floats, 1e-5)


def test_both_stages_see_views():
    model = make()
    calls = {"epochs": 1, "classifier_epochs": 1, "batch_size": 8, "verbose": 0}
    recipes.two_stage(model, IMAGES, LABELS, **calls)
    (seed,) = model.training_views._seeds()
    steps = keras.ops.convert_to_numpy(seed)[1]
    assert steps >= 4  # two batches a stage; a backend may look at one more


def test_a_resumed_run_sees_the_views_that_it_would_have_seen(tmp_path):
    path = tmp_path / "model.weights.h5"
    model = make()
    fit(model)
    model.save_weights(path)
    whole = fit(model)
    resumed = make()
    resumed.optimizer.build(resumed.trainable_variables)
    resumed.load_weights(path)
    for a, b in zip(fit(resumed), whole, strict=True):
        np.testing.assert_array_equal(a, b)


def tinted(images, seed):
    """Draws as Keras draws, from the seed that a step gives."""
    tint = keras.random.uniform((images.shape[0], 1, 1, 3), seed=seed)
    return keras.ops.cast(images, "float32") / 255 * tint


@pytest.mark.parametrize(
    "augmentation",
    [
        "crop_flip",
        augment.shift_flip,
        keras.layers.RandomErasing(factor=1.0, value_range=(0, 1)),
        keras.saving.register_keras_serializable("tests")(tinted),
    ],
)
def test_is_saved_with_the_model(augmentation, tmp_path):
    model = make(augmentation)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.training_views.views == 2
    np.testing.assert_array_equal(
        seen(loaded, training=True), seen(model, training=True)
    )


def test_micro_batches_see_views_of_their_own():
    whole, parts = make(), make(micro_batch_size=8)
    for a, b in zip(fit(whole), fit(parts), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_refuses_views_that_nothing_makes_and_views_twice():
    with pytest.raises(ValueError, match="`views` must be 1 without"):
        make(None)
    with pytest.raises(ValueError, match="Unknown augmentation 'none_such'"):
        make("none_such")
    with pytest.raises(ValueError, match="`augmentation` must be a name"):
        make(3)
    with pytest.raises(ValueError, match="must have rank 4 and no view axis"):
        make()(IMAGES[:, None], training=True)
