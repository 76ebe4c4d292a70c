import numpy as np
import pytest
import scipy.special
from sklearn import metrics

from keras_refcal import evaluation


@pytest.fixture
def logits():
    generator = np.random.default_rng(0)
    inside = generator.normal(size=(400, 6)).astype("float32")
    inside[np.arange(400), np.arange(400) % 6] += 3
    return inside, generator.normal(0, 1.5, (300, 6)).astype("float32")


@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_scores_are_their_formulas(logits, temperature):
    scores = evaluation.confidence_scores(logits[0], temperature)
    scaled = logits[0].astype("float64") / temperature
    probabilities = scipy.special.softmax(scaled, axis=1)
    energy = temperature * scipy.special.logsumexp(scaled, axis=1)
    entropy = scipy.special.entr(probabilities).sum(axis=1)
    np.testing.assert_allclose(scores["msp"], probabilities.max(axis=1))
    np.testing.assert_allclose(scores["max_logit"], logits[0].max(axis=1))
    np.testing.assert_allclose(scores["energy"], energy)
    np.testing.assert_allclose(scores["entropy"], -entropy, atol=1e-12)


def test_extreme_logits_stay_finite():
    scores = evaluation.confidence_scores(
        np.array([[6e4, -6e4], [0.0, 0.0]], "float16")
    )
    assert all(np.all(np.isfinite(values)) for values in scores.values())


def test_figures_are_those_of_scikit_learn(logits):
    inside, outside = (evaluation.confidence_scores(x) for x in logits)
    results = evaluation.out_of_distribution(*logits)
    positive = np.repeat([1, 0], [400, 300])
    for name, figures in results.items():
        scores = np.concatenate([inside[name], outside[name]])
        expected = metrics.roc_auc_score(positive, scores)
        np.testing.assert_allclose(figures["auroc"], expected)
        rates, recalls, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
        assert figures["fpr95"] == pytest.approx(rates[np.argmax(recalls >= 0.95)])
        expected = metrics.average_precision_score(positive, scores)
        np.testing.assert_allclose(figures["aupr"], expected)


def test_refuses_bad_logits():
    for logits, message in (
        ([[np.nan, 0.0]], "be finite"),
        (np.zeros((0, 3)), "hold one sample or more"),
        (np.zeros((2, 3, 1)), "have shape"),
        ([[1j, 2.0]], "be real numbers"),
    ):
        with pytest.raises(ValueError, match=f"`logits` must {message}"):
            evaluation.confidence_scores(logits)
    with pytest.raises(ValueError, match="`temperature`"):
        evaluation.confidence_scores([[1.0, 2.0]], temperature=0)
