"""What `compile` trains: what a loss reaches, and never what the user froze."""

import keras
import numpy as np
import pytest
from models.small_model import check_equal, data, make, moved, weights

from keras_refcal.losses import RefCalLoss

STAGE_1 = {"classification": None, "calibration": None}
PARTS = ("encoder", "projection", "classifier")


def by_hand(y_true, y_pred):
    y_true = keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32")
    chosen = keras.ops.one_hot(y_true, y_pred.shape[-1]) * y_pred
    return -keras.ops.log(keras.ops.sum(chosen, axis=-1))


@pytest.mark.parametrize(
    ("loss", "one_hot"),
    [
        ("sparse_categorical_crossentropy", False),
        (keras.losses.CategoricalFocalCrossentropy(), True),
        (by_hand, False),
        (["sparse_categorical_crossentropy"], False),
    ],
    ids=["name", "object", "function", "list"],
)
def test_a_plain_loss_trains_as_in_a_plain_model(loss, one_hot):
    model = make()
    layers = keras.layers
    twin = keras.Sequential(
        [
            keras.models.clone_model(model.encoder),
            layers.Dense(4, activation="softmax"),
        ]
    )
    twin.set_weights(weights(model.encoder) + weights(model.classifier))
    x, y = data()
    y = np.eye(4)[y] if one_hot else y
    projection = weights(model.projection)
    start = weights(model.classifier)
    logs = []
    for each in (model, twin):
        optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.1)
        each.compile(optimizer, loss, metrics=["accuracy"])
        fitted = each.fit(x, y, batch_size=6, epochs=5, shuffle=False, verbose=0)
        logs.append(fitted.history)
    check_equal(weights(model.encoder) + weights(model.classifier), weights(twin), 1e-5)
    assert logs[0]["loss"] == pytest.approx(logs[1]["loss"], rel=1e-5)
    assert moved(start, model.classifier) > 0.01
    assert moved(projection, model.projection) == 0


def fit(model, **terms):
    """Returns which parts a compile and a fit move; eager, as it compiles nothing."""
    x, y = data()
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1)
    model.compile(optimizer, RefCalLoss(**terms), run_eagerly=True)
    before = {name: weights(getattr(model, name)) for name in PARTS}
    model.fit(x, y, verbose=0)
    return {name: moved(before[name], getattr(model, name)) > 0 for name in PARTS}


def test_what_no_term_reaches_is_left_out_until_the_next_compile():
    model = make()
    assert fit(model, **STAGE_1) == {
        "encoder": True,
        "projection": True,
        "classifier": False,
    }
    assert fit(model, refinement=None) == {
        "encoder": True,
        "projection": False,
        "classifier": True,
    }
    assert all(fit(model).values())
    assert model.classifier.trainable and model.projection.trainable


@pytest.mark.parametrize("name", PARTS)
def test_what_the_user_froze_stays_frozen(name, tmp_path):
    model = make()
    fit(model, **STAGE_1)
    fit(model, refinement=None)
    getattr(model, name).trainable = False
    assert fit(model) == {part: part != name for part in PARTS}
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert fit(loaded) == {part: part != name for part in PARTS}
    assert not any(fit(loaded, **STAGE_1)[part] for part in (name, "classifier"))
    getattr(loaded, name).trainable = True
    assert all(fit(loaded).values())


@pytest.mark.parametrize("functional", [False, True])
def test_frozen_layers_of_the_parts_stay_frozen(functional, tmp_path):
    model = make(functional=functional)
    model.encoder.get_layer("second").trainable = False
    model.projection.hidden.trainable = False
    fit(model, refinement=None)
    model.save(tmp_path / "model.keras")
    for each in (model, keras.saving.load_model(tmp_path / "model.keras")):
        frozen = each.encoder.get_layer("second"), each.projection.hidden
        before = [weights(layer) for layer in frozen]
        assert all(fit(each).values())
        assert all(
            moved(old, layer) == 0 for old, layer in zip(before, frozen, strict=True)
        )


def test_what_compile_leaves_out_is_said_once(caplog):
    model = make(name="mine")
    for terms in (STAGE_1, STAGE_1, {}, {"refinement": None}, STAGE_1):
        model.compile("sgd", RefCalLoss(**terms))
    said = [record.getMessage() for record in caplog.records]
    assert [("mine" in s, "classifier" in s, "projection" in s) for s in said] == [
        (True, True, False),
        (True, False, True),
    ]
    caplog.clear()
    frozen = make()
    frozen.classifier.trainable = False
    frozen.compile("sgd", RefCalLoss(**STAGE_1))
    assert not caplog.records, "what the user froze is not news"


@pytest.mark.parametrize(
    ("by_compile", "functional"), [(True, False), (False, False), (False, True)]
)
def test_a_frozen_encoder_runs_in_inference_mode(by_compile, functional, tmp_path):
    model = make(dropout=0.5, functional=functional)
    if not by_compile:
        model.freeze_encoder()
    x, y = data()
    model.compile(
        keras.optimizers.SGD(0.1),
        RefCalLoss(refinement=None),
        freeze_encoder=by_compile,
    )
    model.save(tmp_path / "model.keras")
    judged = model.evaluate(x, y, verbose=0)[0]
    for each in (model, keras.saving.load_model(tmp_path / "model.keras")):
        encoder = weights(each.encoder)
        logs = each.fit(x, y, batch_size=12, epochs=2, verbose=0).history
        assert logs["loss"][0] == pytest.approx(judged, rel=1e-5)
        assert logs["loss"][1] < logs["loss"][0]
        assert moved(encoder, each.encoder) == 0
    model.encoder.trainable = True
    model.compile(keras.optimizers.SGD(0.1), RefCalLoss(refinement=None))
    model.fit(x, y, verbose=0)
    assert moved(encoder, model.encoder) > 0


def test_nothing_left_to_train_is_no_error():
    model = make()
    model.trainable = False
    before = weights(model)
    assert not any(fit(model).values())
    check_equal(weights(model), before, 0)
