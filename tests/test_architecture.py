"""The house: which part may import which, where frameworks may stand, file length."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "keras_refcal"
FILES = sorted(PACKAGE.rglob("*.py"))
GROUND = {
    "backend",
    "files",
    "npz",
    "predictions",
    "registration",
    "terminal",
    "types",
    "validation",
}
# What each part may import besides itself and the ground, which imports no part.
MAY_IMPORT = {
    "ops": set(),
    "losses": {"ops", "layers"},  # a loss may own a layer, such as its prototypes
    "fitting": {"ops"},
    "layers": {"ops", "fitting"},
    "decisions": {"ops", "fitting", "layers"},
    "evaluation": {"ops", "fitting"},
    "metrics": {"ops", "evaluation"},
    "data": {"ops"},
    "models": {"ops", "losses", "layers", "data"},
    "callbacks": {"ops", "losses", "layers", "models", "evaluation"},
    "report": {"ops", "fitting", "evaluation"},
    "serving": {"data", "models"},
    "training": {
        "serving",
        "ops",
        "fitting",
        "losses",
        "metrics",
        "layers",
        "models",
        "callbacks",
        "data",
        "evaluation",
        "report",
    },
    "commands": {
        "serving",
        "training",
        "data",
        "evaluation",
        "report",
        "layers",
        "models",
        "ops",
    },
    "cli": {"commands"},
    "__main__": {"cli"},
    "extend": {"layers", "losses", "metrics", "training"},
}
FRAMEWORKS = {"tensorflow", "jax", "torch"}


def part_of(path):
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imported_modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            if node.module == "keras_refcal":
                yield from (f"keras_refcal.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_file_keeps_to_the_house(path):
    part = part_of(path)
    modules = list(imported_modules(path))
    parts = {m.split(".")[1] for m in modules if m.startswith("keras_refcal.")}
    if part not in ("__init__", *GROUND):
        assert part in MAY_IMPORT, f"{part} has no place in the house"
        assert parts <= MAY_IMPORT[part] | GROUND | {part}
    elif part in GROUND:
        assert parts <= GROUND
    if part != "backend":
        frameworks = {m.split(".")[0] for m in modules} & FRAMEWORKS
        allowed = FRAMEWORKS if part == "data" else set()
        assert frameworks <= allowed, "frameworks belong into backend/"
        assert "backend.backend()" not in path.read_text(), "only backend/ may ask"
    if path.name != "keras_internals.py":
        assert "keras.src" not in path.read_text(), "that belongs to keras_internals"
    assert len(path.read_text().splitlines()) <= 400


def test_every_part_of_the_house_exists():
    parts = {part_of(path) for path in FILES} - {"__init__"}
    assert parts >= {"ops", "losses", "metrics", "layers", "models", "backend"}
    assert parts >= {"training", "data", "evaluation", "cli"}


def test_import_warns_of_nothing_and_loads_no_library_that_keras_does_not():
    code = (
        "import sys, keras\n"
        "before = {*sys.modules}\n"
        "import keras_refcal\n"
        "print(*({*sys.modules} - before))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    added = {name.split(".")[0] for name in done.stdout.split()}
    heavy = {*FRAMEWORKS, "matplotlib", "sklearn", "scipy", "jinja2", "pandas"}
    assert not added & {*heavy, "tensorflow_datasets", "keras_cv"}
