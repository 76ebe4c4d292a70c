"""Pixels and tokens: `(batch, ..., classes)` in every loss of classes."""

import keras
import numpy as np
import pytest
from exported_losses import CLASSES, EXPORTED, draw, make, of_two_classes, y_true
from fuzz_compiled import compiled
from gradients import value_and_gradient
from keras import ops
from keras.src.backend import set_keras_mask

from keras_refcal.losses import CrossEntropyLoss, RefCalLoss

CLASSIFICATION = [name for name in EXPORTED if hasattr(make(name), "from_logits")]
every_loss = pytest.mark.parametrize("name", CLASSIFICATION)
LEADING = (2, 3, 2)
IGNORED = np.arange(12) % 5 == 3
WEIGHT = np.linspace(0, 2, 12).astype("float32")


def as_image(rows):
    return rows.reshape(*LEADING, *rows.shape[1:])


def masked(scores, mask):
    scores = ops.convert_to_tensor(scores)
    set_keras_mask(scores, ops.convert_to_tensor(mask))
    return scores


@every_loss
def test_is_the_flattened_form(name):
    labels, logits = draw()
    ignore_class = [255, -100, -1][CLASSIFICATION.index(name) % 3]
    options = {"ignore_class": ignore_class, "from_logits": True}
    targets = y_true(make(name), np.where(IGNORED, ignore_class, labels))
    mask = np.arange(12) % 4 > 0
    of_all = make(name, **options, reduction="none")
    of_some = make(name, **options)
    kept = ~IGNORED & mask

    def both_forms(z):
        image = ops.reshape(z, (*LEADING, -1))
        return [
            of_all(as_image(targets), image),
            of_some(as_image(targets), image, as_image(WEIGHT)),
            of_some(as_image(targets), masked(image, as_image(mask)), as_image(WEIGHT)),
        ]

    values, weighted, of_masked = compiled(both_forms)(logits)
    assert values.shape == LEADING
    flat = ops.convert_to_numpy(of_all(targets, logits))
    np.testing.assert_allclose(values.reshape(-1), flat, rtol=1e-6, atol=1e-6)
    expected = float(of_some(targets, logits, WEIGHT))
    assert weighted == pytest.approx(expected, rel=1e-6)
    expected = float(of_some(targets[kept], logits[kept], WEIGHT[kept]))
    assert of_masked == pytest.approx(expected, rel=2e-6)


@every_loss
def test_one_channel_is_one_column(name):
    loss = of_two_classes(name, from_logits=False)
    labels, logits = draw()
    targets = y_true(loss, labels % 2)
    p = 1 / (1 + np.exp(-logits[:, :1]))
    whole = [loss(as_image(targets), as_image(p)), loss(targets, p)]
    soft = np.linspace(0, 1, 12).astype("float32")
    if not loss.needs_index:
        whole += [loss(as_image(soft[:, None]), as_image(p)), loss(soft, p)]
    whole = [float(value) for value in whole]
    assert whole[::2] == pytest.approx(whole[1::2], rel=1e-6)


@pytest.mark.parametrize("ignore_class", [255, -100, -1])
@pytest.mark.parametrize("from_logits", [True, False])
def test_cross_entropy_is_that_of_keras(ignore_class, from_logits):
    labels, logits = draw()
    scores = logits if from_logits else np.exp(logits) / np.exp(logits).sum(1)[:, None]
    targets = as_image(np.where(IGNORED, ignore_class, labels))
    options = {"ignore_class": ignore_class, "from_logits": from_logits}
    ours = CrossEntropyLoss(**options)
    theirs = keras.losses.SparseCategoricalCrossentropy(**options)
    mask = as_image(np.arange(12) % 4 > 0)
    for weight in (None, as_image(WEIGHT)):
        for of in (ops.convert_to_tensor, lambda z: masked(z, mask)):
            values = [
                float(loss(targets, of(as_image(scores)), weight))
                for loss in (ours, theirs)
            ]
            assert values[0] == pytest.approx(values[1], rel=1e-6)
    if not from_logits:
        return  # Keras divides probabilities by their sum
    gradients = [
        value_and_gradient(
            lambda z, loss=loss: loss(targets, z, as_image(WEIGHT)),
            as_image(scores),
            jit="quick",
        )[1][0]
        for loss in (ours, theirs)
    ]
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-6)


def test_a_weight_for_each_sample_goes_for_all_of_its_pixels():
    labels, logits = draw()
    loss = RefCalLoss(from_logits=True)
    weight = np.array([1.0, 3.0], "float32")
    for given in (
        weight,
        weight[:, None],
        weight[:, None, None],
        weight[:, None, None, None],
    ):
        value = float(loss(as_image(labels), as_image(logits), given))
        expected = float(loss(labels, logits, np.repeat(weight, 6)))
        assert value == pytest.approx(expected, rel=1e-6)


def test_trains_a_tagger_whose_padding_is_masked():
    tokens = np.array([[1, 2, 3, 0, 0], [4, 1, 0, 0, 0], [2, 2, 4, 3, 1]])
    labels = np.where(tokens == 0, 9, tokens % CLASSES)  # 9 is no class
    outputs = []
    losses = [
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        CrossEntropyLoss(from_logits=True),
    ]
    for loss in losses:
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [
                keras.layers.Embedding(5, 8, mask_zero=True),
                keras.layers.Dense(8, "tanh"),
                keras.layers.Dense(CLASSES),
            ]
        )
        model.compile(keras.optimizers.SGD(0.5), loss)
        given = labels if loss is losses[1] else np.where(tokens == 0, 0, labels)
        history = model.fit(tokens, given, epochs=3, verbose=0).history["loss"]
        outputs.append((history, model.get_weights()))
    (theirs, weights), (ours, own) = outputs
    assert ours == pytest.approx(theirs, rel=1e-4)
    for a, b in zip(own, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_what_does_not_fit_is_named():
    labels, logits = draw()
    loss, image = CrossEntropyLoss(from_logits=True), as_image(logits)
    wanted = r"must fit the leading axes of `y_pred`, \(2, 3, 2\)"
    for bad in (labels, as_image(labels)[:1], as_image(labels)[:, :2]):
        with pytest.raises(ValueError, match=f"`y_true` {wanted}"):
            loss(bad, image)
    for bad in (np.ones(3), np.ones((2, 3, 4))):
        with pytest.raises(ValueError, match=f"`sample_weight` {wanted}"):
            loss(as_image(labels), image, bad)
    with pytest.raises(ValueError, match="class ids from 0 to 3"):
        loss(as_image(labels) + 4, image)
