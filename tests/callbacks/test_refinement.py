import keras
import numpy as np
import pytest

from keras_refcal import RefCalModel, evaluation, losses
from keras_refcal.callbacks import ValidationRefinement

SCORES = ["val_nll_refinement", "val_nll_calibration", "val_brier_refinement"]
CALLBACKS = (
    lambda path: keras.callbacks.EarlyStopping(
        "val_nll_refinement", patience=2, restore_best_weights=True
    ),
    lambda path: keras.callbacks.ModelCheckpoint(
        path, monitor="val_nll_refinement", save_best_only=True
    ),
)


def noisy(samples=160):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(samples, 4)).astype("float32")
    return x, (x[:, 0] + generator.normal(size=samples) > 0).astype("int32")


def model_of(head):
    layers = [keras.Input((4,)), keras.layers.Dense(32, activation="relu")]
    if head == "refcal":
        model = RefCalModel(keras.Sequential(layers), 2, projection_dim=4)
        model.compile("adam", losses.CrossEntropyLoss())
        return model
    columns, activation, loss = {
        "softmax": (2, "softmax", "sparse_categorical_crossentropy"),
        "logits": (2, None, losses.CrossEntropyLoss(from_logits=True)),
        "sigmoid": (1, "sigmoid", "binary_crossentropy"),
    }[head]
    model = keras.Sequential(
        [*layers, keras.layers.Dense(columns, activation=activation)]
    )
    model.compile("adam", loss)
    return model


def expected(model, head, x, y):
    scores = {"logits" if head == "logits" else "probabilities": model.predict(x)}
    names = ["nll_refinement_in_sample", "nll", "brier_refinement_in_sample"]
    left, nll, brier = evaluation.evaluate(y, **scores, scores=names).values()
    return [left, nll - left, brier]


@pytest.mark.parametrize("head", ["softmax", "logits", "sigmoid", "refcal"])
def test_logs_what_evaluate_says_of_the_epoch(head):
    x, y = noisy()
    model = model_of(head)
    callback = ValidationRefinement(x[80:], y[80:])
    history = model.fit(
        x[:80], y[:80], epochs=2, callbacks=[callback], verbose=0
    ).history
    assert set(history) >= set(SCORES)
    logged = [history[name][-1] for name in SCORES]
    assert logged == pytest.approx(expected(model, head, x[80:], y[80:]), rel=1e-4)


def test_keras_callbacks_stop_and_save_by_it(tmp_path):
    x, y = noisy()
    held_out = x[80:], y[80:]
    model = model_of("softmax")
    model.compile(keras.optimizers.Adam(0.01), model.loss, metrics=["accuracy"])
    path = tmp_path / "best.keras"
    history = model.fit(
        *(x[:80], y[:80]),
        epochs=60,
        validation_data=held_out,
        callbacks=[
            ValidationRefinement(*held_out),
            *(make(path) for make in CALLBACKS),
        ],
        verbose=0,
    ).history
    logged = history["val_nll_refinement"]
    best = int(np.argmin(logged))
    assert 0 < best == len(logged) - 3 < 57
    kept = keras.models.load_model(path)
    for judged in (model, kept):
        left = expected(judged, "softmax", *held_out)[0]
        assert left == pytest.approx(logged[best], rel=1e-4)
    names = {"loss", "accuracy", "val_loss", "val_accuracy", *SCORES}
    assert {*history} == names
    assert {m.name for m in model.metrics} == {"loss", "compile_metrics"}


def test_names_what_is_wrong_with_the_labels():
    x, y = noisy()
    with pytest.raises(ValueError, match="`y_true` must hold class ids from 0 to 1"):
        callbacks = [ValidationRefinement(x, y + 1)]
        model_of("softmax").fit(x, y, callbacks=callbacks, verbose=0)
