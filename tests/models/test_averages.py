import keras
import numpy as np
import pytest
from exporting import FORMATS, assert_exports

from keras_refcal import RefCalModel, models
from keras_refcal.layers import TemperatureScaling

IMAGES = np.random.default_rng(0).normal(size=(6, 8, 8, 1)).astype("float32")


def image_model(seed, columns=3, activation="softmax", name=None):
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
    layers.append(keras.layers.Dense(columns, activation=activation))
    return keras.Sequential(layers, name=name)


def refcal(seed):
    keras.utils.set_random_seed(seed)
    encoder = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    return RefCalModel(encoder, 3, projection_dim=4)


def refcal_of_numbers():
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    return RefCalModel(encoder, 2)


def predict(model, x=IMAGES):
    return model.predict(x, verbose=0)


def softmax(logits):
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def test_is_the_weighted_mean_of_probabilities_whatever_members_return():
    # All of one name, as models that were loaded from files have.
    members = [
        image_model(0, name="member"),
        image_model(1, activation=None, name="member"),
        refcal(2),
    ]
    ensemble = models.average(members, weights=[1, 2, 1])
    of_member = [predict(members[0]), softmax(predict(members[1])), predict(members[2])]
    expected = (of_member[0] + 2 * of_member[1] + of_member[2]) / 4
    np.testing.assert_allclose(predict(ensemble), expected, atol=1e-6)


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_one_column_stays_one_column(activation):
    members = [image_model(seed, 1, activation) for seed in range(2)]
    scores = [predict(member) for member in members]
    of_member = scores if activation else [sigmoid(z) for z in scores]
    found = predict(models.average(members))
    np.testing.assert_allclose(found, np.mean(of_member, axis=0), atol=1e-6)


def test_views_are_those_that_are_named():
    model = image_model(0)
    names = ("image", "mirror", "left", "right", "up", "down")
    moved = {
        "image": IMAGES,
        "mirror": IMAGES[:, :, ::-1],
        "left": np.pad(IMAGES[:, :, 1:], [(0, 0), (0, 0), (0, 1), (0, 0)]),
        "right": np.pad(IMAGES[:, :, :-1], [(0, 0), (0, 0), (1, 0), (0, 0)]),
        "up": np.pad(IMAGES[:, 1:], [(0, 0), (0, 1), (0, 0), (0, 0)]),
        "down": np.pad(IMAGES[:, :-1], [(0, 0), (1, 0), (0, 0), (0, 0)]),
    }
    expected = np.mean([predict(model, moved[name]) for name in names], axis=0)
    found = predict(models.average_views(model, names))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_views_by_a_random_layer_are_random():
    views = (keras.layers.GaussianNoise(0.5), "image")
    model = models.average_views(image_model(0), views)
    once, again = predict(model), predict(model)
    assert np.abs(once - again).max() > 1e-3


AVERAGES = {
    "models": lambda: models.average([image_model(0), refcal(1)]),
    "views": lambda: models.average_views(refcal(0), ("image", "mirror", "up")),
    "both": lambda: models.average_views(models.average([refcal(0), image_model(1)])),
}


@pytest.mark.parametrize("name", AVERAGES)
def test_is_calibrated_saved_and_loaded(name, tmp_path):
    model = AVERAGES[name]()
    x = np.random.default_rng(1).normal(size=(60, 8, 8, 1)).astype("float32")
    layer = TemperatureScaling(from_logits=False).fit(
        np.arange(60) % 3, predict(model, x)
    )
    calibrated = layer.attach(model)
    calibrated.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(predict(loaded), predict(calibrated), atol=1e-6)
    assert np.abs(predict(calibrated) - predict(model)).max() > 1e-3


@pytest.mark.parametrize("form", FORMATS)
def test_exports(form, tmp_path):
    assert_exports(AVERAGES["both"](), IMAGES, tmp_path, form)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.average([]), "one keras.Model or more"),
        (lambda: models.average([image_model(0), None]), "one keras.Model or more"),
        (lambda: models.average([image_model(0), image_model(0, 4)]), "the same shape"),
        (lambda: models.average([image_model(0)], weights=[-1]), "`weights` must hold"),
        (lambda: models.average([image_model(0)], weights=[0]), "not all be 0"),
        (lambda: models.average_views(image_model(0), ()), "`views` must be among"),
        (lambda: models.average_views(image_model(0), ("flip",)), "`views` must be"),
        (
            lambda: models.average_views(models.average([refcal_of_numbers()])),
            "must take images",
        ),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()
