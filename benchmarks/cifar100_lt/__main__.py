"""The contest on real CIFAR-100-LT (or CIFAR-10-LT) images.

    python -m benchmarks.cifar100_lt --recipes=refcal,crl --output_dir=runs/contest

Images come from the sheets of `shared/data`, brought to `--image_size` by averaging.
The class sizes are the published ones; of CIFAR-10 the choice of images is too, of
CIFAR-100 it is not (see the README there). Figures are given as trained and after
temperature scaling. Every flag of `keras-refcal sweep` is understood; `--recipes`
also takes the names of `variants.py`. Writes `results.json` and `results.md` into the
output directory; what is done is kept, what is not is resumed.
"""

import dataclasses
import os
import pathlib
import platform
import shutil
import subprocess
import sys

import keras
import numpy as np
from absl import flags

from benchmarks import sheets
from benchmarks.cifar100_lt import variants
from keras_refcal import evaluation, layers
from keras_refcal.commands import config_flags
from keras_refcal.data import ImageData
from keras_refcal.files import replacing, write_json
from keras_refcal.training.config import SweepConfig
from keras_refcal.training.train import train

FIGURES = {
    "accuracy": ("accuracy %", 100, 2),
    "refinement": ("refinement", 100, 2),
    "ece": ("ECE", 1, 4),
    "classwise_ece": ("classwise ECE", 1, 4),
    "smece": ("smECE", 1, 4),
    "brier": ("Brier", 1, 4),
    "nll": ("NLL", 1, 3),
    "aurc": ("AURC", 1, 4),
    "fpr_at_95_recall": ("FPR95", 1, 3),
    "accuracy_head": ("head %", 100, 1),
    "accuracy_middle": ("middle %", 100, 1),
    "accuracy_tail": ("tail %", 100, 1),
}


def load(dataset, image_size):
    """Returns an `ImageData` of a data set in `shared/data`.

    Of CIFAR-10 only the published long-tailed draw at factor 0.1 is there.
    """
    training = "train_long_tail" if dataset == "cifar10" else "train"
    parts = [sheets.load(dataset, split) for split in (training, "test")]
    if None in parts:
        raise OSError("needs shared/data beside the checkout, or KERAS_REFCAL_SHARED")
    (x_train, y_train), (x_test, y_test) = parts
    return ImageData(
        name=dataset,
        train_images=shrunk(x_train, image_size),
        train_labels=y_train,
        test_images=shrunk(x_test, image_size),
        test_labels=y_test,
        class_names=tuple(str(label) for label in range(y_test.max() + 1)),
    )


def shrunk(images, size):
    """Returns images of 32 x 32 pixels averaged to `size` x `size`."""
    factor = images.shape[1] // size
    blocks = images.reshape(len(images), size, factor, size, factor, 3)
    return np.round(blocks.mean(axis=(2, 4))).astype("uint8")


def judge(run):
    """Returns the figures of a run before and after temperature scaling.

    The validation part is long-tailed, the test part is not: a balanced temperature
    weighs the validation samples so that every class counts alike.
    """
    with np.load(run / "predictions.npz") as test:
        labels, probabilities = test["y_true"], test["probabilities"]
        counts = test["class_counts"]
    with np.load(run / "validation.npz") as validation:
        y_true, logits = validation["y_true"], _logits(validation["probabilities"])
    forms = {"as trained": probabilities}
    for form, weight in (("temperature", None), ("balanced temperature", "balanced")):
        scaling = layers.TemperatureScaling()
        scaling.fit(y_true, logits, class_weight=weight)
        forms[form] = keras.ops.convert_to_numpy(scaling(_logits(probabilities)))
    return {
        form: evaluation.evaluate(labels, values, class_counts=counts)
        for form, values in forms.items()
    }


def wall_seconds(run):
    """Returns the time from the first file of a run to the last, pauses included."""
    first, last = (run / name for name in ("config.json", "history.json"))
    return round(last.stat().st_mtime - first.stat().st_mtime)


def table(results):
    """Returns the figures as a Markdown table, mean ± standard deviation."""
    titles = [title for title, _, _ in FIGURES.values()]
    lines = [
        "| " + " | ".join(["recipe", "", *titles]) + " |",
        "|" + "---|" * (2 + len(titles)),
    ]
    for recipe, forms in results.items():
        for form, seeds in forms.items():
            cells = [_cell([row[key] for row in seeds], key) for key in FIGURES]
            lines.append("| " + " | ".join([recipe, form, *cells]) + " |")
    return "\n".join(lines)


def trained(argv):
    """Trains what flags describe; returns the configuration and the size of images."""
    variants.register()
    flag_values = flags.FlagValues()
    config_flags.define(SweepConfig, flag_values)
    flags.DEFINE_integer("image_size", 16, "Pixels.", flag_values=flag_values)
    flag_values["dataset"].value = "cifar100"
    flag_values["validation"].value = 0.1
    flag_values["imbalance_factor"].value = 0.1
    flag_values(argv)
    config, size = config_flags.read(SweepConfig, flag_values), flag_values.image_size
    images = load(config.dataset, size)
    named = dataclasses.replace(
        config,
        dataset=f"{config.dataset}_{size}x{size}",
        max_count=int(np.bincount(images.train_labels).max()),
    )
    train(named, images)
    return config, size


def hardware():
    """Returns what trained: the processor's cores, and the GPU if there is one."""
    parts = [f"{os.cpu_count()} cores, {platform.machine()}"]
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        named = subprocess.run(query, capture_output=True, text=True, check=True)
        parts += named.stdout.split("\n")[:1]
    return ", ".join(parts)


def write(stem, command, config, image_size, markdown, **values):
    """Writes `<stem>.json` and `<stem>.md` beside the runs, and prints the table."""
    output_dir = pathlib.Path(config.output_dir)
    # Whoever runs the command again has other directories.
    shown = f"runs/{output_dir.name}"
    command = command.replace(config.output_dir, shown)
    values |= {
        "command": command,
        "config": dataclasses.asdict(config) | {"output_dir": shown, "data_dir": None},
        "image_size": image_size,
        "hardware": hardware(),
        "backend": keras.backend.backend(),
        "versions": {"keras": keras.__version__, "numpy": np.__version__},
    }
    write_json(output_dir / f"{stem}.json", values)
    with replacing(output_dir / f"{stem}.md") as temporary:
        temporary.write_text(f"`{command}`\n\n{markdown}\n")
    print(markdown)


def main(argv):
    """Runs the contest."""
    config, size = trained(argv)
    output_dir = pathlib.Path(config.output_dir)
    results = {recipe: {} for recipe in config.recipes}
    for recipe in config.recipes:
        for seed in config.seeds:
            for form, row in judge(output_dir / recipe / f"seed-{seed}").items():
                results[recipe].setdefault(form, []).append(row)
    command = " ".join(["python -m benchmarks.cifar100_lt", *argv[1:]])
    seconds = {
        recipe: [wall_seconds(output_dir / recipe / f"seed-{s}") for s in config.seeds]
        for recipe in config.recipes
    }
    values = {"results": results, "wall_seconds": seconds}
    write("results", command, config, size, table(results), **values)


def _logits(probabilities):
    return np.log(np.maximum(probabilities, 1e-30))


def _cell(values, key):
    _, factor, digits = FIGURES[key]
    text = f"{factor * np.mean(values):.{digits}f}"
    if len(values) > 1:
        text += f" ± {factor * np.std(values, ddof=1):.{digits}f}"
    return text


if __name__ == "__main__":
    main(sys.argv)
