"""RefCal on all devices of a JAX process: one line sets the distribution.

Without accelerators, two virtual devices of the CPU show that it works.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")

import keras

from keras_refcal import RefCalModel, data, evaluation, losses, models

keras.utils.set_random_seed(0)
devices = keras.distribution.list_devices()
keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices))

digits = data.load("digits").long_tailed(0.1)
model = RefCalModel(models.encoders.small_cnn((8, 8, 1), width=8), num_classes=10)
model.compile(keras.optimizers.SGD(0.1, momentum=0.9), losses.RefCalLoss())
images, labels = data.scaled(digits.train_images), digits.train_labels
model.fit(images, labels, batch_size=54, epochs=40, verbose=0)

# 597 test images are no multiple of the devices: the last ones are cut off.
whole = len(digits.test_labels) // len(devices) * len(devices)
probabilities = model.predict(data.scaled(digits.test_images[:whole]), verbose=0)
scores = evaluation.evaluate(digits.test_labels[:whole], probabilities)
print(f"{len(devices)} devices, accuracy {scores['accuracy']:.4f}")
