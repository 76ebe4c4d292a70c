import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from keras_refcal.data import pipeline_arrays as xp
from keras_refcal.data import policies


@pytest.fixture
def photos():
    generator = np.random.default_rng(0)
    coarse = generator.integers(30, 220, (6, 8, 8, 3))
    fine = generator.integers(-20, 20, (6, 32, 32, 3))
    return (coarse.repeat(4, axis=1).repeat(4, axis=2) + fine).astype("uint8")


def operated(photos, name, strength):
    kinds = np.full(len(photos), policies.OPERATIONS.index(name))
    strengths = np.full(len(photos), strength, "float32")
    images = (photos / 255).astype("float32")
    return policies.operate(images, kinds, strengths, xp).numpy() * 255


PILLOW = {
    "auto_contrast": lambda image, s: ImageOps.autocontrast(image),
    "equalize": lambda image, s: ImageOps.equalize(image),
    "solarize": lambda image, s: ImageOps.solarize(image, round(256 * (1 - s))),
    "posterize": lambda image, s: ImageOps.posterize(image, round(8 - 4 * s)),
    "saturation": lambda image, s: ImageEnhance.Color(image).enhance(1 + 0.9 * s),
    "contrast": lambda image, s: ImageEnhance.Contrast(image).enhance(1 + 0.9 * s),
    "brightness": lambda image, s: ImageEnhance.Brightness(image).enhance(1 + 0.9 * s),
    "sharpness": lambda image, s: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * s),
    "identity": lambda image, s: image,
}


@pytest.mark.parametrize("name", PILLOW)
@pytest.mark.parametrize("strength", [0.25, 0.5, 1.0])
def test_operations_are_those_of_pillow(name, strength, photos):
    expected = [np.asarray(PILLOW[name](Image.fromarray(x), strength)) for x in photos]
    distance = np.abs(operated(photos, name, strength) - np.array(expected, float))
    assert distance.mean() < 1.0, distance.mean()


@pytest.mark.parametrize(
    "name, source",
    [
        ("translate_x", lambda x, y: (x + 0.3 * 32, y)),
        ("translate_y", lambda x, y: (x, y + 0.3 * 32)),
        ("shear_x", lambda x, y: (x + 0.3 * (y - 15.5), y)),
        ("shear_y", lambda x, y: (x, y + 0.3 * (x - 15.5))),
    ],
)
def test_operations_that_move_pixels(name, source, photos):
    ramp = np.linspace(50, 200, 32)
    images = np.zeros((2, 32, 32, 3))
    images[..., 0], images[..., 1] = ramp, ramp[:, None]
    moved = operated(images, name, 1.0)
    for x, y in [(8, 12), (16, 16), (12, 20)]:
        from_x, from_y = source(x, y)
        expected = np.interp([from_x, from_y], np.arange(32), ramp)
        np.testing.assert_allclose(moved[0, y, x, :2], expected, atol=0.01)


def test_rotation_is_about_the_centre(photos):
    turned = operated(photos, "rotate", 1.0)
    for image, view in zip(photos, turned, strict=True):
        expected = Image.fromarray(image).rotate(30, Image.Resampling.BILINEAR)
        inner = np.abs(view - np.asarray(expected, float))[6:26, 6:26]
        assert inner.mean() < 1.0


def test_every_operation_is_drawn(photos):
    images = np.repeat((photos[:1] / 255).astype("float32"), 200, axis=0)
    views = policies.rand_augment(images, (0, 1), num_ops=1, strength=0.9).numpy()
    looks = np.unique(np.round(views, 3).reshape(200, -1), axis=0)
    # Of 14 operations 4 have no direction, and solarize and posterize share none.
    assert 18 <= len(looks) <= 28


def test_a_plane_of_one_level_stays(photos):
    flat = np.full((1, 8, 8, 3), 70, "uint8")
    for name in ("equalize", "auto_contrast"):
        np.testing.assert_allclose(operated(flat, name, 1.0), 70, atol=1e-3)


def test_each_image_has_its_own_operation(photos):
    generator = np.random.default_rng(1)
    images = (np.repeat(photos, 5, axis=0) / 255).astype("float32")
    # Some operations have several images of the batch, some one, some none.
    kinds = generator.integers(2, len(policies.OPERATIONS), len(images)).astype("int32")
    strengths = generator.uniform(-1, 1, len(images)).astype("float32")
    together = policies.operate(images, kinds, strengths, xp)
    for row in range(len(images)):
        one = slice(row, row + 1)
        alone = policies.operate(images[one], kinds[one], strengths[one], xp)
        np.testing.assert_allclose(together[one], alone, atol=1e-6)
