import itertools

import keras
import new_process
import numpy as np
import pytest
from calibration_data import linear_model, overconfident, softmax
from exporting import FORMATS, assert_exports
from keras import ops

from keras_refcal.decisions import ConformalSets
from keras_refcal.fitting.class_clusters import class_clusters, conditions_of_clusters
from keras_refcal.fitting.conformal import OF_TOP_CLASS, conformal_scores


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


def covered_when_left_out(layer, labels, p):
    """Whether the set of each sample, fitted on all others, holds its label."""
    found = []
    for i in range(len(labels)):
        rest = np.arange(len(labels)) != i
        found.append(numbers(layer.fit(labels[rest], p[rest])(p[i : i + 1]))[0])
    return np.array(found)[np.arange(len(labels)), labels]


def fewest_covered(samples, coverage):
    """Of n + 1 exchangeable samples: ceil((n + 1) * coverage), in whole numbers."""
    percent = round(100 * coverage)
    return -(-samples * percent // 100)


@pytest.mark.parametrize("allow_empty", [True, False])
@pytest.mark.parametrize("score", ["thr", "aps", "raps"])
def test_coverage_is_exact_over_all_ways_to_leave_one_out(score, allow_empty):
    labels, p = long_tailed(0, 30)
    right = np.sum(np.argmax(p, axis=1) == labels)
    for coverage in (0.8, 0.95):
        layer = ConformalSets(coverage, score, free_ranks=1, allow_empty=allow_empty)
        covered = covered_when_left_out(layer, labels, p).sum()
        exact = fewest_covered(30, coverage)
        assert covered == (exact if allow_empty else max(exact, right))
    assert fewest_covered(30, 0.8) < right < fewest_covered(30, 0.95)


@pytest.mark.filterwarnings("ignore:Coverage 0.8 needs 4")
@pytest.mark.parametrize("condition", ["class", "group"])
def test_coverage_is_exact_in_each_class_or_group(condition):
    labels, p = long_tailed(0, 40)
    counts = [600, 250, 60, 50] if condition == "group" else None
    layer = ConformalSets(0.8, "thr", condition, counts)
    covered = covered_when_left_out(layer, labels, p)
    groups = [[0, 1], [2, 3]] if condition == "group" else [[0], [1], [2], [3]]
    for classes in groups:
        rows = np.isin(labels, classes)
        assert covered[rows].sum() == fewest_covered(rows.sum(), 0.8)


def test_scores_are_those_of_a_loop():
    p = long_tailed(0, 20)[1]
    p[:5, 0] = p[:5, 2]  # of two equal ones the first is likelier
    raps = ConformalSets(score="raps", rank_penalty=0.1, free_ranks=2, allow_empty=True)
    aps = ConformalSets(score="aps", allow_empty=True)
    aps = numbers(aps.scores(ops.convert_to_tensor(p)))
    regular = numbers(raps.scores(ops.convert_to_tensor(p)))
    for row in range(20):
        for c in range(4):
            likelier = [(-q, i) < (-p[row, c], c) for i, q in enumerate(p[row])]
            below = p[row].sum() - p[row, likelier].sum() - p[row, c]
            assert aps[row, c] == pytest.approx(-below, abs=1e-6)
            expected = 0.1 * max(0, sum(likelier) - 1) - below
            assert regular[row, c] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("allow_empty", [None, True, False])
@pytest.mark.parametrize("score", ["thr", "pas", "aps", "raps"])
def test_scores_are_those_of_numpy(score, allow_empty):
    p = long_tailed(0, 50)[1]
    p[:5] = [[0.5, 0.0, 0.5, -0.0]]
    options = {"free_ranks": 1, "allow_empty": allow_empty}
    options["class_counts"] = [6, 3, 1, 1] if score == "pas" else None
    found = numbers(
        ConformalSets(score=score, **options).scores(ops.convert_to_tensor(p))
    )
    expected = conformal_scores(p, score, **options)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    if score == "pas" and allow_empty is not False:
        shares = np.array([6, 3, 1, 1]) / 11
        np.testing.assert_allclose(found, -p / shares, rtol=1e-5)
    has_top = allow_empty is False or (allow_empty is None and score in ("aps", "raps"))
    assert np.all((found == OF_TOP_CLASS).sum(axis=1) == has_top)
    assert np.all((found[:5, 0] == OF_TOP_CLASS) == has_top)


def ten_classes(sharpness=12.0):
    """Ten classes, 895 of 1,000 right, surer than that."""
    logits = overconfident(1, 1000, classes=10, sharpness=sharpness)[1]
    labels = np.argmax(logits, axis=1)
    labels[::9][:105] += 1
    return labels % 10, softmax(logits).astype("float32")


@pytest.mark.parametrize("score", ["thr", "aps", "raps"])
def test_the_top_class_is_left_out_only_where_that_is_asked_for(score):
    labels, p = ten_classes()
    rows, top = np.arange(1000), np.argmax(p, axis=1)
    for coverage, allow_empty in itertools.product((0.8, 0.9), (None, True, False)):
        layer = ConformalSets(coverage, score, allow_empty=allow_empty)
        sets = numbers(layer.fit(labels, p)(p))
        covered, least = sets[rows, labels].mean(), coverage
        if allow_empty or (allow_empty is None and score == "thr"):
            assert sets.any(axis=1).all() == (score == "thr" and coverage == 0.9)
        else:
            assert sets[rows, top].all()
            least = max(coverage, 0.895)
        assert least <= covered <= least + 2 / 1000


@pytest.mark.parametrize("score", ["thr", "aps", "raps"])
@pytest.mark.parametrize("right", [13, 18])
def test_tied_scores_are_warned_about(score, right):
    predicted = np.arange(20) % 4
    labels = np.where(np.arange(20) < right, predicted, (predicted + 1) % 4)
    tied = {("thr", 13): 7, ("aps", 13): 7, ("raps", 13): 7}.get((score, right), right)
    # All classes cover always: 20 of 21; the top class alone as often as it is right.
    expected = "0.952" if right == 13 else f"{right / 21:.3f}"
    message = (
        rf"{tied * 5}\.0% of .* tied scores.*coverage of about {expected} where 0\.8 "
    )
    with pytest.warns(UserWarning, match=message):
        layer = ConformalSets(0.8, score).fit(labels, np.eye(4)[predicted])
    sizes = numbers(layer(np.eye(4, dtype="float32"))).sum(axis=1)
    assert np.all(sizes == (4 if right == 13 else 1))


@pytest.mark.parametrize("score", ["thr", "aps", "raps"])
def test_scores_that_are_not_tied_are_not_warned_about(score, recwarn):
    labels, p = ten_classes(sharpness=2.0)
    for coverage in (0.8, 0.9, 0.95):
        ConformalSets(coverage, score).fit(labels, p)
    assert not [w for w in recwarn if w.category is UserWarning]


def binary(seed=0, samples=60):
    """Labels drawn from p, and p of class 1, float32 of shape (samples,)."""
    generator = np.random.default_rng(seed)
    p = generator.random(samples).astype("float32")
    return (generator.random(samples) < p).astype(int), p


def forms(p):
    return p, p[:, None], np.stack([1 - p, p], axis=1)


@pytest.mark.parametrize("score", ["thr", "raps"])
def test_one_column_is_two_classes(score):
    labels, p = binary()
    for fit_on in forms(p):
        layer = ConformalSets(0.7, score, "class", free_ranks=1).fit(labels, fit_on)
        expected = numbers(layer(forms(p)[2]))
        assert expected[np.arange(60), labels].mean() >= 0.7
        for values in forms(p):
            np.testing.assert_array_equal(numbers(layer(values)), expected)
            assert layer.compute_output_shape(values.shape) == expected.shape
            spec = layer(keras.KerasTensor((None, *values.shape[1:])))
            assert (spec.shape, spec.dtype) == ((None, 2), "bool")


def test_one_sigmoid_covers_as_promised(tmp_path):
    labels, p = binary(samples=2000)
    z = np.log(p / (1 - p))[:, None]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Activation("sigmoid")])
    for fit_on in forms(p):
        layer = ConformalSets(0.9).fit(labels[:1000], fit_on[:1000])
        attached = layer.attach(model)
        declared = attached.compute_output_shape((None, 1))
        assert declared == {"probabilities": (None, 1), "prediction_set": (None, 2)}
        found = attached.predict(z, batch_size=2000, verbose=0)
        assert found["probabilities"].shape == (2000, 1)
        # 3 binomial deviations of 1,000 samples to fit on and 1,000 to judge.
        covered = found["prediction_set"][np.arange(2000), labels][1000:].mean()
        assert abs(covered - 0.9) < 3 * np.sqrt(0.09 * 2 / 1000)


def test_other_classes_are_refused_at_every_call(tmp_path):
    labels, p = long_tailed(0, 50)
    layer = ConformalSets(0.8).fit(labels, p)
    attached = layer.attach(linear_model("softmax"))
    attached.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    pair = ConformalSets(0.8).fit(labels > 0, p[:, 1:].sum(axis=1))
    others = [(pair, 3), (layer, 3), (loaded.layers[-1], 3)]
    for fitted, columns in others:
        classes = fitted.num_classes
        for shape in [(5, columns), (5, classes, columns), (5, 2, 2, columns)]:
            for call in (fitted, fitted.compute_output_shape):
                given = shape if call != fitted else np.full(shape, 0.5, "float32")
                with pytest.raises(
                    ValueError, match=f"Expected.*the {classes}|must have"
                ):
                    call(given)
        with pytest.raises(ValueError, match=f"the {classes} classes"):
            fitted.attach(linear_model("softmax", columns=columns))
        with pytest.raises(ValueError, match=f"the {classes} classes"):
            fitted.fit([0, 1], np.full((2, 3), 1 / 3))
    with pytest.raises(ValueError, match="the 4 classes"):
        layer.attach(linear_model("sigmoid", columns=1))
    pixels = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Dense(1, activation="sigmoid")]
    )
    assert pair.attach(pixels).output["prediction_set"].shape == (None, 4, 4, 2)
    with pytest.raises(ValueError, match="independent"):
        layer.attach(linear_model("sigmoid"))
    with pytest.raises(ValueError, match="It returns logits"):
        layer.attach(linear_model(None))
    # One that refused still works.
    assert numbers(layer(p)).shape == p.shape


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


def easy_and_hard(samples=4000):
    """Twelve classes of which every other is hard to tell; class 11 is rare."""
    generator = np.random.default_rng(0)
    share = np.append(np.full(11, 1.0), 0.01)
    labels = generator.choice(12, samples, p=share / share.sum())
    logits = generator.normal(size=(samples, 12))
    logits[np.arange(samples), labels] += np.where(labels % 2, 1.0, 4.0)
    return labels, softmax(logits).astype("float32")


def test_clusters_cover_within_classes_of_one_kind():
    labels, p = easy_and_hard()
    layer = ConformalSets(0.9, condition="cluster", clusters=2)
    layer.fit(labels, p)
    scores = -p[np.arange(len(labels)), labels]
    cluster_of, rest = class_clusters(scores, labels, 12, 0.9, clusters=2)
    assert cluster_of[11] == -1 or np.sum(labels == 11) >= 9
    assert len({*cluster_of[0:10:2]}) == len({*cluster_of[1:10:2]}) == 1
    assert cluster_of[0] != cluster_of[1]
    thresholds = numbers(layer.thresholds)
    for members, rows in conditions_of_clusters(scores, labels, 12, 0.9, clusters=2):
        assert not rows[~rest].any()  # those that chose the clusters set no threshold
        rank = fewest_covered(rows.sum() + 1, 0.9)
        exact = np.sort(scores[rows])[rank - 1]
        np.testing.assert_allclose(thresholds[members], exact, rtol=2e-5)


def test_interpolates_between_thresholds():
    labels, p = easy_and_hard()
    p = p / p.sum(axis=1, keepdims=True)
    few = (labels != 11) | (np.cumsum(labels == 11) <= 3)
    labels, p = labels[few], p[few]
    of_all = numbers(ConformalSets(0.9).fit(labels, p).thresholds)
    with pytest.warns(UserWarning, match="needs 9"):
        own = ConformalSets(0.9, condition="class").fit(labels, p).thresholds
    own = np.minimum(numbers(own), -p.min())  # the largest score there is
    layer = ConformalSets(0.9, condition="class", interpolation=0.25).fit(labels, p)
    found = numbers(layer.thresholds)
    np.testing.assert_allclose(found, 0.25 * own + 0.75 * of_all, rtol=1e-5, atol=1e-7)


def test_sets_adjusted_for_prevalence_cover_rare_classes_more():
    labels, p = long_tailed(0, 4000)
    counts = np.bincount(labels).tolist()
    plain = numbers(ConformalSets(0.9).fit(labels, p)(p))
    adjusted = ConformalSets(0.9, "pas", class_counts=counts).fit(labels, p)
    adjusted = numbers(adjusted(p))
    rows = np.arange(4000)
    for sets in (plain, adjusted):
        assert sets[rows, labels].mean() == pytest.approx(0.9, abs=1e-3)
    rarest = labels == 3
    assert (
        adjusted[rows, labels][rarest].mean() > plain[rows, labels][rarest].mean() + 0.1
    )
    even = ConformalSets(0.9, "pas", class_counts=[5, 5, 5, 5]).fit(labels, p)
    np.testing.assert_array_equal(numbers(even(p)), plain)


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
    done = new_process.run(LOAD, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("score", ["thr", "raps", "of one sigmoid"])
@pytest.mark.parametrize("form", FORMATS)
def test_exports(form, score, tmp_path):
    # PyTorch exports sorting for one size of the batch, and to ONNX not at all.
    sorts = "torch" in FORMATS and score == "raps"
    if sorts and form == "onnx":
        pytest.skip("PyTorch has no sorting in ONNX")
    labels, inputs = overconfident()
    if score == "of one sigmoid":
        model, layer = linear_model("sigmoid", columns=1), ConformalSets()
        labels = labels % 2
    else:
        model, layer = linear_model("softmax"), ConformalSets(score=score)
    layer.fit(labels, model.predict(inputs, verbose=0))
    assert_exports(layer.attach(model), inputs, tmp_path, form, fixed_batch=sorts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"coverage": 1.0}, "`coverage` must be a number in"),
        ({"score": "lac"}, "`score` must be one of"),
        ({"condition": "tail"}, "`condition` must be one of"),
        ({"condition": "group"}, "`class_counts` belong to"),
        ({"score": "pas"}, "`class_counts` belong to"),
        ({"interpolation": 0}, "`interpolation` must be"),
        ({"interpolation": 1.5}, "`interpolation` must be"),
        ({"clusters": 0}, "`clusters` must be an integer"),
        ({"class_counts": [3, 2]}, "`class_counts` belong to"),
        ({"groups": "halves"}, "`groups` must be 'shots'"),
        ({"coverage": "0.9"}, "`coverage` must be a number in"),
        ({"rank_penalty": -1}, "`rank_penalty` must be"),
        ({"score": "raps", "free_ranks": 0.1}, "`free_ranks` must be an integer"),
        ({"free_ranks": -1}, "`free_ranks` must be an integer"),
        ({"free_ranks": True}, "`free_ranks` must be an integer"),
        ({"allow_empty": "no"}, "`allow_empty` must be True"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ConformalSets(**arguments)


def test_refuses_logits_and_wrong_classes():
    labels, logits = overconfident()
    with pytest.raises(ValueError, match="logits, apply softmax first"):
        ConformalSets().fit(labels, logits)
    with pytest.raises(ValueError, match="logits, apply sigmoid first"):
        ConformalSets().fit(labels > 1, logits[:, 0])
    with pytest.raises(ValueError, match="several labels"):
        ConformalSets().fit(labels, np.full((400, 4), 0.5))
    with pytest.raises(ValueError, match="of the 4 classes"):
        ConformalSets(condition="group", class_counts=[3, 2]).fit(
            labels, softmax(logits)
        )


def test_config_round_trip():
    layer = ConformalSets(
        *(0.8, "raps", "group", [9, 5, 2], "thirds", 0.02, 3, True, 0.5, 4), name="s"
    )
    copy = keras.layers.deserialize(keras.layers.serialize(layer))
    assert copy.get_config() == layer.get_config()
