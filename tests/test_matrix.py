"""Every loss, metric, calibrator and decision on every head a classifier can have.

All of a kind share one model, in which each has an output of its own, so that a head
is compiled once.
"""

import inspect
import subprocess
import sys

import calibrator_classes
import exported_losses
import exported_metrics
import keras
import numpy as np
import pytest
from keras import ops

from keras_refcal import decisions, evaluation, metrics
from keras_refcal.backend import NAME as BACKEND

SAMPLES, FEATURES, CLASSES = 96, 6, exported_losses.CLASSES
# Columns, whether they are logits.
HEADS = {
    "sigmoid": (1, False),
    "softmax": (CLASSES, False),
    "one logit": (1, True),
    "logits": (CLASSES, True),
}
every_head = pytest.mark.parametrize("head", HEADS)
one_column = pytest.mark.parametrize("head", ["sigmoid", "one logit"])
# On one column an embedding has one dimension, and so has the direction of a logit.
EMBEDDINGS = {"BalancedContrastiveLoss", "SimCLRLoss", "SupervisedContrastiveLoss"}
REFUSED = {"sigmoid": EMBEDDINGS, "one logit": EMBEDDINGS | {"LogitNormLoss"}}


# TensorFlow traces; that XLA compiles it too is seen where each loss and metric is.
COMPILED = {"jit_compile": False} if BACKEND == "tensorflow" else {}


@pytest.fixture(autouse=True)
def compiled_soon_rather_than_well():
    """Leaves optimisations of XLA out, which take most of the time on JAX."""
    if BACKEND != "jax":
        yield
        return
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


def numbers(x):
    return np.array(ops.convert_to_numpy(x))


def data(head):
    """Features and class ids, which the first features tell in part."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(SAMPLES, FEATURES)).astype("float32")
    noisy = x + generator.normal(size=x.shape)
    if HEADS[head][0] == 1:
        return x, (noisy[:, 0] > 0).astype("int64")
    return x, np.argmax(noisy[:, :CLASSES], axis=1)


def class_counts(head):
    return [500, 50, 10, 5] if HEADS[head][0] > 1 else [500, 5]


def outputs(head, names, inputs, two_columns=False):
    """A layer of the same weights for each name; of one column also as two."""
    columns, from_logits = HEADS[head]
    activation = None if from_logits else "sigmoid" if columns == 1 else "softmax"
    weights = np.random.default_rng(1).normal(size=(FEATURES, columns))
    found = {}
    for name in names:
        layer = keras.layers.Dense(columns, activation, name=name)
        scores = found[name] = layer(inputs)
        layer.set_weights([weights, np.full(columns, 0.1)])
        if two_columns:
            other = ops.zeros_like(scores) if from_logits else 1.0 - scores
            found[name] = ops.concatenate([other, scores], axis=-1)
    return found


def make_loss(name, head):
    options = {}
    if "class_counts" in inspect.signature(exported_losses.EXPORTED[name]).parameters:
        options["class_counts"] = class_counts(head)
    make = exported_losses.on_logits if HEADS[head][1] else exported_losses.make
    return make(name, **options)


def trained(head, names, two_columns=False):
    """Losses and weights of a model with an output for each loss, after six steps."""
    x, labels = data(head)
    inputs = keras.Input((FEATURES,))
    model = keras.Model(inputs, outputs(head, names, inputs, two_columns))
    losses = {name: make_loss(name, head) for name in names}
    y = {name: exported_losses.y_true(loss, labels) for name, loss in losses.items()}
    # Indices of samples are those of a history of a dozen.
    y = {k: np.where(v < 12, v, -1) if v.ndim > 1 else v for k, v in y.items()}
    before = {name: model.get_layer(name).get_weights() for name in names}
    model.compile(keras.optimizers.SGD(0.05), losses, **COMPILED)
    history = model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0).history
    after = {name: model.get_layer(name).get_weights() for name in names}
    values = {name: history[f"{name}_loss"] for name in names}
    return values, after, before


@every_head
def test_losses_train(head):
    names = [n for n in exported_losses.EXPORTED if n not in REFUSED.get(head, ())]
    values, after, before = trained(head, names)
    for name in names:
        assert np.all(np.isfinite(values[name])), name
        assert all(np.all(np.isfinite(w)) for w in after[name]), name
        if name != "SimCLRLoss":  # 0 with one view
            assert not np.allclose(after[name][0], before[name][0], atol=1e-5), name
    if HEADS[head][0] > 1:
        return
    of_two, after_two, _ = trained(head, names, two_columns=True)
    for name in names:
        assert values[name] == pytest.approx(of_two[name], rel=1e-5, abs=1e-6), name
        for w, w_two in zip(after[name], after_two[name], strict=True):
            np.testing.assert_allclose(w, w_two, rtol=1e-4, atol=1e-5, err_msg=name)


@one_column
def test_losses_without_a_meaning_say_so_by_name(head):
    x, labels = data(head)
    for name in sorted(REFUSED[head]):
        inputs = keras.Input((FEATURES,))
        model = keras.Model(inputs, outputs(head, ["one"], inputs)["one"])
        model.compile("sgd", make_loss(name, head))
        with pytest.raises(ValueError, match=name):
            model.train_on_batch(x, labels)


# What a metric's result is called, and the exact figure.
SCORES = {
    "adaptive_calibration_error": "ace",
    "area_under_risk_coverage": "aurc",
    "brier_score": "brier",
    "correctness_auroc": "correctness_auroc",
    "excess_aurc": "excess_aurc",
    "expected_calibration_error": "ece",
    "false_positive_rate_at_recall": "fpr_at_95_recall",
    "inner_few": "ece_few",
    "inner_many": "ece_many",
    "inner_medium": "ece_medium",
    "maximum_calibration_error": "mce",
    "multiclass_auroc": "refinement",
    "negative_log_likelihood": "nll",
    "overconfidence_error": "overconfidence_error",
    "refinement": "refinement",
    "shared_ece": "ece",
    "shared_nll": "nll",
    "shot_accuracy_few": "accuracy_few",
    "shot_accuracy_many": "accuracy_many",
    "shot_accuracy_medium": "accuracy_medium",
    "smooth_calibration_error": "smece",
    "static_calibration_error": "classwise_ece",
    "thresholded_adaptive_calibration_error": "tace",
}


SMOOTH = 1e-3  # between a fixed grid of confidences and the confidences themselves
ANY_LOSS = "sparse_categorical_crossentropy"


def make_metric(kind, head):
    from_logits = HEADS[head][1]
    inside = {
        "class_counts": class_counts(head),
        "from_logits": from_logits,
        "metric": metrics.ExpectedCalibrationError(
            name="inner", from_logits=from_logits
        ),
        "metrics": [
            metrics.ExpectedCalibrationError(
                name="shared_ece", from_logits=from_logits
            ),
            metrics.NegativeLogLikelihood(name="shared_nll", from_logits=from_logits),
        ],
    }
    return kind(**exported_metrics.optional(kind, **inside))


@every_head
def test_metrics_in_evaluate_are_the_exact_figures(head):
    x, labels = data(head)
    inputs = keras.Input((FEATURES,))
    model = keras.Model(inputs, outputs(head, ["one"], inputs)["one"])
    judged = [make_metric(kind, head) for kind in exported_metrics.ALL]
    loss = "binary_crossentropy" if len(class_counts(head)) == 2 else ANY_LOSS
    model.compile("sgd", loss, metrics=judged, **COMPILED)
    found = model.evaluate(x, labels, batch_size=32, verbose=0, return_dict=True)
    scores = numbers(model(x))
    exact = evaluation.evaluate(
        labels,
        class_counts=class_counts(head),
        convention=evaluation.Convention(risk_coverage="expected"),
        **{"logits" if HEADS[head][1] else "probabilities": scores},
    )
    bounds = {
        m.name: m.distance_bound() for m in judged if hasattr(m, "distance_bound")
    }
    names = set(found) - {"loss"}
    assert names == set(SCORES)
    for name in names:
        away = SMOOTH if name == "smooth_calibration_error" else bounds.get(name, 0.0)
        expected = exact[SCORES[name]]
        assert found[name] == pytest.approx(expected, abs=away + 2e-6, nan_ok=True), (
            name
        )


def fitted(head, model):
    """Models in which every calibrator and decision was fitted to a model's outputs."""
    columns, from_logits = HEADS[head]
    x, labels = data(head)
    scores, classes = numbers(model(x)), max(2, columns)
    found = {}
    for cls in calibrator_classes.CLASSES:
        layer = calibrator_classes.make(cls, classes, from_logits=from_logits)
        direct = numbers(layer.fit(labels, scores)(scores))
        assert direct.shape == scores.shape, cls
        found[cls.__name__] = layer.attach(model), direct
    if from_logits:
        for name in decisions.__all__:
            with pytest.raises(ValueError, match="logits"):
                decide(name, model, labels, scores)
        model, scores = found["TemperatureScaling"]
    for name in decisions.__all__:
        decided = found[name] = decide(name, model, labels, scores)
        sets = decided[1].get("prediction_set", np.zeros((SAMPLES, classes)))
        assert sets.shape == (SAMPLES, classes)
    return found


def named(output):
    return output if isinstance(output, dict) else {"": output}


def decide(name, model, labels, scores):
    """Returns a decision made of a model, and what it says of the model's outputs."""
    cls = getattr(decisions, name)
    if issubclass(cls, keras.Model):
        decided = cls(model, target_coverage=0.5).fit_threshold(labels, scores)
        p = (
            np.concatenate([1 - scores, scores], axis=1)
            if scores.shape[1] < 2
            else scores
        )
        accepted = p.max(axis=1) >= numbers(decided.thresholds)[0]
        predicted = np.where(accepted, np.argmax(p, axis=1), -1)
        return decided, {"probabilities": scores, "prediction": predicted}
    layer = cls(coverage=0.8).fit(labels, scores)
    sets = numbers(layer(scores))
    return layer.attach(model), {"probabilities": scores, "prediction_set": sets}


LOAD = """
import pathlib, sys, numpy as np, keras, keras_refcal
paths = sorted(pathlib.Path(sys.argv[1]).glob("*.keras"))
for path in paths:
    model = keras.saving.load_model(path, safe_mode=True)
    with np.load(path.with_suffix(".npz")) as data:
        found = model(data["x"])
        found = found if isinstance(found, dict) else {"": found}
        assert sorted(found) == sorted(set(data) - {"x"}), path
        for name, value in found.items():
            value = keras.ops.convert_to_numpy(value)
            assert value.shape == data[name].shape, (path, name)
            np.testing.assert_allclose(
                value, data[name], rtol=0, atol=1e-6, err_msg=f"{path} {name}"
            )
print(len(paths))
"""


def test_calibrators_and_decisions_ship_to_a_new_process(tmp_path):
    for head in HEADS:
        x, _ = data(head)
        inputs = keras.Input((FEATURES,))
        model = keras.Model(inputs, outputs(head, ["one"], inputs)["one"])
        found = fitted(head, model)
        joint = keras.Model(inputs, {k: part(inputs) for k, (part, _) in found.items()})
        predicted = joint.predict(x, batch_size=SAMPLES, verbose=0)
        # One that was fitted on may be the threshold, which rounding crosses.
        fresh = x + np.float32(0.01)
        of_fresh = joint.predict(fresh, batch_size=SAMPLES, verbose=0)
        for name, (part, direct) in found.items():
            for key, value in named(direct).items():
                away = np.abs(named(predicted[name])[key] - 1.0 * value) > 1e-6
                assert np.sum(np.any(away.reshape(SAMPLES, -1), axis=1)) <= (
                    name in decisions.__all__
                ), (head, name, key)
            part.save(tmp_path / f"{head} {name}.keras")
            saved = tmp_path / f"{head} {name}.npz"
            np.savez(saved, x=fresh, **named(of_fresh[name]))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    each = len(calibrator_classes.CLASSES) + len(decisions.__all__)
    assert int(done.stdout.split()[-1]) == len(HEADS) * each
