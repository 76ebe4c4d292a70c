"""What holds for every calibrator, found through `layers.__all__`."""

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from calibration_data import nll, overconfident, softmax
from calibrator_classes import CLASSES, make
from keras import ops

from keras_refcal import layers

every = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def numbers(x):
    return ops.convert_to_numpy(x)


@every
def test_lowers_the_loss_and_gives_probabilities(cls):
    labels, logits = overconfident()
    layer = make(cls).fit(labels, logits)
    probabilities = numbers(layer(logits))
    assert nll(labels, probabilities) < nll(labels, softmax(logits)) - 0.1
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert probabilities.min() >= 0


@every
@hypothesis.settings(max_examples=5)
@hypothesis.given(st.integers(0, 10**6), st.sampled_from([2, 5, 40]), st.floats(-2, 2))
@pytest.mark.filterwarnings("ignore:.*stays the identity")
def test_never_raises_the_loss(cls, seed, samples, log_sharpness):
    labels, logits = overconfident(seed, samples, 4, np.exp(log_sharpness))
    before = nll(labels, softmax(logits))
    after = nll(labels, make(cls).fit(labels, logits)(logits))
    assert after <= before + 2e-6 * (1 + before)


@every
@pytest.mark.parametrize(
    ("labels", "logits", "why"),
    [
        ([1], [[2.0, 0, 0, 0]], "a single sample"),
        ([1, 1, 1], np.eye(4)[[1, 2, 3]] * 3, "all its labels are of class 1"),
        ([0, 1, 2], np.eye(4)[[0, 1, 2]] * 3, "every prediction is right"),
    ],
)
def test_a_useless_set_leaves_the_identity(cls, labels, logits, why):
    layer = make(cls).fit(*overconfident())
    with pytest.warns(UserWarning, match=f"{cls.__name__} stays the identity.*{why}"):
        layer.fit(labels, logits)
    logits = np.asarray(logits, "float32")
    np.testing.assert_allclose(numbers(layer(logits)), softmax(logits), rtol=1e-5)


@every
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_refuses_values_that_are_not_finite(cls, bad):
    labels, logits = overconfident()
    logits[7, 1] = bad
    with pytest.raises(
        ValueError, match=r"must be finite.*1 of 400 rows, first in row 7"
    ):
        make(cls).fit(labels, logits)


@every
def test_weight_zero_is_absence_and_two_is_twice(cls):
    labels, logits = overconfident(samples=120)
    weights = np.arange(120) % 3
    copies = np.repeat(np.arange(120), weights)
    weighted = make(cls).fit(labels, logits, sample_weight=weights)
    copied = make(cls).fit(labels[copies], logits[copies])
    np.testing.assert_allclose(
        numbers(weighted(logits)), numbers(copied(logits)), atol=2e-4
    )


@every
def test_probabilities_are_read_by_their_logarithm(cls):
    labels, logits = overconfident()
    log_p = np.log(softmax(logits.astype("float64"))).astype("float32")
    of_logits = make(cls).fit(labels, log_p)
    of_probabilities = make(cls, from_logits=False).fit(labels, softmax(logits))
    np.testing.assert_allclose(
        numbers(of_probabilities(softmax(logits))), numbers(of_logits(log_p)), atol=1e-4
    )


@every
def test_one_column_speaks_of_class_1(cls):
    labels, logits = overconfident(classes=2)
    both = np.stack([np.zeros(400, "float32"), logits[:, 1] - logits[:, 0]], axis=1)
    two = make(cls, 2).fit(labels, both)
    one = make(cls, 2).fit(labels, both[:, 1:])
    assert numbers(one(both[:, 1:])).shape == (400, 1)
    np.testing.assert_allclose(
        numbers(one(both[:, 1:]))[:, 0], numbers(two(both))[:, 1], atol=1e-5
    )
    sure = 1 / (1 + np.exp(-both[:, 1:]))
    read = make(cls, 2, from_logits=False).fit(labels, sure)
    assert nll(labels, np.hstack([1 - numbers(read(sure)), numbers(read(sure))])) < 0.65


@every
def test_takes_one_hot_labels(cls):
    labels, logits = overconfident()
    ids, rows = make(cls).fit(labels, logits), make(cls).fit(np.eye(4)[labels], logits)
    np.testing.assert_array_equal(numbers(ids(logits)), numbers(rows(logits)))


@every
def test_a_class_without_samples_is_left_some_probability(cls):
    labels, logits = overconfident()
    rows = labels != 3
    layer = make(cls).fit(labels[rows], logits[rows])
    assert numbers(layer(logits)).min() > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_true": [0, 1]}, "`y_true` must hold a label for each of the 400"),
        ({"y_true": np.full(400, 4)}, "`y_true` must hold class ids from 0 to 3"),
        ({"y_true": np.full(400, 0.5)}, "`y_true` must hold whole numbers"),
        ({"logits": np.zeros((0, 4))}, "`logits` must hold one sample"),
        ({"logits": np.full((400, 4), 0.25)}, "`logits` hold probabilities"),
        ({"sample_weight": np.zeros(400)}, "must leave one sample or more"),
        ({"sample_weight": -np.ones(400)}, "`sample_weight` must hold 400 finite"),
        ({"class_weight": "fair"}, "`class_weight` must be 'balanced'"),
        ({"class_weight": [1, 2]}, "`class_weight` must hold 4 finite numbers"),
    ],
)
def test_refuses_bad_input(changes, message):
    labels, logits = overconfident()
    with pytest.raises(ValueError, match=message):
        layers.TemperatureScaling().fit(
            **{"y_true": labels, "logits": logits, **changes}
        )


def test_refuses_logits_for_probabilities():
    labels, logits = overconfident()
    with pytest.raises(ValueError, match=r"must lie in.*`from_logits=True`"):
        layers.TemperatureScaling(from_logits=False).fit(labels, logits)


def test_balanced_weights_fit_for_equally_frequent_classes():
    labels, logits = overconfident(samples=3000)
    keep = np.concatenate(
        [np.flatnonzero(labels == c)[: (600, 200, 60, 20)[c]] for c in range(4)]
    )
    totals = np.bincount(labels[keep])
    by_hand = layers.VectorScaling().fit(
        labels[keep], logits[keep], sample_weight=1 / totals[labels[keep]]
    )
    balanced = layers.VectorScaling().fit(
        labels[keep], logits[keep], class_weight="balanced"
    )
    np.testing.assert_allclose(numbers(by_hand.bias), numbers(balanced.bias), atol=1e-6)
    assert np.ptp(numbers(balanced.bias)) > 1e-3


@every
def test_is_saved_in_a_keras_file(cls, tmp_path):
    labels, logits = overconfident()
    layer = make(cls).fit(labels, logits)
    model = keras.Sequential([keras.Input((4,)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(numbers(loaded(logits)), numbers(model(logits)))
