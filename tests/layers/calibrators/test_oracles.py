"""Calibrators against scikit-learn, loops and fits made by hand."""

import pathlib

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import sklearn.isotonic
from calibration_data import overconfident, softmax
from keras import ops

from keras_refcal.fitting.bayesian_binning import averaged_histogram, sizes
from keras_refcal.fitting.validation_set import ValidationSet
from keras_refcal.layers import (
    BayesianBinning,
    ClassDistributionAwareTemperature,
    GroupTemperatureScaling,
    HistogramBinning,
    IsotonicCalibration,
)
from keras_refcal.ops.bins import weighted_mass_edges

GOLDEN = pathlib.Path(__file__).parents[2] / "golden"


def numbers(x):
    return ops.convert_to_numpy(x).astype("float64")


@pytest.mark.parametrize("classes", [2, 4])
def test_isotonic_is_that_of_scikit_learn(classes):
    labels, logits = overconfident(classes=classes)
    p = softmax(logits.astype("float64"))
    log_odds = np.log(p) - np.log(p @ (1 - np.eye(classes)))
    mapped = np.empty(p.shape)
    for c in range(classes):
        fitted = sklearn.isotonic.IsotonicRegression(out_of_bounds="clip")
        fitted.fit(log_odds[:, c], labels == c)
        mapped[:, c] = 0.999 * fitted.predict(log_odds[:, c]) + 0.001 * p[:, c]
    expected = mapped / mapped.sum(axis=1, keepdims=True)
    layer = IsotonicCalibration(max_knots=200, fallback=False).fit(labels, logits)
    np.testing.assert_allclose(numbers(layer(logits)), expected, atol=2e-6)


@pytest.mark.parametrize("binning", ["uniform", "quantile"])
def test_histogram_is_that_of_a_loop(binning):
    labels, logits = overconfident(samples=300)
    p = softmax(logits).astype("float32")
    layer = HistogramBinning(num_bins=5, binning=binning, fallback=False).fit(
        labels, logits
    )
    mapped = np.empty(p.shape)
    for c in range(4):
        edges = np.linspace(0, 1, 6)[1:-1].astype("float32")
        if binning == "quantile":
            ordered = np.sort(p[:, c])
            edges = (ordered[59:299:60] + ordered[60:300:60]) / 2
        for i in range(300):
            same = [
                j
                for j in range(300)
                if np.sum(p[j, c] > edges) == np.sum(p[i, c] > edges)
            ]
            mapped[i, c] = np.mean(labels[same] == c)
    mixed = 0.999 * mapped + 0.001 * p
    expected = mixed / mixed.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(numbers(layer(logits)), expected, atol=1e-5)


def test_quantile_bins_hold_equally_many():
    labels, logits = overconfident(samples=300)
    layer = HistogramBinning(num_bins=6, binning="quantile", fallback=False).fit(
        labels, logits
    )
    edges, p = numbers(layer.edges), softmax(logits).astype("float32")
    for c in range(4):
        assert np.all(np.histogram(p[:, c], [-1, *edges[c], 2])[0] == 50)


def test_an_empty_bin_leaves_the_probability():
    labels, logits = overconfident(classes=2, sharpness=0.2)
    layer = HistogramBinning(num_bins=50, fallback=False).fit(labels, logits)
    sure = np.array([[0.0, 9.0]])
    np.testing.assert_allclose(numbers(layer(sure)), softmax(sure), atol=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
def test_bayesian_binning_is_that_of_netcal(classes):
    """`tests/golden/make_bayesian_binning.py` made the values."""
    with np.load(GOLDEN / "bayesian_binning.npz") as file:
        labels, p = file[f"labels_{classes}"], file[f"probabilities_{classes}"]
        theirs = file[f"calibrated_{classes}"]
    layer = BayesianBinning(
        from_logits=False,
        binning="uniform",
        criterion="bic",
        max_edges=10**4,
        fallback=False,
    )
    mixed = 0.999 * theirs + 0.001 * p
    expected = mixed / mixed.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(numbers(layer.fit(labels, p)(p)), expected, atol=1e-5)


def test_bayesian_binning_weighs_by_the_marginal_likelihood():
    generator = np.random.default_rng(0)
    scores = generator.random(60)
    targets = (generator.random(60) < scores**2).astype("float64")
    edges, values = averaged_histogram(
        scores, targets, np.ones(60), "quantile", "bdeu", 10**4
    )
    weights, at = [], []
    for size in sizes(60):
        own = weighted_mass_edges(scores, np.ones(60), size)
        ends = np.concatenate([[0], own, [1]])
        inside = np.searchsorted(own, scores)
        evidence, mean = 0.0, np.empty(size)
        for b in range(size):
            hits, n = targets[inside == b].sum(), np.sum(inside == b)
            a = 2 / size * (ends[b] + ends[b + 1]) / 2
            c = 2 / size - a
            evidence += scipy.special.betaln(a + hits, c + n - hits)
            evidence -= scipy.special.betaln(a, c)
            mean[b] = (a + hits) / (a + c + n)
        weights.append(evidence)
        at.append(mean[inside])
    expected = scipy.special.softmax(weights) @ np.array(at)
    found = values[np.searchsorted(edges, scores)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_bayesian_binning_keeps_the_most_probable_where_edges_are_few():
    labels, logits = overconfident(samples=600)
    whole = BayesianBinning(max_edges=4096, fallback=False).fit(labels, logits)
    few = BayesianBinning(max_edges=40, fallback=False).fit(labels, logits)
    assert np.abs(numbers(whole(logits)) - numbers(few(logits))).max() < 0.2
    one = BayesianBinning(max_edges=1, fallback=False).fit(labels, logits)
    assert numbers(one.edges).shape == (4, 1)


@pytest.mark.parametrize("groups", ["shots", {"some": [1, 2], "rare": (3,)}])
def test_groups_have_the_temperature_of_their_predictions(groups):
    labels, logits = overconfident(samples=600)
    logits[:, 3] *= 2
    counts = [500, 50, 60, 5]
    layer = GroupTemperatureScaling(counts, groups).fit(labels, logits)
    predicted = np.argmax(logits, axis=1)
    for members in ([0], [1, 2], [3]):
        rows = np.isin(predicted, members)
        data = ValidationSet(
            labels[rows],
            logits[rows].astype("float64"),
            np.full(rows.sum(), 1 / rows.sum()),
        )
        expected = data.best.temperature
        np.testing.assert_allclose(numbers(layer.temperature)[members], expected, 1e-5)
    np.testing.assert_array_equal(np.argmax(numbers(layer(logits)), 1), predicted)


def test_a_small_group_has_the_temperature_of_all():
    labels, logits = overconfident(samples=600)
    data = ValidationSet(labels, logits.astype("float64"), np.full(600, 1 / 600))
    layer = GroupTemperatureScaling([500, 50, 60, 5], min_samples=1000)
    found = numbers(layer.fit(labels, logits).temperature)
    np.testing.assert_allclose(found, data.best.temperature, 1e-5)


def test_class_aware_temperature_is_the_minimum_that_scipy_finds():
    labels, logits = overconfident(samples=800)
    counts = np.array([500, 200, 50, 10])
    share = np.log(counts / 500)
    of_row = share[np.argmax(logits, axis=1)]

    def loss(x):
        q = softmax(logits / np.exp(x[0] + x[1] * of_row)[:, None])
        return -np.mean(np.log(q[np.arange(800), labels]))

    theirs = scipy.optimize.minimize(loss, [1.0, 0.0], method="Nelder-Mead", tol=1e-9)
    found = numbers(
        ClassDistributionAwareTemperature(counts).fit(labels, logits).temperature
    )
    expected = np.exp(theirs.x[0] + theirs.x[1] * share)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: IsotonicCalibration(max_knots=1), "`max_knots` must be"),
        (lambda: BayesianBinning(criterion="aic"), "`criterion` must be one of"),
        (lambda: BayesianBinning(max_edges=0), "`max_edges` must be"),
        (lambda: HistogramBinning(num_bins=0), "`num_bins` must be"),
        (lambda: HistogramBinning(binning="equal"), "`binning` must be one of"),
        (lambda: GroupTemperatureScaling([5, 0]), "`class_counts` must be"),
        (lambda: GroupTemperatureScaling([5, 1], groups="half"), "`groups` must be"),
        (lambda: GroupTemperatureScaling([5, 1]).build((None, 3)), "of the 3 classes"),
    ],
)
def test_refuses_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
