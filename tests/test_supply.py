"""What the package draws on: dependencies, the network, code that runs from data."""

import ast
import pathlib
import re
import sys
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FILES = sorted((ROOT / "keras_refcal").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What a distribution is imported as, where the names differ.
MODULES = {"absl-py": "absl", "pillow": "PIL", "scikit-learn": "sklearn"}
# Asked for and not imported: what tensorflow-datasets needs and does not say, and
# backbones that a user builds by hand.
FOR_OTHERS = {"importlib-resources", "keras-cv"}
# Imported and not asked for: what tensorflow-datasets and Jinja2 always bring.
BROUGHT = {"pyarrow", "markupsafe"}
USED_EXTRAS = ("jax", "torch", "cv", "report")


def modules(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_dependencies_are_exactly_what_is_imported():
    extras = PROJECT["optional-dependencies"]
    wanted = PROJECT["dependencies"] + [x for name in USED_EXTRAS for x in extras[name]]
    names = {re.split(r"[><=\[]", wish)[0] for wish in wanted} - FOR_OTHERS
    declared = {MODULES.get(name, name).replace("-", "_") for name in names}
    imported = {m.split(".")[0] for path in FILES for m in modules(path)}
    ours = {*sys.stdlib_module_names, "keras_refcal"} | BROUGHT
    assert imported - ours == declared


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_no_code_runs_from_data_and_nothing_is_fetched(path):
    network = {"socket", "urllib.request", "http.client", "requests", "ftplib"}
    unsafe = {"pickle", "marshal", "shelve", "dill", "joblib"}
    # The authors' CIFAR files are pickles; they go through a list of what is allowed.
    allowed = {"pickle"} if path.name == "cifar_files.py" else set()
    assert not {*modules(path)} & (network | unsafe) - allowed
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "compile")
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert ast.unparse(node.value) == "False"
