"""The script for a GPU, rehearsed on a processor."""

import json
import time
import zipfile

import keras
import numpy as np
import pytest

from benchmarks import gpu, gpu_checks, gpu_contest
from keras_refcal import losses, metrics

BACKEND = keras.backend.backend()


@pytest.mark.skipif(BACKEND == "tensorflow", reason="the GPU has no TensorFlow")
def test_checks_write_every_figure_and_go_on(tmp_path):
    words = ["--name=here", f"--output_dir={tmp_path}", "--tiny"]
    until = f"--until={time.time() + 600}"
    gpu_checks.main([*words, until, "--parts=equality,contrast,metrics,views"])
    found = json.loads((tmp_path / "here.json").read_text())
    assert not [name for name, row in found.items() if "error" in row]
    kinds = [getattr(losses, name) for name in losses.__all__]
    names = len([k for k in kinds if isinstance(k, type)]) + len(metrics.__all__)
    assert len([name for name in found if name.startswith("equality/")]) == names
    ours = found["contrast/float32/64/ours"]
    assert ours["value_error"] < 1e-6 and ours["gradient_error"] < 1e-5
    assert found["views/simclr"]["views_per_second"] > 0
    # Done is done, and when time is up nothing new begins.
    before = (tmp_path / "here.json").read_bytes()
    gpu_checks.main([*words, "--until=0", "--parts=equality,contrast,metrics,views"])
    assert (tmp_path / "here.json").read_bytes() == before


def test_a_difference_to_the_processor_is_named(tmp_path, capsys):
    values = {"A/value": np.ones(2), "B/value": np.ones(2)}
    np.savez(tmp_path / "torch_cpu.npz", **values)
    np.savez(tmp_path / "torch_gpu.npz", **{**values, "B/value": np.array([1, 1.1])})
    gpu.compare(tmp_path, ["torch", "jax"])
    report = json.loads((tmp_path / "equality.json").read_text())
    assert list(report) == ["torch"]
    assert report["torch"]["beyond_tolerance"] == pytest.approx({"B/value": 0.1})
    assert "B/value: 1.00e-01" in capsys.readouterr().out


def test_the_archive_lies_beside_itself(tmp_path):
    wheel, pack = tmp_path / "some-1.0.whl", tmp_path / "pack.zip"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("some/__init__.py", "")
    with zipfile.ZipFile(pack, "w") as archive:
        archive.write(wheel, wheel.name)
        archive.writestr("shared/data/read_sheets.py", "")
    for _ in range(2):
        site = gpu.unpacked(pack)
    assert (site / "site" / "some" / "__init__.py").exists()
    assert str(site / "shared") == gpu.environment(site)["KERAS_REFCAL_SHARED"]


@pytest.mark.slow
def test_the_contest_trains_side_by_side(tmp_path):
    backend = "torch" if BACKEND == "tensorflow" else BACKEND
    words = [f"--output_dir={tmp_path}", "--tiny", f"--backend={backend}"]
    gpu_contest.main([*words, "--recipes=cross_entropy,refcal", "--processes=2"])
    found = json.loads((tmp_path / "contest.json").read_text())
    assert sorted(found) == ["cross_entropy-0", "refcal-0"]


def test_trainings_are_asked_to_end_when_time_is_up(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(gpu_contest, "TINY", ("-c", "import time; time.sleep(60)"))
    gpu_contest.main([f"--output_dir={tmp_path}", "--tiny", "--seconds=1"])
    assert capsys.readouterr().out.count("not done, exit -15") == 4
