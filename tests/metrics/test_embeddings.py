"""Alignment, uniformity, effective rank, against all pairs and singular values."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_refcal import RefCalModel
from keras_refcal.losses import RefCalLoss
from keras_refcal.metrics.embeddings import Alignment, EffectiveRank, Uniformity


def draw(samples=30, views=2, dim=5):
    generator = np.random.default_rng(0)
    embeddings = generator.normal(size=(samples, views, dim)).astype("float32")
    return generator.integers(0, 3, samples), embeddings * [3, 1, 1, 1, 0.1]


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def of_pairs(labels, embeddings, wanted):
    rows = unit(embeddings.reshape(-1, embeddings.shape[-1]))
    sample = np.repeat(np.arange(len(labels)), embeddings.shape[1])
    label = labels[sample]
    own = np.eye(len(rows), dtype=bool)
    distance = np.square(rows[:, None] - rows[None]).sum(axis=-1)
    pairs = {
        "class": (label[:, None] == label) & ~own,
        "others": sample[:, None] != sample,
    }
    return distance[pairs[wanted]]


def result(metric, labels, embeddings, batch=30, weight=None):
    for start in range(0, len(labels), batch):
        rows = slice(start, start + batch)
        metric.update_state(
            labels[rows], embeddings[rows], None if weight is None else weight[rows]
        )
    return float(metric.result())


def test_are_those_of_all_pairs_and_singular_values():
    labels, embeddings = draw()
    expected = of_pairs(labels, embeddings, "class").mean()
    for batch in (30, 7):  # however it is cut into batches
        found = result(Alignment(3), labels, embeddings, batch)
        assert found == pytest.approx(expected, rel=1e-5)
    potential = np.exp(-2 * of_pairs(labels, embeddings, "others"))
    found = result(Uniformity(), labels, embeddings)
    assert found == pytest.approx(np.log(potential.mean()), rel=1e-5)
    values = np.linalg.svd(unit(embeddings.reshape(-1, 5)), compute_uv=False)
    share = values / values.sum()
    rank = np.exp(-np.sum(share * np.log(share)))
    found = result(EffectiveRank(), labels, embeddings, 7)
    assert found == pytest.approx(rank, rel=1e-5)


def test_weight_zero_is_absence():
    labels, embeddings = draw()
    weight = (np.arange(30) % 3 > 0).astype("float32")
    kept = weight > 0
    for make in (lambda: Alignment(3), Uniformity, EffectiveRank):
        found = result(make(), labels, embeddings, weight=weight)
        expected = result(make(), labels[kept], embeddings[kept])
        assert found == pytest.approx(expected, rel=1e-5)


def test_a_collapse_is_seen():
    labels, _ = draw()
    point = np.ones((30, 2, 5), "float32")
    found = [result(m, labels, point) for m in (Alignment(3), Uniformity())]
    assert found == pytest.approx([0, 0], abs=1e-6)
    assert result(EffectiveRank(), labels, point) == pytest.approx(1.0, abs=1e-3)
    assert np.isnan(float(EffectiveRank().result()))
    with pytest.raises(ValueError, match="Embeddings must have shape"):
        Uniformity().update_state(labels, point[..., None])


def test_a_refcal_model_watches_them(tmp_path):
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8)])
    model = RefCalModel(encoder, 3, projection_dim=5)
    watched = [Alignment(3), Uniformity(), EffectiveRank()]
    loss = RefCalLoss(refinement=None)  # which reads no embeddings itself
    model.compile("sgd", loss, embedding_metrics=watched)
    x = np.random.default_rng(0).normal(size=(30, 2, 6)).astype("float32")
    labels, _ = draw()
    logs = model.fit(x, labels, batch_size=30, epochs=2, verbose=0).history
    assert np.all(np.isfinite(logs["uniformity"]))
    logs = model.evaluate(x, labels, batch_size=30, verbose=0, return_dict=True)
    embeddings = model(x, return_outputs=True)["embeddings"]
    embeddings = ops.convert_to_numpy(embeddings)
    for make in (lambda: Alignment(3), Uniformity, EffectiveRank):
        metric = make()
        expected = result(metric, labels, embeddings)
        assert logs[metric.name] == pytest.approx(expected, rel=1e-4), metric.name
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    found = again.evaluate(x, labels, batch_size=30, verbose=0, return_dict=True)
    assert found["effective_rank"] == pytest.approx(logs["effective_rank"], rel=1e-5)
