"""Two thousand wrong files and flags for the commands; and what they once found."""

import contextlib
import io
import os
import pathlib
import shutil

import fuzz_files
import keras
import numpy as np
import pytest
from calibration_data import overconfident, softmax
from PIL import Image
from run_directories import write_run

from keras_refcal import cli
from keras_refcal.serving import Classifier
from keras_refcal.training import train

CASES = int(os.environ.get("FUZZ_EXAMPLES", 2000))
MOST_MEMORY = 2 * 1024**3
KINDS = ("predictions", "table", "run", "model", "set", "images", "inputs", "flags")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A directory with an input of each kind, from which cases are made."""
    folder = tmp_path_factory.mktemp("inputs")
    labels, logits = overconfident(1, 60)
    p = softmax(logits)
    names = ["cat", "dog", "owl", "\x1b[31mred"]
    arrays = {"y_true": labels, "probabilities": p, "class_names": names}
    arrays |= {"class_counts": [50, 20, 5, 1], "sample_number": np.arange(60)}
    np.savez(folder / "predictions.npz", **arrays)
    header = "y_true," + ",".join(f"probability_{k}" for k in range(4))
    rows = [
        f"{label}," + ",".join(map(str, row))
        for label, row in zip(labels, p, strict=True)
    ]
    (folder / "table.csv").write_text("\n".join([header, *rows]))
    write_run(folder / "run")
    run = folder / "model"
    run.mkdir()
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), SOFTMAX])
    classifier = Classifier(model, names, (4,), divide_by=1)
    classifier.save(run / "model.keras")
    np.savez(folder / "inputs.npz", x=logits)
    rows = [",".join(map(str, row)) for row in logits]
    (folder / "inputs.csv").write_text("\n".join(["a,b,c,d", *rows]))
    np.savez(run / "predictions.npz", **arrays)
    np.savez(run / "validation.npz", y_true=labels[::-1], probabilities=p[::-1])
    images = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 3), "uint8")
    ids = np.arange(12) % 2
    parts = {"x_train": images, "y_train": ids, "x_test": images, "y_test": ids}
    np.savez(folder / "set.npz", **parts, class_names=["a", "b"])
    for number, image in enumerate(images):
        for part in ("train", "test"):
            suffix = ("png", "jpg", "gif", "bmp", "webp")[number % 5]
            path = folder / "images" / part / "ab"[number % 2] / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
    return folder


SOFTMAX = keras.layers.Softmax()


def change(path, mutate, generator):
    """Changes a file; returns its path, which an error has to name."""
    path.write_bytes(mutate(path.read_bytes(), generator))
    return path


def as_text(mutate):
    def changed(encoded, generator):
        new = mutate(encoded.decode(), generator)
        return new if isinstance(new, bytes) else new.encode("utf-8", "surrogatepass")

    return changed


def case(kind, folder, generator):
    """Returns the words of a command on a changed input, and the file changed."""

    def one(*items):
        return items[generator.integers(len(items))]

    quick = "--bootstrap=0"
    if kind == "predictions":
        path = change(folder / "predictions.npz", fuzz_files.mutated_npz, generator)
        output = f"--output={folder / one('o.html', 'o.json')}"
        words = ["evaluate", f"--predictions={path}", output, quick]
    elif kind == "table":
        path = change(
            folder / "table.csv", as_text(fuzz_files.mutated_table), generator
        )
        words = ["evaluate", f"--predictions={path}", quick]
    elif kind == "run":
        name = one("config.json", "metrics.json", "refcal/seed-0/history.json")
        path = folder / "run" / name
        change(path, as_text(fuzz_files.mutated_json), generator)
        command = one("report", "compare")
        words = [command, str(folder / "run"), f"--output={folder / 'o.html'}", quick]
    elif kind == "model":
        name, mutate = one(
            ("model.keras", fuzz_files.mutated_zip),
            ("model.keras", fuzz_files.mutated_zip),
            ("validation.npz", fuzz_files.mutated_npz),
        )
        path = change(folder / "model" / name, mutate, generator)
        words = ["calibrate", f"--run={folder / 'model'}"]
    elif kind == "set":
        path = change(folder / "set.npz", fuzz_files.mutated_npz, generator)
        words = ["data", "describe", f"--dataset={path}", "--contact_sheet="]
    elif kind == "inputs":
        name, mutate = one(
            ("model/model.keras", fuzz_files.mutated_zip),
            ("inputs.csv", as_text(fuzz_files.mutated_table)),
            ("inputs.npz", fuzz_files.mutated_npz),
        )
        path = change(folder / name, mutate, generator)
        inputs = path if path.name != "model.keras" else folder / "inputs.npz"
        model = folder / "model" / "model.keras"
        words = ["predict", f"--model={model}", f"--inputs={inputs}"]
    elif kind == "images":
        files = sorted((folder / "images").rglob("*.*"))
        path = change(one(*files), fuzz_files.damaged, generator)
        size = one("6", "3", "40")
        words = ["data", "describe", f"--dataset={folder / 'images'}"]
        words += [f"--image_size={size}", "--contact_sheet="]
    else:
        return flags(folder, one, generator), None
    return words, path


FLAGS = {
    "evaluate": (
        *("predictions", "validation", "output", "y_true", "probabilities", "logits"),
        *("class_counts", "num_bins", "convention", "bootstrap", "seed"),
        *("target_risk", "coverage"),
    ),
    "report": ("output", "title", "mistakes", "num_bins", "bootstrap", "seed"),
    "compare": ("output", "title", "num_bins", "bootstrap", "seed", "coverage"),
    "calibrate": ("run", "method", "validation", "output_dir", "class_weight"),
    "predict": ("model", "inputs", "output", "skip_damaged"),
    "data": (
        *("dataset", "data_dir", "image_size", "augmentation", "contact_sheet"),
        *("imbalance_factor", "max_count", "split_seed", "profile", "skip_damaged"),
    ),
    "train": (
        *("dataset", "output_dir", "data_dir", "imbalance_factor", "max_count"),
        *("split_seed", "validation", "encoder", "seeds", "scale", "epochs"),
        *("classifier_epochs", "batch_size", "dtype_policy", "method", "baseline"),
        "select",
        *("pipeline", "jit_compile"),
        *("image_size", "augmentation", "skip_damaged"),
    ),
    "sweep": ("dataset", "output_dir", "recipes", "seeds", "epochs", "encoder"),
}
NEEDED = {
    "evaluate": ["--predictions=predictions.npz", "--bootstrap=0"],
    "report": ["run", "--bootstrap=0"],
    "compare": ["run", "--bootstrap=0"],
    "calibrate": ["--run=model"],
    "predict": ["--model=model/model.keras", "--inputs=images"],
    "data": ["describe", "--dataset=set.npz", "--contact_sheet="],
    "train": ["--dataset=set.npz", "--output_dir=out"],
    "sweep": ["--dataset=set.npz", "--output_dir=out", "--recipes=crl"],
}


def flags(folder, one, generator):
    command = one(*FLAGS)
    words = [command, *NEEDED[command]]
    for _ in range(generator.integers(1, 4)):
        value = one(
            *fuzz_files.STRANGE_TEXTS,
            *map(str, fuzz_files.STRANGE_NUMBERS),
            *("predictions.npz", "run", "set.npz", "images", "o.html", "table.csv"),
        )
        name = one(*FLAGS[command]) if generator.random() < 0.95 else str(value)
        words.append(f"--{name}={value}")
    return words


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def memory(key):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024
    raise AssertionError(key)


def complaints(words, folder, changed):
    """Runs a command and returns what it did that no command may do."""
    before = contents(folder)
    # Has Linux forget the largest size so far.
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    start, out, err = memory("VmRSS"), io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main(["keras-refcal", *words])
    taken = memory("VmHWM") - start
    said, lines = err.getvalue(), err.getvalue().splitlines()
    found = []
    if status not in (0, 1, 2):
        found.append(f"status {status}")
    if status == 1 and len(lines) != 1:
        found.append(f"{len(lines)} lines")
    if "Traceback" in said or "--debug shows where" in said:
        found.append("no error for users")
    if any(not (c.isprintable() or c in "\n\xa0") for c in out.getvalue() + said):
        found.append("control characters")
    if status == 1 and changed is not None:
        named = (changed.name, changed.parent.name, str(folder))
        if not any(name in said for name in named):
            found.append("does not name the file")
    if taken > MOST_MEMORY:
        found.append(f"takes {taken / 1e9:.1f} GB")
    after = contents(folder)
    if overwritten := [path.name for path in before if after.get(path) != before[path]]:
        found.append(f"changes {overwritten}")
    if strays := [path.name for path in after if path.name.startswith(".")]:
        found.append(f"leaves {strays}")
    return [f"{words}: {', '.join(found)}: {said.strip()[:300]}"] if found else []


@pytest.fixture
def run_case(inputs, tmp_path, monkeypatch):
    """Returns a function of kind and number of a case, to its complaints."""
    monkeypatch.setattr(train, "run_once", lambda *_, **__: stop())

    def run(kind, number):
        folder = tmp_path / "case"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(inputs, folder)
        monkeypatch.chdir(folder)
        generator = np.random.default_rng([KINDS.index(kind), number])
        words, changed = case(kind, folder, generator)
        return complaints(words, folder, changed)

    return run


def stop():
    raise ValueError("here it would train")


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_cases_of_a_kind(kind, run_case):
    assert not [text for number in range(2) for text in run_case(kind, number)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_no_file_and_no_flag_ends_in_more_than_a_line(kind, run_case):
    found = []
    for number in range(CASES // len(KINDS) + 1):
        found += [f"case {number}: {text}" for text in run_case(kind, number)]
    assert not found, f"{len(found)} of them:\n" + "\n".join(found[:20])
