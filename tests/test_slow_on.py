"""`slow_on.txt` names tests that there are."""

import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
LINES = [
    line.split()
    for line in (ROOT / "tests" / "slow_on.txt").read_text().splitlines()
    if not line.startswith("#")
]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_names_a_test(line):
    backend, step, start = line
    assert backend in ("tensorflow", "jax", "torch") and int(step) != 1
    file, _, name = start.partition("::")
    text = (ROOT / file).read_text()
    assert f"def {name.partition('[')[0].rpartition('.')[2]}" in text
