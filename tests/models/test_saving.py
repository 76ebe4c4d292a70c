import keras
import new_process
import numpy as np

from keras_refcal import RefCalModel
from keras_refcal.losses import MDCALoss, RefCalLoss
from keras_refcal.models import encoders

LOAD = """
import sys, numpy as np, keras, keras_refcal
folder = sys.argv[1]
model = keras.saving.load_model(folder + "/model.keras")
arrays = np.load(folder + "/data.npz")
probabilities = model.predict(arrays["images"], verbose=0)
np.testing.assert_allclose(probabilities, arrays["probabilities"], rtol=1e-5, atol=1e-6)
loss = model.evaluate(arrays["images"], arrays["labels"], verbose=0, return_dict=True)
assert abs(loss["loss"] - arrays["loss"]) < 1e-4, loss
model.fit(arrays["images"], arrays["labels"], verbose=0)
print("loaded", sorted(loss), type(model.loss).__name__, model.loss.calibration_weight)
"""


def test_loads_in_a_new_process(tmp_path):
    generator = np.random.default_rng(0)
    images, labels = generator.random((16, 8, 8, 1), "float32"), np.arange(16) % 4
    model = RefCalModel(encoders.small_cnn((8, 8, 1), width=4), num_classes=4)
    loss = RefCalLoss(calibration=MDCALoss(), calibration_weight=3.0)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), loss, metrics=["accuracy"])
    model.fit(images, labels, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(
        tmp_path / "data.npz",
        images=images,
        labels=labels,
        probabilities=model.predict(images, verbose=0),
        loss=model.evaluate(images, labels, verbose=0, return_dict=True)["loss"],
    )
    done = new_process.run(LOAD, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "loaded" in done.stdout
    assert "RefCalLoss 3.0" in done.stdout
