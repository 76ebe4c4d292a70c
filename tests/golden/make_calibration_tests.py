"""Writes `calibration_tests.npz`: what peers say of calibration errors and tests.

    pip install --no-deps probmetrics==1.3.0 uncertainty-calibration==0.1.4
    python tests/golden/make_calibration_tests.py

The proper Lp losses and the Kuiper and Kolmogorov-Smirnov statistics are those of
probmetrics; the debiased ECE is the mean of a million resamples of
uncertainty-calibration, over our bins.
"""

import pathlib

import numpy as np
import torch
from calibration import utils
from probmetrics import metrics
from probmetrics.distributions import CategoricalProbs

HERE = pathlib.Path(__file__).parent
NORMS = (1.0, 1.5, 2.0, 4.0, np.inf)


def rows(generator, samples, classes):
    return generator.dirichlet(np.full(classes, 0.4), samples)


def proper(labels, given, repaired, norm):
    loss = metrics.ProperLpLoss(norm, binary_as_multiclass=True)
    one_hot = torch.tensor(np.eye(given.shape[1])[labels])
    f = CategoricalProbs(torch.tensor(given))
    g = CategoricalProbs(torch.tensor(repaired))
    y = CategoricalProbs(one_hot)
    difference = loss._compute_indiv(y, f, f_x=f) - loss._compute_indiv(y, g, f_x=f)
    return difference.mean().item()


def cumulative(metric, scores, events):
    two = np.stack([1 - scores, scores], axis=1)
    f = CategoricalProbs(torch.tensor(two))
    y = CategoricalProbs(torch.tensor(np.eye(2)[events]))
    return metric()._compute_mean(y, f).item()


def debiased(confidence, correct):
    index = np.clip(np.ceil(confidence * 15) - 1, 0, 14)
    bins = [
        list(zip(confidence[index == i], correct[index == i], strict=True))
        for i in np.unique(index)
    ]
    np.random.seed(0)
    return utils.normal_debiased_ce(bins, power=1, resamples=1_000_000)


def main():
    generator = np.random.default_rng(0)
    given, repaired = rows(generator, 60, 4), rows(generator, 60, 4)
    labels = generator.integers(0, 4, 60)
    scores = generator.random(80)
    truth = np.where(scores < 0.5, 1.8 * scores, 0.6 * scores)
    events = (generator.random(80) < truth).astype("int64")
    two = np.stack([1 - scores, scores], axis=1)
    correct = (np.argmax(two, axis=1) == events).astype("float64")
    np.savez_compressed(
        HERE / "calibration_tests.npz",
        given=given,
        repaired=repaired,
        labels=labels,
        norms=NORMS,
        proper=[proper(labels, given, repaired, norm) for norm in NORMS],
        scores=scores,
        events=events,
        kuiper=cumulative(metrics.KuiperCalibrationMetric, scores, events),
        kolmogorov_smirnov=cumulative(
            metrics.KolmogorovSmirnovCalibrationMetric, scores, events
        ),
        debiased=debiased(two.max(axis=1), correct),
    )


if __name__ == "__main__":
    main()
