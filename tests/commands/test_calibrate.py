import json
import zipfile

import keras
import numpy as np
import pytest
from calibration_data import overconfident, softmax
from keras import ops
from shared_data import REAL_PREDICTIONS, real_predictions

from keras_refcal.cli import main
from keras_refcal.evaluation import evaluate
from keras_refcal.serving import Classifier
from keras_refcal.training.cross_validation import (
    METHODS,
    cross_validate,
    make_calibrator,
    simplest,
)

COUNTS = [500, 200, 50, 10]


def write(path, seed, samples, **extras):
    labels, logits = overconfident(seed, samples)
    extras["images"] = np.zeros((samples, 2, 2), "uint8")
    np.savez(path, y_true=labels, probabilities=softmax(logits), **extras)


@pytest.fixture
def run(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Softmax()])
    model.save(tmp_path / "model.keras")
    write(tmp_path / "predictions.npz", 1, 600, class_counts=COUNTS)
    write(tmp_path / "validation.npz", 2, 400, class_counts=COUNTS)
    return tmp_path


def calibrate(run, *flags):
    return main(["keras-refcal", "calibrate", f"--run={run}", *flags])


@pytest.mark.parametrize("method", METHODS)
def test_writes_a_model_that_makes_the_predictions(run, method):
    assert calibrate(run, f"--method={method}") == 0
    folder = run / "calibrated"
    model = keras.saving.load_model(folder / "model.keras", safe_mode=True)
    with np.load(folder / "predictions.npz") as file:
        assert {"class_counts", "images", "y_true"} < {*file.files}
        expected = file["probabilities"]
    got = model.predict(overconfident(1, 600)[1], verbose=0)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    results = json.loads((folder / "calibration.json").read_text())
    if method != "identity":
        assert results["test_after"]["nll"] < results["test_before"]["nll"] - 0.2


def test_the_calibrated_model_keeps_its_classes_and_inputs(run):
    plain = keras.saving.load_model(run / "model.keras")
    Classifier(plain, "wxyz", (4,), divide_by=2).save(run / "model.keras")
    assert calibrate(run) == 0
    served = Classifier.load(run / "calibrated" / "model.keras")
    assert (served.class_names, served.divide_by) == (tuple("wxyz"), 2)


def test_auto_shows_the_table_and_takes_the_best(run, capsys):
    assert calibrate(run, "--method=auto") == 0
    printed = capsys.readouterr().out
    results = json.loads((run / "calibrated/calibration.json").read_text())
    losses = {n: f["nll"] for n, f in results["cross_validation"].items()}
    assert results["method"] == min(losses, key=losses.get) != "identity"
    assert [*METHODS] == [*losses]
    assert all(name in printed for name in METHODS)


def test_cross_validation_spreads_every_class_and_leaves_out_what_needs_counts():
    labels, logits = overconfident(samples=100)
    found = cross_validate(labels, softmax(logits), folds=4)
    assert "group_temperature" not in found.scores
    assert found.scores["identity"]["nll"] > found.scores["temperature"]["nll"]
    with pytest.raises(ValueError, match="`folds` must be from 2"):
        cross_validate(labels, softmax(logits), folds=1)


def test_few_errors_leave_out_what_fits_many_numbers(run, capsys):
    labels, logits = overconfident(2, 1200)
    wrong = np.flatnonzero(np.argmax(logits, axis=1) != labels)
    rows = np.setdiff1d(np.arange(1200), wrong[10:])
    p = softmax(logits)[rows]
    np.savez(run / "validation.npz", y_true=labels[rows], probabilities=p)
    assert calibrate(run, "--method=auto") == 0
    assert "left out: 12 numbers to fit from 10 wrong" in capsys.readouterr().out
    results = json.loads((run / "calibrated/calibration.json").read_text())
    assert "vector" in results["cross_validation"]
    assert "structured_matrix" in results["cross_validation"]
    few = {"beta", "dirichlet", "histogram", "isotonic", "bayesian_binning"}
    few.add("venn_abers")
    assert {*results["left_out"]} == few
    found = cross_validate(labels[rows], p, methods=["identity", "beta"])
    assert found.left_out == {} and "beta" in found.scores


def test_the_simplest_within_one_standard_error_is_taken():
    noise = np.random.default_rng(0).normal(size=1000)
    even = np.full(1000, 1 / 1000)
    least = noise + 1.0
    # The difference of two methods has a standard error of 0.1 / sqrt(1000) = 0.0032.
    jitter = 0.1 * np.tile([-1.0, 1.0], 500)
    for excess, expected in ((0.002, "temperature"), (0.005, "dirichlet")):
        losses = {"dirichlet": least, "temperature": least + jitter + excess}
        assert simplest(losses, even) == expected
    # A weight of 0 is absence: the half where the methods differ does not count.
    losses = {"dirichlet": least, "temperature": least + np.repeat([0.0, 1.0], 500)}
    first = np.repeat([1 / 500, 0.0], 500)
    assert simplest(losses, first) == "temperature"
    assert simplest(losses, even) == "dirichlet"


def test_what_is_worse_than_one_temperature_is_not_taken():
    even, noise = np.full(1000, 1 / 1000), np.random.default_rng(0).normal(size=1000)
    jitter = np.tile([-1.0, 1.0], 500)
    losses = {
        "identity": noise + 1.01 + jitter,  # within a standard error of 0.03
        "temperature": noise + 1.0,
        "vector": noise + 0.999,
    }
    assert simplest(losses, even) == "vector"
    losses["temperature"] = noise + 1.0 + 0.5 * jitter
    assert simplest(losses, even) == "temperature"
    assert simplest({k: losses[k] for k in ("identity", "vector")}, even) == "identity"


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL_PREDICTIONS)
def test_auto_is_no_worse_than_one_temperature_on_real_data(name):
    labels, logits = real_predictions(name)
    p = softmax(logits.astype("float64"))
    order = np.random.default_rng(0).permutation(len(labels))
    inside, outside = np.array_split(order, 2)
    losses = {}
    for method in (cross_validate(labels[inside], p[inside]).best, "temperature"):
        layer = make_calibrator(method).fit(labels[inside], p[inside])
        found = ops.convert_to_numpy(layer(p[outside]))
        losses[method] = -np.log(found[np.arange(len(outside)), labels[outside]])
    excess = next(iter(losses.values())) - losses["temperature"]
    assert excess.mean() <= excess.std() / np.sqrt(len(excess))


def tail(labels):
    """Indices with which class c keeps one in 3 ** c of its samples."""
    place = np.array([np.sum(labels[:i] == c) for i, c in enumerate(labels)])
    return np.flatnonzero(place % 3**labels == 0)


def test_balanced_weights_each_class_alike(run, capsys):
    labels, logits = overconfident(2, 1200)
    rows = tail(labels)
    p = softmax(logits)[rows]
    np.savez(run / "validation.npz", y_true=labels[rows], probabilities=p)
    assert calibrate(run, "--method=vector") == 0
    assert "--class_weight=balanced" in capsys.readouterr().out
    plain = json.loads((run / "calibrated/calibration.json").read_text())
    assert calibrate(run, "--method=vector", "--class_weight=balanced") == 0
    assert "If classes to come" not in capsys.readouterr().out
    balanced = json.loads((run / "calibrated/calibration.json").read_text())
    assert (plain["class_weight"], balanced["class_weight"]) == (None, "balanced")
    assert balanced["test_after"]["nll"] < plain["test_after"]["nll"] - 0.05


def test_balanced_cross_validation_is_the_mean_over_classes():
    labels, logits = overconfident(samples=300)
    rows = tail(labels)
    labels, p = labels[rows], softmax(logits)[rows]
    found = cross_validate(labels, p, None, "balanced", ["identity"]).scores
    log_p = np.log(p[np.arange(len(labels)), labels])
    expected = -np.mean([log_p[labels == c].mean() for c in range(4)])
    assert found["identity"]["nll"] == pytest.approx(expected, rel=1e-5)
    plain = cross_validate(labels, p, methods=["identity"]).scores["identity"]
    whole = evaluate(labels, p)
    for name in ("nll", "brier", "ece"):
        assert plain[name] == pytest.approx(whole[name], rel=1e-5)


def test_says_what_is_missing(run, capsys):
    (run / "validation.npz").unlink()
    assert calibrate(run) == 1
    assert "Train with --validation" in capsys.readouterr().err
    assert calibrate(run, f"--validation={run}/none.npz") == 1
    assert calibrate(run, "--method=platt") == 2
    assert "temperature" in capsys.readouterr().err
    with pytest.raises(ValueError, match="`method` must be 'auto' or one of"):
        make_calibrator("platt")
    with pytest.raises(ValueError, match="needs `class_counts`"):
        make_calibrator("group_temperature")


def test_the_model_that_is_not_calibrated_stays(run, capsys):
    model = (run / "model.keras").read_bytes()
    assert calibrate(run, f"--output_dir={run}") == 1
    assert "nothing else is overwritten" in capsys.readouterr().err
    assert calibrate(run, "--output_dir=") == 1
    assert "must name a directory" in capsys.readouterr().err
    assert calibrate(run) == 0
    assert calibrate(run / "calibrated") == 1
    assert "not calibrated" in capsys.readouterr().err
    assert (run / "model.keras").read_bytes() == model


@pytest.mark.parametrize(
    "changes, message",
    [
        ({}, "are those of the test set"),
        ({"class_counts": COUNTS[::-1]}, "Their `class_counts` differ"),
        ({"class_names": list("abcd")}, None),
        ({"sample_number": np.zeros(600, int)}, "must name each sample once"),
    ],
)
def test_validation_is_of_the_run_and_not_its_test(run, capsys, changes, message):
    other = run / "other.npz"
    write(other, 1 if message else 2, 600, class_counts=COUNTS)
    with np.load(other) as file:
        np.savez(other, **{**file, **changes})
    assert calibrate(run, f"--validation={other}") == (1 if message else 0)
    assert (message or "") in capsys.readouterr().err


def test_a_damaged_model_is_named(run, capsys):
    (run / "model.keras").write_bytes((run / "model.keras").read_bytes()[:500])
    assert calibrate(run) == 1
    assert "model.keras: damaged, or no .keras file" in capsys.readouterr().err


def without_config(members):
    del members["config.json"]


def of_an_unknown_class(members):
    config = members["config.json"].replace(b'"Sequential"', b'"Nonesuch"')
    members["config.json"] = config


def no_json(members):
    members["config.json"] = members["config.json"][:-9]


def truncated_weights(members):
    members["model.weights.h5"] = members["model.weights.h5"][:-600]


def turned_weights(members):
    members["model.weights.h5"] = members["model.weights.h5"][::-1]


@pytest.mark.parametrize(
    "damage",
    [without_config, of_an_unknown_class, no_json, truncated_weights, turned_weights],
)
def test_a_model_of_damaged_members_is_one_line(run, capsys, damage):
    path = run / "model.keras"
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    damage(members)
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    assert calibrate(run) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{path}: damaged, or of a class that is not known" in line
    assert "--debug" not in line and len(line) < 500


def test_names_are_shown_not_obeyed(run, tmp_path, capsys):
    output = tmp_path / "\x1b[31m\u202e"
    assert calibrate(run, f"--output_dir={output}") == 0
    assert "\\x1b[31m\\u202e" in capsys.readouterr().out


def test_takes_another_validation_file_and_directory(run, tmp_path):
    (run / "validation.npz").rename(run / "other.npz")
    flags = f"--validation={run}/other.npz", f"--output_dir={tmp_path}/out"
    assert calibrate(run, *flags) == 0
    assert (tmp_path / "out/model.keras").exists()
