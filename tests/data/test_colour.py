import numpy as np
import pytest
import tensorflow as tf

from keras_refcal.data import colour
from keras_refcal.data import pipeline_arrays as xp

LUMA = np.array(colour.LUMA)


@pytest.fixture
def images():
    """Colours around the middle, which no change pushes out of [0, 1]."""
    generator = np.random.default_rng(0)
    return generator.uniform(0.42, 0.55, (50, 6, 6, 3)).astype("float32")


def only(images, **arguments):
    none = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
    settings = {**none, "probability": 1.0, "grayscale": 0.0, **arguments}
    return colour.jitter(images, (0, 1), **settings).numpy()


def spread(values):
    return values.max(axis=(1, 2, 3)) - values.min(axis=(1, 2, 3))


def test_brightness_multiplies(images):
    ratios = only(images, brightness=0.4) / images
    np.testing.assert_allclose(spread(ratios), 0, atol=1e-5)
    factors = ratios[:, 0, 0, 0]
    assert 0.6 <= factors.min() < 0.7 and 1.3 < factors.max() <= 1.4


def test_contrast_scales_distances_from_the_mean_luma(images):
    changed = only(images, contrast=0.4)
    means = (images @ LUMA).mean(axis=(1, 2))[:, None, None, None]
    ratios = (changed - means).std(axis=(1, 2, 3)) / (images - means).std(
        axis=(1, 2, 3)
    )
    expected = means + ratios[:, None, None, None] * (images - means)
    np.testing.assert_allclose(changed, expected, atol=1e-5)
    assert 0.6 <= ratios.min() < 0.7 and 1.3 < ratios.max() <= 1.4


def test_saturation_and_hue_keep_the_luma(images):
    for changed in (only(images, saturation=0.4), only(images, hue=0.1)):
        np.testing.assert_allclose(changed @ LUMA, images @ LUMA, atol=1e-4)
        assert np.abs(changed - images).max() > 0.01


def test_hue_is_near_the_hsv_hue_and_keeps_chroma(images):
    matrix = colour.hue_matrix(np.full(50, 2 * np.pi * 0.05, "float32"), xp)
    turned = colour.recolour(images, matrix, np.zeros(50, "float32"), xp).numpy()
    before, after = (tf.image.rgb_to_hsv(x).numpy()[..., 0] for x in (images, turned))
    angle = (after - before + 0.5) % 1 - 0.5
    # The two colour circles are not spaced alike, so angles agree nearly.
    assert abs(angle.mean() - 0.05) < 0.005
    assert 0.02 < angle.min() and angle.max() < 0.1
    chroma = [x @ colour.RGB_TO_YIQ[:, 1:] for x in (turned, images)]
    lengths = [np.linalg.norm(x, axis=-1) for x in chroma]
    np.testing.assert_allclose(*lengths, atol=1e-4)


def test_grayscale_and_probabilities(images):
    gray = only(images, grayscale=1.0)
    np.testing.assert_allclose(
        gray, (images @ LUMA)[..., None].repeat(3, -1), atol=1e-5
    )
    many = np.repeat(images, 40, axis=0)
    changed = only(many, brightness=0.4, probability=0.8, grayscale=0.2)
    is_gray = np.ptp(changed, axis=-1).max(axis=(1, 2)) < 1e-5
    assert abs(is_gray.mean() - 0.2) < 0.04
    kept = np.abs(changed - many).max(axis=(1, 2, 3)) < 1e-5
    assert abs(kept[~is_gray].mean() - 0.2) < 0.04


def test_the_chain_is_one_change_after_another_in_its_order(images):
    links, contrasts = colour._links(50, (0, 3), 0.4, 0.4, 0.4, 0.1)
    order = tf.argsort(tf.random.stateless_uniform((50, 4), (0, 4)))
    assert len({tuple(row) for row in order.numpy()}) > 15
    matrix, offset = colour._chain(
        links, contrasts, order, images.mean(axis=(1, 2)), xp
    )
    together = np.einsum("nijc,ncd->nijd", images, matrix) + offset[:, None, None, None]
    for number in range(50):
        x = images[number]
        for kind in order[number].numpy():
            mean = (x @ LUMA).mean()
            x = x @ links[number, kind].numpy()
            if kind == 1:
                x = x + (1 - contrasts[number].numpy()) * mean
        np.testing.assert_allclose(together[number], x, atol=1e-5)


def test_white_is_a_unit(images):
    scaled = colour.jitter(images * 255, (0, 1), white=255.0)
    np.testing.assert_allclose(scaled, colour.jitter(images, (0, 1)), atol=1e-5)
