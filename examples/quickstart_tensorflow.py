"""RefCal in two stages on long-tailed digits: TensorFlow, fed by tf.data."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras

from keras_refcal import RefCalModel, data, evaluation, models, recipes

keras.utils.set_random_seed(0)
digits = data.load("digits")
long_tail = data.long_tail_dataset(
    digits.train_images, digits.train_labels, num_classes=10, imbalance_factor=0.1
)
batches = long_tail.cache().shuffle(1000, seed=0).batch(64, drop_remainder=True)

model = RefCalModel(models.encoders.small_cnn((8, 8, 1)), num_classes=10)
recipes.two_stage(
    model, data.two_views(batches), epochs=30, classifier_epochs=10, verbose=2
)

probabilities = model.predict(data.scaled(digits.test_images), verbose=0)
scores = evaluation.evaluate(digits.test_labels, probabilities)
print(f"accuracy {scores['accuracy']:.4f}")
print(f"refinement {scores['refinement']:.4f}")
print(f"ECE {scores['ece']:.4f}")
