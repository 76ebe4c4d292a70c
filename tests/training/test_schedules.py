import keras
import numpy as np
import pytest
from golden_cases import assert_matches, parameters
from keras import ops

from keras_refcal.training.schedules import CosineSchedule, StepSchedule


def published(params, steps_per_epoch, **kwargs):
    kwargs["decay_rate"] = params["lr_decay_rate"]
    if params["cosine"]:
        return CosineSchedule(
            params["learning_rate"], steps_per_epoch, params["epochs"], **kwargs
        )
    milestones = params["lr_decay_epochs"]
    return StepSchedule(params["learning_rate"], steps_per_epoch, milestones, **kwargs)


@pytest.mark.parametrize(("case", "check"), parameters("lr_epochs"))
def test_matches_golden_epochs(case, check):
    schedule = published(check["params"], steps_per_epoch=7)
    epochs = np.arange(check["params"]["epochs"])
    rates = ops.convert_to_numpy(schedule(7 * epochs))
    assert_matches(case, check, lr=rates)
    assert np.array_equal(rates, ops.convert_to_numpy(schedule(7 * epochs + 6)))


@pytest.mark.parametrize(("case", "check"), parameters("lr_warmup_iters"))
def test_matches_golden_warm_up(case, check):
    params = check["params"]
    schedule = published(params, params["batches"], warmup_epochs=params["warm_epochs"])
    steps = np.arange(11 * params["batches"]).reshape(11, -1)
    assert_matches(case, check, lr=ops.convert_to_numpy(schedule(steps)))


@pytest.mark.parametrize(
    "schedule",
    [CosineSchedule(0.5, 10, 100, warmup_epochs=3), StepSchedule(0.5, 10, (2, 4))],
)
def test_config_round_trip(schedule):
    config = keras.optimizers.schedules.serialize(schedule)
    again = keras.optimizers.schedules.deserialize(config)
    steps = np.arange(60)
    np.testing.assert_allclose(
        ops.convert_to_numpy(schedule(steps)), ops.convert_to_numpy(again(steps))
    )


def test_rejects_a_rate_of_zero():
    with pytest.raises(ValueError, match="`learning_rate` must be a positive"):
        CosineSchedule(0.0, 10, 100)
