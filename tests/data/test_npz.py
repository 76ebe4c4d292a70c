import numpy as np
import pytest

from keras_refcal import data, npz


def arrays(**changes):
    images = np.random.default_rng(0).integers(0, 256, (12, 5, 6, 3)).astype("uint8")
    labels = np.arange(12) % 3
    return {
        "x_train": images,
        "y_train": labels,
        "x_test": images[:6],
        "y_test": labels[:6],
    } | changes


def saved(path, **changes):
    np.savez(path, **arrays(**changes))
    return str(path)


def test_reads_keras_shapes(tmp_path):
    grey = arrays()["x_train"][..., 0]
    path = saved(
        tmp_path / "grey.npz",
        x_train=grey,
        x_test=grey[:6],
        y_train=(np.arange(12) % 3)[:, None].astype("uint8"),
        class_names=np.array(["a", "b", "c"]),
    )
    loaded = data.load(path)
    assert loaded.name == "grey" and loaded.class_names == ("a", "b", "c")
    assert loaded.train_images.shape == (12, 5, 6, 1)
    assert loaded.train_labels.dtype == np.int64


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"x_train": np.zeros((12, 5, 6, 3))}, "x_train must be uint8.*float64"),
        ({"x_train": np.zeros((12, 90), "uint8")}, "x_train must be uint8"),
        ({"x_test": np.zeros((6, 5, 5, 3), "uint8")}, "of one shape"),
        ({"y_train": np.arange(11) % 3}, "y_train must be one class id"),
        ({"y_train": np.arange(12.0) % 3}, "y_train must be one class id.*float64"),
        ({"y_train": np.arange(12) % 3 * 2}, "must hold every class. Missing: 1, 3"),
        ({"y_train": np.arange(12) % 3 - 1}, "Received ids from -1"),
        (
            {"x_test": np.zeros((0, 5, 6, 3), "uint8"), "y_test": np.zeros(0, int)},
            "one image",
        ),
        ({"class_names": np.array(["a", "b"])}, "ids from 0 to 1"),
        ({"y_train": np.array([None] * 12)}, "not of objects or records"),
        ({"y_train": np.full(12, 10**9)}, "from 0 to 1000000000, its largest"),
        ({"y_test": np.full(6, 10**9)}, "from 0 to 1000000000, its largest"),
        ({"class_names": np.zeros((3, 2))}, "class_names must be one name a class"),
        ({"y_train": np.zeros(12, [("a", int)])}, "not of objects or records"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_path(tmp_path, changes, message):
    path = saved(tmp_path / "bad.npz", **changes)
    with pytest.raises(ValueError, match=message) as error:
        data.load(path)
    assert "bad.npz" in str(error.value)


def test_damaged_and_missing_files_are_named(tmp_path):
    path = saved(tmp_path / "cut.npz")
    with open(path, "r+b") as file:
        file.truncate(500)
    with pytest.raises(ValueError, match=r"cut\.npz"):
        data.load(path)
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.npz"):
        data.load(str(tmp_path / "text.npz"))
    with pytest.raises(FileNotFoundError, match=r"absent\.npz"):
        data.load(str(tmp_path / "absent.npz"))
    np.savez(tmp_path / "few.npz", x_train=arrays()["x_train"])
    with pytest.raises(ValueError, match=r"must hold x_train, y_train.*: x_train$"):
        data.load(str(tmp_path / "few.npz"))


def test_what_would_fill_memory_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MOST_NUMBERS", 1000)
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, **arrays(more=np.zeros(10**6)))
    with pytest.raises(ValueError, match=r"bomb\.npz.* so small a file"):
        data.load(str(path))
