import importlib.util
import pathlib

import pytest

PATH = pathlib.Path(__file__).resolve().parents[2] / "docs" / "metrics_table.py"


def test_table_of_metrics_is_up_to_date():
    if not PATH.exists():
        pytest.skip("an installed package has no docs folder")
    spec = importlib.util.spec_from_file_location("metrics_table", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PATH.read_text() == module.table(), f"run python {PATH}"
