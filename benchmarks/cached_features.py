"""The second stage on features computed once, and on images in every epoch.

    KERAS_BACKEND=torch python -m benchmarks.cached_features

A ResNet-20 that stays as it is, and a classifier trained on top: the same fit twice, on
random images of 32x32, its pass through the encoder counted.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.harness import claim, median_ms, write_result
from keras_refcal import RefCalModel
from keras_refcal.models import encoders
from keras_refcal.training.recipes import small
from keras_refcal.training.recipes.both_stages import fit_stages
from keras_refcal.training.recipes.refcal import refcal_two_stage

IMAGES, BATCH, EPOCHS = 4096, 64, 30  # the epochs that `recipes.two_stage` takes


def main(argv=None):
    """Measures, writes the result and prints where it lies."""
    generator = np.random.default_rng(0)
    x = generator.uniform(size=(IMAGES, 32, 32, 3)).astype("float32")
    y = generator.integers(0, 10, IMAGES)
    model = RefCalModel(encoders.resnet_cifar(20), num_classes=10)

    def fit(cache_features):
        # New each time: a loss or schedule may keep state.
        stages = refcal_two_stage(small(1, EPOCHS, BATCH))[1:]
        options = {"cache_features": cache_features, "verbose": 0}
        fit_stages(model, stages, x, y, **options)

    keras.utils.set_random_seed(0)
    times = median_ms(
        {"cached": lambda: fit(None), "images": lambda: fit(False)}, repeats=1, warmup=0
    )
    backend = keras.backend.backend()
    text = f"second stage, {EPOCHS} epochs, against images in every epoch, {backend}"
    result = {
        "images": IMAGES,
        "batch": BATCH,
        "epochs": EPOCHS,
        "claims": [claim(text, times["cached"], times["images"], 10, "ms")],
    }
    print(write_result(f"cached_features_{backend}", result))


if __name__ == "__main__":
    main()
