"""The documentation builds without a warning and its code runs."""

import os
import pathlib
import re
import subprocess
import sys

import pytest
from exporting import onnx_or_skip

ROOT = pathlib.Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
FENCE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def code_of(page):
    return FENCE.findall(page.read_text())


@pytest.mark.parametrize(
    "page", [page for page in PAGES if code_of(page)], ids=lambda page: page.stem
)
def test_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for number, block in enumerate(code_of(page)):
        if 'format="onnx"' in block:
            onnx_or_skip()
        exec(compile(block, f"{page.name}, block {number + 1}", "exec"), names)


def test_site_builds_without_warnings(tmp_path):
    pytest.importorskip("mkdocs", reason="needs the extra `docs`")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "api" / "losses" / "index.html").read_text()
    assert "RefCalLoss" in page
