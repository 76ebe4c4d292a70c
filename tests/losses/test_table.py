"""The page of losses is what the classes say."""

import pathlib

import pytest
from exported_losses import EXPORTED

from keras_refcal.losses import table

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "losses.md"


def test_page_is_up_to_date():
    made = table.markdown()
    assert PAGE.read_text(encoding="utf-8") == made, (
        "run `python -m keras_refcal.losses.table docs/losses.md`"
    )


@pytest.mark.parametrize("name", EXPORTED)
def test_every_loss_has_a_row_with_its_paper(name):
    (row,) = [r for r in table.markdown().splitlines() if f"| `{name}`" in r]
    assert len(row.replace("\\|", "").split("|")) == 8
    assert "](http" in row
