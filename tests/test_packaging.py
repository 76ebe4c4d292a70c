"""What a stranger gets: the wheel, and the commands of the README."""

import os
import pathlib
import subprocess
import sys
import tomllib
import zipfile

import oldest
import pytest

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


def test_the_oldest_versions_are_those_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for wish in project["dependencies"]:
        name, version = wish.split(";")[0].split(">=")
        assert f"{name}=={version}" in oldest.lowest(project)


def test_ci_runs_the_test_command_of_the_readme():
    *_, command = (ROOT / ".ci" / "run").read_text().splitlines()
    assert command in (ROOT / "README.md").read_text().splitlines()


@pytest.mark.parametrize("apt_status", [0, 1])
@pytest.mark.parametrize("here", [True, False])
def test_ci_brings_a_browser_where_it_can(tmp_path, here, apt_status):
    scripts = {
        "apt-get": f"echo apt-get $*; exit {apt_status}",
        "id": "echo 0",
        "timeout": 'shift; "$@" >&3',
        "python3": "echo tests >&3; exit 7",
    }
    if here:
        scripts |= {"chromium": "", "chromedriver": ""}
    for name, script in scripts.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{script}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        ["/bin/bash", "-c", '. "$0" 3>&1', ROOT / ".ci" / "run"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    *asked, last = done.stdout.splitlines()
    assert done.returncode == 7 and last == "tests"
    assert any("chromium-driver" in line for line in asked) == (
        not here and not apt_status
    )
    assert ("could not" in done.stderr) == (not here and bool(apt_status))
