import keras
import numpy as np
import pytest

from keras_refcal.training import callbacks
from keras_refcal.training.callbacks import StageCheckpoint


def epochs_saved(directory, monkeypatch, share_of_time):
    """Returns the epochs saved of ten that take 2 s, where saving takes 1 s."""
    now, saved = [0.0], []
    save = StageCheckpoint._save

    def timed_save(self, epoch):
        save(self, epoch)
        saved.append(epoch)
        now[0] += 1.0

    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])
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
