import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from shared_sheets import sheets

from keras_refcal import data
from keras_refcal.data import filters


@pytest.fixture(scope="module")
def photos():
    return sheets("cifar10", "test", classes=5, per_class=12)[0]


def distance(images, corrupted):
    return np.sqrt(np.mean((images.astype(float) - corrupted) ** 2))


@pytest.mark.parametrize("name", sorted(data.CORRUPTIONS))
def test_five_severities_repeat_and_mostly_grow(name, photos):
    results = [data.corrupt(photos, name, severity) for severity in range(1, 6)]
    for severity, result in enumerate(results, 1):
        assert result.dtype == np.uint8 and result.shape == photos.shape
        again = data.corrupt(photos, name, severity)
        assert again.tobytes() == result.tobytes()
    distances = [distance(photos, result) for result in results]
    assert 0.2 < distances[0] < 60
    # The published strengths of these are not a single scale.
    if name not in ("saturate", "elastic_transform", "glass_blur", "snow"):
        # Chance of its own in each severity may cost a little.
        assert np.diff(distances).min() > -0.5
    assert distances[4] > 3 or name == "glass_blur"


def test_pixelate_is_that_of_pillow(photos):
    for severity, strength in enumerate((0.95, 0.9, 0.85, 0.75, 0.65), 1):
        expected = []
        for image in photos:
            small = Image.fromarray(image).resize((int(32 * strength),) * 2, Image.BOX)
            expected.append(np.asarray(small.resize((32, 32), Image.BOX)))
        result = data.corrupt(photos, "pixelate", severity).astype(int)
        # Pillow rounds in between.
        assert np.abs(result - np.array(expected)).max() <= 2


def test_jpeg_is_that_of_pillow(photos):
    expected = []
    for image in photos:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=50)
        expected.append(np.asarray(Image.open(file)).astype(int))
    result = data.corrupt(photos, "jpeg_compression", 4).astype(int)
    assert np.abs(result - expected).mean() < 2
    assert np.abs(result - photos).mean() > 5


def test_gaussian_blur_is_that_of_scipy(photos):
    images = photos / 255
    for sigma in (0.4, 1.0, 2.5):
        expected = ndimage.gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest")
        np.testing.assert_allclose(
            filters.gaussian_blur(images, sigma), expected, atol=1e-6
        )


@pytest.mark.parametrize(
    "mode, theirs", [("symmetric", "reflect"), ("reflect", "mirror")]
)
def test_sampling_is_that_of_scipy(mode, theirs, photos):
    images = photos[:3] / 255
    generator = np.random.default_rng(0)
    y, x = generator.uniform(-10, 40, (2, 3, 32, 32))
    expected = np.stack(
        [
            np.stack(
                [
                    ndimage.map_coordinates(image[..., c], [v, u], order=1, mode=theirs)
                    for c in range(3)
                ],
                axis=-1,
            )
            for image, v, u in zip(images, y, x, strict=True)
        ]
    )
    np.testing.assert_allclose(filters.sample(images, y, x, mode), expected, atol=1e-6)


def test_zoom_is_that_of_scipy():
    image = np.random.default_rng(0).uniform(size=(1, 32, 32, 3))
    for factor in (1.0, 1.05, 1.13, 1.25, 2.25):
        part = int(np.ceil(32 / factor))
        top = (32 - part) // 2
        inner = image[0, top : top + part, top : top + part]
        enlarged = ndimage.zoom(inner, (factor, factor, 1), order=1)
        trim = (enlarged.shape[0] - 32) // 2
        expected = enlarged[trim : trim + 32, trim : trim + 32]
        np.testing.assert_allclose(filters.zoom(image, factor)[0], expected, atol=1e-6)


def test_motion_blur_smears_along_its_angle():
    point = np.zeros((2, 21, 21, 1))
    point[:, 10, 10] = 1
    smeared = filters.motion_blur(point, 6, 2.0, np.array([0.0, 90.0]))[..., 0]
    weights = np.exp(-0.5 * (np.arange(13) / 2.0) ** 2)
    np.testing.assert_allclose(smeared[0, 10, 10::-1], (weights / weights.sum())[:11])
    np.testing.assert_allclose(smeared[1], smeared[0].T, atol=1e-12)


def test_a_disk_out_of_focus_keeps_the_light():
    for radius, blur in [(0.3, 0.4), (1, 0.2), (1.5, 0.1)]:
        kernel = filters.disk(radius, blur)
        np.testing.assert_allclose(kernel.sum(), 1)
        np.testing.assert_allclose(kernel, kernel.T)


def test_clouds_are_smoother_with_faster_decay():
    generator = np.random.default_rng(0)
    rough, smooth = (filters.plasma(20, 32, decay, generator) for decay in (1.75, 3))
    for clouds in (rough, smooth):
        assert clouds.shape == (20, 32, 32)
        assert clouds.min() == 0 and clouds.max() == 1
    steps = [np.abs(np.diff(clouds, axis=1)).mean() for clouds in (rough, smooth)]
    assert steps[0] > 1.3 * steps[1]


def test_noise_has_the_published_strength():
    gray = np.full((50, 32, 32, 3), 128, "uint8")
    for name, severity, deviation in [
        ("gaussian_noise", 5, 0.10),
        ("speckle_noise", 5, 0.2 * 128 / 255),
        ("shot_noise", 5, np.sqrt(128 / 255 / 50)),
    ]:
        noise = data.corrupt(gray, name, severity) / 255
        np.testing.assert_allclose(noise.std(), deviation, rtol=0.02)
    hit = data.corrupt(gray, "impulse_noise", 5)
    np.testing.assert_allclose(np.mean(hit != 128), 0.07, atol=0.003)
    assert set(np.unique(hit)) == {0, 128, 255}


def test_other_sizes_and_many_images(photos):
    wide = np.tile(photos[:2], (1, 2, 3, 1))
    for name in data.CORRUPTIONS:
        assert data.corrupt(wide, name, 5).shape == wide.shape
    many = np.tile(photos, (20, 1, 1, 1))
    whole, rest = (data.corrupt(x, "contrast", 2) for x in (many, many[1150:]))
    np.testing.assert_array_equal(whole[1150:], rest)


def test_refuses_what_does_not_fit(photos):
    with pytest.raises(ValueError, match="`corruption` must be one of"):
        data.corrupt(photos, "frost", 1)
    with pytest.raises(ValueError, match="`severity` must be one of"):
        data.corrupt(photos, "fog", 0)
    with pytest.raises(ValueError, match="`images` must be uint8"):
        data.corrupt(photos / 255, "fog", 1)
