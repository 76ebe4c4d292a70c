import numpy as np
import pytest

from keras_refcal.evaluation.smooth import smooth_calibration_error, smooth_error_at


@pytest.mark.parametrize("width", [0.02, 0.1, 0.4])
def test_equals_kernel_sums(width):
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.2, 0.8, 300)
    correct = generator.random(300) < confidence**2
    points = np.linspace(0, 1, max(200, round(10 / width)))
    kernel = 0.0
    for image in (confidence, -confidence, 2 - confidence):
        distance = points[:, None] - image[None]
        weight = np.exp(-((distance / width) ** 2) / 2)
        kernel = kernel + np.where(np.abs(distance) <= 0.5, weight, 0.0)
    residual = np.abs(kernel @ (confidence - correct)).sum()
    expected = residual / kernel.sum()
    assert smooth_error_at(confidence, correct, width) == pytest.approx(
        expected, rel=1e-3
    )


def test_width_is_the_smallest_that_is_no_less_than_the_error():
    generator = np.random.default_rng(1)
    confidence = generator.random(2000)
    correct = generator.random(2000) < confidence**3
    error, width = smooth_calibration_error(confidence, correct)
    assert error <= width
    assert smooth_error_at(confidence, correct, width - 1 / 1024) > width - 1 / 1024


@pytest.mark.parametrize("confidence", [0.0, 0.5, 1.0])
def test_one_sample(confidence):
    error, _ = smooth_calibration_error(np.array([confidence]), np.array([True]))
    assert error == pytest.approx(1 - confidence, abs=0.02)
