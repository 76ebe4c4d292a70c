"""The main job on real digits, as a user runs it, on the running backend."""

import json
import shutil

import keras
import numpy as np
import pytest

from keras_refcal import data, evaluation
from keras_refcal.callbacks import StageCheckpoint
from keras_refcal.cli import main

FILES = {
    "config.json",
    "metrics.json",
    "model.keras",
    "predictions.npz",
    "history.json",
    "reliability.png",
    "report.html",
}


def train(output_dir, **changes):
    flags = {"dataset": "digits", "epochs": 1, "classifier_epochs": 1, "seeds": 0}
    flags |= {"output_dir": output_dir} | changes
    return main(["keras-refcal", "train", *(f"--{k}={v}" for k, v in flags.items())])


def read(path):
    return json.loads(path.read_text())


def test_learns_the_digits(tmp_path, capsys):
    lengths = {"epochs": 8, "classifier_epochs": 4}
    assert train(tmp_path / "run", baseline="cross_entropy", **lengths) == 0
    printed = capsys.readouterr().out
    for expected in (
        "digits: uses 486 of 1200 images, because",
        "refcal  seed 0  joint  epoch",
        "refcal  seed 0  calibrated: ",
        "accuracy %",
        "ECE",
    ):
        assert expected in printed
    written = {path.name for path in (tmp_path / "run").iterdir()}
    kept = {"validation.npz", "calibration.json"}
    assert written == FILES | {"refcal", "cross_entropy"} | kept
    capsys.readouterr()
    assert main(["keras-refcal", "calibrate", f"--run={tmp_path / 'run'}"]) == 1
    assert "must hold a model that is not calibrated" in capsys.readouterr().err
    run = tmp_path / "run" / "cross_entropy" / "seed-0"
    flags = [f"--run={run}", f"--output_dir={tmp_path / 'run'}"]
    assert main(["keras-refcal", "calibrate", *flags]) == 1
    assert "must be new, empty, or what the same command wrote" in (
        capsys.readouterr().err
    )
    chosen = read(tmp_path / "run" / "refcal" / "seed-0" / "calibration.json")
    assert chosen["class_weight"] == "balanced" and chosen["validation_samples"] == 97
    methods = read(tmp_path / "run" / "metrics.json")["methods"]
    digits = data.load("digits")
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    probabilities = model.predict(data.scaled(digits.test_images), verbose=0)
    scores = evaluation.evaluate(digits.test_labels, probabilities)
    assert scores["accuracy"] == methods["refcal"]["accuracy"]["mean"]
    for variable in model.variables:
        fresh = np.random.default_rng(0).normal(size=variable.shape)
        fan_in = max((*variable.shape[:1], 1))
        variable.assign(np.abs(fresh) / np.sqrt(fan_in))
    untrained = model.predict(data.scaled(digits.test_images), verbose=0)
    untrained = evaluation.evaluate(digits.test_labels, untrained)["accuracy"]
    # Chance is 0.10. Twenty epochs of 388 images reach 0.85 to 0.95.
    for name in ("refcal", "cross_entropy"):
        assert methods[name]["accuracy"]["mean"] > max(0.7, untrained + 0.4)
        assert methods[name]["refinement"]["mean"] > 0.95
    assert methods["refcal"]["ece"]["mean"] < 0.2


def test_resumes_to_the_same_predictions(tmp_path, monkeypatch):
    method = "refcal_two_stage"
    arguments = {"epochs": 3, "classifier_epochs": 1, "method": method}
    arguments["baseline"] = method
    assert train(tmp_path / "whole", **arguments) == 0
    save = StageCheckpoint.on_epoch_end

    def killed(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt
        save(self, epoch, logs)

    monkeypatch.setattr(StageCheckpoint, "on_epoch_end", killed)
    assert train(tmp_path / "cut", **arguments) == 130
    assert not (tmp_path / "cut" / "metrics.json").exists()
    monkeypatch.undo()
    assert train(tmp_path / "cut", **arguments) == 0
    whole, cut = (
        np.load(tmp_path / name / "predictions.npz")["probabilities"]
        for name in ("whole", "cut")
    )
    np.testing.assert_array_equal(whole, cut)
    assert read(tmp_path / "whole" / "history.json") == read(
        tmp_path / "cut" / "history.json"
    )


def test_selects_the_epoch_of_best_refinement_also_after_a_kill(
    tmp_path, monkeypatch, capsys
):
    arguments = {"recipe": "cross_entropy", "baseline": "cross_entropy"}
    arguments |= {"validation": 0.3, "select": "refinement", "max_count": 12}
    arguments |= {"epochs": 4}
    assert train(tmp_path / "whole", **arguments) == 0
    run = tmp_path / "whole" / "cross_entropy" / "seed-0"
    logged = [e["val_nll_refinement"] for e in read(run / "history.json")["end_to_end"]]
    best = int(np.argmin(logged))
    assert f"epoch {best + 1} is kept" in capsys.readouterr().out
    with np.load(run / "validation.npz") as kept:
        scores = evaluation.evaluate(kept["y_true"], kept["probabilities"])
    assert scores["nll_refinement_in_sample"] == pytest.approx(logged[best], rel=1e-4)
    save = StageCheckpoint._save

    def killed(self, epoch):
        save(self, epoch)
        if epoch == best:
            raise KeyboardInterrupt

    monkeypatch.setattr(StageCheckpoint, "_save", killed)
    assert train(tmp_path / "cut", **arguments) == 130
    monkeypatch.undo()
    assert train(tmp_path / "cut", **arguments) == 0
    whole, cut = (
        np.load(tmp_path / name / "predictions.npz")["probabilities"]
        for name in ("whole", "cut")
    )
    np.testing.assert_array_equal(whole, cut)


def test_selection_needs_a_validation_part(tmp_path, capsys):
    assert train(tmp_path, select="refinement") == 1
    assert "`validation` a share above 0" in capsys.readouterr().err


def test_mixed_precision_trains_and_is_left_behind(tmp_path):
    before = keras.config.dtype_policy()
    few = {"max_count": 40, "batch_size": 32, "epochs": 6, "recipe": "cross_entropy"}
    assert train(tmp_path, dtype_policy="mixed_bfloat16", **few) == 0
    assert keras.config.dtype_policy() == before
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert model.encoder.layers[1].compute_dtype == "bfloat16"
    assert {weight.dtype for weight in model.trainable_variables} == {"float32"}
    # Chance is 0.10. Thirteen epochs of 156 images reach 0.77 to 0.82.
    methods = read(tmp_path / "metrics.json")["methods"]
    assert methods["cross_entropy"]["accuracy"]["mean"] > 0.5


def test_what_is_damaged_is_said_and_made_anew(tmp_path, capsys):
    dataset, runs = tmp_path / "mine.npz", tmp_path / "runs"
    write_set(dataset)
    arguments = {"dataset": dataset, "batch_size": 12, "recipe": "refcal_two_stage"}
    arguments["baseline"] = arguments["recipe"]
    assert train(runs, **arguments) == 0
    run = runs / "refcal_two_stage" / "seed-0"
    before = np.load(run / "predictions.npz")["probabilities"]
    history = read(run / "history.json")
    first, second = sorted(run.rglob("*.weights.h5"))

    def again():
        (run / "model.keras").unlink()
        capsys.readouterr()
        assert train(runs, **arguments) == 0
        after = np.load(run / "predictions.npz")["probabilities"]
        np.testing.assert_allclose(after, before, atol=1e-5)
        assert read(run / "history.json").keys() == history.keys()
        return capsys.readouterr().out

    # The second stage does not need the first one's weights, whatever they are.
    first_bytes = first.read_bytes()
    first.write_bytes(first_bytes[:1000])
    stray = run / f".{'0' * 32}.weights.h5"
    stray.touch()
    assert "epoch" not in again()
    assert not stray.exists()
    for damage in (
        lambda: second.write_bytes(second.read_bytes()[::-1]),
        lambda: shutil.copytree(first.parent, second.parent, dirs_exist_ok=True),
    ):
        first.write_bytes(first_bytes)
        damage()
        printed = again()
        assert f"damaged, trained anew: {second.parent}" in printed
        assert "classifier  epoch 1/1" in printed
        assert "refinement  epoch" not in printed


def test_runs_of_another_configuration_are_not_put_beside(tmp_path, capsys):
    dataset, runs = tmp_path / "mine.npz", tmp_path / "runs"
    write_set(dataset)
    arguments = {"dataset": dataset, "batch_size": 12, "recipe": "cross_entropy"}
    assert train(runs, **arguments) == 0
    run = runs / "cross_entropy" / "seed-0"
    config = (run / "config.json").read_text()
    for text, message in (
        (config.replace('"epochs": 1', '"epochs": 2'), "epochs differ"),
        ("[1]", f"config.json: expected an object. Received: [1]. Remove {run}"),
        ("{", "config.json: not JSON"),
    ):
        (run / "config.json").write_text(text)
        for changes in ({}, {"seeds": 1}):
            assert train(runs, **arguments | changes) == 1
            assert message in capsys.readouterr().err
    (run / "config.json").write_text(config)
    (run / "predictions.npz").unlink()
    assert train(runs, **arguments | {"seeds": 1}) == 1
    assert f"{run}: missing or changed: predictions.npz" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"recipe": "refcall"}, "Unknown method 'refcall'"),
        ({"dataset": "mnits"}, "`dataset` must be one of"),
        ({"encoder": "vgg"}, "Unknown encoder 'vgg'"),
        ({"imbalance_factor": 0}, "`imbalance_factor` must be"),
        ({"epochs": 0}, "`epochs` must be 1 or more"),
        ({"epochs": 10**30}, "`epochs` must be 1000000000 or less"),
        ({"seeds": "0,-1"}, "`seeds` must be from 0 to 4294967295. Received: -1"),
        ({"seeds": "1,1"}, "`seeds` must differ"),
        ({"split_seed": -1}, "`split_seed` must be from 0"),
        ({"batch_size": -1}, "`batch_size` must be 1 or more"),
        ({"seeds": "a"}, "seeds"),
        ({"scale": "huge"}, "`scale` must be 'small' or 'paper'"),
        ({"scale": "paper"}, "`scale` 'paper' fixes epochs"),
        ({"validation": 1}, "`validation` must be a share"),
        ({"dtype_policy": "bfloat16"}, "`dtype_policy` must be one of"),
    ],
)
def test_bad_flags_are_told_in_a_line(tmp_path, capsys, changes, message):
    assert train(tmp_path / "run", **changes) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists(), "nothing is half-written"


def test_output_directory_that_cannot_be_written(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert train(tmp_path / "file" / "run") == 1
    assert "`output_dir` must be a directory" in capsys.readouterr().err


def write_set(path, order=slice(None)):
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (24, 8, 8, 1), "uint8")
    labels = np.arange(24) % 3
    test = {"x_test": images[order], "y_test": labels[order]}
    np.savez(path, x_train=images, y_train=labels, **test)


def test_a_run_knows_what_it_read_and_what_it_wrote(tmp_path, capsys):
    dataset, runs = tmp_path / "mine.npz", tmp_path / "runs"
    write_set(dataset)
    arguments = {"dataset": dataset, "batch_size": 12, "recipe": "cross_entropy"}
    assert train(runs, **arguments) == 0
    assert f"{dataset}: 24 training images;" in capsys.readouterr().out
    run = runs / "cross_entropy" / "seed-0"
    before = np.load(run / "predictions.npz")["probabilities"]
    write_set(dataset, slice(None, None, -1))
    assert train(runs, **arguments) == 1
    printed = capsys.readouterr()
    assert "data_sha256 differ" in printed.err and "accuracy" not in printed.out
    write_set(dataset)
    with np.load(run / "predictions.npz") as file:
        shuffled = dict(file) | {"probabilities": before[::-1]}
    np.savez(run / "predictions.npz", **shuffled)
    (run / "model.keras").unlink()
    assert train(runs, **arguments) == 0
    said = "missing or changed, made anew: model.keras, predictions.npz"
    assert said in capsys.readouterr().out
    again = np.load(run / "predictions.npz")["probabilities"]
    np.testing.assert_allclose(again, before, atol=1e-6)
    assert train(runs, **arguments) == 0
    assert "already done" in capsys.readouterr().out


def test_directory_of_another_run_is_left_alone(tmp_path, capsys):
    path = tmp_path / "refcal" / "seed-0" / "config.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"dataset": "other"}')
    assert train(tmp_path) == 1
    assert "another configuration" in capsys.readouterr().err
    assert path.read_text() == '{"dataset": "other"}'
    assert [file.name for file in path.parent.iterdir()] == ["config.json"]
