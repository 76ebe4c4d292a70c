"""Pixels, tokens, ignored labels, masks, and several labels, in every metric."""

import keras
import numpy as np
import pytest
from exported_metrics import ALL, arguments, make
from keras import ops
from keras.src.backend import set_keras_mask

from keras_refcal import metrics

CLASSES, LEADING = 5, (3, 4, 5)
every_metric = pytest.mark.parametrize("kind", ALL)
OF_LABELS = [
    kind
    for kind in ALL
    if "multi_label" in arguments(kind) and kind is not metrics.ShotAccuracy
]


def draw(samples=60, columns=CLASSES):
    generator = np.random.default_rng(1)
    labels = generator.integers(0, columns, samples)
    scores = generator.dirichlet(np.ones(columns), samples).astype("float32")
    scores[::2, 0], scores[::2, 1:] = 0.9, 0.1 / (columns - 1)
    return labels, scores


def result(metric, *args, **kwargs):
    metric.update_state(*args, **kwargs)
    return keras.tree.map_structure(
        lambda x: np.asarray(ops.convert_to_numpy(x)), metric.result()
    )


def assert_same(found, expected):
    keras.tree.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7),
        found,
        expected,
    )


def ignoring(kind, ignore_class):
    if "metric" in arguments(kind):
        inner = metrics.BrierScore(name="inner", ignore_class=ignore_class)
        return make(kind, metric=inner)
    if "metrics" in arguments(kind):
        inner = [metrics.BrierScore(ignore_class=ignore_class)]
        return make(kind, metrics=inner)
    return make(kind, ignore_class=ignore_class)


@every_metric
def test_pixels_are_rows(kind):
    labels, scores = draw()
    ignore_class = [255, -100, -1][ALL.index(kind) % 3]
    weight = np.linspace(0, 2, 60).astype("float32")
    kept = np.arange(60) % 7 > 0
    given = np.where(kept, labels, ignore_class)
    mask = np.arange(60) % 5 > 0
    image = ops.convert_to_tensor(scores.reshape(*LEADING, -1))
    set_keras_mask(image, ops.convert_to_tensor(mask.reshape(LEADING)))
    found = result(
        ignoring(kind, ignore_class),
        given.reshape(LEADING),
        image,
        weight.reshape(LEADING),
    )
    kept &= mask
    expected = result(ignoring(kind, None), labels[kept], scores[kept], weight[kept])
    assert_same(found, expected)


@pytest.mark.parametrize("kind", OF_LABELS)
def test_several_labels_are_the_mean_of_each_alone(kind):
    generator = np.random.default_rng(0)
    scores = generator.uniform(size=(60, 3)).astype("float32")
    labels = (generator.uniform(size=scores.shape) < scores**2).astype("int32")
    given = np.where(generator.uniform(size=scores.shape) < 0.2, -1, labels)
    weight = np.linspace(0, 2, 60).astype("float32")

    def made(multi_label, ignore_class=None):
        options = {"multi_label": multi_label, "ignore_class": ignore_class}
        if kind is metrics.MetricCollection:
            return kind([metrics.BrierScore(decomposition=True, **options)])
        return make(kind, **options)

    metric = made(True, -1)
    found = result(metric, given, scores, weight)
    alone = []
    for label in range(3):
        kept = given[:, label] >= 0
        rows = labels[kept, label], scores[kept, label], weight[kept]
        alone.append(result(made(False), *rows))
    assert_same(found, keras.tree.map_structure(lambda *x: np.mean(x), *alone))
    assert_same(
        metric.label_scores(), keras.tree.map_structure(lambda *x: np.array(x), *alone)
    )
    bounds = keras.tree.flatten(metric.distance_bound())
    assert all(0 <= bound < 2 for bound in bounds)
    other = made(True, -1)
    other.merge_state([metric])
    assert_same(other.label_scores(), metric.label_scores())


def test_several_labels_against_scikit_learn():
    from sklearn import metrics as theirs

    generator = np.random.default_rng(0)
    scores = generator.uniform(size=(200, 4)).astype("float32")
    labels = (generator.uniform(size=scores.shape) < scores).astype("int32")
    labels[:, 3] = 0  # a label that never occurs has no AUROC
    auroc = metrics.MulticlassAUROC(multi_label=True)
    found = float(result(auroc, labels, scores))
    assert found == pytest.approx(
        theirs.roc_auc_score(labels[:, :3], scores[:, :3]), abs=1e-3
    )
    assert np.isnan(auroc.label_scores()[3])
    brier = metrics.BrierScore(multi_label=True)
    expected = [
        2 * theirs.brier_score_loss(labels[:, k], scores[:, k]) for k in range(4)
    ]
    found = result(brier, labels, scores)
    assert found == pytest.approx(np.mean(expected), rel=1e-6)
    nll = metrics.NegativeLogLikelihood(multi_label=True)
    result(nll, labels, scores)
    for k, value in enumerate(nll.label_scores()):
        expected = theirs.log_loss(labels[:, k], scores[:, k], labels=[0, 1])
        assert value == pytest.approx(expected, rel=1e-5)


def test_a_fit_counts_pixels_and_labels():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(8, 4, 4, 3)).astype("float32")
    y = generator.integers(0, CLASSES, (8, 4, 4))
    y[:, 0] = 255
    inputs = keras.Input((4, 4, 3))
    pixels = keras.layers.Conv2D(CLASSES, 1, activation="softmax")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    several = keras.layers.Dense(3, "sigmoid")(pooled)
    model = keras.Model(inputs, {"pixels": pixels, "several": several})
    tags = generator.integers(0, 2, (8, 3))
    model.compile(
        loss={
            "pixels": keras.losses.SparseCategoricalCrossentropy(ignore_class=255),
            "several": "binary_crossentropy",
        },
        metrics={
            "pixels": metrics.BrierScore(ignore_class=255),
            "several": metrics.ExpectedCalibrationError(multi_label=True),
        },
    )
    logs = model.evaluate(
        x, {"pixels": y, "several": tags}, batch_size=4, verbose=0, return_dict=True
    )
    found = model.predict(x, verbose=0)
    rows = y.reshape(-1) < 255
    brier = metrics.BrierScore()
    brier.update_state(y.reshape(-1)[rows], found["pixels"].reshape(-1, CLASSES)[rows])
    assert logs["pixels_brier_score"] == pytest.approx(float(brier.result()), rel=1e-5)
    several = metrics.ExpectedCalibrationError(multi_label=True)
    several.update_state(tags, found["several"])
    assert logs["several_expected_calibration_error"] == pytest.approx(
        float(several.result()), rel=1e-5
    )


def test_what_has_no_meaning_is_refused():
    labels, scores = draw()
    ece = metrics.ExpectedCalibrationError
    with pytest.raises(ValueError, match="must have one shape"):
        ece(multi_label=True).update_state(labels, scores)
    with pytest.raises(ValueError, match="leading axes of `y_pred`"):
        ece().update_state(labels, scores.reshape(*LEADING, -1))
    with pytest.raises(ValueError, match="no meaning here"):
        metrics.ShotAccuracy([1, 2], multi_label=True)
    with pytest.raises(ValueError, match="no one group of classes"):
        metrics.GroupedMetric(ece(multi_label=True), [1, 2])
    with pytest.raises(ValueError, match="needs `multi_label=True`"):
        ece().label_scores()
    metric = ece(multi_label=True)
    metric.update_state(np.full((2, 3), 2), np.full((2, 3), 0.5))
    with pytest.raises(ValueError, match="from 0 to 1"):
        metric.result()
