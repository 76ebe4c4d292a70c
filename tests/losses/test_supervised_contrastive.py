import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient

from keras_refcal.losses import SupervisedContrastiveLoss


@pytest.mark.parametrize(("case", "check"), parameters("supcon"))
def test_matches_golden(case, check):
    data = inputs(case)
    loss = SupervisedContrastiveLoss(**check["params"], normalize=False)
    value, (gradient,) = value_and_gradient(
        lambda features: loss(data["labels"], features), data["features"]
    )
    assert_matches(case, check, value=value, grad_features=gradient)
