"""The benchmarks are found, and their results have what the table needs."""

import json
import re

import pytest

from benchmarks import charts
from benchmarks.__main__ import claims, main, scripts, table
from benchmarks.harness import RESULTS, measured_commit

FIELDS = {"claim", "ours", "peer", "ratio", "target", "unit"}
RESULTS_WITHOUT_CLAIMS = (
    "conformal_tail",
    "cifar100_lt",
    "pipeline",
    "posthoc_long_tail",
    "repair",
    "scaling",
)


def test_scripts_are_found_with_their_backends(capsys):
    found = scripts()
    assert found["ranking"] == ("torch",)
    assert found["metric_update"] == ("tensorflow", "jax", "torch")
    assert "harness" not in found
    assert main(["--list"]) == 0
    assert capsys.readouterr().out.split() == sorted(found)


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda p: p.stem)
def test_results_have_claims(path):
    if path.stem.startswith(RESULTS_WITHOUT_CLAIMS):
        pytest.skip("a result that claims nothing against a peer")
    result = json.loads(path.read_text())
    assert result["claims"], path
    assert {"date", "cores", "packages"} <= set(result["measured_with"])
    for row in result["claims"]:
        assert FIELDS <= set(row)
        # Both figures are rounded to three digits after the point.
        assert row["ratio"] == pytest.approx(
            row["peer"] / row["ours"], rel=0.02, abs=0.006
        )


def test_results_hold_no_path_of_a_machine():
    folder = RESULTS.parent
    paths = [*folder.rglob("*.json"), *folder.rglob("*.jsonl"), *folder.rglob("*.md")]
    assert len(paths) > 20
    for path in paths:
        found = re.search(r"[\"=]/\w+/[^\"\s]*", path.read_text())
        assert found is None, (path.name, found)


def test_the_table_says_what_was_missed():
    row = {"claim": "a", "ours": 2, "peer": 3, "ratio": 1.5, "target": 2, "unit": "ms"}
    lines = list(table([row, {**row, "target": 1}]))
    assert lines[1].endswith("missed") and lines[2].endswith("met")
    assert len(list(claims())) >= 1


@pytest.mark.skipif(measured_commit() is None, reason="no repository to read")
def test_results_name_the_commit():
    assert re.fullmatch(r"[0-9a-f]{7,}(-dirty)?", measured_commit())


def test_the_page_shows_the_results():
    page = charts.PAGE.read_text()
    assert page.count("<!-- claims:") == 4
    assert charts.filled(page) == page, "run `python -m benchmarks.charts`"
    assert charts.filled(page.replace("| met |", "| ? |")) == page
