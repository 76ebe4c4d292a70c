import keras
import numpy as np
import pytest

from keras_refcal import RefCalModel
from keras_refcal.losses import CrossEntropyLoss, RefCalLoss, SupervisedContrastiveLoss
from keras_refcal.models import encoders, refcal_model

STAGE_1 = {"classification": None, "calibration": None}


def batch(samples=24, views=None):
    generator = np.random.default_rng(0)
    shape = (samples, 8, 8, 1) if views is None else (samples, views, 8, 8, 1)
    return generator.random(shape, "float32"), np.arange(samples) % 4


def make(**kwargs):
    encoder = encoders.small_cnn((8, 8, 1), width=4)
    return RefCalModel(encoder, num_classes=4, projection_dim=8, **kwargs)


def weights(layer):
    return [np.array(w) for w in layer.get_weights()]


def changed(before, layer):
    return any(
        not np.array_equal(a, b) for a, b in zip(before, weights(layer), strict=True)
    )


def test_outputs_probabilities_with_and_without_views():
    model = make()
    images, _ = batch()
    views = np.stack([images, images[:, ::-1]], axis=1)
    single = model.predict(images, verbose=0)
    both = model.predict(views, verbose=0)
    flipped = model.predict(images[:, ::-1], verbose=0)
    np.testing.assert_allclose(single.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(both, (single + flipped) / 2, rtol=1e-4, atol=1e-6)


def test_a_training_step_computes_embeddings_where_the_loss_reads_them():
    model = make()
    images, _ = batch()

    def has_embeddings(training):
        return "embeddings" in model(images, training=training, return_outputs=True)

    assert has_embeddings(training=True)  # a loop of one's own may want them
    for loss, reads in [
        (RefCalLoss(), True),
        (SupervisedContrastiveLoss(), True),
        (CrossEntropyLoss(), False),
        ("sparse_categorical_crossentropy", True),
    ]:
        model.compile("sgd", loss)
        assert has_embeddings(training=True) == reads
        assert has_embeddings(training=False)


@pytest.mark.parametrize(
    ("stage", "outputs"),
    [
        ({}, ["embeddings", "logits"]),
        (STAGE_1, ["embeddings"]),
        ({"refinement": None}, ["logits"]),
    ],
)
def test_devices_exchange_only_what_the_loss_reads(stage, outputs, monkeypatch):
    seen = []

    def global_batch(values):
        seen.append(list(values[1]))
        return values

    monkeypatch.setattr(refcal_model, "global_batch", global_batch)
    model = make()
    model.compile("sgd", RefCalLoss(**stage))
    model.train_on_batch(*batch())
    assert seen and all(names == outputs for names in seen)


def test_the_logs_name_the_active_terms():
    model = make()
    images, labels = batch()
    model.compile("sgd", RefCalLoss(), metrics=["accuracy"])
    logs = model.fit(
        images, labels, verbose=0, validation_data=(images, labels)
    ).history
    terms = {"loss", "classification_loss", "calibration_loss", "refinement_loss"}
    assert {*logs} == {
        *terms,
        "accuracy",
        *(f"val_{t}" for t in terms),
        "val_accuracy",
    }
    total = (
        logs["val_classification_loss"][0]
        + logs["val_calibration_loss"][0]
        + 0.1 * logs["val_refinement_loss"][0]
    )
    assert logs["val_loss"][0] == pytest.approx(total, rel=1e-5)


def test_a_stage_is_a_compile():
    model = make()
    images, labels = batch(views=2)
    before = weights(model.classifier)
    model.compile(keras.optimizers.SGD(0.1, weight_decay=0.1), RefCalLoss(**STAGE_1))
    logs = model.fit(images, labels, verbose=0).history
    assert {*logs} == {"loss", "refinement_loss"}
    assert not changed(before, model.classifier)

    encoder, projection = weights(model.encoder), weights(model.projection)
    model.freeze_encoder()
    model.compile(keras.optimizers.SGD(0.1), RefCalLoss(refinement=None))
    logs = model.fit(images[:, 0], labels, verbose=0).history
    assert {*logs} == {"loss", "classification_loss", "calibration_loss"}
    assert not changed(encoder, model.encoder)
    assert not changed(projection, model.projection)
    assert changed(before, model.classifier)


def test_joint_mode_trains_every_part():
    model = make()
    images, labels = batch(views=2)
    parts = (model.encoder, model.projection, model.classifier)
    before = [weights(part) for part in parts]
    model.compile(keras.optimizers.SGD(0.1), RefCalLoss())
    model.fit(images, labels, verbose=0)
    assert all(changed(old, part) for old, part in zip(before, parts, strict=True))


@pytest.mark.parametrize(
    ("loss", "terms"),
    [
        (CrossEntropyLoss(), {"classification_loss"}),
        (SupervisedContrastiveLoss(), {"refinement_loss"}),
        ("sparse_categorical_crossentropy", set()),
    ],
)
def test_takes_any_loss(loss, terms):
    model = make()
    images, labels = batch()
    model.compile("sgd", loss)
    logs = model.evaluate(images, labels, verbose=0, return_dict=True)
    assert {*logs} == {"loss", *terms}
    assert np.isfinite(logs["loss"])


def test_loss_sees_logits_rather_than_clipped_probabilities():
    model = make()
    images, labels = batch()
    kernel, bias = model.classifier.get_weights()
    model.classifier.set_weights([kernel, bias + np.array([500.0, 0, 0, 0])])
    model.compile("sgd", RefCalLoss(calibration=None, refinement=None))
    value = model.evaluate(images, labels, verbose=0)[0]
    assert value == pytest.approx(500 * 3 / 4, rel=0.01)


def test_regularisers_count():
    inputs = keras.Input((8, 8, 1))
    features = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(1.0))(
        keras.layers.Flatten()(inputs)
    )
    model = RefCalModel(keras.Model(inputs, features), num_classes=4)
    images, labels = batch()
    model.compile("sgd", CrossEntropyLoss())
    logs = model.evaluate(images, labels, verbose=0, return_dict=True)
    kernel = model.encoder.get_weights()[0]
    assert logs["loss"] - logs["classification_loss"] == pytest.approx(
        np.sum(kernel**2), rel=1e-4
    )


def test_weight_zero_is_absence():
    model = make()
    images, labels = batch()
    weight = np.ones(24)
    weight[16:] = 0
    model.compile("sgd", RefCalLoss(classification=None))
    some = model.evaluate(images, labels, sample_weight=weight, verbose=0)
    first = model.evaluate(images[:16], labels[:16], verbose=0)
    assert some == pytest.approx(first, rel=1e-5)


def test_trains_in_mixed_precision():
    policy = keras.dtype_policies.get("mixed_float16")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = make()
    finally:
        keras.config.set_dtype_policy(before)
    images, labels = batch()
    model.compile(keras.optimizers.SGD(0.1), RefCalLoss())
    logs = model.fit(images, labels, epochs=2, verbose=0).history
    assert np.all(np.isfinite(logs["loss"]))
    assert model.predict(images, verbose=0).dtype == np.float32


def test_summary_lists_the_parts(capsys):
    make().summary()
    printed = capsys.readouterr().out
    assert all(part in printed for part in ("small_cnn", "projection", "classifier"))


def test_builds_on_first_call_around_an_unbuilt_encoder():
    encoder = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(6)])
    model = RefCalModel(encoder, num_classes=4)
    images, labels = batch(views=2)
    model.compile("sgd", RefCalLoss())
    assert np.isfinite(model.fit(images, labels, verbose=0).history["loss"][0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1}, "`num_classes` must be an integer >= 2"),
        ({"projection_dim": 0}, "`projection_dim` must be a positive"),
        ({"classifier_activation": "relu"}, "'softmax' or None"),
    ],
)
def test_rejects_wrong_arguments(arguments, message):
    encoder = encoders.small_cnn((8, 8, 1), width=4)
    with pytest.raises(ValueError, match=message):
        RefCalModel(**{"encoder": encoder, "num_classes": 4, **arguments})


def test_rejects_wrong_ranks_labels_and_encoders():
    model = make()
    images, labels = batch()
    model.compile("sgd", RefCalLoss(), run_eagerly=True)
    with pytest.raises(ValueError, match="must have rank 4, or 5"):
        model(images[:, 0])
    with pytest.raises(ValueError, match="class ids from 0 to 3"):
        model.evaluate(images, labels + 1, verbose=0)
    with pytest.raises(ValueError, match=r"features of shape \(batch, features\)"):
        inputs = keras.Input((8, 8, 1))
        RefCalModel(keras.Model(inputs, keras.layers.ReLU()(inputs)), 4)
    with pytest.raises(ValueError, match="`loss_weights` does not apply"):
        model.compile("sgd", RefCalLoss(), loss_weights=2.0)
