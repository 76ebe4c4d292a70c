"""Weights of the samples that a calibrator is fitted to."""

import numpy as np

from keras_refcal.fitting.validation_set import sample_shares


def test_balanced_classes_count_samples_by_their_weight():
    shares = sample_shares(np.array([0, 0, 1]), 2, np.array([1.0, 3, 1]), "balanced")
    np.testing.assert_allclose(shares, [0.125, 0.375, 0.5])
