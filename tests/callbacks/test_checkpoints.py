import pathlib

import keras
import numpy as np
import pytest

from keras_refcal.callbacks import StageCheckpoint, checkpoints


def epochs_saved(directory, monkeypatch, share_of_time):
    """Returns the epochs saved of ten that take 2 s, where saving takes 1 s."""
    now, saved = [0.0], []
    save = StageCheckpoint._save

    def timed_save(self, epoch):
        save(self, epoch)
        saved.append(epoch)
        now[0] += 1.0

    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(StageCheckpoint, "_save", timed_save)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 2))
    checkpoint = StageCheckpoint(directory, share_of_time)
    epoch_of_2s = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: now.__setitem__(0, now[0] + 2.0)
    )
    model.fit(x, x[:, :1], epochs=10, verbose=0, callbacks=[epoch_of_2s, checkpoint])
    assert checkpoint.resume(model) == 10
    assert len(checkpoint.history) == 10
    return saved


def test_every_epoch_is_saved_by_default(tmp_path, monkeypatch):
    assert epochs_saved(tmp_path, monkeypatch, 1.0) == list(range(10))


def test_saving_takes_no_more_than_its_share(tmp_path, monkeypatch):
    # Of 8 s for training and saving, 7 s pass until the next: 4 epochs.
    assert epochs_saved(tmp_path, monkeypatch, 1 / 8) == [0, 4, 8, 9]


@pytest.mark.parametrize("share", [0, -1, 1.5])
def test_a_share_out_of_range_is_refused(tmp_path, share):
    with pytest.raises(ValueError, match="`share_of_time` must be"):
        StageCheckpoint(tmp_path, share)


@pytest.fixture
def saved(tmp_path):
    """A model, and the directory of a checkpoint of it after two epochs."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    x, checkpoint = np.ones((4, 2)), StageCheckpoint(tmp_path / "stage-1-a")
    model.fit(x, x[:, :1], epochs=2, verbose=0, callbacks=[checkpoint])
    return model, checkpoint.directory


def flip_a_byte(path):
    encoded = bytearray(path.read_bytes())
    encoded[len(encoded) // 2] ^= 1
    path.write_bytes(encoded)


@pytest.mark.parametrize("name", ["epoch-2.weights.h5", "checkpoint.json"])
@pytest.mark.parametrize("damage", [flip_a_byte, pathlib.Path.unlink])
def test_a_damaged_checkpoint_does_not_count(saved, name, damage):
    model, directory = saved
    damage(directory / name)
    checkpoint = StageCheckpoint(directory)
    assert checkpoint.resume(model) == 0
    is_gone = not (directory / "checkpoint.json").exists()
    assert checkpoint.is_broken() is not is_gone


def test_a_checkpoint_of_another_stage_does_not_count(saved):
    model, directory = saved
    other = directory.rename(directory.parent / "stage-2-b")
    assert StageCheckpoint(other).resume(model) == 0
    assert StageCheckpoint(other).is_broken()
    assert StageCheckpoint(other.rename(directory)).resume(model) == 2


def test_a_checkpoint_of_another_model_is_named(saved):
    _, directory = saved
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(OSError, match=r"epoch-2\.weights\.h5 cannot be read"):
        StageCheckpoint(directory).resume(model)


def test_what_a_kill_before_the_record_left_is_not_loaded(saved):
    model, directory = saved
    (directory / "epoch-3.weights.h5").write_bytes(b"half")
    assert StageCheckpoint(directory).resume(model) == 2


@pytest.mark.parametrize(
    "seconds, said", [(10, ["80 s", "60 s", "40 s", "20 s"]), (60, ["8 min"])]
)
def test_progress_tells_the_time_left(monkeypatch, capsys, seconds, said):
    now = [0.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: now[0])
    progress = checkpoints.ProgressLines("title", 12)
    for epoch in range(2, 12):  # a run that goes on after two epochs
        progress.on_epoch_begin(epoch)
        now[0] += seconds
        progress.on_epoch_end(epoch, {"loss": 0.5})
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "title  epoch 12/12  loss 0.5000"
    for text in said:
        assert any(line.endswith(f"loss 0.5000  {text} left") for line in lines)
