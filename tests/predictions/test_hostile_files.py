"""Files that are damaged, made to harm, or not what their name says: one line each."""

import io
import struct
import zipfile

import numpy as np
import pytest
from random_predictions import draw

from keras_refcal import npz
from keras_refcal.predictions.files import read_predictions

LABELS, ROWS = draw(0, 40, 4)


def _header(text, version=1):
    text = text.encode("latin1")
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


def _npy(values):
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def _zip(path, y_true, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("y_true.npy", y_true)
        file.writestr("probabilities.npy", _npy(ROWS))
    return path


def _refused(path, message, **options):
    with pytest.raises(ValueError, match=message) as error:
        read_predictions(path, **options)
    assert str(error.value).startswith(str(path))
    assert len(str(error.value).splitlines()) == 1
    assert "pickle" not in str(error.value)


NO_NPZ = {
    "an empty file": b"",
    "no npz file. Save arrays with np.savez": b"y_true,probability_0\n0,1\n",
    "a single array, no npz file": _npy(ROWS),
    "damaged or cut short": b"PK\x03\x04 and no more",
    "no npz file": b"\x80\x04K\x01.",
    "no array 'y_true'": b"PK\x05\x06" + bytes(18),
}


@pytest.mark.parametrize("message", NO_NPZ)
def test_what_is_no_npz_file(message, tmp_path):
    path = tmp_path / "p.npz"
    path.write_bytes(NO_NPZ[message])
    _refused(path, message)


SHAPE = "'fortran_order': False, 'shape': "
HEADERS = {
    f"{{'descr': '<i8', {SHAPE}(10000000000,)}}": "its size is not what",
    f"{{'descr': '<i8', {SHAPE}(-40,)}}": "its size is not what",
    f"{{'descr': '<i8', {SHAPE}(2**62, 2**62)}}": "damaged or cut short",
    f"{{'descr': '<U1000000000', {SHAPE}(40,)}}": "damaged or cut short",
    f"{{'descr': '<U0', {SHAPE}(10000000000000,)}}": "its size is not what|declares",
    f"{{'descr': '|O', {SHAPE}(40,)}}": "of plain numbers or text",
    f"{{'descr': [('a', '<i8')], {SHAPE}(40,)}}": "of plain numbers or text",
    f"{{'descr': 'nope', {SHAPE}(40,)}}": "damaged or cut short",
    "{'descr': '<i8'}": "damaged or cut short",
    "((((" * 2000: "damaged or cut short",
    "__import__('os')": "damaged or cut short",
}


@pytest.mark.parametrize("version", [1, 2, 9])
@pytest.mark.parametrize("header", HEADERS)
def test_headers_that_lie(header, version, tmp_path):
    path = _zip(tmp_path / "p.npz", _header(header + "\n", version) + bytes(320))
    _refused(path, HEADERS[header])


def test_damaged_members_and_truncated_files(tmp_path):
    path = tmp_path / "p.npz"
    np.savez(path, y_true=LABELS, probabilities=ROWS)
    whole = path.read_bytes()
    for place in (len(whole) // 3, len(whole) // 2, len(whole) * 2 // 3):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        _refused(path, "damaged or cut short")
        path.write_bytes(whole[:place])
        _refused(path, "damaged or cut short")


def test_encrypted_and_strangely_compressed_members(tmp_path):
    path = _zip(tmp_path / "p.npz", _npy(LABELS))
    locked = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = locked.find(mark)
        while at >= 0:
            locked[at + place] |= 1
            at = locked.find(mark, at + 1)
    path.write_bytes(locked)
    _refused(path, "'y_true' is encrypted: save it without a password")
    _zip(path, _npy(LABELS), zipfile.ZIP_BZIP2)
    _refused(path, "compressed as NumPy does not")


def test_a_small_file_cannot_declare_what_no_machine_holds(tmp_path, monkeypatch):
    path = tmp_path / "p.npz"
    monkeypatch.setattr(npz, "MOST_NUMBERS", 10_000)
    np.savez_compressed(path, y_true=LABELS, probabilities=np.zeros((40, 5_000)))
    _refused(path, "may hold 10,000 numbers and declares 200,056.*np.savez")
    np.savez_compressed(path, y_true=np.zeros(9_000, "i1"), probabilities=ROWS)
    _refused(path, "may hold 1,250 samples. Received: 9,000")
    # What is that large on the disk is meant.
    np.savez(path, y_true=np.zeros(9_000, "i1"), probabilities=np.full(9_000, 0.5))
    assert read_predictions(path).predictions.num_samples == 9_000


def test_nobody_has_so_many_classes(tmp_path):
    path = tmp_path / "p.npz"
    np.savez_compressed(path, y_true=[0], logits=np.zeros((1, 300_000), "i1"))
    _refused(path, r"up to 262,144 classes. Received shape: \(1, 300000\)")


ARRAYS = {
    "from 0 to 3. Received ids from 1000000000": {"y_true": np.full(40, 10**9)},
    "Received ids from 1e.300": {"y_true": np.full(40, 1e300)},
    "dtype complex128": {"y_true": LABELS + 0j},
    "dtype datetime64": {"y_true": LABELS.astype("M8[s]")},
    r"Received shape \(\)": {"y_true": np.array(3)},
    r"Received: \['..xff'\]": {"y_true": np.full(40, b"\xff")},
    "must differ where labels are names": {
        "y_true": np.full(40, "a"),
        "class_names": ["a", "a", "b", "c"],
    },
    r"dtype: \|V2": {"probabilities": ROWS.astype("f2").view("V2")},
    r"Received shape: \(\)": {"probabilities": np.array(0.5)},
    r"Received shape: \(40, 0\)": {"probabilities": ROWS[:, :0]},
    r"`images` must have shape.*\(40, 0, 0\)": {"images": np.zeros((40, 0, 0))},
}


@pytest.mark.parametrize("message", ARRAYS)
def test_arrays_of_the_wrong_kind(message, tmp_path):
    path = tmp_path / "p.npz"
    np.savez(path, **({"y_true": LABELS, "probabilities": ROWS} | ARRAYS[message]))
    _refused(path, message)


def test_names_as_bytes_are_text(tmp_path):
    path = tmp_path / "p.npz"
    names = [b"cat", b"\xff", b"dog", b"eel"]
    np.savez(path, y_true=LABELS, probabilities=ROWS, class_names=names)
    assert read_predictions(path).class_names == ("cat", "\\xff", "dog", "eel")


HEAD = "y_true,probability_0,probability_1\n"
CSV = {
    HEAD + "0,\0,0": "could not convert",
    HEAD + "1e9,1,0": "Received ids from 1000000000",
    HEAD + "0,1e400,0": "NaN or infinity",
    "y_true,probability_0,probability_" + "9" * 5000 + "\n0,1,0": "must all be there",
    "y_true,probability_a,probability_" + "b" * 200_000 + "\n0,1,0": "field larger",
    "\n\n": "an empty file",
}


@pytest.mark.parametrize("text", CSV, ids=range(len(CSV)))
def test_tables_that_are_none(text, tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(text)
    _refused(path, CSV[text])
    path.write_text(text, encoding="utf-16")
    _refused(path, "not a csv file in UTF-8")


def test_one_long_cell_lengthens_no_other(tmp_path):
    import tracemalloc

    path = tmp_path / "p.csv"
    path.write_text(HEAD + "x" * 100_000 + ",1,0\n" + "0,1,0\n" * 2_000)
    tracemalloc.start()
    _refused(path, "must hold class ids")
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


PARQUET = {
    "'probability_0' must hold numbers. It holds: string": {
        "y_true": LABELS.tolist(),
        "probability_0": ["a"] * 40,
        "probability_1": ["b"] * 40,
    },
    "must hold a list of numbers a row. It holds: double": {
        "y_true": LABELS.tolist(),
        "probabilities": [0.5] * 40,
    },
    "holds 40 nulls": {"y_true": [None] * 40, "probability": [0.5] * 40},
    "class ids. Received": {"y_true": ["x" * 9_999] * 40, "probability": [0.5] * 40},
    "Received lengths": {"y_true": [0] * 40, "probabilities": [[]] * 39 + [[1.0]]},
}


@pytest.mark.parametrize("message", PARQUET)
def test_parquet_of_the_wrong_kind(message, tmp_path):
    arrow, parquet = (
        pytest.importorskip("pyarrow"),
        pytest.importorskip("pyarrow.parquet"),
    )
    path = tmp_path / "p.parquet"
    parquet.write_table(arrow.table(PARQUET[message]), path)
    _refused(path, message)


def test_damaged_and_swollen_parquet(tmp_path, monkeypatch):
    arrow, parquet = (
        pytest.importorskip("pyarrow"),
        pytest.importorskip("pyarrow.parquet"),
    )
    path = tmp_path / "p.parquet"
    columns = {"y_true": [0] * 9_000, "probability": [0.5] * 9_000}
    parquet.write_table(arrow.table(columns), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    _refused(path, "cannot be read as parquet")
    path.write_bytes(whole)
    monkeypatch.setattr(npz, "MOST_NUMBERS", 5_000)
    _refused(path, "may hold 5,000 numbers and declares more")
