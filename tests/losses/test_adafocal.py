"""AdaFocal: its loss, its bins and how its exponents move."""

import numpy as np
import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient
from keras import ops
from random_predictions import draw

from keras_refcal.losses import AdaFocalLoss
from keras_refcal.ops import adafocal


def to_numpy(x):
    return np.array(ops.convert_to_numpy(x))


@pytest.mark.parametrize(("case", "check"), parameters("adafocal"))
def test_loss_matches_golden(case, check):
    data = inputs(case)
    loss = AdaFocalLoss(from_logits=True, reduction="sum")
    loss.bins.inner_edges.assign(data["bin_upper"][:-1].astype("float32"))
    if check["id"] == "adafocal_bins":
        loss.bins.gammas.assign(data["bin_gamma"].astype("float32"))
    value, (gradient,) = value_and_gradient(
        lambda z: loss(data["labels"], z), data["logits"]
    )
    assert_matches(case, check, value=value, grad_logits=gradient)


@pytest.mark.parametrize(("case", "check"), parameters("adafocal_update"))
def test_update_matches_golden(case, check):
    options = check["params"]
    gammas = np.full(15, options["gamma_initial"], "float32")
    history = []
    for gaps in inputs(case)["gaps"]:
        gammas = adafocal.update_gammas(
            ops.convert_to_tensor(gammas),
            ops.convert_to_tensor(gaps.astype("float32")),
            options["lambda"],
            options["switch"],
            options["gamma_min"],
            options["gamma_max"],
        )
        history.append(to_numpy(gammas))
    assert_matches(case, check, gammas=np.stack(history))


@pytest.mark.parametrize(("case", "check"), parameters("adafocal_bins"))
def test_bins_match_golden(case, check):
    data = inputs(case)
    edges, share, gaps = adafocal.equal_mass_bins(
        ops.convert_to_tensor(data["confidences"]),
        ops.convert_to_tensor(data["correct"].astype("float32")),
        check["params"]["num_bins"],
    )
    edges = to_numpy(edges)
    assert_matches(
        case,
        check,
        lower_bound=edges[:-1],
        upper_bound=edges[1:],
        prop_in_bin=to_numpy(share),
        calibration_gap=to_numpy(gaps),
    )


@pytest.mark.parametrize("samples", [1, 7, 200])
def test_over_confidence_raises_every_exponent_that_it_meets(samples):
    generator = np.random.default_rng(0)
    probabilities = np.stack([np.full(samples, 0.9), np.full(samples, 0.1)], axis=1)
    probabilities[:, 0] += generator.uniform(-0.05, 0.05, samples)
    probabilities[:, 1] = 1 - probabilities[:, 0]
    loss = AdaFocalLoss(num_bins=5)
    loss.update_gammas(np.ones(samples), probabilities)
    gammas = to_numpy(loss.bins.gammas)
    assert np.all(gammas >= 1) and np.all(np.isfinite(gammas))
    if samples > 5:
        assert np.all(gammas > 2)


def test_edges_divide_the_sorted_confidences():
    confidences = np.array([0.9, 0.6, 0.8, 0.7])
    loss = AdaFocalLoss(num_bins=2)
    loss.update_gammas(np.zeros(4), np.stack([confidences, 1 - confidences], axis=1))
    assert to_numpy(loss.bins.inner_edges).tolist() == pytest.approx([0.8])


def test_ignored_samples_move_no_edge():
    confidences = np.array([0.9, 0.6, 0.99, 0.8, 0.7])
    loss = AdaFocalLoss(num_bins=2, ignore_class=-1)
    labels = np.array([0, 0, -1, 0, 0])
    loss.update_gammas(labels, np.stack([confidences, 1 - confidences], axis=1))
    assert to_numpy(loss.bins.inner_edges).tolist() == pytest.approx([0.8])


def test_the_loss_uses_what_it_learned():
    labels, probabilities = draw(0, 100, 4, dtype="float32")
    loss = AdaFocalLoss()
    before = float(loss(labels, probabilities))
    loss.update_gammas(labels, probabilities)
    assert float(loss(labels, probabilities)) != before
    assert np.all(np.diff(to_numpy(loss.bins.inner_edges)) >= 0)


def test_a_negative_exponent_is_inverse_focal():
    loss = AdaFocalLoss(num_bins=2)
    loss.bins.gammas.assign(np.array([-2.0, 1.0], "float32"))
    value = float(loss(np.array([0]), np.array([[0.25, 0.75]])))
    assert value == pytest.approx(-(1.25**2) * np.log(0.25), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_bins": 1}, "`num_bins` must be an integer >= 2"),
        ({"adaptation": 0}, "`adaptation` must be a positive"),
        ({"switch": -1}, "`switch` must be a positive"),
        ({"gamma_min": 0.5}, "`gamma_min` must be"),
        ({"gamma_max": 0.5}, "`gamma_max` 1 or more"),
    ],
)
def test_rejects_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        AdaFocalLoss(**options)
