"""Measures the data pipeline: images a second of each stage, and what training waits.

    KERAS_BACKEND=jax python benchmarks/pipeline.py

Writes `benchmarks/results/pipeline-<backend>.json`. Rates by the clock suffer from
other jobs on the machine; `per_cpu_second` counts the processor time that this process
took, and times the number of cores it is the rate of an idle machine.
"""

import argparse
import json
import os
import pathlib
import platform
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ.get("KERAS_BACKEND") == "torch":
    import torch  # noqa: F401  before TensorFlow, which otherwise crashes it

import keras
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from benchmarks import sheets
from keras_refcal import RefCalModel, data, losses
from keras_refcal.backend import NAME
from keras_refcal.backend.data_library import tensorflow
from keras_refcal.data.seeds import DeviceSeed
from keras_refcal.models import encoders

HERE = pathlib.Path(__file__).resolve().parent
BATCH = 128


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="a measurement")
    parser.add_argument("--steps", type=int, default=15, help="training steps to time")
    parser.add_argument("--output", default=None, help="JSON file to write")
    parser.add_argument(
        "--only", choices=["in_step"], help="measure this alone, and print it"
    )
    arguments = parser.parse_args()
    images, labels, source = real_or_random_images()
    in_step = rates_in_step(images, labels, arguments.seconds)
    if arguments.only:
        return
    stages = stage_rates(images, labels, arguments.seconds)
    views_rate = stages["simclr, two views"]["per_cpu_second"]
    result = {
        "images": source,
        "batch": BATCH,
        "stages": stages,
        "in_step": in_step,
        "training": training_share(images, labels, arguments.steps, views_rate),
        "machine": machine(),
    }
    name = arguments.output or HERE / "results" / f"pipeline-{NAME}.json"
    pathlib.Path(name).write_text(json.dumps(result, indent=2) + "\n")
    print(f"Written: {name}")


def real_or_random_images():
    loaded = sheets.load("cifar100", "test")
    if loaded is not None:
        return *loaded, "CIFAR-100 test sheets"
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (10_000, 32, 32, 3)).astype("uint8")
    return images, np.arange(10_000) % 100, "random"


def stage_rates(images, labels, seconds):
    augment = data.augment

    def batches(augmentation, views, **settings):
        return data.TrainingBatches(
            images, labels, BATCH, augmentation, views, **settings
        ).from_epoch(0)

    def raw(images, seed):
        return images

    stages = {
        "shuffle and gather, uint8": (batches(raw, 1), 1),
        "and to float": (batches(augment.identity, 1), 1),
        "class-balanced sampler": (batches(raw, 1, sampler="class_balanced"), 1),
        "crop_flip": (batches(augment.crop_flip, 1), 1),
        "shift_flip": (batches(augment.shift_flip, 1), 1),
        "simclr, two views": (batches(augment.simclr, 2), 2),
        "rand_augment": (batches(augment.rand_augment, 1), 1),
        "crop_flip and mix_up": (
            batches(augment.crop_flip, 1, mixing=augment.mix_up),
            1,
        ),
        "crop_flip and cut_mix": (
            batches(augment.crop_flip, 1, mixing=augment.cut_mix),
            1,
        ),
        "Keras layers, as simclr": (keras_layers(images), 2),
        "Keras RandAugment": (keras_rand_augment(images), 1),
    }
    rates = {}
    for name, (dataset, views) in stages.items():
        rates[name] = rate(dataset, BATCH * views, seconds)
        print(
            f"{name:<28}",
            *(f"{k} {v:>10,}" for k, v in rates[name].items()),
            flush=True,
        )
    return rates


def rates_in_step(images, labels, seconds):
    """Views made as a step makes them, and by `tf.data`, one after the other.

    Processor time alone: the other jobs of a machine fall on both alike.
    """
    batch = keras.ops.convert_to_tensor(images[:BATCH])
    found = {}
    for name in ("simclr", "crop_flip", "shift_flip", "rand_augment"):
        augmentation = data.augment.get(name)
        pipeline = data.TrainingBatches(images, labels, BATCH, augmentation, views=2)
        dataset = pipeline.from_epoch(0)
        step = compiled_views(batch, augmentation)
        used = {"in the step": [], "tf.data": []}
        for _ in range(3):
            used["in the step"].append(cpu_us_a_view(step, seconds / 3))
            # Its threads work ahead, and end with the iterator.
            used["tf.data"].append(cpu_us_a_view(iter(dataset).__next__, seconds / 3))
        found[name] = {
            way: {"cpu_us_a_view": round(min(times), 2)} for way, times in used.items()
        }
        print(f"{name:<14}", found[name], flush=True)
    return found


def cpu_us_a_view(call, seconds):
    for _ in range(3):
        call()
    start, used, calls = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - start < seconds or calls < 10:
        call()
        calls += 1
    return 1e6 * (time.process_time() - used) / (2 * BATCH * calls)


def compiled_views(images, augmentation):
    """Returns a function that makes two views of each image, and waits for them."""
    key = keras.random.SeedGenerator(0).next()

    def views(images, key):
        return data.augment.augmented_views(images, 2, augmentation, DeviceSeed(key))

    if NAME == "jax":
        import jax

        step = jax.jit(views)
        return lambda: step(images, key).block_until_ready()
    if NAME == "tensorflow":
        step = tensorflow().function(views, jit_compile=True)
        return lambda: step(images, key).numpy()
    return lambda: views(images, key)


def keras_layers(images):
    """The same recipe by Keras' own layers, for comparison."""
    tf = tensorflow()
    layers = keras.layers.Pipeline(
        [
            keras.layers.RandomFlip("horizontal"),
            keras.layers.RandomZoom((-0.5, 0.0), (-0.5, 0.0)),
            keras.layers.RandomColorJitter(
                (0, 1), 0.4, (0.6, 1.0), (0.4, 0.6), (0.1, 0.1)
            ),
            keras.layers.RandomGrayscale(0.2),
        ]
    )
    dataset = tf.data.Dataset.from_tensor_slices(images).repeat().batch(BATCH)
    return dataset.map(
        lambda x: layers(tf.repeat(tf.cast(x, tf.float32) / 255, 2, axis=0)),
        tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)


def keras_rand_augment(images):
    tf = tensorflow()
    layer = keras.layers.RandAugment((0, 1))
    dataset = tf.data.Dataset.from_tensor_slices(images).repeat().batch(BATCH)
    return dataset.map(
        lambda x: layer(tf.cast(x, tf.float32) / 255), tf.data.AUTOTUNE
    ).prefetch(tf.data.AUTOTUNE)


def rate(dataset, per_batch, seconds):
    """Images a second, by the clock and by processor time."""
    batches = iter(dataset)
    for _ in range(5):
        next(batches)
    clock, used, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - clock < seconds or count < 3:
        next(batches)
        count += 1
    used = time.process_time() - used
    return {
        "per_second": round(count * per_batch / (time.perf_counter() - clock)),
        "per_cpu_second": round(count * per_batch / used),
    }


class Waiting(keras.callbacks.Callback):
    """Adds up the time between the end of a step and the next one's beginning."""

    def __init__(self):
        super().__init__()
        self.waited, self.ended = 0.0, None

    def on_train_batch_begin(self, batch, logs=None):
        if self.ended is not None:
            self.waited += time.perf_counter() - self.ended

    def on_train_batch_end(self, batch, logs=None):
        self.ended = time.perf_counter()


def training_share(images, labels, steps, views_per_cpu_second):
    """How long steps wait for their batch, and what batches cost beside the step."""
    model = RefCalModel(encoders.get("resnet20")(input_shape=images.shape[1:]), 100)
    loss = losses.RefCalLoss(classification=None, calibration=None)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss=loss)
    batches = data.TrainingBatches(images, labels, BATCH, data.augment.simclr, views=2)
    fit = {"verbose": 0, "shuffle": False}
    model.fit(batches.from_epoch(0), steps_per_epoch=2, **fit)
    waiting = Waiting()
    clock, used = time.perf_counter(), time.process_time()
    model.fit(batches.from_epoch(0), steps_per_epoch=steps, callbacks=[waiting], **fit)
    clock, used = time.perf_counter() - clock, time.process_time() - used
    cost = steps * 2 * BATCH / views_per_cpu_second
    result = {
        "encoder": "resnet20",
        "views": 2,
        "steps": steps,
        "seconds_a_step": round(clock / steps, 4),
        "share_of_time_that_waits_for_data": round(waiting.waited / clock, 5),
        "share_of_processor_time_for_data": round(cost / used, 5),
    }
    print(*(f"{key}: {value}" for key, value in result.items()), sep="\n", flush=True)
    return result


def machine():
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "load_average": round(os.getloadavg()[0], 1),
        "backend": NAME,
        "python": platform.python_version(),
        "keras": keras.__version__,
        "tensorflow": tensorflow().__version__,
        "numpy": np.__version__,
    }


if __name__ == "__main__":
    main()
