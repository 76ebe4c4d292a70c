"""Classification losses against golden values and closed forms."""

import numpy as np
import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient
from keras import ops
from random_predictions import softmax

from keras_refcal import losses
from keras_refcal.ops import class_counts


def counts(data):
    return data["class_counts"]


LOSSES = {
    "ce": lambda data: losses.CrossEntropyLoss(from_logits=True),
    "focal": lambda data, gamma: losses.FocalLoss(gamma, from_logits=True),
    "flsd": lambda data, gamma_high: losses.SampleDependentFocalLoss(
        gamma_high, from_logits=True
    ),
    "label_smoothing": lambda data, alpha, spread: losses.CrossEntropyLoss(
        alpha, spread, from_logits=True
    ),
    "brier": lambda data: losses.BrierLoss(from_logits=True),
    "mbls": lambda data, margin, alpha: losses.MarginLabelSmoothingLoss(
        margin, alpha, from_logits=True
    ),
    "acls": lambda data, **options: losses.ACLSLoss(**options, from_logits=True),
    "acls_min": lambda data, **options: losses.ACLSLoss(
        **options, variant="paper", from_logits=True
    ),
    "logit_norm": lambda data, temperature: losses.LogitNormLoss(
        temperature, from_logits=True
    ),
    "logit_adjust": lambda data, tau: losses.LogitAdjustedLoss(
        counts(data), tau, from_logits=True
    ),
    "ldam": lambda data, s, max_m: losses.LDAMLoss(
        counts(data), max_m, s, from_logits=True
    ),
}
OFFERED = ("reference", "alternative", "paper", "derived")


@pytest.mark.parametrize(
    ("case", "check"),
    [
        p
        for p in parameters(*LOSSES, variants=OFFERED)
        if p.values[0]["topic"] == "losses_classification"
        and "drw_beta" not in p.values[1]["params"]
    ],
)
def test_matches_golden(case, check):
    data = inputs(case)
    loss = LOSSES[check["kind"]](data, **check["params"])
    value, (gradient,) = value_and_gradient(
        lambda logits: loss(data["labels"], logits), data["logits"], jit="quick"
    )
    assert_matches(case, check, value=value, grad_logits=gradient)


@pytest.mark.parametrize(
    ("case", "check"),
    [p for p in parameters("logit_adjust") if p.values[1]["params"]["tau"] == 1],
)
def test_balanced_softmax_is_logit_adjustment_with_tau_1(case, check):
    data = inputs(case)
    loss = losses.BalancedSoftmaxLoss(counts(data), from_logits=True)
    value, (gradient,) = value_and_gradient(
        lambda logits: loss(data["labels"], logits), data["logits"], jit="quick"
    )
    assert_matches(case, check, value=value, grad_logits=gradient)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 20.0])
def test_focal_is_finite_and_exact_where_probabilities_saturate(gamma):
    logits = np.array([[0.0, 60.0], [60.0, 0.0], [0.0, 1e4], [1e4, 0.0]], "float32")
    loss = losses.FocalLoss(gamma, from_logits=True, reduction="none")
    value, (gradient,) = value_and_gradient(
        lambda z: ops.sum(loss(np.zeros(4), z)), logits
    )
    assert value == pytest.approx(60 + 1e4, rel=1e-6)
    assert np.all(np.isfinite(gradient))


def test_soft_labels_weigh_the_losses_of_their_classes():
    """Every loss that is linear in its target row."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(8, 4)).astype("float32") * 3
    rows = generator.dirichlet(np.ones(4), 8).astype("float32")
    made = [
        losses.CrossEntropyLoss(0.1, "others"),
        losses.FocalLoss(),
        losses.SampleDependentFocalLoss(),
        losses.LabelAwareSmoothingLoss([40, 30, 20, 10], variant="paper"),
    ]
    for loss in made:
        loss.reduction, loss.from_logits = None, True
        by_class = np.stack(
            [np.array(loss(np.full(8, c), logits)) for c in range(4)], axis=1
        )
        expected = np.sum(rows * by_class, axis=1)
        np.testing.assert_allclose(np.array(loss(rows, logits)), expected, rtol=1e-5)


@pytest.mark.parametrize("variant", ["published", "paper"])
@pytest.mark.parametrize(
    ("shape", "middle"), [("concave", 0.5**0.5), ("linear", 0.5), ("convex", None)]
)
def test_label_aware_smoothing_follows_its_curve(shape, middle, variant):
    middle = 1 - 0.5**0.5 if middle is None else middle
    smoothing = np.array([0.4, 0.1 + 0.3 * middle, 0.1])
    found = class_counts.label_aware_smoothing([100, 60, 20], 0.4, 0.1, shape)
    np.testing.assert_allclose(found, smoothing)
    logits = np.random.default_rng(0).normal(size=(3, 3))
    off = smoothing / (3 if variant == "published" else 2)
    targets = np.tile(off[:, None], (1, 3))
    targets[np.arange(3), np.arange(3)] += 1 - targets.sum(axis=1)
    loss = losses.LabelAwareSmoothingLoss(
        [100, 60, 20], shape=shape, variant=variant, from_logits=True, reduction="none"
    )
    expected = -np.sum(targets * np.log(softmax(logits)), axis=1)
    np.testing.assert_allclose(np.array(loss(np.arange(3), logits)), expected, 1e-5)


def test_equal_classes_are_all_head():
    found = class_counts.label_aware_smoothing([5, 5], 0.4, 0.1)
    np.testing.assert_allclose(found, [0.4, 0.4])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.FocalLoss(gamma=-1), "`gamma` must be a number >= 0"),
        (lambda: losses.SampleDependentFocalLoss(gamma=None), "`gamma`"),
        (lambda: losses.CrossEntropyLoss(5.0), r"`label_smoothing` .* \[0, 1\]"),
        (lambda: losses.CrossEntropyLoss(0.1, "all"), "`spread` must be one of"),
        (lambda: losses.LogitNormLoss(0), "`temperature` must be a positive"),
        (lambda: losses.MarginLabelSmoothingLoss(margin=-1), "`margin`"),
        (lambda: losses.MarginLabelSmoothingLoss(alpha=-1), "`alpha`"),
        (lambda: losses.ACLSLoss(variant="refcal"), "`variant` must be one of"),
        (lambda: losses.LDAMLoss([5, 0]), "`class_counts` must be one positive"),
        (lambda: losses.LDAMLoss([5, 1], scale=0), "`scale`"),
        (lambda: losses.LogitAdjustedLoss([5, 1], tau=-1), "`tau`"),
        (lambda: losses.LabelAwareSmoothingLoss([5, 1], 1.2), "`smooth_head`"),
        (lambda: losses.LabelAwareSmoothingLoss([5, 1], shape="x"), "`shape`"),
    ],
)
def test_rejects_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_rejects_counts_of_another_number_of_classes():
    loss = losses.BalancedSoftmaxLoss([5, 1, 1], from_logits=True)
    with pytest.raises(ValueError, match="must fit the 2 classes"):
        loss(np.array([0]), np.zeros((1, 2)))
