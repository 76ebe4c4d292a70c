import numpy as np
import pytest
from PIL import Image

from keras_refcal import cli, data


def run(capsys, *arguments):
    status = cli.main(["keras-refcal", "data", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_describes_a_draw(capsys, tmp_path):
    sheet = tmp_path / "sheet.png"
    arguments = (
        "describe",
        "--dataset=digits",
        "--imbalance_factor=10",
        f"--contact_sheet={sheet}",
    )
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    digits = data.load("digits")
    chosen = data.long_tail_indices(digits.train_labels, 10, 0.1)
    assert data.checksum(chosen) in out
    assert "uses 486 of 1200 images, because" in out.splitlines()[0]
    rows = [line.split() for line in out.splitlines()]
    counts = [
        int(row[2])
        for row in rows
        if len(row) == 5 and row[4] in ("many", "medium", "few")
    ]
    assert counts == data.class_counts(120, 10, 0.1).tolist()
    assert "many-shot       1 classes" in out and "few-shot        2 classes" in out
    picture = np.asarray(Image.open(sheet))
    assert picture.shape == (10 * 10 - 2, 9 * 10 - 2, 3)
    first = digits.train_images[chosen[0]]
    np.testing.assert_array_equal(picture[:8, :8], first.repeat(3, axis=-1))
    before = sheet.read_bytes()
    assert run(capsys, *arguments)[1] == out
    assert sheet.read_bytes() == before


def test_describes_a_file_of_many_classes(capsys, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (90, 6, 6, 3)).astype("uint8")
    labels = np.arange(90) % 45
    path = tmp_path / "mine.npz"
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    sheet = tmp_path / "sheet.png"
    flags = (
        f"--dataset={path}",
        f"--contact_sheet={sheet}",
        "--augmentation=crop_flip",
    )
    status, out, _ = run(capsys, "describe", *flags)
    assert status == 0 and "mine: 90 training and 90 test images of 6x6x3" in out
    assert np.asarray(Image.open(sheet)).shape == (15 * 8 - 2, 9 * 8 - 2, 3)
    status, _, _ = run(capsys, "describe", *flags[:1], "--contact_sheet=")
    assert status == 0


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        (("describe", "--dataset=mnits"), 1, "`dataset` must be one of"),
        (
            ("describe", "--dataset=digits", "--imbalance_factor=0"),
            1,
            "imbalance_factor",
        ),
        (("describe", "--dataset=digits", "--augmentation=blur"), 1, "'blur'"),
        (
            (
                "describe",
                "--dataset=digits",
                "--imbalance_factor=none",
                "--profile=step",
            ),
            1,
            "here none is cut",
        ),
        (
            ("describe", "--dataset=digits", "--imbalance_factor=all"),
            2,
            "must be a number or none",
        ),
        (("describe", "--dataset=digits", "--max_count=0"), 1, "`max_count`"),
        (("--dataset=digits",), 1, "data takes one word, `describe`"),
        (("describe",), 2, "--dataset"),
        (
            ("describe", "--dataset=digits", "--contact_sheet=/absent/sheet.png"),
            1,
            "/absent",
        ),
    ],
)
def test_errors_are_one_line(capsys, tmp_path, monkeypatch, arguments, status, message):
    monkeypatch.chdir(tmp_path)
    got, _, err = run(capsys, *arguments)
    assert got == status and message in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())
