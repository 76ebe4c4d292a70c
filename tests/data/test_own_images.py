"""A person's own images: flat folders, folders of three parts, tables of paths."""

import numpy as np
import pytest
from PIL import Image

from keras_refcal import data
from keras_refcal.data import file_parts
from keras_refcal.training.config import TrainConfig
from keras_refcal.training.split import Split

CLASSES = ("cat", "dog")


def save(path, level, size=(12, 9)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level,) * 3).save(path)
    return path


@pytest.fixture
def flat(tmp_path):
    """Ten cats and five dogs, each of a size and a grey of its own."""
    for number in range(15):
        name = CLASSES[number // 10]
        path = tmp_path / "pets" / name / f"{number:02}.png"
        save(path, 10 * number, (12 + number, 9))
    (tmp_path / "pets" / ".cache").mkdir()
    return tmp_path / "pets"


def greys(images):
    return sorted(np.unique(np.asarray(images)).tolist())


def split_of(dataset, **flags):
    flags |= {"dataset": str(dataset), "output_dir": "unused"}
    return Split.load(TrainConfig(**flags))


def test_a_flat_folder_is_split_by_class_and_says_how(flat):
    images = data.load(str(flat), image_size=8)
    assert images.class_names == CLASSES
    assert np.bincount(images.train_labels).tolist() == [8, 4]
    assert np.bincount(images.test_labels).tolist() == [2, 1]
    assert greys([*images.train_images, *images.test_images]) == [*range(0, 150, 10)]
    (note,) = images.notes
    assert "a fifth of each class, 3 images, is cut off for test by split seed" in note
    again = data.load(str(flat), image_size=8)
    assert again.notes == images.notes
    np.testing.assert_array_equal(again.test_images, images.test_images)
    other = data.load(str(flat), image_size=8, split_seed=7)
    assert greys(other.test_images) != greys(images.test_images)
    assert other.notes != images.notes
    assert split_of(flat, image_size=8, split_seed=7).images.is_split


def test_a_part_of_its_own_validates(flat):
    for number, part in enumerate(("train", "validation", "test")):
        for label, name in enumerate(CLASSES):
            save(flat.parent / "three" / part / name / "a.png", 100 * label + number)
    split = split_of(flat.parent / "three")
    assert greys(split.images.train_images) == [0, 100]
    assert greys(split.validation[0]) == [1, 101]
    assert greys(split.images.test_images) == [2, 102]
    assert split.validation_numbers.tolist() == [0, 1]
    with pytest.raises(ValueError, match="`validation` has no effect on a data set"):
        split_of(flat.parent / "three", validation=0.5)
    save(flat.parent / "three" / "validation" / "dog" / "a.png", 55)
    assert split_of(flat.parent / "three").data_sha256 != split.data_sha256


@pytest.mark.parametrize("lazy", [False, True])
def test_damaged_images_are_skipped_by_choice_and_said(flat, lazy, monkeypatch):
    if lazy:
        monkeypatch.setattr(file_parts, "MEMORY_LIMIT", 1000)
    damaged = [flat / "cat" / "00.png", flat / "dog" / "12.png"]
    for path in damaged:
        path.write_bytes(path.read_bytes()[:40])
    if not lazy:
        with pytest.raises(ValueError, match=r"00.png.*leave such files out by"):
            data.load(str(flat), image_size=8)
    images = data.load(str(flat), image_size=8, skip_damaged=True)
    assert isinstance(images.train_images, data.ImageFiles) == lazy
    assert len(images.train_labels) + len(images.test_labels) == 13
    first, second = map(str, damaged)
    assert images.notes[0] == (
        f"uses 13 of 15 images, because 2 cannot be read: {first}, {second}"
    )
    found = greys([*images.train_images, *images.test_images])
    assert found == sorted({*range(0, 150, 10)} - {0, 120})


def test_what_cannot_be_read_at_all(flat):
    for path in flat.glob("dog/*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"must hold every class\. Missing: 1"):
        data.load(str(flat), image_size=8, skip_damaged=True)
    for path in flat.glob("cat/*.png"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match="No image can be read; the first is"):
        data.load(str(flat), image_size=8, skip_damaged=True)


def table(flat, text):
    path = flat.parent / "list.csv"
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_a_table_of_paths_and_labels(flat):
    rows = [f"pets/cat/{n:02}.png,10" for n in range(10)]
    rows += [f"pets/dog/{n}.png,9" for n in range(10, 15)]
    path = table(flat, "\n".join(["File,Label", *rows, ""]))
    images = data.load(str(path), image_size=8)
    assert images.class_names == ("9", "10")
    assert np.bincount(images.train_labels).tolist() == [4, 8]
    assert images.is_split and images.name == "list"
    parts = ["train"] * 8 + ["test"] * 2 + ["Train"] * 3 + ["val", "test"]
    rows = [f"{row},{part}" for row, part in zip(rows, parts, strict=True)]
    images = data.load(
        str(table(flat, "\n".join(["path,class,split", *rows]))), image_size=8
    )
    assert not images.is_split
    assert greys(images.test_images) == [80, 90, 140]
    assert greys(images.validation_images) == [130]


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "must have the columns `path` and `label`.*Received: nothing"),
        ("a,b\n1,2", "must have the columns `path` and `label`.*Received: a, b"),
        ("path,label", "lists no image"),
        ("path,label\nx.png", "line 2: expected 2 cells. Received: 1"),
        ("path,label\nx.png,", "line 2: a path and a label are needed"),
        ("path,label\nx.png,a", "must hold two or more classes. Received: .'a'"),
        ("path,label,split\nx.png,a,exam", "line 2: the split must be"),
        ("path,label,split\nx,a,test\ny,b,val", "rows whose split is `train`"),
        ("\0", "must have the columns|not a csv"),
    ],
)
def test_bad_tables_name_the_line(flat, text, message):
    with pytest.raises(ValueError, match=f"list.csv.*{message}"):
        data.load(str(table(flat, text)))


def test_an_augmentation_by_name(flat):
    images = split_of(flat, image_size=8).images
    assert images.augmentation == "simclr"
    images = split_of(flat, image_size=8, augmentation="none").images
    assert {images.augmentation, images.mild_augmentation} == {"none"}
    with pytest.raises(ValueError, match="`augmentation` must be one of"):
        split_of(flat, augmentation="blur")


def test_letters_and_digits_are_not_mirrored(tmp_path):
    grey, labels = np.zeros((4, 8, 8), "uint8"), np.arange(4) % 2
    parts = {"x_train": grey, "y_train": labels, "x_test": grey, "y_test": labels}
    np.savez(tmp_path / "grey.npz", **parts)
    assert data.load(str(tmp_path / "grey.npz")).classifier_augmentation == "affine"
