import numpy as np
import pytest

from keras_refcal.evaluation import mean_corruption_error

ERRORS = {"fog": [0.1, 0.2, 0.4], "snow": [0.3, 0.3, 0.6]}
REFERENCE = {"fog": [0.2, 0.4, 0.8], "snow": [0.4, 0.4, 0.8]}


def test_plain_and_relative_to_a_reference():
    assert mean_corruption_error(ERRORS) == pytest.approx((0.7 / 3 + 0.4) / 2)
    assert mean_corruption_error(ERRORS, REFERENCE) == pytest.approx((0.5 + 0.75) / 2)
    relative = mean_corruption_error(ERRORS, REFERENCE, 0.1, 0.2)
    assert relative == pytest.approx((0.4 / 0.8 + 0.9 / 1.0) / 2)
    assert mean_corruption_error(REFERENCE, REFERENCE) == 1.0


def test_a_reference_without_errors_is_undefined():
    assert np.isnan(mean_corruption_error({"fog": [0.1]}, {"fog": [0.0]}))


@pytest.mark.parametrize(
    "arguments, message",
    [
        (({},), "`errors` must hold one corruption"),
        (({"fog": [10.0]},), r"`errors` must hold error rates in \[0, 1\] for 'fog'"),
        ((ERRORS, {"fog": [0.1] * 3}), "`reference` must hold 3 error rates of 'snow'"),
        ((ERRORS, REFERENCE, 0.1), "must be given together"),
        ((ERRORS, None, 0.1, 0.1), "`clean` must come with `reference`"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        mean_corruption_error(*arguments)
