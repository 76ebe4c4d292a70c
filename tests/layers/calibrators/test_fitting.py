"""What holds for every calibrator, found through `layers.__all__`."""

import warnings

import hypothesis
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from calibration_data import nll, overconfident, softmax
from calibrator_classes import CLASSES, make, make_published
from keras import ops
from shared_data import REAL_PREDICTIONS, real_predictions

from keras_refcal import layers

every = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
# Their formulas have the number of samples in them, which weights make effective.
COUNTS_SAMPLES = (
    layers.BayesianBinning,
    layers.LaplaceTemperatureScaling,
    layers.StructuredMatrixScaling,
    layers.StructuredVectorScaling,
    layers.VennAbersCalibration,
)


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
@pytest.mark.filterwarnings("ignore:.*(stays the identity|temperature)")
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
    ],
)
def test_a_useless_set_leaves_the_identity(cls, labels, logits, why):
    layer = make(cls).fit(*overconfident())
    with pytest.warns(UserWarning, match=f"{cls.__name__} stays the identity.*{why}"):
        layer.fit(labels, logits)
    logits = np.asarray(logits, "float32")
    np.testing.assert_allclose(numbers(layer(logits)), softmax(logits), rtol=1e-5)


def all_right(samples=400, classes=4):
    """Labels, and logits that are right and far from sure of it."""
    logits = np.random.default_rng(0).normal(size=(samples, classes)) / 4
    return np.argmax(logits, axis=1), logits.astype("float32")


@every
def test_moves_where_every_prediction_is_right(cls):
    labels, logits = all_right()
    with pytest.warns(UserWarning, match=f"{cls.__name__}.*every label is the likeli"):
        layer = make(cls).fit(labels, logits)
    probabilities = numbers(layer(logits))
    right = probabilities[np.arange(400), labels]
    assert softmax(logits).max(axis=1).mean() < 0.36
    assert right.mean() > 0.98
    assert nll(labels, layer(logits)) < 3 / 401  # 1 / 401, and what ties leave


@every
def test_says_where_labels_are_no_likelier_than_chance(cls):
    generator = np.random.default_rng(0)
    labels, logits = generator.integers(0, 4, 400), generator.normal(size=(400, 4)) * 5
    with pytest.warns(UserWarning, match="no likelier than chance"):
        layer = make(cls).fit(labels, logits.astype("float32"))
    assert nll(labels, layer(logits.astype("float32"))) < np.log(4) + 1e-3


class Nonsense(layers.TemperatureScaling):
    def fit_state(self, data):
        return (1e-2,)


@pytest.mark.parametrize(("fallback", "known"), [(True, "best"), (False, "first")])
def test_a_fit_that_raises_the_loss_is_not_kept(fallback, known):
    labels, logits = overconfident()
    layer = Nonsense()
    layer.fallback = fallback
    with pytest.warns(UserWarning, match="the fit would raise the loss"):
        layer.fit(labels, logits)
    best = layers.TemperatureScaling().fit(labels, logits).temperature
    expected = {"best": numbers(best), "first": 1.0}[known]
    assert numbers(layer.temperature) == pytest.approx(expected)


def compared_with_one_temperature(cls, labels, logits, fresh_labels, fresh_logits):
    """Returns the mean difference of the losses on fresh data, in standard errors."""
    layer, rival = make(cls, logits.shape[1]), layers.TemperatureScaling()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*becomes one temperature")
        probabilities = layer.fit(labels, logits)(fresh_logits)
    rows = np.arange(len(fresh_labels))
    ours = numbers(probabilities)[rows, fresh_labels]
    theirs = numbers(rival.fit(labels, logits)(fresh_logits))[rows, fresh_labels]
    difference = np.log(np.maximum(theirs, 1e-30)) - np.log(np.maximum(ours, 1e-30))
    error = difference.std() / np.sqrt(len(rows))
    return difference.mean() / max(error, 1e-9), difference.mean()


@every
def test_is_no_worse_than_one_temperature_on_fresh_data(cls):
    labels, logits = overconfident(0, 1200, 30)
    halves = labels[:600], logits[:600], labels[600:], logits[600:]
    errors, mean = compared_with_one_temperature(cls, *halves)
    assert errors < 3 or mean < 1e-3


@pytest.mark.slow
@every
@pytest.mark.parametrize("name", REAL_PREDICTIONS)
def test_is_no_worse_than_one_temperature_on_real_data(cls, name):
    labels, logits = real_predictions(name)
    excess, means = [], []
    for seed in range(5):
        first, second = np.array_split(
            np.random.default_rng(seed).permutation(len(labels)), 2
        )
        errors, mean = compared_with_one_temperature(
            cls, labels[first], logits[first], labels[second], logits[second]
        )
        excess.append(errors)
        means.append(mean)
    # A number that is fitted in vain costs 1 / 2n = 1e-4 nats, and as much by chance.
    assert np.mean(excess) < 1 or np.mean(means) < 1e-3
    assert max(excess) < 3


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
def test_weights_are_copies_of_no_scale(cls):
    labels, logits = overconfident(samples=120)
    weights = np.arange(120) % 3
    weighted = make_published(cls).fit(labels, logits, sample_weight=weights)
    found = numbers(weighted(logits))
    # By default, cross-validation and effective numbers of samples see copies as
    # samples; so do some formulas always.
    if cls not in COUNTS_SAMPLES:
        copies = np.repeat(np.arange(120), weights)
        copied = make_published(cls).fit(labels[copies], logits[copies])
        np.testing.assert_allclose(found, numbers(copied(logits)), atol=2e-4)
    for options in (make, make_published):
        given, scaled = options(cls), options(cls)
        absent = weights > 0
        given.fit(labels[absent], logits[absent], sample_weight=weights[absent])
        scaled.fit(labels, logits, sample_weight=1e-5 * weights)
        np.testing.assert_allclose(
            numbers(given(logits)), numbers(scaled(logits)), atol=2e-6
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
def test_takes_one_hot_labels(cls):
    labels, logits = overconfident()
    ids, rows = make(cls).fit(labels, logits), make(cls).fit(np.eye(4)[labels], logits)
    np.testing.assert_array_equal(numbers(ids(logits)), numbers(rows(logits)))


@every
@pytest.mark.parametrize("options", [make, make_published])
def test_a_class_without_samples_keeps_its_share(cls, options):
    labels, logits = overconfident(samples=900)
    labels, logits = labels[labels != 3][:600], logits[labels != 3][:600]
    layer = options(cls).fit(labels, logits)
    temperature = layers.TemperatureScaling().fit(labels, logits)
    before = [softmax(logits)[:, 3], numbers(temperature(logits))[:, 3]]
    probabilities = numbers(layer(logits))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    after = probabilities[:, 3]
    assert after.min() > 0
    # What it was, or what one temperature makes of it; several make a little more.
    few = "Temperature" in cls.__name__
    off = min(abs(after.mean() / share.mean() - 1) for share in before)
    assert off < (0.2 if few else 1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_true": [0, 1]}, "`y_true` must hold a label for each of the 400"),
        ({"y_true": np.full(400, 4)}, "`y_true` must hold class ids from 0 to 3"),
        ({"y_true": np.full(400, 0.5)}, "`y_true` must hold whole numbers"),
        ({"logits": np.zeros((0, 4))}, "`logits` must hold one sample"),
        ({"logits": np.full((400, 4), 0.25)}, "`logits` hold probabilities"),
        ({"sample_weight": np.zeros(400)}, "One sample or more must count"),
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
    by_hand = layers.VectorScaling(l2=1e-7).fit(
        labels[keep], logits[keep], sample_weight=1 / totals[labels[keep]]
    )
    balanced = layers.VectorScaling(l2=1e-7).fit(
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
