import numpy as np
import pytest
from golden_cases import assert_matches, inputs, parameters
from gradients import value_and_gradient

from keras_refcal.losses import CrossEntropyLoss


@pytest.mark.parametrize(("case", "check"), parameters("ce"))
def test_matches_golden(case, check):
    data = inputs(case)
    loss = CrossEntropyLoss(from_logits=True)
    value, (gradient,) = value_and_gradient(
        lambda logits: loss(data["labels"], logits), data["logits"]
    )
    assert_matches(case, check, value=value, grad_logits=gradient)


def test_rejects_a_label_out_of_range():
    with pytest.raises(ValueError, match="class ids from 0 to 1"):
        CrossEntropyLoss()(np.array([0, 2]), np.full((2, 2), 0.5))
