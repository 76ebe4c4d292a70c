"""A table: two views of each row with columns redrawn, an encoder of dense layers."""

import keras
import numpy as np

from keras_refcal import RefCalModel, data
from keras_refcal.losses import RefCalLoss
from keras_refcal.metrics import ExpectedCalibrationError

keras.utils.set_random_seed(0)
digits = data.load("digits")  # 64 columns a row
x, x_test = (
    data.scaled(images).reshape(len(images), -1)
    for images in (digits.train_images, digits.test_images)
)

# As in SCARF (Bahri et al., 2022): a view has a share of its columns from other rows.
generator = np.random.default_rng(0)
views = np.stack([x, x], axis=1)
redrawn = generator.random(views.shape) < 0.3
others = generator.permuted(views, axis=0)
views = np.where(redrawn, others, views).astype("float32")

encoder = keras.Sequential(
    [
        keras.Input((x.shape[1],)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(64, activation="relu"),
    ]
)
model = RefCalModel(encoder, num_classes=10, projection_dim=32)
model.compile(
    keras.optimizers.Adam(2e-3),
    loss=RefCalLoss(calibration_weight=1.0, refinement_weight=0.1),
    metrics=["accuracy", ExpectedCalibrationError(name="ece")],
)
model.fit(views, digits.train_labels, epochs=8, batch_size=64, verbose=0)
logs = model.evaluate(x_test, digits.test_labels, verbose=0, return_dict=True)
print(f"ece: {logs['ece']:.4f}  accuracy: {logs['accuracy']:.4f}")
