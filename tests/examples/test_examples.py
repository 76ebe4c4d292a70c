"""Every example runs as a script on the running backend, or on the one it names."""

import pathlib
import re

import keras
import new_process
import pytest

BACKENDS = ("tensorflow", "jax", "torch")
# Their tests are in `test_serving.py`: they wait for requests.
SERVERS = ("serve_with_fastapi",)
FOLDER = pathlib.Path(__file__).parents[2] / "examples"


def backend_named(path):
    return next((name for name in BACKENDS if path.stem.endswith(name)), None)


def examples():
    running = keras.backend.backend()
    return [
        path
        for path in sorted(FOLDER.glob("*.py"))
        if backend_named(path) in (running, None) and path.stem not in SERVERS
    ]


@pytest.mark.parametrize("path", examples(), ids=lambda path: path.stem)
def test_runs(path, tmp_path):
    if path.stem == "text":
        pytest.importorskip("keras_hub", reason="needs the extra hub")
    processes = 2 if path.stem == "distributed_torch" else 1
    done = new_process.run(path, processes=processes, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    accuracies = re.findall(r"accuracy:? (\d\.\d+)", done.stdout)
    assert float(accuracies[-1]) > 0.75, done.stdout[-2000:]
    assert not list(tmp_path.iterdir()), "examples leave no files"


def test_every_backend_has_a_quickstart():
    for name in BACKENDS:
        text = (FOLDER / f"quickstart_{name}.py").read_text()
        assert f'os.environ["KERAS_BACKEND"] = "{name}"' in text
