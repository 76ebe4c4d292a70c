import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from keras_refcal import data
from keras_refcal.data import sampling

COUNTS = np.array([1000, 300, 90, 10])
LABELS = np.repeat(np.arange(4), COUNTS)


def test_shares_of_classes():
    def share(strategy, **arguments):
        return data.class_probabilities(COUNTS, strategy, **arguments)

    np.testing.assert_allclose(share("instance"), COUNTS / 1400)
    np.testing.assert_allclose(share("class_balanced"), 0.25)
    roots = np.sqrt(COUNTS)
    np.testing.assert_allclose(share("square_root"), roots / roots.sum())
    middle = share("progressive", progress=0.5)
    np.testing.assert_allclose(middle, (COUNTS / 1400 + 0.25) / 2)
    number = (1 - 0.99**COUNTS) / (1 - 0.99)
    expected = COUNTS / number / (COUNTS / number).sum()
    np.testing.assert_allclose(share("effective_number", beta=0.99), expected)
    # No overlap of samples: every class counts in full, and all are drawn by size.
    np.testing.assert_allclose(share("effective_number", beta=0.0), COUNTS / 1400)
    balanced = share("effective_number", beta=1 - 1e-12)
    np.testing.assert_allclose(balanced, 0.25, rtol=1e-6)


def test_class_weights_are_those_of_the_papers():
    number = (1 - 0.999**COUNTS) / (1 - 0.999)
    for weighting, expected in [
        ("inverse", 1 / COUNTS),
        ("square_root", COUNTS**-0.5),
        ("effective_number", 1 / number),
    ]:
        weights = data.class_weights(COUNTS, weighting, beta=0.999)
        np.testing.assert_allclose(weights, expected / expected.sum() * 4)


@pytest.mark.parametrize("strategy", sampling.STRATEGIES)
def test_draws_follow_the_shares(strategy):
    sampler = data.Sampler(LABELS, 100, strategy, seed=1, epochs=21)
    drawn = np.concatenate([LABELS[sampler.epoch(n)].ravel() for n in range(21)])
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    expected = data.class_probabilities(COUNTS, strategy, progress=0.5)
    np.testing.assert_allclose(shares, expected, atol=0.01)


def test_progressive_goes_from_instance_to_balanced():
    sampler = data.Sampler(LABELS, 100, "progressive", epochs=11)
    rare = [np.mean(LABELS[sampler.epoch(n)] == 3) for n in (0, 5, 10, 20)]
    np.testing.assert_allclose(rare, [0.007, 0.129, 0.25, 0.25], atol=0.04)


@pytest.mark.parametrize("strategy", sampling.STRATEGIES)
def test_epochs_depend_on_seed_and_number_alone(strategy):
    def epochs(seed):
        sampler = data.Sampler(LABELS, 64, strategy, seed, epochs=4)
        return [sampler.epoch(number).tobytes() for number in (0, 1, 2)]

    assert epochs(0) == epochs(0)
    assert len({*epochs(0), *epochs(1)}) == 6


def test_instance_takes_each_sample_once():
    order = data.Sampler(LABELS, 200).epoch(0)
    assert sorted(order.ravel()) == list(range(1400))


def test_a_class_gives_all_before_it_gives_one_twice():
    order = data.Sampler(LABELS, 100, "class_balanced").epoch(0).ravel()
    for label in range(4):
        times = np.bincount(order, minlength=1400)[LABELS == label]
        assert times.max() - times.min() <= 1


@hypothesis.given(
    counts=st.lists(st.integers(1, 30), min_size=2, max_size=8),
    per_class=st.integers(2, 5),
    seed=st.integers(0, 100),
)
def test_every_sample_of_a_pk_batch_has_positives(counts, per_class, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    hypothesis.assume(len(labels) >= per_class)
    sampler = data.PKSampler(labels, min(3, len(counts)), per_class, seed)
    batches = sampler.epoch(0)
    assert batches.shape == (sampler.steps_per_epoch, sampler.batch_size)
    for batch in batches:
        classes, times = np.unique(labels[batch], return_counts=True)
        assert len(classes) == min(3, len(counts))
        assert set(times) == {per_class}
        for label in classes:
            distinct = len(np.unique(batch[labels[batch] == label]))
            assert distinct == min(per_class, counts[label])


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: data.Sampler(LABELS, 10, "uniform"), "`strategy` must be one of"),
        (lambda: data.Sampler(LABELS, 0), "`batch_size` must be"),
        (lambda: data.Sampler(LABELS, 10, "progressive"), "`epochs` must be"),
        (lambda: data.Sampler([], 10), "`labels` must be class ids"),
        (lambda: data.Sampler([0, -1], 1), "`labels` must be 0 or more"),
        (lambda: data.PKSampler(LABELS, 5), "`classes_per_batch`"),
        (lambda: data.PKSampler(LABELS, 2, 1), "`samples_per_class`"),
        (lambda: data.class_weights([1, 0]), "`class_counts`"),
        (lambda: data.class_weights([1, 2], beta=1.0), "`beta`"),
        (lambda: data.class_probabilities([1, 2], "instance", 2.0), "`progress`"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("processes", [2, 4])
def test_shares_of_processes_are_the_global_batches(processes):
    for sampler in (data.Sampler(LABELS, 40), data.PKSampler(LABELS, 4, 5)):
        shares = [
            data.ShardedSampler(sampler, index, processes).epoch(1)
            for index in range(processes)
        ]
        assert {share.shape[1] for share in shares} == {sampler.batch_size // processes}
        np.testing.assert_array_equal(np.concatenate(shares, 1), sampler.epoch(1))
    with pytest.raises(ValueError, match="must divide by the 3 processes"):
        data.ShardedSampler(sampler, 0, 3)
