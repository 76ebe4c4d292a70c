"""Correctness ranking against golden sequences, loops and its own history."""

import numpy as np
import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient
from keras import ops
from random_predictions import softmax

from keras_refcal.losses import CorrectnessRankingLoss, RefCalLoss


def to_numpy(x):
    return np.array(ops.convert_to_numpy(x))


@pytest.mark.parametrize(("case", "check"), parameters("crl_sequence"))
def test_matches_golden_sequences(case, check):
    data, options = inputs(case), check["params"]
    crl = CorrectnessRankingLoss(
        options["n_data"], options["rank_target"], from_logits=True
    )
    total = RefCalLoss(
        "cross_entropy", crl, None, options["rank_weight"], from_logits=True
    )
    got = {k: [] for k in ("total", "ranking", "grad_logits", "history_correctness")}
    for logits, index in zip(data["logits"], data["batch_idx"], strict=True):
        y_true = np.stack([data["labels"][index], index], axis=1)
        value, (gradient,) = value_and_gradient(
            lambda z, y_true=y_true: total(y_true, z), logits
        )
        got["total"].append(value)
        got["grad_logits"].append(gradient)
        got["ranking"].append(to_numpy(crl(y_true, logits)))
        crl.update_state(y_true, logits)
        got["history_correctness"].append(to_numpy(crl.history.correct))
    assert_matches(case, check, **{k: np.stack(v) for k, v in got.items()})


@pytest.mark.parametrize(
    ("case", "check"), parameters("crl_degenerate", variants=("derived",))
)
def test_equal_histories_leave_cross_entropy_alone(case, check):
    data = inputs(case)
    crl = CorrectnessRankingLoss(4)
    y_true = np.stack([data["labels"], np.arange(4)], axis=1)
    crl.update_state(y_true, softmax(data["logits"]))
    assert to_numpy(crl.history.correct).tolist() == [1, 1, 1, 1]
    total = RefCalLoss("cross_entropy", crl, None, 1.0, from_logits=True)
    value, (gradient,) = value_and_gradient(lambda z: total(y_true, z), data["logits"])
    assert_matches(case, check, total=value, grad_logits=gradient)


def history_loss(target="softmax"):
    """Samples 0 to 3 of 4 were right 3, 2, 0 and 1 times in 3 epochs."""
    loss = CorrectnessRankingLoss(4, target, from_logits=True)
    loss.history.correct.assign(np.array([3.0, 2, 0, 1], "float32"))
    loss.history.seen.assign(np.full(4, 3, "float32"))
    return loss


def test_absent_samples_are_no_partners():
    loss = history_loss()
    logits = np.random.default_rng(0).normal(size=(5, 3))
    y_true = np.array([[0, 0], [1, 2], [2, 1], [0, 3], [1, -1]])
    weight = np.array([1.0, 0, 1, 1, 0])
    present = weight > 0
    assert float(loss(y_true, logits, weight)) == pytest.approx(
        float(loss(y_true[present], logits[present])), rel=1e-6
    )
    before = to_numpy(loss.history.seen)
    loss.update_state(y_true, logits, weight)
    assert (to_numpy(loss.history.seen) - before).tolist() == [1, 1, 0, 1]


def test_ignored_samples_are_no_partners_and_have_no_history():
    logits = np.random.default_rng(0).normal(size=(5, 3))
    y_true = np.array([[0, 0], [-1, 2], [2, 1], [0, 3], [-1, -1]])
    present = y_true[:, 0] >= 0
    loss = history_loss()
    loss.ignore_class = -1
    loss.history.seen.assign(np.array([3.0, 3, 9, 3], "float32"))
    assert float(loss(y_true, logits)) == pytest.approx(
        float(loss(y_true[present], logits[present])), rel=1e-6
    )
    before = to_numpy(loss.history.seen)
    loss.update_state(y_true, logits)
    assert (to_numpy(loss.history.seen) - before).tolist() == [1, 1, 0, 1]
    whole = RefCalLoss(None, loss, None, from_logits=True, ignore_class=-1)
    loss.ignore_class = None
    whole.update_state(y_true, logits)
    assert (to_numpy(loss.history.seen) - before).tolist() == [2, 2, 0, 2]


def test_a_sample_without_history_adds_nothing():
    loss = history_loss()
    logits = np.random.default_rng(0).normal(size=(4, 3))
    y_true = np.array([[0, -1], [1, -1], [2, -1], [0, -1]])
    assert float(loss(y_true, logits)) == 0
    before = to_numpy(loss.history.seen)
    loss.update_state(y_true, logits)
    np.testing.assert_array_equal(to_numpy(loss.history.seen), before)


def test_rows_of_probabilities_carry_the_index_too():
    loss = history_loss()
    logits = np.random.default_rng(0).normal(size=(4, 3))
    ids = np.array([[0, 0], [1, 1], [2, 2], [0, 3]])
    rows = np.concatenate([np.eye(3)[ids[:, 0]], ids[:, 1:]], axis=1)
    assert float(loss(rows, logits)) == pytest.approx(float(loss(ids, logits)))


def test_a_sample_twice_in_a_batch_counts_twice():
    loss = CorrectnessRankingLoss(3)
    y_true = np.array([[0, 1], [0, 1], [1, 2]])
    loss.update_state(y_true, np.array([[0.9, 0.1], [0.8, 0.2], [0.9, 0.1]]))
    assert to_numpy(loss.history.correct).tolist() == [0, 2, 0]
    assert to_numpy(loss.history.seen).tolist() == [0, 2, 1]


@pytest.mark.parametrize("target", ["softmax", "margin", "entropy"])
def test_gradient_raises_the_confidence_of_the_more_often_right(target):
    loss = history_loss(target)
    logits = np.array([[1.0, 0.0, 0.2], [1.5, 0.1, 0.3]], "float32")
    y_true = np.array([[0, 0], [0, 2]])
    _, (gradient,) = value_and_gradient(lambda z: loss(y_true, z), logits)
    assert gradient[0, 0] < 0 < gradient[1, 0]


def test_rejects_wrong_arguments_and_labels():
    for num_samples in (0, 2.5, 2**24 + 1):
        with pytest.raises(ValueError, match="`num_samples` must be an integer"):
            CorrectnessRankingLoss(num_samples)
    with pytest.raises(ValueError, match="`rank_target` must be one of"):
        CorrectnessRankingLoss(4, "logits")
    loss, probabilities = CorrectnessRankingLoss(4), np.full((2, 3), 1 / 3)
    with pytest.raises(ValueError, match="index of each sample in its last column"):
        loss(np.array([0, 1]), probabilities)
    with pytest.raises(ValueError, match="from -1 to 3"):
        loss(np.array([[0, 0], [1, 4]]), probabilities)
