from run_directories import CONFIG

from keras_refcal.report import recipe


def test_stages_stand_beside_each_other():
    tables = {table.caption: table for table in recipe.tables(CONFIG)}
    assert list(tables) == ["Run", "Stages", "Versions"]
    titles = [column.title for column in tables["Stages"].columns]
    assert titles == [
        "Setting",
        "refcal 1: refinement",
        "refcal 2: classifier",
        "cross_entropy 1: cross_entropy",
    ]
    rows = {row[0]: row[1:] for row in tables["Stages"].rows}
    assert rows["epochs"] == ["3", "2", "8"]
    assert rows["loss"][1] == "RefCalLoss"
    assert rows["loss.refinement"][1] == "none"


def test_paths_of_a_machine_are_left_out():
    run = recipe.tables(CONFIG)[0]
    settings = [row[0] for row in run.rows]
    assert "split_sha256" in settings and "output_dir" not in settings


def test_only_settings_that_differ_are_told():
    other = CONFIG | {"imbalance_factor": 0.01, "output_dir": "elsewhere"}
    names, rows = recipe.differences({"a": CONFIG, "b": other})
    assert names == ["a", "b"]
    assert rows == [["imbalance_factor", "0.1", "0.01"]]
