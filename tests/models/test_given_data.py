"""Labels and weights are looked at before the first step, on every backend alike."""

import keras
import numpy as np
import pytest
from models.small_model import check_equal, data, make, weights

from keras_refcal.losses import CorrectnessRankingLoss, RefCalLoss, SimCLRLoss

X, Y = data()
PAIRS = np.stack([Y, np.arange(len(Y))], axis=1)
ROWS = np.eye(4, dtype="float32")[Y]


def with_label(label):
    labels = Y.astype(np.result_type(Y, np.asarray(label)))
    labels[7] = label
    return labels


def with_row(row):
    rows = ROWS.copy()
    rows[7] = row
    return rows


def compiled(loss=None):
    model = make()
    model.compile(keras.optimizers.SGD(0.1), loss or RefCalLoss())
    return model


class Batches(keras.utils.PyDataset):
    """Batches of six."""

    def __init__(self, *columns):
        super().__init__()
        self.columns = columns

    def __len__(self):
        return len(self.columns[0]) // 6

    def __getitem__(self, index):
        rows = slice(6 * index, 6 * index + 6)
        return tuple(column[rows] for column in self.columns)


BAD = {
    "an id of num_classes": (with_label(4), "class ids from 0 to 3"),
    "unlabelled": (with_label(-1), "ignore_class=-1"),
    "a fraction": (with_label(0.5), "whole numbers"),
    "not a number": (with_label(np.nan), "class ids from 0 to 3"),
    "multi-hot rows": (with_row([1, 1, 0, 0]), "exclude each other"),
    "rows of counts": (with_row([2, 1, 0, 1]), "sum to 1"),
    "too many columns": (np.eye(5)[Y], "num_classes=4"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_labels_are_refused_before_the_first_step(kind, monkeypatch):
    labels, message = BAD[kind]
    model = compiled()
    monkeypatch.setattr(model, "train_step", None)
    monkeypatch.setattr(model, "test_step", None)
    column = labels.reshape(len(labels), -1)
    for call in (
        lambda: model.fit(X, labels, verbose=0),
        lambda: model.fit(X, column, verbose=0),
        lambda: model.fit(Batches(X[6:], labels[6:]), verbose=0),
        lambda: model.fit(X, Y, validation_data=(X, labels), verbose=0),
        lambda: model.evaluate(X, labels, 12, verbose=0),
        lambda: model.train_on_batch(X, labels),
        lambda: model.test_on_batch(X, labels),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_bad_weights_are_refused(weight):
    sample_weight = np.ones(len(Y))
    sample_weight[3] = weight
    for call in (compiled().fit, compiled().train_on_batch):
        with pytest.raises(ValueError, match="`sample_weight` must hold"):
            call(X, Y, sample_weight=sample_weight)


def test_a_tf_data_set_is_looked_at_and_stays_whole():
    tf = pytest.importorskip("tensorflow")
    model = compiled()
    bad = tf.data.Dataset.from_tensor_slices((X, with_label(4))).batch(12)
    with pytest.raises(ValueError, match="class ids from 0 to 3"):
        model.fit(bad, verbose=0)
    seen = []

    def generator():
        for start in (0, 6):
            seen.append(start)
            yield X[start : start + 6], Y[start : start + 6]

    with_steps = {"epochs": 1, "steps_per_epoch": 2, "verbose": 0}
    model.fit(generator(), **with_steps)
    assert seen == [0, 6], "a generator can be read once"


def test_what_a_loss_does_not_read_may_be_anything():
    """Ignored labels, labels of weight 0, and any label of SimCLR."""
    ignoring = compiled(RefCalLoss(ignore_class=-1))
    of_weight_0 = compiled()
    without = compiled()
    weight = np.ones(len(Y))
    weight[7] = 0
    kept = np.arange(len(Y)) != 7
    one = {"epochs": 1, "batch_size": 12, "shuffle": False, "verbose": 0}
    ignoring.fit(X, with_label(-1), **one)
    of_weight_0.fit(X, with_label(9), sample_weight=weight, **one)
    without.fit(X[kept], Y[kept], **one)
    check_equal(weights(ignoring), weights(without))
    views = np.stack([X, X], axis=1)
    compiled(SimCLRLoss()).evaluate(views, np.arange(len(Y)), verbose=0)


def test_class_weight_goes_by_the_label_of_a_pair():
    def ranking():
        return compiled(RefCalLoss(calibration=CorrectnessRankingLoss(len(Y))))

    by_class = {0: 3.0, 1: 0.5, 3: 2.0}
    sample_weight = np.array([by_class.get(int(y), 1.0) for y in Y])
    one = {"batch_size": 6, "shuffle": False, "verbose": 0}
    ours, theirs = ranking(), ranking()
    logs = [
        ours.fit(X, PAIRS, class_weight=by_class, **one).history,
        theirs.fit(X, PAIRS, sample_weight=sample_weight, **one).history,
    ]
    assert logs[0]["loss"] == pytest.approx(logs[1]["loss"], rel=1e-6)
    check_equal(weights(ours), weights(theirs))
    batches = [
        ours.train_on_batch(X[:6], PAIRS[:6], class_weight=by_class),
        theirs.train_on_batch(X[:6], PAIRS[:6], sample_weight=sample_weight[:6]),
    ]
    assert batches[0] == pytest.approx(batches[1], rel=1e-6)
    for arguments in (
        {"x": Batches(X, PAIRS)},
        {"x": X, "y": PAIRS, "validation_split": 0.5},
        {"x": X, "y": PAIRS, "sample_weight": sample_weight},
    ):
        with pytest.raises(ValueError, match="class_weight"):
            ours.fit(**arguments, class_weight=by_class, verbose=0)
    with pytest.raises(ValueError, match="indices of the samples"):
        ours.fit(X, PAIRS + np.array([0, 5]), verbose=0)
