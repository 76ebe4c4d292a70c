"""The example of a server answers requests."""

import importlib.util
import io
import pathlib

import keras
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from keras_refcal.serving import Classifier

FOLDER = pathlib.Path(__file__).parents[2] / "examples"


@pytest.fixture
def client(tmp_path, monkeypatch):
    model = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    slopes = np.array([[-10.0, 10.0]] * 3)
    model.set_weights([slopes, np.array([15.0, -15.0])])
    Classifier(model, ["dark", "bright"], (4, 4, 3)).save(tmp_path / "model.keras")
    monkeypatch.setenv("MODEL", str(tmp_path / "model.keras"))
    path = FOLDER / "serve_with_fastapi.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return TestClient(module.app)


def test_an_image_gets_its_answer(client):
    assert client.get("/classes").json() == ["dark", "bright"]
    for level, label in ((20, "dark"), (240, "bright")):
        file = io.BytesIO()
        Image.new("RGB", (40, 30), (level,) * 3).save(file, "JPEG")
        answer = client.post("/predict", content=file.getvalue()).json()
        assert answer["label"] == label and answer["confidence"] > 0.9
        assert answer["prediction_set"] is None


@pytest.mark.parametrize("content", [b"", b"no image"])
def test_what_is_no_image_is_refused(client, content):
    answer = client.post("/predict", content=content)
    assert answer.status_code == 422
    assert "Not an image that can be read" in answer.json()["detail"]
