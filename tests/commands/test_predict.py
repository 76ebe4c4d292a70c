"""A saved model names the classes of new inputs, on the command line and in Python."""

import csv
import json
import zipfile

import keras
import numpy as np
import pytest
from calibration_data import overconfident, softmax
from PIL import Image

from keras_refcal.cli import main
from keras_refcal.decisions import ConformalSets
from keras_refcal.serving import DESCRIPTION, Classifier

NAMES = ("dark", "middle", "bright, very")


def predict(*flags):
    return main(["keras-refcal", "predict", *map(str, flags)])


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def mean_to_class():
    """A model of images whose brightness is the class."""
    mean = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    slopes = np.array([[-10.0, 0.0, 10.0]] * 3)
    mean.set_weights([slopes, np.array([10.0, 0.0, -20.0])])
    return mean


@pytest.fixture
def photos(tmp_path):
    Classifier(mean_to_class(), NAMES, (4, 4, 3)).save(tmp_path / "model.keras")
    for name, level in (("a/dark.png", 10), ("b.jpg", 250), ("c.png", 127)):
        path = tmp_path / "new" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 7), (level,) * 3).save(path)
    return tmp_path


def test_names_the_images_of_a_folder(photos, capsys):
    output = photos / "answers.csv"
    flags = (f"--model={photos}/model.keras", f"--output={output}")
    assert predict(*flags, f"--inputs={photos}/new") == 0
    assert f"{output}: 3 inputs, 3 classes" in capsys.readouterr().out
    found = {row["input"]: row for row in rows(output)}
    expected = ("a/dark.png", "dark"), ("b.jpg", "bright, very"), ("c.png", "middle")
    for name, label in expected:
        row = found[str(photos / "new" / name)]
        assert row["label"] == label and 0.4 < float(row["confidence"]) <= 1
        assert [*row] == ["input", "label", "confidence"]
    assert predict(*flags, f"--inputs={photos}/new/b.jpg") == 0
    assert [row["label"] for row in rows(output)] == ["bright, very"]
    table = photos / "list.csv"
    table.write_text("id,path\n1,new/c.png\n")
    assert predict(*flags, f"--inputs={table}") == 0
    assert [row["label"] for row in rows(output)] == ["middle"]
    np.savez(photos / "x.npz", x=np.full((2, 4, 4, 3), 255, "uint8"))
    assert predict(*flags, f"--inputs={photos}/x.npz") == 0
    assert [row["input"] for row in rows(output)] == ["0", "1"]


def test_a_damaged_image_is_named_or_skipped(photos, capsys):
    damaged = photos / "new" / "b.jpg"
    damaged.write_bytes(b"none")
    flags = (f"--model={photos}/model.keras", f"--inputs={photos}/new")
    flags = (*flags, f"--output={photos}/answers.csv")
    assert predict(*flags) == 1
    assert f"{damaged}" in capsys.readouterr().err
    assert not (photos / "answers.csv").exists()
    assert predict(*flags, "--skip_damaged") == 0
    said = f"uses 2 of 3 images, because 1 cannot be read: {damaged}"
    assert said in capsys.readouterr().out
    assert len(rows(photos / "answers.csv")) == 2


@pytest.fixture
def numbers(tmp_path):
    """A model of tables with a calibrated conformal set, and a table for it."""
    labels, logits = overconfident(1, 400)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Softmax()])
    sets = ConformalSets(coverage=0.9)
    sets.fit(labels, softmax(logits))
    model = sets.attach(model)
    Classifier(model, "abcd", (4,), divide_by=1).save(tmp_path / "model.keras")
    lines = ["w,x,y,z", *(",".join(map(str, row)) for row in logits[:5].tolist()), ""]
    (tmp_path / "new.csv").write_text("\n".join(lines))
    return tmp_path, sets, logits[:5]


def test_a_table_and_its_sets(numbers):
    folder, sets, logits = numbers
    output = folder / "answers.csv"
    flags = (f"--model={folder}/model.keras", f"--inputs={folder}/new.csv")
    assert predict(*flags, f"--output={output}") == 0
    members = keras.ops.convert_to_numpy(sets(softmax(logits)))
    for row, inside, p in zip(rows(output), members, softmax(logits), strict=True):
        assert row["label"] == "abcd"[np.argmax(p)]
        assert float(row["confidence"]) == pytest.approx(p.max(), rel=1e-4)
        assert row["prediction_set"] == ";".join(np.array([*"abcd"])[inside])
    (answer, *_) = Classifier.load(folder / "model.keras").answers(logits)
    assert answer.prediction_set == tuple(np.array([*"abcd"])[members[0]])


def test_one_column_is_two_classes():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Activation("sigmoid")])
    classifier = Classifier(model, ("no", "yes"), (1,), divide_by=1)
    answers = classifier.answers(np.array([[3.0], [-3.0]]))
    assert [answer.label for answer in answers] == ["yes", "no"]
    assert answers[0].confidence == pytest.approx(answers[1].confidence)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--output=a.txt"], "must end in .csv"),
        (["--output=none/a.csv"], "No directory to write to"),
        (["--output=new.csv"], "new.csv is an input"),
        (["--output=mine.csv"], "mine.csv is there: say what to write"),
        (["--inputs=absent"], "No such file or folder: absent"),
        (["--inputs=words.csv"], "must have a column `path`, or numbers alone"),
        (["--inputs=short.csv"], "line 3: expected 4 cells. Received: 1"),
        (["--inputs=three.csv"], "must be numbers of shape"),
        (["--inputs=empty.csv"], "not a csv file with a header"),
        (["--inputs=y.npz"], "must hold an array `x`"),
        (["--inputs=mine.csv.d"], "No image"),
        (["--model=new.csv"], "damaged, or no .keras file"),
        (["--model=plain.keras"], "does not say its classes and inputs"),
        (["--skip_damaged"], "has no effect on numbers"),
        (["more"], "takes flags only"),
    ],
)
def test_a_failure_is_told_in_a_line(numbers, monkeypatch, capsys, flags, message):
    folder, *_ = numbers
    monkeypatch.chdir(folder)
    for name, text in (
        ("mine.csv", "a,b"),
        ("words.csv", "a,b\nx,y"),
        ("short.csv", "a,b,c,d\n1,2,3,4\n1"),
        ("three.csv", "a,b,c\n1,2,3"),
        ("empty.csv", ""),
    ):
        (folder / name).write_text(text)
    (folder / "mine.csv.d").mkdir()
    np.savez("y.npz", y=[1])
    keras.Sequential([keras.Input((4,)), keras.layers.Softmax()]).save("plain.keras")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert predict("--model=model.keras", "--inputs=new.csv", *flags) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line and "--debug" not in line
    assert before == {p: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.mark.parametrize("text", ["[]", "{}", '{"class_names": 3}', "nul"])
def test_a_damaged_description_is_named(numbers, text):
    folder, *_ = numbers
    path = folder / "model.keras"
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    assert json.loads(members[DESCRIPTION])["class_names"] == [*"abcd"]
    with zipfile.ZipFile(path, "w") as file:
        for name, content in {**members, DESCRIPTION: text}.items():
            file.writestr(name, content)
    with pytest.raises(ValueError, match=r"model.keras: .*damaged|must hold an object"):
        Classifier.load(path)
