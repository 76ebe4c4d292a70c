"""Counters are the same from NumPy arrays as from tensors of the backend."""

import keras
import numpy as np
import pytest

from keras_refcal.backend import double_precision
from keras_refcal.metrics import ExpectedCalibrationError, ShotAccuracy, counters
from keras_refcal.metrics.batch import Batch
from keras_refcal.ops import counting_in_keras, counting_in_numpy

KINDS = [
    counters.Rejected(),
    counters.TopLabelBins(convention="torchmetrics"),
    counters.SquaredWeight(),
    counters.FineConfidence(64),
    counters.ClassBins(10),
    counters.FineClassBins(8, threshold=0.05),
    counters.PairBins(8),
    counters.ClassAnswers(5),
    counters.SquaredDistance(),
    counters.LogLikelihood(),
    counters.LogLikelihood(clip=1e-3),
]


def rows(from_logits):
    """Labels, scores and weights of 40 rows, four of which cannot be judged."""
    generator = np.random.default_rng(3)
    scores = generator.dirichlet(np.full(5, 0.2), 40).astype("float32")
    if from_logits:
        scores = np.log(scores + 1e-6)
    labels = generator.integers(0, 5, 40).astype("int32")
    scores[0, 1], scores[1, 2], scores[2] = np.nan, np.inf, np.nan
    labels[3] = 7
    return labels, scores, generator.uniform(0, 2, 40).astype("float32")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("from_logits", [False, True])
def test_arrays_count_as_tensors_do(from_logits, valid, weighted):
    arrays = [array[4:] if valid else array for array in rows(from_logits)]
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    given = 3 if weighted else 2
    on_arrays = Batch(*arrays[:given], from_logits=from_logits)
    with double_precision():
        on_tensors = Batch(*tensors[:given], from_logits=from_logits)
        assert (on_arrays.rejected.sum() == 0) == valid
        for kind in KINDS:
            with np.errstate(all="ignore"):
                ours = kind.count(on_arrays)
            theirs = keras.ops.convert_to_numpy(kind.count(on_tensors))
            assert ours.dtype == theirs.dtype == "float64", kind
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, err_msg=kind)


def test_the_first_of_equal_scores_is_the_largest():
    generator = np.random.default_rng(0)
    rows = generator.integers(-2, 3, (200, 5)).astype("float32")
    rows[:3] = [[0] * 5, [-np.inf] * 5, [np.nan] * 5]
    ids = generator.integers(-1, 6, 200).astype("int32")
    known = (ids >= 0) & (ids < 5) & (rows.max(axis=-1) > -np.inf)
    tensors = map(keras.ops.convert_to_tensor, (rows, ids))
    for largest, is_top in (
        counting_in_numpy.top(rows, ids),
        map(keras.ops.convert_to_numpy, counting_in_keras.top(*tensors)),
    ):
        np.testing.assert_array_equal(largest, rows.max(axis=-1))
        assert (is_top == (rows.argmax(axis=-1) == ids))[known].all()


def test_of_two_signs_of_zero_the_first_is_the_largest():
    rows = np.array([[-0.0, 0.0, -1.0], [0.0, -0.0, 0.0], [-1.0, -0.0, 0.0]], "float32")
    labels = np.array([0, 0, 1], "int32")
    metric = ShotAccuracy([1, 1, 1], {"all": [0, 1, 2]}, from_logits=True)
    metric.update_state(labels, rows)
    assert float(metric.result()["shot_accuracy_all"]) == 1
    tensor = keras.ops.convert_to_tensor(rows)
    predicted = keras.ops.convert_to_numpy(counting_in_keras.first_largest(tensor))
    assert predicted.tolist() == [0, 0, 1]
    assert counting_in_numpy.first_largest(rows).tolist() == [0, 0, 1]


def test_both_ways_of_counting_have_the_same_names():
    assert counting_in_keras.__all__ == counting_in_numpy.__all__
    for name in counting_in_keras.__all__:
        assert callable(getattr(counting_in_keras, name))
        assert callable(getattr(counting_in_numpy, name))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_counts(dtype):
    labels, scores, _ = rows(from_logits=False)
    metric = ExpectedCalibrationError()
    metric.update_state(labels[4:], keras.ops.cast(scores[4:], dtype))
    exact = ExpectedCalibrationError()
    exact.update_state(labels[4:], scores[4:])
    # Three digits of each confidence, and those that change their bin.
    assert float(metric.result()) == pytest.approx(float(exact.result()), abs=0.05)
