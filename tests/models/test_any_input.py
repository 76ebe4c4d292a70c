"""Encoders of tokens, tables, several inputs: layers, models, backbones."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_refcal import RefCalModel, recipes
from keras_refcal.layers import TemperatureScaling
from keras_refcal.losses import RefCalLoss
from keras_refcal.models import encode, encoders

SAMPLES = 6


@keras.saving.register_keras_serializable(package="tests")
class MaskedMean(keras.Model):
    """Tokens with a padding mask to features; tells no shape of its outputs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.embedding = keras.layers.Embedding(20, 8)
        self.dropout = keras.layers.Dropout(0.5)

    def call(self, inputs, training=None):
        mask = ops.cast(inputs["padding_mask"], "float32")[..., None]
        x = self.embedding(inputs["token_ids"]) * mask
        x = ops.sum(x, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)
        return self.dropout(x, training=training)


def two_inputs():
    image, row = keras.Input((4, 4, 1)), keras.Input((3,))
    x = keras.layers.Concatenate()([keras.layers.Flatten()(image), row])
    return keras.Model((image, row), keras.layers.Dense(8)(x))


def of_keras_hub():
    hub = pytest.importorskip("keras_hub", reason="needs the extra hub")
    return encoders.from_backbone(
        hub.models.DistilBertBackbone(
            vocabulary_size=20,
            num_layers=1,
            num_heads=2,
            hidden_dim=8,
            intermediate_dim=16,
            max_sequence_length=5,
            dropout=0.0,
        )
    )


def numbers(*shape):
    return np.random.default_rng(0).normal(size=(SAMPLES, 2, *shape)).astype("float32")


def tokens():
    generator = np.random.default_rng(0)
    ids = generator.integers(1, 20, (SAMPLES, 2, 5)).astype("int32")
    mask = np.arange(5) < generator.integers(2, 6, (SAMPLES, 2, 1))
    return {"token_ids": ids * mask, "padding_mask": mask.astype("int32")}


# What makes an encoder, and two views of its inputs.
KINDS = {
    "table": (lambda: keras.layers.Dense(8), lambda: numbers(3)),
    "sequence": (lambda: keras.layers.GRU(8), lambda: numbers(5, 3)),
    "mapping": (MaskedMean, tokens),
    "tuple": (two_inputs, lambda: (numbers(4, 4, 1), numbers(3))),
    "keras_hub": (of_keras_hub, tokens),
}
LABELS = np.arange(SAMPLES) % 3


def each(function, x):
    return keras.tree.map_structure(function, x)


def made(kind, **options):
    keras.utils.set_random_seed(0)
    make, inputs = KINDS[kind]
    views = inputs()
    single = each(lambda part: part[:, 0], views)
    model = RefCalModel(make(), num_classes=3, projection_dim=4, **options)
    model(single)  # which is how a layer learns that there is no view axis
    return model, views, single


@pytest.mark.parametrize("kind", KINDS)
def test_trains_encodes_and_reloads(kind, tmp_path):
    model, views, single = made(kind)
    of_views = model.predict(views, verbose=0)
    of_each = [
        model.predict(each(lambda part, v=v: part[:, v], views), verbose=0)
        for v in range(2)
    ]
    np.testing.assert_allclose(of_views, np.mean(of_each, axis=0), atol=1e-6)
    model.compile("sgd", RefCalLoss(), metrics=["accuracy"])
    logs = model.fit(views, LABELS, batch_size=SAMPLES, verbose=0).history
    assert np.all(np.isfinite(list(logs.values())))
    expected = model.predict(single, verbose=0)
    encoded = encode(model, single, batch_size=4)
    assert encoded["features"].shape == (SAMPLES, 8)
    np.testing.assert_allclose(model.predict(encoded, verbose=0), expected, atol=1e-6)
    assert encode(model, views)["features"].shape == (SAMPLES, 2, 8)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(single, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(
        again.predict(views, verbose=0), model.predict(views, verbose=0), atol=1e-6
    )


@pytest.mark.parametrize("kind", ["tuple", "keras_hub"])
def test_micro_batches_are_one_batch(kind):
    found = []
    for size in (None, 4):
        model, views, _ = made(kind, micro_batch_size=size)
        model.compile(keras.optimizers.SGD(0.1), RefCalLoss())
        model.fit(views, LABELS, batch_size=SAMPLES, verbose=0)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["mapping", "tuple"])
def test_two_stages_and_calibration(kind):
    model, views, single = made(kind)
    before = model.predict(single, verbose=0)
    histories = recipes.two_stage(
        model, views, LABELS, epochs=1, classifier_epochs=2, batch_size=3, verbose=0
    )
    assert len(histories["classifier"].epoch) == 2
    after = model.predict(single, verbose=0)
    assert np.abs(after - before).max() > 1e-3
    layer = TemperatureScaling(from_logits=False).fit(LABELS, after)
    if kind == "tuple":  # a functional encoder, of which the whole inputs are known
        calibrated = layer.attach(model).predict(single, verbose=0)
        np.testing.assert_allclose(
            calibrated, ops.convert_to_numpy(layer(after)), atol=1e-5
        )


def test_a_layer_in_the_middle_of_views_is_told_apart():
    model, views, _ = made("tuple")
    with pytest.raises(ValueError, match="The encoder takes 2 inputs"):
        model(views[0])
    with pytest.raises(ValueError, match="in every part"):
        model((views[0], views[1][:, 0]))
    unbuilt = RefCalModel(keras.layers.Dense(8), 3)
    with pytest.raises(ValueError, match="build the encoder without it"):
        unbuilt(numbers(3))
    several = keras.Sequential([keras.Input((5, 3)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="from_backbone"):
        RefCalModel(several, 3)


def test_a_mask_leaves_padding_out_of_the_mean():
    inputs = {
        "token_ids": keras.Input((4,), dtype="int32"),
        "padding_mask": keras.Input((4,), dtype="int32"),
    }
    x = keras.layers.Embedding(9, 3)(inputs["token_ids"])
    outputs = {"sequence_output": x, "pooled_output": x[:, 0]}
    backbone = keras.Model(inputs, outputs)
    ids = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], "int32")
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 1]], "int32")
    given = {"token_ids": ids, "padding_mask": mask}
    table = backbone.layers[-2].get_weights() or backbone.get_weights()
    rows = table[0][ids]
    mean = encoders.from_backbone(backbone, pooling="mean")
    expected = (rows * mask[..., None]).sum(1) / mask.sum(1)[:, None]
    np.testing.assert_allclose(ops.convert_to_numpy(mean(given)), expected, atol=1e-6)
    first = encoders.from_backbone(backbone)
    np.testing.assert_allclose(ops.convert_to_numpy(first(given)), rows[:, 0])
