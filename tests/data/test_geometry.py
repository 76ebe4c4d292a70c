import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from keras_refcal.data import geometry
from keras_refcal.data import pipeline_arrays as xp


def noise(count, rows=12, columns=16, channels=3):
    shape = (count, rows, columns, channels)
    return np.random.default_rng(0).uniform(size=shape).astype("float32")


def numpy_crop(image, top, left, height, width, flipped):
    rows, columns, channels = image.shape
    y = top + (np.arange(rows) + 0.5) * height / rows - 0.5
    x = left + (np.arange(columns) + 0.5) * width / columns - 0.5
    grid = np.meshgrid(y, x[::-1] if flipped else x, indexing="ij")
    return np.stack(
        [
            map_coordinates(image[..., c], grid, order=1, mode="nearest")
            for c in range(channels)
        ],
        axis=-1,
    )


def test_crop_is_bilinear_interpolation():
    images = noise(6)
    boxes = np.array(
        [
            [0, 0, 12, 16],
            [0, 0, 5, 7],
            [7, 9, 5, 7],
            [3, 2, 6, 12],
            [11, 15, 1, 1],
            [2, 0, 10, 16],
        ],
        "float32",
    )
    flipped = np.array([False, True, False, True, False, True])
    crops = geometry.crop(images, *boxes.T, flipped, xp)
    expected = [
        numpy_crop(image, *box, flip)
        for image, box, flip in zip(images, boxes, flipped, strict=True)
    ]
    np.testing.assert_allclose(crops, expected, atol=2e-5)
    np.testing.assert_allclose(crops[0], images[0], atol=1e-5)


def test_boxes_have_the_published_distribution():
    heights, widths = geometry._box_sizes(
        20_000, (32, 32), (0, 1), (0.2, 1.0), (3 / 4, 4 / 3)
    )
    heights, widths = heights.numpy(), widths.numpy()
    share, aspect = heights * widths / 1024, widths / heights
    assert share.min() > 0.18 and share.max() == 1
    assert aspect.min() > 0.70 and aspect.max() < 1.43
    np.testing.assert_array_equal(heights, np.round(heights))
    assert heights.max() == widths.max() == 32
    # Large boxes fit less often: the mean is below that of the uniform draw, 0.6.
    assert 0.53 < share.mean() < 0.59
    assert abs(np.log(aspect).mean()) < 0.01


def test_a_box_that_never_fits_is_the_whole_image():
    images = noise(4, 8, 8)
    crops = geometry.random_resized_crop(
        images, (0, 1), area=(1.0, 1.0), aspect=(3.0, 3.1), flip=0.0
    )
    np.testing.assert_allclose(crops, images, atol=1e-5)


@pytest.mark.parametrize("function", ["random_resized_crop", "random_shift"])
@pytest.mark.parametrize("flip, share", [(0.0, 0), (1.0, 1), (0.5, 0.5)])
def test_flips_as_often_as_asked(function, flip, share):
    ramp = np.tile(np.linspace(0.2, 1, 32, dtype="float32"), (400, 32, 1))[..., None]
    views = getattr(geometry, function)(ramp, (0, 1), flip=flip).numpy()
    middle = views[:, 16, 8:24, 0]
    falls = np.mean(middle[:, -1] < middle[:, 0])
    assert abs(falls - share) <= (0.08 if 0 < share < 1 else 0)


def test_shifts_cover_every_offset_and_keep_pixels():
    images = noise(500, 10, 10, 1)
    views = geometry.random_shift(images, (0, 1), pixels=2, flip=0.0).numpy()
    padded = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    offsets = set()
    for view, image in zip(views, padded, strict=True):
        found = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if np.allclose(view, image[i : i + 10, j : j + 10], atol=1e-5)
        ]
        assert len(found) == 1
        offsets.update(found)
    assert len(offsets) == 25


def test_warp_turns_about_the_centre():
    images = noise(1, 9, 9)
    one, zero = np.ones(1, "float32"), np.zeros(1, "float32")
    turned = geometry.warp(images, zero, -one, one, zero, right=zero, down=zero, xp=xp)
    np.testing.assert_allclose(turned[0], np.rot90(images[0]), atol=1e-5)
    moved = geometry.warp(images, one, zero, zero, one, right=2 * one, down=-one, xp=xp)
    np.testing.assert_allclose(moved[0, 1:, :7], images[0, :8, 2:], atol=1e-5)
