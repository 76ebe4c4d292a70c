"""The page of losses is what the classes say."""

import importlib.util
import pathlib

import pytest
from exported_losses import EXPORTED

PATH = pathlib.Path(__file__).parents[2] / "docs" / "losses_table.py"


def table():
    spec = importlib.util.spec_from_file_location("losses_table", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_page_is_up_to_date():
    made = table()
    assert made.PATH.read_text(encoding="utf-8") == made.markdown(), (
        f"run python {PATH}"
    )


@pytest.mark.parametrize("name", EXPORTED)
def test_every_loss_has_a_row_with_its_paper(name):
    (row,) = [r for r in table().markdown().splitlines() if f"| `{name}`" in r]
    assert len(row.replace("\\|", "").split("|")) == 8
    assert "](http" in row
