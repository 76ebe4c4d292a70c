"""Counts the tensors that Gloo still holds after an exchange between processes.

    torch.distributed.run … exchange_script.py

Held tensors abort a process that ends just then.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import keras
import torch
import torch.distributed as dist

from keras_refcal.backend import global_batch, sum_over_processes

TIMES = 50
exchanged = []


def remembering(collective):
    """Returns the collective, which then notes how often its tensors are held."""

    def call(*tensors):
        flat = keras.tree.flatten(tensors)
        exchanged.extend((x, x._use_count()) for x in flat)
        collective(*tensors)

    return call


dist.all_gather = remembering(dist.all_gather)
dist.all_reduce = remembering(dist.all_reduce)
dist.init_process_group("gloo")
variable = keras.Variable([1.0, 2.0])
held = 0
for _ in range(TIMES):
    rows = global_batch(torch.ones(3, 2, requires_grad=True))
    held += sum(x._use_count() > count for x, count in exchanged)
    rows.sum().backward()
    sum_over_processes([variable])
    held += sum(x._use_count() > count for x, count in exchanged)
    exchanged.clear()
sys.stdout.write(f"HELD {held}\n")
sys.stdout.flush()
dist.destroy_process_group()
