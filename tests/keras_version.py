"""The running Keras, for tests of what only later ones can."""

import keras

KERAS = tuple(int(part) for part in keras.version().split(".")[:2])
