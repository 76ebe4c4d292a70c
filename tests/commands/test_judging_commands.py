import json
import os
import pathlib

import numpy as np
import pytest
from run_directories import COUNTS, write_json, write_predictions, write_run
from shared_data import shared_data

from keras_refcal import cli
from keras_refcal.evaluation import evaluate
from keras_refcal.report import read_predictions


def _run(capsys, *arguments):
    status = cli.main(["keras-refcal", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_evaluate_prints_and_writes(capsys, tmp_path):
    path = tmp_path / "p.npz"
    write_predictions(path)
    for name in ("scores.json", "page.html"):
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
    figures = json.loads((tmp_path / "scores.json").read_text())["scores"]
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
    ("evaluate", "--predictions=p.npz", "--output=x.pdf"): (
        1,
        "must end in .html or .json",
    ),
    ("evaluate", "--predictions=p.npz", "--output=none/x.json"): (1, "No directory"),
    ("evaluate", "--predictions=p.npz", "--output="): (1, "Received: ''"),
    ("evaluate", "--predictions=p.npz", "--num_bins=9999999999"): (1, "to 10000"),
    ("evaluate", "--predictions=p.npz", "--seed=-1"): (1, "`seed` must be from 0"),
    ("evaluate", "--predictions=p.npz", f"--class_counts={10**30},1,1"): (1, "object"),
    ("evaluate", "--predictions=p.npz", "--class_counts=a,b"): (1, "whole numbers"),
    ("evaluate", "--predictions=p.npz", "--convention=ours"): (2, "ours"),
    ("evaluate", "--predictions=p.npz", "--num_bins=0"): (1, "num_bins"),
    ("evaluate", "--predictions=p.npz", "more"): (1, "takes flags only"),
    ("evaluate", "--predictions=p.npz", "--probabilities=scores"): (1, "If these are"),
    ("report",): (1, "RUN_DIR"),
    ("report", "none"): (1, "No run directory: none"),
    ("report", "p.npz", "--output=p.npz"): (1, "must end in .html or .json"),
    ("report", "p.npz", "--output=."): (1, "must end in .html or .json"),
    ("compare", "p.npz", "p.npz", "--output=x.txt"): (1, "must end in"),
    ("compare", "p.npz", "./p.npz"): (1, "two classifiers or more"),
    ("compare", "p.npz", "--output=x.json"): (1, "two classifiers or more"),
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


def test_figures_of_runs_as_json(capsys, tmp_path):
    run = write_run(tmp_path / "run")
    for command in ("report", "compare"):
        output = tmp_path / f"{command}.JSON"
        status, out, _ = _run(
            capsys, command, run, f"--output={output}", "--bootstrap=10"
        )
        assert status == 0 and str(output) in out
        found = json.loads(output.read_text())
        assert set(found["classifiers"]) == {"refcal", "cross_entropy"}
        figures = found["classifiers"]["cross_entropy"]["scores"]
        gap = found["differences"]["cross_entropy"]["accuracy"]
        first = found["classifiers"]["refcal"]["scores"]
        difference = figures["accuracy"] - first["accuracy"]
        assert gap["difference"] == pytest.approx(difference)
        assert gap["low"] <= gap["difference"] <= gap["high"]


def test_runs_are_told_apart_by_their_paths(capsys, tmp_path):
    names = ["x1/a", "x2/a", "x3/a (1)", "x3/a (2)"]
    for seed, name in enumerate(names):
        write_predictions(tmp_path / name / "predictions.npz", seed=seed)
    paths = [tmp_path / name for name in names]
    for command in ("compare", "report"):
        output = tmp_path / "o.json"
        again = [tmp_path / "x1" / ".." / "x1" / "a"]
        arguments = (*paths, *again, f"--output={output}", "--bootstrap=0")
        assert _run(capsys, command, *arguments)[0] == 0
        found = json.loads(output.read_text())["classifiers"]
        assert list(found) == ["x1/a", "x2/a", "a (1)", "a (2)"]
        for path, judged in zip(paths, found.values(), strict=True):
            alone = evaluate(read_predictions(path / "predictions.npz").predictions)
            assert judged["scores"]["ece"] == alone["ece"]
        page = tmp_path / "o.html"
        arguments = (*paths, f"--output={page}", "--bootstrap=0")
        assert _run(capsys, command, *arguments)[0] == 0
        for name in found:
            assert name in page.read_text()


def test_no_input_is_written_over(capsys, tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", images=False)
    (tmp_path / "link").symlink_to(run)
    (tmp_path / "page.html").symlink_to(run / "predictions.npz")
    monkeypatch.chdir(run)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for command, output in (
        (("report", run), run / "config.json"),
        (("report", "."), "metrics.json"),
        (("report", tmp_path / "link"), "refcal/../refcal/seed-1/history.json"),
        (("compare", run), tmp_path / "link" / "metrics.json"),
        (("compare", run), tmp_path / "page.html"),
        (("report", "predictions.npz"), tmp_path / "page.html"),
        (("evaluate", "--predictions=predictions.npz"), tmp_path / "page.html"),
    ):
        status, _, error = _run(capsys, *command, f"--output={output}", "--bootstrap=0")
        assert status == 1 and "is an input: write to another file" in error
    assert before == {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}


def test_a_page_takes_the_place_of_a_page_alone(capsys, tmp_path):
    path = tmp_path / "thesis.npz"
    write_predictions(path)
    (tmp_path / "thesis.html").write_text("mine")
    status, _, error = _run(capsys, "report", path, "--bootstrap=0")
    assert status == 1 and "thesis.html is no report: say what" in error
    assert (tmp_path / "thesis.html").read_text() == "mine"
    (tmp_path / "thesis.html").unlink()
    for _ in range(2):
        assert _run(capsys, "report", path, "--bootstrap=0")[0] == 0


def test_names_of_any_bytes(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9 \x1b[31m.npz")
    names = ["\x1b]0;owned\x07", "\u202eright to left", "b", "c"]
    write_predictions(pathlib.Path(name), class_names=names)
    common = (f"--predictions={name}", "--bootstrap=0")
    for output in ("o.html", "o.json"):
        status, out, _ = _run(capsys, "evaluate", *common, f"--output={output}")
        assert status == 0 and "caf\\xe9 \\x1b[31m.npz: 300 samples" in out
        assert "\x1b" not in out
    assert _run(capsys, "report", name, "--output=o.html", "--bootstrap=0")[0] == 0
    for arguments in ((*common, "--probabilities=\x1b"), (f"--predictions={name}x",)):
        status, _, error = _run(capsys, "evaluate", *arguments)
        assert status == 1 and "\x1b" not in error and error.count("\n") == 1


BROKEN_JSON = {
    "config.json": ["[" * 100_000, '{"a":' * 60 + "1" + "}" * 60, "1", "\xff"],
    "metrics.json": [
        '{"seeds": 3}',
        '{"methods": [1]}',
        '{"methods": {"a": {"ece": 1' + "0" * 400 + "}}}",
        '{"methods": {"a": {"ece": {"spread": 1}}}}',
    ],
    "history.json": ['{"a": [{"loss": [1]}]}', '{"loss": [1' + "0" * 400 + "]}", "7"],
}


@pytest.mark.parametrize("name", BROKEN_JSON)
def test_json_of_the_wrong_shape(name, capsys, tmp_path):
    write_predictions(tmp_path / "run" / "predictions.npz", samples=40)
    path = tmp_path / "run" / name
    for text in BROKEN_JSON[name]:
        path.write_text(text, encoding="latin1")
        status, _, error = _run(capsys, "report", tmp_path / "run", "--bootstrap=0")
        assert status == 1 and f"{path}: " in error and error.count("\n") == 1, text
        assert len(error) < 400
    strange = {"method": ["m"], "seeds": [], "methods": {}, "nested": [{"a": None}]}
    write_json(path, {"loss": [None]} if name == "history.json" else strange)
    assert _run(capsys, "report", tmp_path / "run", "--bootstrap=0")[0] == 0
