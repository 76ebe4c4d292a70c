import json

import numpy as np
import pytest
from run_directories import COUNTS, write_predictions, write_run
from shared_data import shared_data

from keras_refcal import cli


def _run(capsys, *arguments):
    status = cli.main(["keras-refcal", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_evaluate_prints_and_writes(capsys, tmp_path):
    path = tmp_path / "p.npz"
    write_predictions(path)
    for name in ("figures.json", "page.html"):
        status, out, _ = _run(
            capsys,
            "evaluate",
            f"--predictions={path}",
            f"--output={tmp_path / name}",
            f"--class_counts={','.join(map(str, COUNTS))}",
            "--bootstrap=10",
        )
        assert status == 0
        assert "accuracy_few" in out and " to " in out and "300 samples" in out
    figures = json.loads((tmp_path / "figures.json").read_text())["figures"]
    assert f"{figures['ece']:.4f}" in out and figures["ece_low"] <= figures["ece_high"]
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")


def test_evaluate_shows_what_validation_predictions_choose(capsys, tmp_path):
    for name, seed in (("test", 0), ("val", 1)):
        write_predictions(tmp_path / f"{name}.npz", seed=seed)
    common = (
        f"--predictions={tmp_path / 'test.npz'}",
        f"--validation={tmp_path / 'val.npz'}",
        "--bootstrap=0",
    )
    page = tmp_path / "page.html"
    assert _run(capsys, "evaluate", *common, f"--output={page}")[0] == 0
    assert "Prediction sets" in page.read_text()
    status, _, error = _run(capsys, "evaluate", *common)
    assert status == 1 and "`--validation` is for a page" in error


def test_published_figures_come_out(capsys):
    for network, accuracy, ece in (
        ("densenet40", 72.11, 21.08),
        ("wide_resnet28", 85.38, 9.11),
    ):
        path = shared_data("logits", f"cifar10_lt_{network}.npz")
        status, out, _ = _run(
            capsys,
            "evaluate",
            f"--predictions={path}",
            "--y_true=test_labels",
            "--logits=test_logits",
            "--bootstrap=0",
        )
        figures = dict(line.split()[:2] for line in out.splitlines() if line.strip())
        assert status == 0
        assert f"{100 * float(figures['accuracy']):.2f}" == f"{accuracy:.2f}"
        assert f"{100 * float(figures['ece']):.2f}" == f"{ece:.2f}"


def test_report_and_compare_write_pages(capsys, tmp_path):
    run = write_run(tmp_path / "run")
    status, out, _ = _run(capsys, "report", run, "--bootstrap=10", "--mistakes=3")
    assert status == 0 and str(run / "report.html") in out
    assert (run / "report.html").read_text().count("<img") == 6
    output = tmp_path / "both.html"
    status, out, _ = _run(
        capsys, "compare", run, run / "predictions.npz", f"--output={output}",
        "--bootstrap=10", "--title=A & B",
    )  # fmt: skip
    assert status == 0 and str(output) in out
    assert "<h1>A &amp; B</h1>" in output.read_text()


FAILURES = {
    ("evaluate",): (2, "--predictions"),
    ("evaluate", "--predictions=none.npz"): (1, "No file of predictions: none.npz"),
    ("evaluate", "--predictions=p.npz", "--output=x.pdf"): (1, "must end in .json"),
    ("evaluate", "--predictions=p.npz", "--output=none/x.json"): (1, "No directory"),
    ("evaluate", "--predictions=p.npz", "--class_counts=a,b"): (1, "whole numbers"),
    ("evaluate", "--predictions=p.npz", "--convention=ours"): (2, "ours"),
    ("evaluate", "--predictions=p.npz", "--num_bins=0"): (1, "num_bins"),
    ("evaluate", "--predictions=p.npz", "more"): (1, "takes flags only"),
    ("evaluate", "--predictions=p.npz", "--probabilities=scores"): (1, "If these are"),
    ("report",): (1, "RUN_DIR"),
    ("report", "none"): (1, "No run directory: none"),
    ("compare",): (1, "RUN_A RUN_B"),
    ("compare", "p.npz"): (1, "two classifiers or more"),
}


@pytest.mark.parametrize("arguments", FAILURES)
def test_a_failure_is_told_in_a_line(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scores = np.arange(12.0).reshape(4, 3)
    np.savez("p.npz", y_true=[0, 1, 2, 0], probabilities=np.eye(3)[[0, 1, 2, 0]],
             scores=scores)  # fmt: skip
    status, _, error = _run(capsys, *arguments)
    expected, message = FAILURES[arguments]
    assert status == expected and message in error
    assert error.startswith("keras-refcal: ") and "Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["p.npz"]
