import functools
import io

import numpy as np
import pytest
from PIL import Image
from shared_sheets import sheets

from keras_refcal import data
from keras_refcal.data import file_parts, image_files


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture(scope="module")
def photos():
    return sheets("cifar100", "train", classes=3, per_class=4)


@pytest.fixture
def folder(tmp_path, photos):
    images, labels, names = photos
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        for part in ("train", "val"):
            save(tmp_path / "set" / part / names[label] / f"{number:03}.png", image)
    return tmp_path / "set"


def test_an_image_folder_is_read_class_by_class(folder, photos):
    images, labels, names = photos
    loaded = data.load(str(folder))
    assert loaded.class_names == names
    np.testing.assert_array_equal(loaded.train_images, images)
    np.testing.assert_array_equal(loaded.test_labels, labels)


def test_images_of_several_sizes_need_a_size(folder):
    wide = np.tile(np.arange(90, dtype="uint8"), (30, 1))[..., None].repeat(3, axis=-1)
    save(folder / "train" / "apple" / "wide.png", wide)
    with pytest.raises(ValueError, match=r"`image_size` must be given.*wide.png is"):
        data.load(str(folder))
    loaded = data.load(str(folder), image_size=30)
    assert loaded.train_images.shape == (13, 30, 30, 3)
    np.testing.assert_array_equal(loaded.train_images[4], wide[:, 30:60])


@pytest.mark.parametrize("shape", [(3000, 1), (1, 3000)])
def test_extreme_shapes_are_cut_before_they_are_scaled(shape):
    stripe = np.arange(3000, dtype="int64").reshape(*shape, 1).repeat(3, axis=-1) // 12
    stripe = encoded(Image.fromarray(stripe.astype("uint8")), "PNG")
    image = image_files.decode(stripe, "stripe", (60, 60))
    assert image.shape == (60, 60, 3)
    # Scaled by 60, its middle is the one pixel there: 1499 // 12.
    assert np.unique(image).tolist() == [124]


def encoded(image, form, **options):
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def test_a_jpeg_is_opened_at_reduced_size(photos, monkeypatch):
    photo = Image.fromarray(photos[0][0])
    large = encoded(photo.resize((1600, 800), Image.Resampling.BICUBIC), "JPEG")
    seen = []
    convert = Image.Image.convert

    def noted(self, mode):
        seen.append(self.size)
        return convert(self, mode)

    monkeypatch.setattr(Image.Image, "convert", noted)
    image = image_files.decode(large, "large", (32, 32))
    assert seen == [(200, 100)]  # An eighth, the least that the format offers.
    whole = Image.open(io.BytesIO(large)).resize(
        (32, 32), Image.Resampling.BILINEAR, box=(400, 0, 1200, 800)
    )
    assert np.abs(image - np.asarray(whole).astype(int)).mean() < 3


def test_a_photograph_is_turned_upright():
    pixels = np.zeros((16, 32, 3), "uint8")
    pixels[:, 16:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # The camera was held upright.
    turned = encoded(Image.fromarray(pixels), "JPEG", exif=exif)
    image = image_files.decode(turned, "turned")
    assert image.shape == (32, 16, 3)
    assert image[:12].mean() < 10 and image[20:].mean() > 245
    np.testing.assert_array_equal(
        image_files.decode(turned, "turned", (32, 16)).shape, (32, 16, 3)
    )


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_every_mode_are_read(mode, channels):
    ramp = np.tile(np.arange(0, 256, 8, dtype="uint8"), (32, 1))
    image = Image.fromarray(ramp)
    if mode == "I;16":
        image = Image.fromarray(ramp.astype("uint16") * 257)
    else:
        image = image.convert("RGB").convert(mode)
    data = encoded(image, "JPEG" if mode == "CMYK" else "PNG")
    found = image_files.decode(data, mode, channels=channels)
    assert found.shape == (32, 32, channels)
    if mode not in ("1", "P"):  # dithered
        assert np.abs(found[..., 0].astype(int) - ramp).max() <= 8


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF", "JPEG", "WEBP"])
def test_images_of_too_many_pixels_are_not_decoded(form, monkeypatch):
    monkeypatch.setattr(image_files, "MOST_PIXELS", 1000)
    wide = encoded(Image.new("RGB", (40, 30)), form)
    monkeypatch.setattr(image_files, "_read", None)
    with pytest.raises(ValueError, match=r"1,000 pixels. wide has more \(1,200\)"):
        image_files.decode(wide, "wide", (8, 8))


def test_large_images_are_in_memory_one_at_a_time(monkeypatch):
    monkeypatch.setattr(image_files, "LARGE", 1000)
    read, now, most = image_files._read, [], []

    def counted(*arguments):
        now.append(1)
        most.append(len(now))
        try:
            return read(*arguments)
        finally:
            now.pop()

    monkeypatch.setattr(image_files, "_read", counted)
    source = encoded(Image.new("RGB", (400, 300)), "PNG")
    decode = functools.partial(image_files.decode, size=(8, 8))
    image_files.read_in_threads(
        lambda name: decode(source, name), np.arange(40), (8, 8, 3)
    )
    assert max(most) == 1


@pytest.mark.parametrize("size", [0, -1, (8, 0), (8, 8, 8), 10**6])
def test_sides_are_checked_first(size):
    with pytest.raises(ValueError, match="`image_size` must be a side"):
        data.load("digits", image_size=size)


def test_what_has_no_effect_is_refused(folder, tmp_path):
    of_no_file = ("digits", str(tmp_path / "mine.npz"))
    for name, argument, value in (
        *((name, "image_size", 8) for name in of_no_file),
        *((name, "data_dir", tmp_path) for name in (*of_no_file, str(folder))),
        *((name, "download", True) for name in (*of_no_file, str(folder))),
        ("tiny_imagenet", "download", True),
    ):
        with pytest.raises(ValueError, match=f"`{argument}` has no effect on {name}"):
            data.load(name, **{argument: value})


def test_left_on_disk_where_memory_is_short(folder, monkeypatch):
    whole = data.load(str(folder), image_size=16)
    monkeypatch.setattr(file_parts, "MEMORY_LIMIT", 1000)
    with pytest.raises(ValueError, match="`image_size` must be given"):
        data.load(str(folder))
    lazy = data.load(str(folder), image_size=16)
    assert isinstance(lazy.train_images, data.ImageFiles)
    assert lazy.train_images.shape == (12, 16, 16, 3)
    np.testing.assert_array_equal(np.asarray(lazy.train_images), whole.train_images)
    np.testing.assert_array_equal(lazy.train_images[5], whole.train_images[5])
    chosen = np.array([7, 2])
    np.testing.assert_array_equal(
        np.asarray(lazy.train_images[chosen]), whole.train_images[chosen]
    )
    assert lazy.mean == whole.mean


@pytest.mark.parametrize("lazy", [False, True])
def test_a_damaged_image_is_named(folder, lazy, monkeypatch):
    if lazy:
        monkeypatch.setattr(file_parts, "MEMORY_LIMIT", 1000)
    path = sorted((folder / "train").rglob("*.png"))[6]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"Not an image that can be read.*{path}"):
        np.asarray(data.load(str(folder), image_size=32).train_images)


def test_empty_and_missing_folders_are_named(folder, tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match=r"nothing must hold a folder for each"):
        data.load(str(tmp_path / "nothing"))
    with pytest.raises(FileNotFoundError, match="No such folder"):
        data.image_folder(tmp_path / "absent")
    for file in (folder / "train" / "baby").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match=r"No image .* lies in .*train/baby"):
        data.load(str(folder))


def test_a_class_that_only_the_test_part_has_is_named(folder, photos):
    save(folder / "val" / "zebra" / "1.png", photos[0][0])
    with pytest.raises(ValueError, match=r"val holds classes that .* lacks: zebra"):
        data.load(str(folder))


@pytest.fixture
def lists(folder):
    train = sorted((folder / "train").rglob("*.png"))
    lines = [f"{p.relative_to(folder)} {n // 4}" for n, p in enumerate(train)]
    (folder / "ImageNet_LT_train.txt").write_text("\n".join(lines))
    (folder / "ImageNet_LT_test.txt").write_text("\n".join(lines[::4]) + "\n")
    return folder


def test_lists_of_files(lists, photos):
    loaded = data.load("imagenet_lt", data_dir=lists, image_size=32)
    np.testing.assert_array_equal(loaded.train_images, photos[0])
    assert loaded.test_labels.tolist() == [0, 1, 2]
    assert loaded.name == "imagenet_lt"
    assert data.load("imagenet_lt", data_dir=lists).train_images.shape[1] == 224


@pytest.mark.parametrize(
    "lines, error, message",
    [
        ("", ValueError, "lists no image"),
        ("train/a.png", ValueError, "line 1: expected a path and a class id"),
        (
            "{0} 0\n{0} 2",
            ValueError,
            r"LT_train.txt must hold every class.* 1",
        ),
        ("{0} -1\n{0} 0", ValueError, r"class ids from 0 to 0. Received ids from -1"),
        ("train/absent.png 0", FileNotFoundError, "absent.png"),
    ],
)
def test_bad_lists_are_named(lists, lines, error, message):
    one = sorted((lists / "train").rglob("*.png"))[0].relative_to(lists)
    (lists / "ImageNet_LT_train.txt").write_text(lines.format(one))
    (lists / "ImageNet_LT_test.txt").write_text(f"{one} 0")
    with pytest.raises(error, match=message):
        data.load("imagenet_lt", data_dir=lists)


def test_tiny_imagenet(tmp_path, photos):
    images, labels, _ = photos
    root = tmp_path / "tiny-imagenet-200"
    ids = ["n03", "n01", "n02"]
    annotations = []
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        save(root / "train" / ids[label] / "images" / f"{number:02}.png", image)
        save(root / "val" / "images" / f"val_{number}.png", image)
        annotations.append(f"val_{number}.png\t{ids[label]}\t0\t0\t62\t62")
    (root / "wnids.txt").write_text("\n".join(ids))
    (root / "words.txt").write_text("n01\tone, uno\nn02\ttwo\n")
    (root / "val" / "val_annotations.txt").write_text("\n".join(annotations))
    loaded = data.load("tiny_imagenet", data_dir=tmp_path)
    assert loaded.class_names == ("n03", "one", "two")
    np.testing.assert_array_equal(loaded.train_labels, labels)
    np.testing.assert_array_equal(loaded.test_images, images)
    with pytest.raises(ValueError, match="`data_dir` must say where"):
        data.load("tiny_imagenet")
