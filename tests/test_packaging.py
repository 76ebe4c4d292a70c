"""What a stranger gets: the wheel, and the commands of the README."""

import os
import pathlib
import subprocess
import sys
import zipfile

ROOT = pathlib.Path(__file__).parents[1]


def test_wheel_builds_and_imports_from_outside(tmp_path):
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        names = archive.namelist()
    packaged = {name for name in names if name.startswith("keras_refcal/")}
    here = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "keras_refcal").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packaged == here
    code = "import keras_refcal; print(keras_refcal.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip().startswith(str(tmp_path / "site")), done.stderr


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text().splitlines()
    (command,) = (line for line in script if line and not line.startswith(("#", "set")))
    assert command in (ROOT / "README.md").read_text().splitlines()
