import keras
import numpy as np
import pytest

from keras_refcal.training.optimizers import SGDWithL2


def test_equals_torch_sgd():
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    theirs = torch.optim.SGD([weight], lr=0.1, momentum=0.9, weight_decay=0.01)
    variable = keras.Variable(np.array([1.0, -2.0], "float32"))
    ours = SGDWithL2(0.1, momentum=0.9, l2=0.01)
    for gradient in ([0.5, 0.1], [-0.3, 0.2], [0.0, 0.7]):
        theirs.zero_grad()
        weight.grad = torch.tensor(gradient)
        theirs.step()
        ours.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(variable.value), weight.detach().numpy(), rtol=1e-6
    )


def test_config_round_trip():
    optimizer = SGDWithL2(0.1, momentum=0.9, l2=0.01)
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
