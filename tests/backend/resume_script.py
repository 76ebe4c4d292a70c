"""Trains in PyTorch processes, from the last checkpoint on; process 1 may kill itself.

    torchrun … resume_script.py DIRECTORY [EPOCH]

After EPOCH epochs process 1 is killed.
"""

import os
import signal
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch.distributed as dist

from keras_refcal import RefCalModel
from keras_refcal.losses import RefCalLoss
from keras_refcal.callbacks import StageCheckpoint

EPOCHS = 4
dist.init_process_group("gloo")
rank = dist.get_rank()
killed_after = int(sys.argv[2]) if len(sys.argv) > 2 else None


def kill(epoch, logs=None):
    dist.barrier()
    if rank == 1 and epoch + 1 == killed_after:
        os.kill(os.getpid(), signal.SIGKILL)


keras.utils.set_random_seed(0)
encoder = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "tanh")])
model = RefCalModel(encoder, num_classes=3, projection_dim=4)
model.compile(keras.optimizers.SGD(0.1, momentum=0.9), RefCalLoss())
generator = np.random.default_rng(rank)
inputs = generator.normal(size=(16, 6)).astype("float32")
labels = generator.integers(0, 3, 16)
checkpoint = StageCheckpoint(sys.argv[1])
done = checkpoint.resume(model)
callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=kill)]
if rank == 0:
    callbacks.insert(0, checkpoint)
model.fit(
    inputs,
    labels,
    initial_epoch=done,
    epochs=EPOCHS,
    shuffle=False,
    batch_size=8,
    callbacks=callbacks,
    verbose=0,
)
if rank == 0:
    total = [float(np.abs(w).sum()) for w in model.get_weights()]
    print(f"RESUMED {done} WEIGHTS {total}")
dist.destroy_process_group()
