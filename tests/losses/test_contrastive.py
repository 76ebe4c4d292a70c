"""Contrastive losses against golden values and plain loops."""

import numpy as np
import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient
from keras import ops

from keras_refcal.losses import (
    BalancedContrastiveLoss,
    SimCLRLoss,
    SupervisedContrastiveLoss,
)
from keras_refcal.ops.balanced_contrastive import balanced_contrastive


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


@pytest.mark.parametrize(("case", "check"), parameters("supcon"))
def test_supervised_contrastive_matches_golden(case, check):
    data = inputs(case)
    loss = SupervisedContrastiveLoss(**check["params"], normalize=False)
    value, (gradient,) = value_and_gradient(
        lambda features: loss(data["labels"], features), data["features"], jit="quick"
    )
    assert_matches(case, check, value=value, grad_features=gradient)


@pytest.mark.parametrize(("case", "check"), parameters("supcon_mask"))
def test_positive_mask_matches_golden(case, check):
    data = inputs(case)
    loss = SupervisedContrastiveLoss(
        **check["params"], normalize=False, positive_mask=True
    )
    value, (gradient,) = value_and_gradient(
        lambda features: loss(data["mask"], features), data["features"], jit="quick"
    )
    assert_matches(case, check, value=value, grad_features=gradient)


@pytest.mark.parametrize(("case", "check"), parameters("simclr"))
def test_simclr_matches_golden(case, check):
    data = inputs(case)
    loss = SimCLRLoss(**check["params"], normalize=False)
    value, (gradient,) = value_and_gradient(
        lambda features: loss(None, features), data["features"], jit="quick"
    )
    assert_matches(case, check, value=value, grad_features=gradient)


@pytest.mark.parametrize(("case", "check"), parameters("bcl"))
def test_balanced_contrastive_matches_golden(case, check):
    data = inputs(case)
    labels = ops.convert_to_tensor(data["labels"], "int32")
    value, gradients = value_and_gradient(
        lambda features, centers: ops.mean(
            balanced_contrastive(
                features,
                centers,
                labels,
                temperature=check["params"]["temperature"],
                normalize=False,
            )
        ),
        data["features"],
        data["centers"],
    )
    names = ("grad_features", "grad_centers")
    assert_matches(case, check, value=value, **dict(zip(names, gradients, strict=True)))


def supcon_by_loops(rows, labels, temperature, weight):
    """One view, weights as numbers of equal samples except for an anchor itself."""
    size, values = len(rows), []
    for i in range(size):
        others = [j for j in range(size) if j != i]
        total = sum(weight[a] * np.exp(rows[i] @ rows[a] / temperature) for a in others)
        own = [p for p in others if labels[p] == labels[i] and weight[p] > 0]
        logs = [
            weight[p] * (rows[i] @ rows[p] / temperature - np.log(total)) for p in own
        ]
        count = sum(weight[p] for p in own)
        values.append(-sum(logs) / count if count else 0.0)
    return np.average(values, weights=weight)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 10.0])
def test_supervised_contrastive_matches_loops(temperature):
    generator = np.random.default_rng(1)
    rows = unit(generator.normal(size=(9, 4)))
    labels = np.array([0, 0, 1, 1, 1, 2, 2, 3, 0])
    weight = np.array([1, 2, 1, 0, 1, 1, 3, 1, 0.5])
    loss = SupervisedContrastiveLoss(temperature, temperature, normalize=False)
    relative = weight * weight.sum() / np.sum(weight**2)  # their scale has no meaning
    expected = supcon_by_loops(rows, labels, temperature, relative)
    assert float(loss(labels, rows, weight)) == pytest.approx(expected, rel=1e-5)


def balanced_by_loops(views, prototypes, labels, temperature):
    batch, num_views, _ = views.shape
    rows = [
        (v, i, labels[i], views[i, v]) for v in range(num_views) for i in range(batch)
    ]
    contrasts = rows + [(None, None, c, p) for c, p in enumerate(prototypes)]
    values = []
    for v, i, label, anchor in rows:
        others = [c for c in contrasts if (c[0], c[1]) != (v, i)]
        size = {c: sum(o[2] == c for o in others) for c in range(len(prototypes))}
        total = sum(np.exp(anchor @ o[3] / temperature) / size[o[2]] for o in others)
        positives = [anchor @ o[3] / temperature for o in others if o[2] == label]
        values.append(np.log(total) - np.mean(positives))
    return np.mean(values)


@pytest.mark.parametrize("num_views", [1, 2, 3])
def test_balanced_contrastive_matches_loops(num_views):
    generator = np.random.default_rng(num_views)
    views = unit(generator.normal(size=(6, num_views, 4)))
    labels = np.array([0, 0, 2, 1, 0, 2])
    loss = BalancedContrastiveLoss(num_classes=5, embedding_dim=4)
    prototypes = np.asarray(ops.convert_to_numpy(loss.prototypes.vectors()))
    expected = balanced_by_loops(views, prototypes, labels, loss.temperature)
    assert float(loss(labels, views)) == pytest.approx(expected, rel=1e-5)


def test_balanced_contrastive_with_soft_members_matches_loops():
    generator = np.random.default_rng(0)
    rows = unit(generator.normal(size=(6, 4)))
    labels = generator.dirichlet(np.ones(3), 6)
    loss = BalancedContrastiveLoss(num_classes=3, embedding_dim=4)
    prototypes = np.asarray(ops.convert_to_numpy(loss.prototypes.vectors()))
    members, z = np.concatenate([labels, np.eye(3)]), np.concatenate([rows, prototypes])
    values = []
    for i in range(6):
        others = [a for a in range(9) if a != i]
        similarity = {a: z[i] @ z[a] / loss.temperature for a in others}
        sizes = members[others].sum(axis=0)
        total = sum(np.exp(similarity[a]) * (members[a] / sizes).sum() for a in others)
        pairs = {a: members[i] @ members[a] for a in others}
        mean = sum(pairs[a] * similarity[a] for a in others) / sum(pairs.values())
        values.append(np.log(total) - mean)
    value = loss(labels.astype("float32"), rows.astype("float32"))
    assert float(value) == pytest.approx(np.mean(values), rel=1e-5)


def test_equal_embeddings_give_the_logarithm_of_the_contrasts():
    loss = SupervisedContrastiveLoss(temperature=0.1, base_temperature=0.1)
    views = np.ones((4, 2, 3))
    assert float(loss(np.array([0, 0, 1, 1]), views)) == pytest.approx(np.log(7))


@pytest.mark.parametrize("make", [SupervisedContrastiveLoss, SimCLRLoss])
def test_mode_one_takes_the_first_view_as_anchor(make):
    views = np.random.default_rng(0).normal(size=(5, 3, 4))
    labels = np.array([0, 0, 1, 1, 2])
    first = make(contrast_mode="one", reduction="none")(labels, views)
    rotated = [np.roll(views, -shift, axis=1) for shift in range(3)]
    every = [make(contrast_mode="one", reduction="none")(labels, v) for v in rotated]
    mean = np.mean([ops.convert_to_numpy(e) for e in every], axis=0)
    both = ops.convert_to_numpy(make(reduction="none")(labels, views))
    np.testing.assert_allclose(both, mean, rtol=1e-5)
    assert not np.allclose(ops.convert_to_numpy(first), both)


def test_simclr_with_one_view_has_no_positives():
    assert float(SimCLRLoss()(None, np.eye(4))) == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SupervisedContrastiveLoss(0), "`temperature` must be a positive"),
        (lambda: SimCLRLoss(base_temperature=-1), "`base_temperature`"),
        (lambda: SimCLRLoss(contrast_mode="two"), "`contrast_mode` must be one of"),
        (lambda: BalancedContrastiveLoss(1), "`num_classes` must be an integer >= 2"),
        (lambda: BalancedContrastiveLoss(2, 0), "`embedding_dim` must be"),
        (lambda: BalancedContrastiveLoss(2, temperature=0), "`temperature`"),
    ],
)
def test_rejects_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_rejects_shapes_that_do_not_fit():
    labels = np.array([0, 1])
    with pytest.raises(ValueError, match=r"mask of shape \(batch, batch\)"):
        SupervisedContrastiveLoss(positive_mask=True)(labels, np.eye(2))
    with pytest.raises(ValueError, match="`embedding_dim` is 3"):
        BalancedContrastiveLoss(2, 3)(labels, np.eye(2))
    with pytest.raises(ValueError, match="class ids from 0 to 1"):
        BalancedContrastiveLoss(2, 2)(labels + 1, np.eye(2))
    with pytest.raises(ValueError, match="must have rank 2 or 3"):
        SimCLRLoss()(labels, np.ones((2, 2, 2, 2)))
