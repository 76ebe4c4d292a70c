"""The second stage on features is the second stage on images."""

import keras
import numpy as np
import pytest

from keras_refcal import RefCalModel, evaluation, recipes
from keras_refcal.models import encode


def data(samples=40, views=None):
    generator = np.random.default_rng(0)
    shape = (samples, 6, 6, 1) if views is None else (samples, views, 6, 6, 1)
    labels = generator.integers(0, 3, samples).astype("int32")
    return generator.normal(size=shape).astype("float32"), labels


def make():
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            keras.layers.Conv2D(4, 3),
            keras.layers.BatchNormalization(),
            keras.layers.RandomFlip(seed=0),
            keras.layers.Dropout(0.5, seed=0),
            keras.layers.GlobalAveragePooling2D(),
        ]
    )
    return RefCalModel(encoder, num_classes=3, projection_dim=4)


def trained(x, y=None, **arguments):
    model = make()
    keras.utils.set_random_seed(1)
    arguments = {"epochs": 1, "classifier_epochs": 3, "batch_size": 16} | arguments
    history = recipes.two_stage(model, x, y, verbose=0, **arguments)
    return model, history["classifier"].history


def close(ours, theirs):
    for one, other in zip(ours[0].weights, theirs[0].weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert ours[1].keys() == theirs[1].keys()
    for name, values in theirs[1].items():
        np.testing.assert_allclose(ours[1][name], values, atol=1e-5)


def test_keeps_the_epoch_of_best_refinement():
    x, y = data(80)
    held_out = x[40:], y[40:]
    model, history = trained(
        *(x[:40], y[:40]),
        classifier_epochs=6,
        select="refinement",
        validation_data=held_out,
    )
    scores = evaluation.evaluate(y[40:], model.predict(x[40:], verbose=0))
    left = scores["nll_refinement_in_sample"]
    assert len(history["val_nll_refinement"]) == 6
    assert left == pytest.approx(min(history["val_nll_refinement"]), rel=1e-4)
    with pytest.raises(ValueError, match="needs `validation_data`"):
        trained(x, y, select="refinement")


def test_arrays_train_to_the_same_weights_and_logs():
    x, y = data()
    validation = data(20)
    arguments = {"validation_data": validation, "sample_weight": np.linspace(0, 2, 40)}
    cached = trained(x, y, **arguments)
    plain = trained(x, y, cache_features=False, **arguments)
    assert "val_accuracy" in plain[1]
    close(cached, plain)
    # The model of the second stage is the one that takes images.
    logs = cached[0].evaluate(*validation, 16, verbose=0, return_dict=True)
    assert logs["loss"] == pytest.approx(cached[1]["val_loss"][-1], abs=1e-5)


def test_views_keep_their_axis():
    x, _ = data(16, views=2)
    model = make()
    encoded = encode(model, x)["features"]
    assert encoded.shape == (16, 2, 4)
    np.testing.assert_allclose(encoded[:, 1], encode(model, x[:, 1])["features"], 1e-5)


def test_data_sets_are_read_once_where_asked():
    x, y = data()
    passes = []

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            passes.append(index)
            rows = slice(20 * index, 20 * index + 20)
            return x[rows], y[rows]

    model = make()
    two = {"epochs": 1, "verbose": 0, "classifier_x": Batches()}
    history = recipes.two_stage(
        model, Batches(), classifier_epochs=5, cache_features=True, **two
    )
    assert len(history["classifier"].epoch) == 5
    # Two in stage 1 and in the one pass; Keras, caching and the look at the labels may
    # each read a first batch once more.
    assert len(passes) <= 7


def test_a_mapping_without_features_is_what_the_encoder_takes():
    with pytest.raises(ValueError, match=r"must have rank 4.* shape: \(2, 4\)"):
        make()({"images": np.zeros((2, 4), "float32")})


def test_a_model_saved_after_the_second_stage_takes_images(tmp_path):
    x, y = data()
    model, _ = trained(x, y)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        loaded.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6
    )
