import math

import pytest
from run_directories import CONFIG, HISTORY, write_json, write_predictions, write_run

from keras_refcal.report import read_run


def test_a_run_of_two_methods(tmp_path):
    run = read_run(write_run(tmp_path / "digits"))
    assert run.name == "digits"
    assert run.config == CONFIG
    assert [entry.label for entry in run.entries] == ["refcal", "cross_entropy"]
    first = run.entries[0]
    assert first.source == "refcal/seed-0/predictions.npz"
    assert first.seeds == 2
    assert first.over_seeds["accuracy"] == {"mean": 0.61, "spread": 0.02}
    assert math.isnan(first.over_seeds["accuracy_few"]["mean"])
    assert [name for name, _ in first.history] == ["refinement", "classifier"]
    assert first.history[0][1]["loss"] == [3.0, 2.0, 1.0]


def test_predictions_alone_are_enough(tmp_path):
    write_predictions(tmp_path / "bare" / "predictions.npz")
    run = read_run(tmp_path / "bare")
    assert [entry.label for entry in run.entries] == ["bare"]
    assert run.config == {} and run.entries[0].history == ()
    assert read_run(tmp_path / "bare" / "predictions.npz").name == "predictions"


def test_a_seed_below_ten_is_the_first(tmp_path):
    for seed in (10, 2):
        write_predictions(tmp_path / "m" / f"seed-{seed}" / "predictions.npz")
    assert read_run(tmp_path).entries[0].source == "m/seed-2/predictions.npz"


@pytest.mark.parametrize(
    "history", [{"loss": [2.0, 1.0]}, [{"loss": 2.0}, {"loss": 1.0}]]
)
def test_histories_without_stages(history, tmp_path):
    write_predictions(tmp_path / "predictions.npz")
    write_json(tmp_path / "history.json", history)
    assert read_run(tmp_path).entries[0].history == (("", {"loss": [2.0, 1.0]}),)


def test_what_is_missing_or_broken_is_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="No run directory: nowhere"):
        read_run("nowhere")
    with pytest.raises(FileNotFoundError, match=r"expected predictions\.npz"):
        read_run(tmp_path)
    write_predictions(tmp_path / "predictions.npz")
    for name, value, message in (
        ("config.json", [1], "expected an object"),
        ("metrics.json", {"methods": {"a": 3}}, "expected {.methods"),
        ("history.json", {"loss": "low"}, "expected the logs of each epoch"),
    ):
        write_json(tmp_path / name, value)
        with pytest.raises(ValueError, match=message):
            read_run(tmp_path)
        (tmp_path / name).write_text("{ broken")
        with pytest.raises(ValueError, match=f"{name}: not JSON"):
            read_run(tmp_path)
        (tmp_path / name).unlink()
    write_json(tmp_path / "history.json", HISTORY)
    assert len(read_run(tmp_path).entries[0].history) == 2
