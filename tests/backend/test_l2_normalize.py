import numpy as np
import pytest
from gradients import value_and_gradient
from keras import ops

from keras_refcal.backend import l2_normalized_rows

LENGTH = 3.0


def closed_form(embeddings, upstream):
    """Returns rows and gradient in float64, view after view and as given."""
    views = embeddings.astype("float64")
    views = views.transpose(1, 0, 2) if views.ndim == 3 else views
    upstream = upstream.reshape(views.shape)
    norm = np.linalg.norm(views, axis=-1, keepdims=True)
    scale = np.divide(LENGTH, norm, out=np.zeros_like(norm), where=norm > 0)
    rows = views * scale
    along = (rows * upstream).sum(-1, keepdims=True) / LENGTH**2
    gradient = scale * (upstream - along * rows)
    gradient = gradient.transpose(1, 0, 2) if views.ndim == 3 else gradient
    return rows.reshape(-1, rows.shape[-1]), gradient


@pytest.mark.parametrize("shape", [(5, 4), (5, 1, 4), (5, 3, 4)])
def test_rows_and_gradient(shape):
    generator = np.random.default_rng(0)
    embeddings = generator.normal(size=shape).astype("float32")
    embeddings[0], embeddings[1] = 0, embeddings[1] * 1e30
    embeddings[2] *= 1e-30
    size = np.prod(shape) // shape[-1]
    upstream = generator.normal(size=(size, shape[-1])).astype("float32")
    rows, gradient = closed_form(embeddings, upstream)
    ours = l2_normalized_rows(ops.convert_to_tensor(embeddings), LENGTH)
    np.testing.assert_allclose(ops.convert_to_numpy(ours), rows, rtol=1e-5)

    def weighted(embeddings):
        rows = l2_normalized_rows(embeddings, LENGTH)
        return ops.sum(rows * ops.convert_to_tensor(upstream))

    _, (ours,) = value_and_gradient(weighted, embeddings)
    scale = np.abs(gradient).max(axis=-1, keepdims=True)
    scale = np.where(scale > 0, scale, 1)  # a zero row has no gradient
    np.testing.assert_allclose(ours / scale, gradient / scale, atol=1e-5)
