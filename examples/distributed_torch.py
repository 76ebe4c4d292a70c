"""RefCal in several PyTorch processes; `fit` exchanges gradients and embeddings.

torchrun --nproc_per_node=2 examples/distributed_torch.py
"""

import os

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch
import torch.distributed as dist

from keras_refcal import RefCalModel, data, evaluation, losses, models

dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
rank, processes = dist.get_rank(), dist.get_world_size()
keras.utils.set_random_seed(0)

digits = data.load("digits").long_tailed(0.1)
# Every process trains on its own share; all shares are equally long.
share = slice(rank, len(digits.train_labels) // processes * processes, processes)
images, labels = data.scaled(digits.train_images[share]), digits.train_labels[share]

model = RefCalModel(models.encoders.small_cnn((8, 8, 1), width=8), num_classes=10)
model.compile(keras.optimizers.SGD(0.1, momentum=0.9), losses.RefCalLoss())
model.fit(images, labels, batch_size=54 // processes, epochs=40, verbose=0)

if rank == 0:
    probabilities = model.predict(data.scaled(digits.test_images), verbose=0)
    scores = evaluation.evaluate(digits.test_labels, probabilities)
    print(f"{processes} processes, accuracy {scores['accuracy']:.4f}")
dist.destroy_process_group()
