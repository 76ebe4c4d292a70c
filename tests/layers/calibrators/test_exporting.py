"""What `model.export` writes makes the same probabilities without Keras."""

import keras
import pytest
from calibration_data import linear_model, overconfident, softmax
from calibrator_classes import CLASSES, make_published
from exporting import FORMATS, assert_exports

from keras_refcal import RefCalModel
from keras_refcal.layers import (
    BayesianBinning,
    BetaCalibration,
    ClassDistributionAwareTemperature,
    HistogramBinning,
    IsotonicCalibration,
    TemperatureScaling,
)

every_format = pytest.mark.parametrize("form", FORMATS)
# Samples that the calibrator was not fitted on.
INPUTS = overconfident(seed=1, samples=32)[1]


def refcal():
    encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8)])
    return RefCalModel(encoder, 4)


def calibrated(cls, model):
    labels, logits = overconfident()
    return (
        make_published(cls, from_logits=False)
        .fit(labels, softmax(logits))
        .attach(model)
    )


@every_format
@pytest.mark.parametrize(
    ("cls", "model"),
    [
        (TemperatureScaling, refcal),
        (IsotonicCalibration, lambda: linear_model("softmax")),
        (ClassDistributionAwareTemperature, lambda: linear_model("softmax")),
    ],
)
def test_exports(form, cls, model, tmp_path):
    assert_exports(calibrated(cls, model()), INPUTS, tmp_path, form)


@every_format
def test_exports_for_every_pixel(form, tmp_path):
    labels, logits = overconfident(classes=2)
    layer = BetaCalibration(from_logits=False).fit(labels, softmax(logits))
    inputs = keras.Input((4, 4, 4))
    outputs = keras.layers.Conv2D(1, 1, activation="sigmoid")(inputs)
    calibrated = layer.attach(keras.Model(inputs, outputs))
    # Not so large that 1 - p loses digits in float32.
    images = INPUTS.reshape(2, 4, 4, 4) / 8
    assert_exports(calibrated, images, tmp_path, form)


@pytest.mark.slow
@every_format
@pytest.mark.parametrize("model", [refcal, lambda: linear_model("softmax")])
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_calibrator_exports(form, cls, model, tmp_path):
    assert_exports(calibrated(cls, model()), INPUTS, tmp_path, form)


@pytest.mark.slow
@every_format
@pytest.mark.parametrize(
    "cls",
    [BayesianBinning, HistogramBinning, IsotonicCalibration],
    ids=lambda cls: cls.__name__,
)
def test_samples_it_was_fitted_on_lie_on_no_step(form, cls, tmp_path):
    labels, logits = overconfident(samples=2000)
    model = linear_model("softmax")
    layer = make_published(cls, from_logits=False).fit(
        labels, model.predict(logits, verbose=0)
    )
    assert_exports(layer.attach(model), logits, tmp_path, form)


@pytest.mark.skipif("torch" not in FORMATS, reason="a format of PyTorch")
def test_exports_for_one_batch_size(tmp_path):
    model = calibrated(TemperatureScaling, linear_model("softmax"))
    assert_exports(model, INPUTS, tmp_path, "torch", fixed_batch=True)
