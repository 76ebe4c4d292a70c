"""All calibration metrics of a training step, beside the step of a ResNet-20.

    KERAS_BACKEND=jax python -m benchmarks.metric_set

Batches of 128 images of 32x32, 100 classes. The metrics are compiled one by one and
as `MetricCollection`; what they add is an update of their state, eagerly on PyTorch and
compiled elsewhere. The step is the model's own `train_on_batch` without metrics.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.harness import claim, median_ms, write_result
from benchmarks.metric_update import compiled, eager
from keras_refcal import RefCalModel, losses, metrics
from keras_refcal.models import encoders

BATCH, CLASSES, SHARE = 128, 100, 0.02


def members():
    """Returns the metrics whose state is small for 100 classes."""
    return [
        metrics.ExpectedCalibrationError(),
        metrics.MaximumCalibrationError(),
        metrics.OverconfidenceError(),
        metrics.StaticCalibrationError(),
        metrics.SmoothCalibrationError(),
        metrics.BrierScore(),
        metrics.NegativeLogLikelihood(),
        metrics.CorrectnessAUROC(),
        metrics.FalsePositiveRateAtRecall(),
        metrics.AreaUnderRiskCoverage(),
        metrics.ExcessAURC(),
    ]


def batch():
    """Returns images, labels and probabilities."""
    generator = np.random.default_rng(0)
    images = generator.uniform(size=(BATCH, 32, 32, 3)).astype("float32")
    labels = generator.integers(0, CLASSES, BATCH).astype("int32")
    rows = generator.dirichlet(np.full(CLASSES, 0.1), BATCH).astype("float32")
    return images, labels, rows


def main(argv=None):
    """Measures, writes the result and prints where it lies."""
    backend = keras.backend.backend()
    images, labels, rows = batch()
    model = RefCalModel(encoders.resnet_cifar(20), CLASSES)
    model.compile("sgd", losses.RefCalLoss(refinement=None))
    tensors = [keras.ops.convert_to_tensor(array) for array in (labels, rows)]
    shared = metrics.MetricCollection(members(), num_classes=CLASSES)
    way = eager if backend == "torch" else compiled
    update_shared = way(shared, *tensors)
    updates = [way(metric, *tensors) for metric in members()]

    def one_by_one():
        for update in updates:
            update()

    times = median_ms(
        {
            "step": lambda: model.train_on_batch(images, labels),
            "one by one": one_by_one,
            "shared": update_shared,
        },
        repeats=15,
        warmup=2,
    )
    allowed = SHARE * times["step"]
    result = {
        "metrics": [type(metric).__name__ for metric in members()],
        "milliseconds": {name: round(value, 3) for name, value in times.items()},
        "share_of_step": {
            name: round(times[name] / times["step"], 4)
            for name in ("one by one", "shared")
        },
        "claims": [
            claim(
                f"eleven metrics at once within 2 % of a ResNet-20 step, {backend}",
                times["shared"],
                allowed,
                1,
                "ms",
            )
        ],
    }
    print(write_result(f"metric_set_{backend}", result))


if __name__ == "__main__":
    main()
