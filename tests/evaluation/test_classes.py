import numpy as np
import pytest
from random_predictions import draw

from keras_refcal import evaluation
from keras_refcal.evaluation.classes import confident_mistakes
from keras_refcal.predictions import as_predictions

COUNTS = np.array([300, 40, 5, 500])


def test_class_figures_equal_loops():
    labels, probabilities = draw(0, 200, 4)
    classes = evaluation.class_calibration(labels, probabilities, class_counts=COUNTS)
    predicted, confidence = probabilities.argmax(1), probabilities.max(1)
    for c in range(4):
        own = labels == c
        assert classes.samples[c] == own.sum()
        np.testing.assert_allclose(classes.accuracy[c], (predicted[own] == c).mean())
        np.testing.assert_allclose(classes.confidence[c], confidence[own].mean())
        np.testing.assert_allclose(
            classes.precision[c], (labels[predicted == c] == c).mean()
        )
        curve = evaluation.reliability_curve(labels, probabilities, class_id=c)
        expected = curve.expected_calibration_error
        np.testing.assert_allclose(classes.error[c], expected, atol=1e-12)
    assert classes.by_size.tolist() == [3, 0, 1, 2]
    assert classes.worst[0] == np.argmax(classes.error)


def test_mean_class_error_is_classwise_ece():
    labels, probabilities = draw(1, 300, 6)
    classes = evaluation.class_calibration(labels, probabilities)
    figure = evaluation.evaluate(labels, probabilities, scores="classwise_ece")
    np.testing.assert_allclose(classes.error.mean(), figure["classwise_ece"])


def test_absent_class_is_nan():
    classes = evaluation.class_calibration([0, 0], [[0.9, 0.1, 0.0]] * 2)
    assert np.isnan(classes.accuracy).tolist() == [False, True, True]
    assert np.isnan(classes.precision).tolist() == [False, True, True]
    assert classes.by_size.tolist() == [0, 1, 2]


def test_class_counts_must_fit():
    with pytest.raises(ValueError, match=r"`class_counts` must be .* 2 classes"):
        evaluation.class_calibration([0], [[0.9, 0.1]], class_counts=[1, 2, 3])


def test_classwise_curve_counts_each_class_of_each_sample():
    labels, probabilities = draw(2, 150, 5)
    curve = evaluation.classwise_reliability_curve(labels, probabilities)
    events = (labels[:, None] == np.arange(5)).ravel()
    pooled = evaluation.reliability_curve(
        events.astype(int), probabilities.ravel(), class_id=1
    )
    np.testing.assert_allclose(curve.weight, pooled.weight)
    np.testing.assert_allclose(curve.confidence, pooled.confidence)
    np.testing.assert_allclose(curve.accuracy, pooled.accuracy)


def test_group_curves_agree_with_the_group_figures():
    labels, probabilities = draw(3, 400, 4)
    curves = evaluation.group_reliability_curves(
        labels, probabilities, class_counts=COUNTS
    )
    scores = evaluation.evaluate(labels, probabilities, class_counts=COUNTS)
    assert set(curves) == {"many", "medium", "few", "head", "middle", "tail"}
    for name, curve in curves.items():
        error = curve.expected_calibration_error
        np.testing.assert_allclose(error, scores[f"ece_{name}"])


def test_mistakes_are_wrong_and_most_confident_first():
    labels, probabilities = draw(4, 100, 3)
    predictions = as_predictions(labels, probabilities)
    rows = confident_mistakes(predictions, limit=5)
    assert len(rows) == 5
    assert not predictions.correct[rows].any()
    wrong = predictions.confidence[~predictions.correct]
    np.testing.assert_allclose(predictions.confidence[rows], np.sort(wrong)[::-1][:5])
