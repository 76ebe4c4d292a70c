"""What is no label and what is no weight, in every form, for every metric."""

import keras
import numpy as np
import pytest
from exported_metrics import ALL, arguments, make
from metrics_streaming import stream, value

from keras_refcal import metrics

every_metric = pytest.mark.parametrize("kind", ALL, ids=metrics.__all__)
IDS = np.array([1, 0, 1, 4, 3, 2, 1, 0] * 4)
GENERATOR = np.random.default_rng(0)
PREDICTIONS = GENERATOR.dirichlet(np.ones(5), len(IDS)).astype("float32")
ONE_HOT = np.eye(5, dtype="float32")[IDS]


def rows(bad):
    """Returns one-hot rows, the first replaced."""
    return np.concatenate([np.array([bad], "float32"), ONE_HOT[1:]])


def ids(bad, dtype="float32"):
    """Returns class ids, the first replaced."""
    return np.append(bad, IDS[1:]).astype(dtype)


NO_CLASS = {
    "fraction": ids(0.7),
    "almost whole": ids(0.9999),
    "negative": ids(-1, "int32"),
    "one too high": ids(5, "int32"),
    "above any number of bits": ids(2**32 + 1, "int64"),
    "byte": ids(255, "uint8"),
    "not a number": ids(np.nan),
    "infinite": ids(np.inf),
    "negative column": ids(-1, "int32")[:, None],
    "soft row": rows([0.5, 0.5, 0, 0, 0]),
    "nearly one-hot": rows([0.999, 0.001, 0, 0, 0]),
    "two classes": rows([1, 0, 1, 0, 0]),
    "no class": rows([0, 0, 0, 0, 0]),
    "twice": rows([2, 0, 0, 0, 0]),
    "difference": rows([1, 1, -1, 0, 0]),
}


@every_metric
@pytest.mark.parametrize("name", ["one too high", "soft row"])
def test_every_metric_refuses_and_blames_labels_of_no_class(kind, name):
    check_refused(kind, NO_CLASS[name])


@pytest.mark.parametrize("name", NO_CLASS)
def test_labels_of_no_class(name):
    check_refused(metrics.ExpectedCalibrationError, NO_CLASS[name])


def check_refused(kind, labels):
    metric = make(kind)
    metric.update_state(labels, PREDICTIONS)
    with pytest.raises(ValueError, match="weight 1 whose label is no class") as no:
        metric.result()
    assert "from_logits" not in str(no.value)
    absent = np.append(0, np.ones(len(IDS) - 1)).astype("float32")
    assert value(metric_of(kind, labels, PREDICTIONS, absent)) == pytest.approx(
        value(metric_of(kind, IDS, PREDICTIONS, absent)), nan_ok=True
    )


def metric_of(kind, *batch):
    metric = make(kind)
    metric.update_state(*batch)
    return metric.result()


def test_labels_of_every_type_are_the_same():
    make = metrics.ExpectedCalibrationError
    expected = stream(make(), IDS, PREDICTIONS, len(IDS))
    forms = [IDS.astype(kind) for kind in ("uint8", "int64", "float16", "float64")]
    forms += [ONE_HOT.astype(kind) for kind in ("bool", "int32", "float64")]
    for labels in (*forms, IDS[:, None].astype("float32")):
        assert stream(make(), labels, PREDICTIONS, len(IDS)) == expected


@every_metric
@pytest.mark.parametrize("bad", [-1.0, -1e-3, np.nan, np.inf])
def test_weights_that_are_none_are_refused(kind, bad):
    weight = np.append(bad, np.ones(len(IDS) - 1)).astype("float32")
    with pytest.raises(ValueError, match="sample_weight"):
        stream(make(kind), IDS, PREDICTIONS, len(IDS), weight)


@every_metric
@pytest.mark.parametrize("scale", [1e-20, 1e-3, 1e6, 1e36, 3e38])
def test_weights_of_any_scale_are_right_or_refused(kind, scale):
    weight = np.tile([0.0, 1.0, 0.25, 0.5], len(IDS) // 4).astype("float32")
    expected = stream(make(kind), IDS, PREDICTIONS, len(IDS), weight)
    try:
        result = stream(make(kind), IDS, PREDICTIONS, len(IDS), weight * scale)
    except ValueError as refused:
        assert scale > 1e37 and "sample_weight" in str(refused)
        return
    if "Risk" in kind.__name__ or "AURC" in kind.__name__:
        return  # where a weight counts as that many repetitions
    assert result == pytest.approx(expected, rel=1e-5, abs=1e-7, nan_ok=True)


SECOND = PREDICTIONS[:, 1] / PREDICTIONS[:, :2].sum(axis=1)
TWO = np.stack([1 - SECOND, SECOND], axis=1)


@every_metric
def test_one_column_is_two_classes(kind):
    given = {"class_counts": [500, 5]} if "class_counts" in arguments(kind) else {}
    expected = stream(make(kind, **given), IDS % 2, TWO, len(IDS))
    one_hot = np.eye(2, dtype="float32")[IDS % 2]
    for labels, column in ((IDS[:, None] % 2, SECOND[:, None]), (one_hot, SECOND)):
        result = stream(make(kind, **given), labels, column, len(IDS))
        assert result == pytest.approx(expected, abs=2e-6, nan_ok=True)
    if "from_logits" in arguments(kind):
        metric = make(kind, from_logits=True, **given)
        logit = np.log(SECOND / (1 - SECOND))[:, None]
        result = stream(metric, IDS[:, None] % 2, logit, len(IDS))
        assert result == pytest.approx(expected, abs=1e-5, nan_ok=True)


def test_one_column_with_every_form_of_labels():
    labels = IDS % 2
    expected = stream(metrics.ExpectedCalibrationError(), labels, TWO, len(IDS))
    for form in (labels, labels[:, None], np.eye(2)[labels]):
        for column in (SECOND, SECOND[:, None]):
            metric = metrics.ExpectedCalibrationError()
            result = stream(metric, form, column, len(IDS))
            assert result == pytest.approx(expected, abs=1e-6)


def test_groups_of_a_metric_of_keras_are_checked_too():
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="a")
    metric = metrics.GroupedMetric(accuracy, [500, 60, 50, 5, 4])
    metric.update_state(ids(9, "int32"), PREDICTIONS)
    with pytest.raises(ValueError, match="label is no class"):
        metric.result()
    metric.reset_state()
    metric.update_state(IDS, PREDICTIONS, -np.ones(len(IDS), "float32"))
    with pytest.raises(ValueError, match="sample_weight"):
        metric.result()


@pytest.mark.parametrize(("total", "passes"), [(1.005, True), (1.02, False)])
def test_rows_may_miss_one_by_what_all_of_the_package_allows(total, passes):
    metric = metrics.ExpectedCalibrationError()
    metric.update_state(IDS, PREDICTIONS * np.float32(total))
    if passes:
        assert float(metric.result()) >= 0
    else:
        with pytest.raises(ValueError, match="do not sum to 1"):
            metric.result()


def test_subnormal_probabilities_count_as_they_are():
    tiny = np.array([1e-40, 3e-44, 1.4e-45], "float32")
    predictions = np.stack([tiny, 1 - tiny], axis=1)
    metric = metrics.NegativeLogLikelihood()
    metric.update_state(np.zeros(3, "int32"), predictions)
    expected = -np.log(tiny.astype("float64")).mean()
    assert float(metric.result()) == pytest.approx(expected, rel=1e-6)


@every_metric
@pytest.mark.parametrize("place", [0, 1, 2])
def test_complex_numbers_are_refused(kind, place):
    given = [IDS, PREDICTIONS, np.ones(len(IDS), "float32")]
    given[place] = given[place].astype("complex64")
    with pytest.raises(ValueError, match="real numbers"):
        make(kind).update_state(*given)


@every_metric
@pytest.mark.parametrize("shape", [(31,), (32, 2), (1, 32)])
def test_weights_of_another_shape_are_refused(kind, shape):
    with pytest.raises(ValueError, match="must be a number, or one a row"):
        make(kind).update_state(IDS, PREDICTIONS, np.ones(shape, "float32"))
