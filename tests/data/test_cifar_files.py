import os
import pickle

import numpy as np
import pytest

from keras_refcal import data
from keras_refcal.data import cifar_files


def batch(count, key, seed, classes):
    generator = np.random.default_rng(seed)
    return {
        b"data": generator.integers(0, 256, (count, 3072)).astype("uint8"),
        key: (np.arange(count) % classes).tolist(),
        b"filenames": [b"a.png"] * count,
    }


def write(path, value, protocol=2):
    path.write_bytes(pickle.dumps(value, protocol=protocol))


@pytest.fixture
def cifar100(tmp_path):
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    write(folder / "train", batch(40, b"fine_labels", 0, 20))
    write(folder / "test", batch(20, b"fine_labels", 1, 20))
    names = [f"class {number}".encode() for number in range(20)]
    write(folder / "meta", {b"fine_label_names": names})
    return folder


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_reads_cifar10_in_the_archives_order(tmp_path, protocol):
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    batches = [batch(7, b"labels", seed, 5) for seed in range(6)]
    for name, content in zip(
        (*cifar_files.CIFAR10_TRAIN, "test_batch"), batches, strict=True
    ):
        write(folder / name, content, protocol)
    names = [b"a", b"b", b"c", b"d", b"e"]
    write(folder / "batches.meta", {b"label_names": names}, protocol)
    images = data.load("cifar10", data_dir=tmp_path)
    assert images.class_names == ("a", "b", "c", "d", "e")
    assert images.train_images.shape == (35, 32, 32, 3)
    green = batches[2][b"data"][1][1024:2048]
    np.testing.assert_array_equal(images.train_images[15][..., 1].ravel(), green)
    np.testing.assert_array_equal(images.test_labels, batches[5][b"labels"])


def test_the_folder_itself_serves_as_place_and_as_name(cifar100):
    by_name = data.load("cifar100", data_dir=cifar100)
    by_path = data.load(str(cifar100))
    assert by_name.name == by_path.name == "cifar100"
    np.testing.assert_array_equal(by_name.train_images, by_path.train_images)
    assert by_name.num_classes == 20


class Runs:
    def __reduce__(self):
        return os.mkdir, ("hacked",)


@pytest.mark.parametrize("value", [Runs(), {b"data": Runs()}, np.float64(1.0)])
def test_refuses_pickles_that_name_anything_else(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "train", value)
    with pytest.raises(ValueError, match=r"Refused to load .*train"):
        cifar_files.safe_load(tmp_path / "train")
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("cut", [0, 1, 10, 100, -1])
def test_damaged_files_are_named(cifar100, cut):
    path = cifar100 / "train"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match=r"Damaged file: .*cifar-100-python/train"):
        data.load("cifar100", data_dir=cifar100)


def test_refuses_contents_that_do_not_fit(cifar100):
    good = batch(40, b"fine_labels", 0, 20)
    bad = [
        ({**good, b"data": good[b"data"][:, :100]}, r"train must hold uint8 images"),
        ({**good, b"fine_labels": [0] * 39}, r"train must hold one label an image"),
        ({**good, b"fine_labels": [30] * 40}, r"train holds labels from 30 to 30"),
        ({b"data": good[b"data"]}, r"train has no entry 'fine_labels'"),
        ([1, 2], r"train has no entry 'data'"),
    ]
    for content, message in bad:
        write(cifar100 / "train", content)
        with pytest.raises(ValueError, match=message):
            data.load("cifar100", data_dir=cifar100)
