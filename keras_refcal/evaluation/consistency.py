"""A test of calibration: may a gap between confidence and accuracy be chance?"""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from keras_refcal.evaluation.scores import SCORES, Judged, Settings
from keras_refcal.predictions import as_predictions

# Errors of calibration: the larger, the worse; of perfect calibration they see 0.
TESTED = (
    "ece",
    "mce",
    "rmsce",
    "ece_quantile",
    "smece",
    "classwise_ece",
    "ace",
    "kuiper",
    "kolmogorov_smirnov",
    "brier_calibration_binned",
    "overconfidence_error",
)


@dataclasses.dataclass(frozen=True)
class CalibrationTest:
    """What a test of calibration says.

    Attributes:
        value: The error of the predictions.
        expected: Its mean over labels that are drawn from the very probabilities: what
            a calibrated model of so many samples shows.
        p_value: Probability of an error as large, or larger, if the model were
            calibrated. Small: it is not.
    """

    value: float
    expected: float
    p_value: float


def calibration_test(
    y_true: ArrayLike,
    probabilities: ArrayLike | None = None,
    *,
    logits: ArrayLike | None = None,
    score: str = "ece",
    resamples: int = 999,
    num_bins: int = 15,
    seed: int = 0,
) -> CalibrationTest:
    """Tests calibration by consistency resampling.

    If the model is calibrated, its labels are drawn from its probabilities. So draw
    such labels, again and again, and see how often their error is as large as that of
    the labels: that share is a p-value that holds for any number of samples and any
    error, since the bias of binned errors on few samples is in the drawn ones too.

    Args:
        y_true: Class ids, shape `(n,)`, or one-hot rows `(n, K)`.
        probabilities: Rows that sum to 1, shape `(n, K)`; for two classes also the
            probability of class 1.
        logits: In place of `probabilities`, the same shapes.
        score: An error of `evaluate`: `"ece"`, `"classwise_ece"`, `"smece"`, ….
        resamples: Sets of labels to draw; the p-value is 1 / (resamples + 1) or more.
        num_bins: Number of bins of binned errors.
        seed: Seed of the labels.

    Raises:
        ValueError: If predictions are not as above, or for an unknown `score`.

    Reference:
        Bröcker and Smith, 2007, https://doi.org/10.1175/WAF993.1; Vaicenavicius et al.,
        2019, https://arxiv.org/abs/1902.06977.

    >>> import numpy as np
    >>> p = np.tile([[0.9, 0.1]], (100, 1))
    >>> calibration_test(np.arange(100) < 10, p).p_value > 0.5
    True
    >>> calibration_test(np.arange(100) < 30, p).p_value
    0.001
    """
    if score not in TESTED:
        raise ValueError(f"`score` must be one of {list(TESTED)}. Received: {score!r}")
    if not isinstance(resamples, int) or resamples < 1:
        raise ValueError(
            f"`resamples` must be a whole number of 1 or more. Received: {resamples!r}"
        )
    predictions = as_predictions(y_true, probabilities, logits)
    settings = Settings(num_bins)
    value = float(SCORES[score](Judged(predictions, settings)))
    generator = np.random.default_rng(seed)
    upper = np.cumsum(predictions.probabilities, axis=1, dtype="float64")
    upper /= upper[:, -1:]
    drawn = np.empty(resamples)
    for number in range(resamples):
        labels = np.sum(generator.random((len(upper), 1)) > upper, axis=1)
        relabelled = dataclasses.replace(predictions, labels=labels)
        drawn[number] = SCORES[score](Judged(relabelled, settings))
    # A rounding error must not make a tie a difference.
    as_large = np.sum(drawn >= value - 1e-12)
    return CalibrationTest(
        value, float(drawn.mean()), float((1 + as_large) / (1 + resamples))
    )
