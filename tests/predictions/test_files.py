import numpy as np
import pytest
from random_predictions import draw

from keras_refcal.predictions.files import read_predictions

LABELS, ROWS = draw(0, 40, 3)
NAMES = ["cat", "dog", "frog"]


def _csv(path, prefix="probability", names=range(3), labels=LABELS, rows=ROWS):
    header = ",".join(["id", "y_true", *(f"{prefix}_{name}" for name in names)])
    lines = [
        ",".join([f'"sample, {number}"', str(label), *map(repr, row)])
        for number, (label, row) in enumerate(
            zip(np.asarray(labels).tolist(), rows.tolist(), strict=True)
        )
    ]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def _parquet(path, **columns):
    arrow = pytest.importorskip("pyarrow", reason="parquet needs pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = {name: arrow.array(np.asarray(v).tolist()) for name, v in columns.items()}
    parquet.write_table(arrow.table(table), path)
    return path


def _assert_read(saved, names=None):
    np.testing.assert_array_equal(saved.predictions.labels, LABELS)
    np.testing.assert_allclose(saved.predictions.probabilities, ROWS, rtol=1e-12)
    assert saved.class_names == names


def test_npz_holds_arrays_and_what_was_saved_beside_them(tmp_path):
    path = tmp_path / "p.npz"
    images = np.zeros((40, 4, 4, 3), "uint8")
    np.savez(
        path,
        y_true=LABELS,
        probabilities=ROWS,
        logits=ROWS * 7,
        class_counts=[5, 4, 3],
        class_names=NAMES,
        images=images,
    )
    saved = read_predictions(path)
    _assert_read(saved, tuple(NAMES))
    assert saved.predictions.logits is None
    assert saved.class_counts.tolist() == [5, 4, 3]
    assert saved.images.shape == images.shape
    assert read_predictions(path, images=False).images is None
    assert [saved.name_of(c) for c in range(3)] == NAMES


def test_npz_arrays_of_other_names(tmp_path):
    path = tmp_path / "p.npz"
    np.savez(path, test_labels=LABELS, test_logits=np.log(ROWS))
    saved = read_predictions(path, y_true="test_labels", logits="test_logits")
    _assert_read(saved)
    assert saved.predictions.logits is not None


def test_csv_columns_by_number_in_any_order(tmp_path):
    order = [2, 0, 1]
    path = _csv(tmp_path / "p.csv", names=order, rows=ROWS[:, order])
    _assert_read(read_predictions(path))


def test_csv_columns_and_labels_by_name(tmp_path):
    labels = [NAMES[label] for label in LABELS]
    path = _csv(tmp_path / "p.csv", names=NAMES, labels=labels)
    _assert_read(read_predictions(path), tuple(NAMES))


def test_csv_of_logits_with_counts_from_the_caller(tmp_path):
    path = _csv(tmp_path / "p.CSV", prefix="logit", rows=np.log(ROWS))
    saved = read_predictions(path, class_counts=[9, 5, 1])
    _assert_read(saved)
    assert saved.class_counts.tolist() == [9, 5, 1]


def test_one_column_speaks_of_class_1_of_two(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("y_true,probability\n1,0.75\n0,0.5\n")
    saved = read_predictions(path)
    assert saved.predictions.probabilities.tolist() == [[0.25, 0.75], [0.5, 0.5]]


def test_parquet_of_columns_and_of_lists(tmp_path):
    columns = {f"probability_{c}": ROWS[:, c] for c in range(3)}
    path = _parquet(tmp_path / "columns.parquet", y_true=LABELS, **columns)
    _assert_read(read_predictions(path))
    path = _parquet(tmp_path / "lists.parquet", y_true=LABELS, probabilities=ROWS)
    _assert_read(read_predictions(path))


BAD_CSV = {
    "a,probability_0,probability_1\n0,1,0": "no column 'y_true'. It has: \\['a'",
    "y_true,p_0,p_1\n0,1,0": "no columns probability_0, … or logit_0, …",
    "y_true,probability_0,probability_2\n0,1,0": "probability_0 to probability_2 must",
    "y_true,probability_0,probability_0\n0,1,0": "two columns have the same name",
    "y_true,probability_0,probability_1\n0,one,0": "could not convert string 'one'",
    "y_true,probability_0,probability_1\n0,1\n": "column index",
    "y_true,probability_0,probability_1\n": "one sample or more",
    "y_true,probability_0,probability_1\n0,-3,5": "If these are logits",
    "y_true,probability_0,probability_1\n0,0.5,0.3": "must sum to 1.*If these are",
    "y_true,probability_0,probability_1\n0,nan,0.3": "NaN or infinity in 1 of 1 rows",
    "y_true,probability_0,probability_1\n2,0.5,0.5": "class ids from 0 to 1",
    "y_true,probability_a,probability_b\nc,0.5,0.5": "names among.*\\['c'\\]",
    "": "an empty file",
}


@pytest.mark.parametrize("text", BAD_CSV)
def test_a_bad_csv_is_told_in_words(text, tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=BAD_CSV[text]) as error:
        read_predictions(path)
    assert str(error.value).startswith(str(path))


BAD_NPZ = {
    "no array 'y_true'.*holds: \\['labels', 'probabilities'\\]": {
        "labels": LABELS,
        "probabilities": ROWS,
    },
    "no array 'logits'.*`probabilities` or `logits`": {"y_true": LABELS, "p": ROWS},
    r"`class_counts` .* of the 3 classes.*shape \(2,\)": {"class_counts": [1, 2]},
    "`class_counts` .*from -2 to 3": {"class_counts": [1, -2, 3]},
    "`class_names` must hold 3 entries": {"class_names": ["a"]},
    "`images` must hold 40 entries": {"images": np.zeros((39, 2, 2, 3))},
    "`images` must have shape": {"images": np.zeros((40, 2, 2, 2))},
    "'class_names' must be of plain numbers or text": {
        "class_names": np.array(["a", None, 3], dtype=object)
    },
    "'y_true' must be of plain numbers or text, not of objects or records": {
        "y_true": np.zeros(40, [("a", "i4"), ("b", "f4")]),
        "probabilities": ROWS,
    },
    "`images` must be numbers": {"images": np.full((40, 2, 2), "a")},
}


@pytest.mark.parametrize("message", BAD_NPZ)
def test_a_bad_npz_is_told_in_words(message, tmp_path):
    arrays = BAD_NPZ[message]
    if "y_true" not in arrays and "labels" not in arrays:
        arrays = {"y_true": LABELS, "probabilities": ROWS} | arrays
    path = tmp_path / "p.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message):
        read_predictions(path)


def test_missing_broken_and_unknown_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No file of predictions: .*p\.npz"):
        read_predictions(tmp_path / "p.npz")
    for name in ("p.npz", "p.parquet", "p.csv"):
        (tmp_path / name).write_bytes(b"\xff\x81 no such format")
        with pytest.raises(ValueError, match=name):
            read_predictions(tmp_path / name)
    with pytest.raises(ValueError, match=r"\.npz, \.csv, \.parquet. Received: x\.txt"):
        read_predictions("x.txt")
    with pytest.raises(ValueError, match="not both"):
        read_predictions("p.npz", probabilities="a", logits="b")
