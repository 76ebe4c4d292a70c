"""Encoders made of networks of Keras, KerasHub and KerasCV, built without a network."""

import keras
import numpy as np
import pytest

from keras_refcal import RefCalModel
from keras_refcal.losses import RefCalLoss
from keras_refcal.models import encoders


def of_applications():
    return encoders.get("keras.applications.MobileNetV3Small")(input_shape=(32, 32, 3))


def of_keras_hub():
    hub = pytest.importorskip("keras_hub", reason="needs the extra hub")
    return encoders.from_backbone(
        hub.models.ResNetBackbone(
            input_conv_filters=[64],
            input_conv_kernel_sizes=[3],
            stackwise_num_filters=[64, 8],
            stackwise_num_blocks=[1, 1],
            stackwise_num_strides=[1, 2],
            block_type="basic_block",
            image_shape=(32, 32, 3),
        )
    )


def of_keras_cv():
    cv = pytest.importorskip("keras_cv", reason="needs the extra cv")
    return encoders.from_backbone(
        cv.models.ResNetBackbone(
            stackwise_filters=[8, 16],
            stackwise_blocks=[1, 1],
            stackwise_strides=[1, 2],
            include_rescaling=True,
            input_shape=(32, 32, 3),
        )
    )


every_source = pytest.mark.parametrize(
    "make", [of_applications, of_keras_hub, of_keras_cv]
)


@every_source
def test_gives_features(make):
    encoder = make()
    images = np.zeros((2, *encoder.input_shape[1:]), "float32")
    features = encoder.predict(images, verbose=0)
    assert features.shape == (2, encoder.output_shape[-1])


@pytest.mark.slow
@every_source
def test_trains_as_an_encoder_and_reloads(make, tmp_path):
    model = RefCalModel(make(), num_classes=3)
    model.compile("sgd", loss=RefCalLoss())
    images = np.random.default_rng(0).random((6, 2, 32, 32, 3), "float32")
    losses = model.fit(images, np.arange(6) % 3, verbose=0).history
    assert np.isfinite(losses["refinement_loss"][0])
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict(images[:, 0], verbose=0),
        model.predict(images[:, 0], verbose=0),
        atol=1e-6,
    )


def test_tokens_are_averaged():
    tokens = keras.Sequential([keras.Input((4, 3)), keras.layers.Dense(5)])
    inputs = np.random.default_rng(0).random((2, 4, 3), "float32")
    features = encoders.from_backbone(tokens)(inputs)
    expected = np.mean(keras.ops.convert_to_numpy(tokens(inputs)), axis=1)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(features), expected, atol=1e-6
    )


def test_a_network_that_rescales_sees_values_up_to_255():
    backbone = keras.Sequential(
        [
            keras.Input((2, 2, 1)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
        ]
    )
    image = np.array([[[[0.0], [0.25]], [[0.5], [1.0]]]], "float32")
    features = encoders.from_backbone(backbone)(image)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(features)[0], image.ravel(), atol=1e-6
    )


def test_refuses_other_networks():
    with pytest.raises(ValueError, match="Nonsense"):
        encoders.get("keras.applications.Nonsense")
    volume = keras.Sequential([keras.Input((4, 4, 4, 1)), keras.layers.ReLU()])
    with pytest.raises(ValueError, match="2 to 4 dimensions"):
        encoders.from_backbone(volume)
    with pytest.raises(ValueError, match="must know its inputs"):
        encoders.from_backbone(keras.layers.Dense(2))
