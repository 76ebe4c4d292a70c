import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image
from shared_sheets import sheets

from keras_refcal import data
from keras_refcal.data import tfds_sets


def prepared(name, data_dir, parts, class_names, version="1.0.0", **settings):
    """Writes a TFDS data set of images and labels, with TFDS' own writer."""
    shapes = {image.shape for images, _ in parts.values() for image in images}
    shape = shapes.pop() if len(shapes) == 1 else (None, None, 3)
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=shape, encoding_format="png"),
            "label": tfds.features.ClassLabel(names=class_names),
        }
    )
    signature = {
        "image": tf.TensorSpec(shape, tf.uint8),
        "label": tf.TensorSpec((), tf.int64),
    }

    def split(images, labels):
        def samples():
            for image, label in zip(images, labels, strict=True):
                yield {"image": image, "label": label}

        return tf.data.Dataset.from_generator(samples, output_signature=signature)

    pytest.importorskip("importlib_resources", reason="TFDS writes nothing without it")
    tfds.dataset_builders.store_as_tfds_dataset(
        name=name,
        version=version,
        features=features,
        split_datasets={part: split(*content) for part, content in parts.items()},
        data_dir=str(data_dir),
        disable_shuffling=True,
        **settings,
    )


@pytest.fixture(scope="module")
def photos():
    return sheets("cifar100", "train", classes=4, per_class=10)


def test_a_tiny_data_set_of_real_images(photos, tmp_path):
    images, labels, names = photos
    parts = {"train": (images, labels), "test": (images[::2], labels[::2])}
    prepared("tiny_sheets", tmp_path, parts, names)
    loaded = data.load("tfds:tiny_sheets", data_dir=tmp_path)
    assert loaded.class_names == names
    np.testing.assert_array_equal(loaded.train_images, images)
    np.testing.assert_array_equal(loaded.train_labels, labels)
    np.testing.assert_array_equal(loaded.test_images, images[::2])
    assert loaded.long_tailed(0.2).train_labels.tolist().count(3) == 2
    small = data.load("tfds:tiny_sheets", data_dir=tmp_path, image_size=8)
    assert small.train_images.shape == (40, 8, 8, 3)
    blocks = images.reshape(40, 8, 4, 8, 4, 3).mean(axis=(2, 4))
    assert np.abs(small.train_images - blocks).mean() < 8


def test_a_known_name_is_found_where_it_was_prepared(photos, tmp_path):
    images, labels, names = photos
    version = str(tfds.builder("cifar100", data_dir=tmp_path).version)
    parts = {"train": (images, labels), "test": (images[:4], labels[:4])}
    prepared("cifar100", tmp_path, parts, names, version)
    loaded = data.load("cifar100", data_dir=tmp_path)
    np.testing.assert_array_equal(loaded.train_images, images)
    assert loaded.augmentation == "simclr"


def test_images_of_several_sizes_and_no_test_part(photos, tmp_path):
    images, labels, names = photos
    sized = [
        np.asarray(Image.fromarray(image).resize((40 + n, 50)))
        for n, image in enumerate(images)
    ]
    prepared("several_sizes", tmp_path, {"train": (sized, labels)}, names)
    with pytest.raises(ValueError, match="`image_size` must be given"):
        data.load("tfds:several_sizes", data_dir=tmp_path)
    loaded = data.load("tfds:several_sizes", data_dir=tmp_path, image_size=32)
    assert np.bincount(loaded.train_labels).tolist() == [8] * 4
    assert np.bincount(loaded.test_labels).tolist() == [2] * 4
    # Squeezed to 40..79 by 50 pixels and cut at the middle, yet the same pictures.
    order = [x.tobytes() for x in loaded.train_images]
    assert len(set(order)) == 32


def test_no_training_part_is_an_empty_one(photos, tmp_path):
    images, labels, names = photos
    prepared("only_test", tmp_path, {"test": (images, labels)}, names)
    loaded = data.load("tfds:only_test", data_dir=tmp_path)
    assert loaded.train_images.shape == (0, 32, 32, 3)
    assert len(loaded.test_labels) == 40


def test_large_sets_are_read_record_by_record(photos, tmp_path, monkeypatch):
    images, labels, names = photos
    parts = {"train": (images, labels), "test": (images[:4], labels[:4])}
    records = tfds.core.FileFormat.ARRAY_RECORD
    prepared("large", tmp_path / "a", parts, names, file_format=records)
    prepared("large", tmp_path / "b", parts, names)
    monkeypatch.setattr(tfds_sets, "MEMORY_LIMIT", 1000)
    lazy = data.load("tfds:large", data_dir=tmp_path / "a")
    assert isinstance(lazy.train_images, data.ImageFiles)
    np.testing.assert_array_equal(lazy.train_labels, labels)
    np.testing.assert_array_equal(lazy.train_images[17], images[17])
    with pytest.raises(ValueError, match=r"file_format=array_record"):
        data.load("tfds:large", data_dir=tmp_path / "b")


@pytest.mark.parametrize(
    "name, words",
    [
        ("cifar100", "cifar-100-python"),
        ("svhn_cropped", "tfds build svhn_cropped"),
        ("cifar10_corrupted/fog_3", "tfds build cifar10_corrupted/fog_3"),
        ("imagenet2012", "download=True"),
    ],
)
def test_absent_data_say_what_to_do_and_leave_nothing(name, words, tmp_path):
    with pytest.raises(FileNotFoundError, match=words) as error:
        data.load(name, data_dir=tmp_path / "sets")
    assert f"not prepared in {tmp_path / 'sets'}." in str(error.value)
    assert not list(tmp_path.rglob("*.*"))


def test_a_failed_download_leaves_nothing_half_written(tmp_path, monkeypatch):
    def fails(self):
        raise ConnectionError("Failed to resolve 'example.org'")

    monkeypatch.setattr(tfds.core.DatasetBuilder, "download_and_prepare", fails)
    with pytest.raises(OSError, match=r"svhn_cropped.*could not be prepared.*resolve"):
        data.load("svhn_cropped", data_dir=tmp_path, download=True)
    with pytest.raises(FileNotFoundError, match="not prepared"):
        data.load("svhn_cropped", data_dir=tmp_path)


def test_damaged_records_are_named(photos, tmp_path):
    images, labels, names = photos
    prepared("damaged", tmp_path, {"train": (images, labels)}, names)
    (path,) = tmp_path.rglob("*.tfrecord*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"Damaged data set: .*damaged/1.0.0"):
        data.load("tfds:damaged", data_dir=tmp_path)


def test_unknown_names(tmp_path):
    with pytest.raises(ValueError, match="knows no data set 'nonesuch'"):
        data.load("tfds:nonesuch", data_dir=tmp_path)
