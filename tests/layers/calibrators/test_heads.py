"""Every calibrator × one column or many × fit, call, attach, save.

Shapes are few, since compilers look at each anew: every call is of 24 scores.
"""

import keras
import numpy as np
import pytest
from calibration_data import overconfident, softmax
from calibrator_classes import CLASSES, make_published
from keras import ops

every = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
kinds = pytest.mark.parametrize("from_logits", [True, False])
# Not so sharp that 1 - p loses digits in float32.
LABELS, BOTH = overconfident(samples=24, classes=2, sharpness=1.5)
ONE = BOTH[:, 1:] - BOTH[:, :1]
FORMS = [(24,), (24, 1), (2, 12, 1), (2, 3, 4, 1)]


def numbers(x):
    return ops.convert_to_numpy(x)


def scores(columns, from_logits):
    """Returns the same scores in two columns or in one."""
    if columns == 2:
        return BOTH if from_logits else softmax(BOTH)
    return ONE if from_logits else softmax(BOTH)[:, 1:]


@every
@kinds
def test_one_column_equals_two_however_it_was_fitted(cls, from_logits):
    one, two = (scores(columns, from_logits) for columns in (1, 2))
    # Raw pairs of logits hold more than their difference, which some calibrators use.
    shifted = cls.depends_on_shift and from_logits
    pairs = np.concatenate([0 * ONE, ONE], axis=1) if shifted else two
    fits = [make_published(cls, 2, from_logits=from_logits) for _ in range(3)]
    of_row = fits[0].fit(LABELS, one[:, 0])
    of_column = fits[1].fit(LABELS[:, None], one)
    of_pairs = fits[2].fit(np.eye(2)[LABELS], pairs)
    expected = numbers(of_pairs(pairs))
    assert np.abs(expected - softmax(BOTH)).max() > 0.01  # it does something
    for layer in (of_row, of_column, of_pairs):
        np.testing.assert_allclose(numbers(layer(pairs)), expected, atol=1e-5)
        for form in FORMS:
            given = one.reshape(form)
            if layer is of_pairs and shifted:
                with pytest.raises(ValueError, match="fitted on two raw logits"):
                    layer(given)
                continue
            found = numbers(layer(given))
            assert found.shape == form == layer.compute_output_shape(form)
            np.testing.assert_allclose(found.reshape(-1), expected[:, 1], atol=1e-5)
        images = numbers(layer(pairs.reshape(2, 3, 4, 2)))
        np.testing.assert_allclose(images.reshape(24, 2), expected, atol=1e-5)


@every
@kinds
def test_one_column_through_attach_and_save(cls, from_logits, tmp_path):
    layer = make_published(cls, 2, from_logits=from_logits)
    layer.fit(LABELS, scores(1, from_logits))
    expected = numbers(layer(scores(1, from_logits))).reshape(2, 3, 4, 1)
    inputs = keras.Input((3, 4, 1))
    activation = None if from_logits else "sigmoid"
    head = keras.layers.Dense(1, activation, kernel_initializer="ones")
    attached = layer.attach(keras.Model(inputs, head(inputs)))
    assert attached.output_shape == (None, 3, 4, 1)
    given = ONE.reshape(2, 3, 4, 1)
    np.testing.assert_allclose(numbers(attached(given)), expected, atol=1e-5)
    attached.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numbers(loaded(given)), expected, atol=1e-5)
    with pytest.raises(ValueError, match="for the 2 classes"):
        loaded.layers[-1](np.zeros((24, 3), "float32"))


@every
def test_many_columns_are_checked_on_each_call(cls):
    labels, logits = overconfident(samples=24)
    layer = make_published(cls).fit(labels, logits)
    expected = numbers(layer(logits))
    for form in [(2, 12, 4), (2, 3, 4, 4)]:
        found = numbers(layer(logits.reshape(form)))
        assert found.shape == form
        np.testing.assert_allclose(found.reshape(24, 4), expected, atol=1e-6)
    for form in [(), (24,), (24, 1), (24, 3), (24, 5), (2, 4, 3)]:
        with pytest.raises(ValueError, match=r"`inputs` must have"):
            layer(np.zeros(form, "float32"))
        with pytest.raises(ValueError, match=r"`inputs` must have"):
            layer(keras.KerasTensor((None, *form[1:]) if form else form))
    with pytest.raises(ValueError, match="`logits` must have 4 columns"):
        layer.fit(labels, logits[:, :3])


def test_says_what_one_column_may_hold():
    layer = make_published(CLASSES[0], 2)
    with pytest.warns(UserWarning, match="reads as logits what may be probabilities"):
        layer.fit(LABELS, scores(1, False))
    layer = make_published(CLASSES[0], 2, from_logits=False)
    with pytest.raises(ValueError, match=r"lie in \[0, 1\].*`from_logits=True`"):
        layer.fit(LABELS, ONE)
