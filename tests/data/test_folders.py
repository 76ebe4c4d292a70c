import io

import numpy as np
import pytest
from PIL import Image
from shared_sheets import sheets

from keras_refcal import data
from keras_refcal.data import folders, image_files


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
    encoded = io.BytesIO()
    Image.fromarray(stripe.astype("uint8")).save(encoded, "PNG")
    image = image_files.decode(encoded.getvalue(), "stripe", (60, 60))
    assert image.shape == (60, 60, 3)
    # Scaled by 60, its middle is the one pixel there: 1500 // 12.
    assert np.unique(image).tolist() in ([124, 125], [125])


@pytest.mark.parametrize("form", ["PNG", "BMP", "GIF"])
def test_images_of_too_many_pixels_are_not_decoded(form, monkeypatch):
    monkeypatch.setattr(image_files, "MOST_PIXELS", 1000)
    encoded = io.BytesIO()
    Image.new("RGB", (40, 30)).save(encoded, form)
    with pytest.raises(ValueError, match=r"1,000 pixels. wide has 1,200"):
        image_files.decode(encoded.getvalue(), "wide", (8, 8))


@pytest.mark.parametrize("size", [0, -1, (8, 0), (8, 8, 8), 10**6])
def test_sides_are_checked_first(size):
    with pytest.raises(ValueError, match="`image_size` must be a side"):
        data.load("digits", image_size=size)


def test_a_size_that_has_no_effect_is_refused(tmp_path):
    for name in ("digits", str(tmp_path / "mine.npz")):
        with pytest.raises(ValueError, match="`image_size` has no effect on"):
            data.load(name, image_size=8)


def test_left_on_disk_where_memory_is_short(folder, monkeypatch):
    whole = data.load(str(folder), image_size=16)
    monkeypatch.setattr(folders, "MEMORY_LIMIT", 1000)
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
        monkeypatch.setattr(folders, "MEMORY_LIMIT", 1000)
    path = sorted((folder / "train").rglob("*.png"))[6]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"Not an image that can be read.*{path}"):
        np.asarray(data.load(str(folder), image_size=32).train_images)


def test_empty_and_missing_folders_are_named(folder, tmp_path):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match=r"nothing must hold the folders `train`"):
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
