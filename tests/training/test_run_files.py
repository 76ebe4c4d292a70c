"""Directories of runs: nothing else is overwritten, nothing is confused or lost."""

import dataclasses
import json

import numpy as np
import pytest
from run_directories import write_run

from keras_refcal.data import ImageData, ImageFiles
from keras_refcal.data.fingerprint import fingerprint
from keras_refcal.training.conclusion import conclude
from keras_refcal.training.config import SweepConfig
from keras_refcal.training.files import (
    finished_runs,
    holds_runs,
    seal,
    unseal_if_broken,
    writable_directory,
)
from keras_refcal.training.split import Split


def test_takes_a_new_an_empty_or_its_own_directory(tmp_path):
    assert writable_directory(tmp_path / "new", holds_runs).is_dir()
    (tmp_path / "new" / "crl" / "seed-0").mkdir(parents=True)
    (tmp_path / "new" / ".hidden").touch()
    writable_directory(tmp_path / "new", holds_runs)
    (tmp_path / "new" / "crl" / "seed-0" / "config.json").write_text("{}")
    writable_directory(tmp_path / "new", holds_runs)
    (tmp_path / "done").mkdir()
    text = json.dumps({"split_sha256": "", "recipes": []})
    (tmp_path / "done" / "config.json").write_text(text)
    writable_directory(tmp_path / "done", holds_runs)


@pytest.mark.parametrize("name", ["model.keras", "config.json", "a/seed-0/notes.txt"])
def test_leaves_what_is_not_its_own(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[1]")
    with pytest.raises(ValueError, match=f"{tmp_path} holds '{name}'"):
        writable_directory(tmp_path, holds_runs)
    assert path.read_text() == "[1]"


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_no_directory(name):
    with pytest.raises(ValueError, match="`output_dir` must name a directory"):
        writable_directory(name, holds_runs)
    with pytest.raises(ValueError, match="`output_dir` must name a directory"):
        SweepConfig(dataset="digits", output_dir=name, recipes=("crl",))


@pytest.mark.parametrize("recipes", [(), ("",), ("crl", "crl")])
def test_recipes_are_named_once(recipes):
    with pytest.raises(ValueError, match="`recipes` must name one recipe or more"):
        SweepConfig(dataset="digits", output_dir="x", recipes=recipes)


def test_broken_files_are_named(tmp_path):
    names = ("history.json", "model.keras", "predictions.npz")
    for name in names:
        (tmp_path / name).write_text(name)
    seal(tmp_path, names)
    assert unseal_if_broken(tmp_path) == []
    assert (tmp_path / "history.json").exists()
    (tmp_path / "model.keras").unlink()
    (tmp_path / "predictions.npz").write_text("predictions,npz")
    assert unseal_if_broken(tmp_path) == ["model.keras", "predictions.npz"]
    assert not (tmp_path / "history.json").exists(), "it would be taken for finished"
    # A process that was killed before it sealed a run is no different.
    (tmp_path / "history.json").touch()
    unseal_if_broken(tmp_path)
    assert not (tmp_path / "history.json").exists()


def image_data(**changes):
    images, labels = np.zeros((6, 2, 2, 1), "uint8"), np.arange(6) % 2
    return dataclasses.replace(
        ImageData("mine", images, labels, images, labels, ("a", "b")), **changes
    )


def test_fingerprint_tells_data_apart(tmp_path):
    changed = np.zeros((6, 2, 2, 1), "uint8")
    changed[5, 1, 1] = 1
    files = [tmp_path / name for name in ("a.png", "b.png")]
    for path in files:
        path.write_bytes(b"png")
    on_disk = ImageFiles([str(path) for path in files], (2, 2, 1))
    found = [
        fingerprint(data)
        for data in (
            image_data(),
            image_data(test_images=changed),
            image_data(train_images=changed),
            image_data(test_labels=np.arange(1, 7) % 2),
            image_data(class_names=("b", "a")),
            image_data(train_images=on_disk),
            image_data(train_images=on_disk[::-1]),
        )
    ]
    files[0].write_bytes(b"other")
    found.append(fingerprint(image_data(train_images=on_disk)))
    assert len({*found}) == len(found)
    assert fingerprint(image_data(name="moved")) == found[0]


@pytest.fixture
def sweep(tmp_path):
    """A sweep of two recipes and two seeds, one of which a command asks for again."""
    write_run(tmp_path, images=False)
    for run in tmp_path.glob("*/seed-*"):
        (run / "model.keras").touch()
        seal(run, ("model.keras", "predictions.npz", "history.json"))
    labels = np.load(tmp_path / "predictions.npz")["y_true"]
    blank = np.zeros((len(labels), 2, 2, 1), "uint8")
    data = ImageData("mine", blank, labels, blank, labels, tuple("abcd"))
    config = SweepConfig(
        dataset="mine", output_dir=str(tmp_path), recipes=("cross_entropy",), seeds=(1,)
    )
    runs = {"cross_entropy": [tmp_path / "cross_entropy" / "seed-1"]}
    return tmp_path, config, Split.of(data, config), runs


def test_a_table_never_shrinks(sweep):
    directory, config, split, runs = sweep
    for run in finished_runs(directory):
        if run not in runs["cross_entropy"]:
            runs.setdefault(run.parent.name, []).append(run)
    results = conclude(config, split, runs, directory, {})
    assert list(results["methods"]) == ["cross_entropy", "refcal"]
    assert results["seeds"] == [0, 1]
    for scores in results["methods"].values():
        assert len(scores["accuracy"]["seeds"]) == 2
    written = json.loads((directory / "metrics.json").read_text())["methods"]
    assert {*written} == {"cross_entropy", "refcal"}


@pytest.mark.parametrize("name", ["y_true", "sample_number"])
def test_predictions_of_other_samples_are_not_judged(sweep, name):
    directory, config, split, runs = sweep
    path = runs["cross_entropy"][0] / "predictions.npz"
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **arrays | {name: arrays[name][::-1]})
    before = (directory / "metrics.json").read_text()
    message = f"for other samples than the test part of the data set: `{name}`"
    with pytest.raises(ValueError, match=message):
        conclude(config, split, runs, directory, {})
    assert (directory / "metrics.json").read_text() == before
