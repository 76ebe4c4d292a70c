import subprocess
import sys

import keras
import numpy as np
import pytest
from calibration_data import linear_model, overconfident, softmax
from exporting import FORMATS, assert_exports
from keras import ops

from keras_refcal.decisions import ConformalSets
from keras_refcal.fitting.conformal import conformal_scores

SPLITS, SAMPLES, COVERAGE = 60, 150, 0.9


def numbers(x):
    return ops.convert_to_numpy(x)


def long_tailed(seed, samples):
    """Labels 60, 25, 10 and 5 % of the samples, the tail harder to tell."""
    generator = np.random.default_rng(seed)
    labels = generator.choice(4, samples, p=[0.6, 0.25, 0.1, 0.05])
    logits = generator.normal(size=(samples, 4))
    logits += [1.0, 0.5, 0.0, -1.0]
    logits[np.arange(samples), labels] += 2.0
    return labels, softmax(logits).astype("float32")


@pytest.mark.parametrize("score", ["thr", "aps", "raps"])
def test_covers_as_promised_over_many_splits(score):
    layer, covered = ConformalSets(COVERAGE, score, free_ranks=1), []
    for seed in range(SPLITS):
        labels, p = long_tailed(seed, SAMPLES + 500)
        layer.fit(labels[:SAMPLES], p[:SAMPLES])
        sets = numbers(layer(p[SAMPLES:]))
        covered.append(np.mean(sets[np.arange(500), labels[SAMPLES:]]))
    # The mean is ceil(0.9 * 151) / 151 = 0.9007. One split deviates by the Beta
    # spread of the threshold and the binomial of 500; 4 standard errors of the mean.
    deviation = np.sqrt(0.9 * 0.1 * (1 / SAMPLES + 1 / 500))
    assert abs(np.mean(covered) - 0.9007) < 4 * deviation / np.sqrt(SPLITS)


@pytest.mark.parametrize("condition", ["class", "group"])
def test_covers_the_tail_where_it_is_asked_to(condition):
    counts = [600, 250, 60, 10] if condition == "group" else None
    layer = ConformalSets(0.8, "thr", condition, counts)
    overall, hits, tail_overall = ConformalSets(0.8, "thr"), [], []
    for seed in range(SPLITS):
        labels, p = long_tailed(seed, 1200)
        layer.fit(labels[:600], p[:600])
        overall.fit(labels[:600], p[:600])
        tail = np.flatnonzero(labels[600:] == 3) + 600
        hits.append(np.mean(numbers(layer(p[tail]))[:, 3]))
        tail_overall.append(np.mean(numbers(overall(p[tail]))[:, 3]))
    # About 30 tail samples to fit and to test with, in each of 60 splits.
    assert 0.8 - 0.055 < np.mean(hits) < 0.8 + 1 / 31 + 0.055
    assert np.mean(tail_overall) < 0.6


def test_scores_are_those_of_a_loop():
    p = long_tailed(0, 20)[1]
    raps = ConformalSets(score="raps", rank_penalty=0.1, free_ranks=2)
    aps = numbers(ConformalSets(score="aps").scores(ops.convert_to_tensor(p)))
    regular = numbers(raps.scores(ops.convert_to_tensor(p)))
    for row in range(20):
        for c in range(4):
            rank = np.sum(p[row] > p[row, c]) + 1
            down_to = np.sum(p[row][p[row] >= p[row, c]])
            assert aps[row, c] == pytest.approx(down_to - 1, abs=1e-6)
            expected = down_to - 1 + 0.1 * max(0, rank - 2)
            assert regular[row, c] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("score", ["thr", "aps", "raps"])
def test_scores_are_those_of_numpy(score):
    p = long_tailed(0, 50)[1]
    layer = ConformalSets(score=score, free_ranks=1)
    np.testing.assert_allclose(
        numbers(layer.scores(ops.convert_to_tensor(p))),
        conformal_scores(p, score, free_ranks=1),
        atol=1e-6,
    )


@pytest.mark.parametrize("score", ["thr", "aps"])
def test_sets_of_a_model_that_is_far_too_sure_stay_small(score):
    labels, logits = overconfident(samples=2000, classes=10, sharpness=40.0)
    p = softmax(logits).astype("float32")
    sets = numbers(ConformalSets(0.8, score).fit(labels[:1000], p[:1000])(p[1000:]))
    assert 0.77 < sets[np.arange(1000), labels[1000:]].mean() < 0.83
    assert sets.sum(axis=1).mean() < 6


def test_a_class_with_too_few_samples_is_in_every_set():
    labels, p = long_tailed(0, 300)
    rows = np.flatnonzero((labels != 3) | (np.cumsum(labels == 3) <= 5))
    layer = ConformalSets(0.9, condition="class")
    with pytest.warns(UserWarning, match=r"needs 9 validation samples.*\[3\]"):
        layer.fit(labels[rows], p[rows])
    assert numbers(layer(p))[:, 3].all()
    assert not numbers(layer(p))[:, 0].all()


LOAD = """
import sys, numpy as np, keras, keras_refcal
model = keras.saving.load_model(sys.argv[1] + "/model.keras", safe_mode=True)
with np.load(sys.argv[1] + "/data.npz") as data:
    sets = model.predict(data["inputs"], verbose=0)["prediction_set"]
    np.testing.assert_array_equal(sets, data["sets"])
"""


def test_ships_inside_a_model(tmp_path):
    labels, inputs = overconfident()
    model = linear_model("softmax")
    layer = ConformalSets(score="aps").fit(labels, model.predict(inputs, verbose=0))
    attached = layer.attach(model)
    outputs = attached.predict(inputs, verbose=0)
    assert outputs["prediction_set"].dtype == bool
    assert outputs["prediction_set"][np.arange(400), labels].mean() >= 0.9
    attached.save(tmp_path / "model.keras")
    # Other samples than those fitted on, one of which is the threshold itself.
    fresh = overconfident(seed=1)[1]
    sets = attached.predict(fresh, verbose=0)["prediction_set"]
    np.savez(tmp_path / "data.npz", inputs=fresh, sets=sets)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("score", ["thr", "raps"])
@pytest.mark.parametrize("form", FORMATS)
def test_exports(form, score, tmp_path):
    # PyTorch exports sorting for one size of the batch, and to ONNX not at all.
    sorts = "torch" in FORMATS and score == "raps"
    if sorts and form == "onnx":
        pytest.skip("PyTorch has no sorting in ONNX")
    labels, inputs = overconfident()
    model = linear_model("softmax")
    layer = ConformalSets(score=score).fit(labels, model.predict(inputs, verbose=0))
    assert_exports(layer.attach(model), inputs, tmp_path, form, fixed_batch=sorts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coverage": 1.0}, "`coverage` must be in"),
        ({"score": "lac"}, "`score` must be one of"),
        ({"condition": "tail"}, "`condition` must be one of"),
        ({"condition": "group"}, "`class_counts` belong to"),
        ({"class_counts": [3, 2]}, "`class_counts` belong to"),
        ({"groups": "halves"}, "`groups` must be one of"),
        ({"rank_penalty": -1}, "`rank_penalty` must be"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConformalSets(**arguments)


def test_refuses_logits_and_wrong_classes():
    labels, logits = overconfident()
    with pytest.raises(ValueError, match="Apply softmax to logits"):
        ConformalSets().fit(labels, logits)
    with pytest.raises(ValueError, match="of the 4 classes"):
        ConformalSets(condition="group", class_counts=[3, 2]).fit(
            labels, softmax(logits)
        )


def test_config_round_trip():
    layer = ConformalSets(0.8, "raps", "group", [9, 5, 2], "thirds", 0.02, 3, name="s")
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert copy.get_config() == layer.get_config()
