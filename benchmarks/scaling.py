"""Steps a second in 1, 2 and 4 PyTorch processes, with the bytes that they exchange.

    python -m benchmarks.scaling

Weak scaling: every process has the same number of rows. All processes share this
machine's cores, so that more of them than cores cannot be faster; what it shows is the
cost of the exchange. Writes `benchmarks/results/scaling.json`.
"""

import json
import os
import subprocess
import sys
import time

from benchmarks.harness import ROOT, write_result

os.environ["KERAS_BACKEND"] = "torch"

ROWS, STEPS, DIMENSIONS, CLASSES = 64, 20, 128, 100


def measure():
    """Prints the seconds of a step, in one of several processes."""
    import keras
    import numpy as np
    import torch
    import torch.distributed as dist

    from keras_refcal import RefCalModel, losses, models

    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    keras.utils.set_random_seed(0)
    encoder = models.encoders.small_cnn((16, 16, 3))
    model = RefCalModel(encoder, CLASSES, DIMENSIONS)
    model.compile("sgd", losses.RefCalLoss())
    generator = np.random.default_rng(dist.get_rank())
    images = generator.random((STEPS * ROWS, 16, 16, 3), "float32")
    labels = generator.integers(0, CLASSES, len(images))
    model.fit(images[: 3 * ROWS], labels[: 3 * ROWS], batch_size=ROWS, verbose=0)
    dist.barrier()
    started = time.perf_counter()
    model.fit(images, labels, batch_size=ROWS, verbose=0)
    dist.barrier()
    seconds = (time.perf_counter() - started) / STEPS
    if dist.get_rank() == 0:
        weights = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
        print("SECONDS", seconds, weights)
    dist.destroy_process_group()


def main():
    """Runs all numbers of processes and writes what came of it."""
    results = {}
    for processes in (1, 2, 4):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc_per_node={processes}", __file__, "--worker"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        line = next(x for x in done.stdout.splitlines() if x.startswith("SECONDS"))
        seconds, weights = float(line.split()[1]), int(line.split()[2])
        rows = processes * ROWS
        results[processes] = {
            "seconds_a_step": seconds,
            "rows_a_second": rows / seconds,
            "gradient_bytes": 4 * weights,
            "gathered_bytes": 4 * rows * (DIMENSIONS + CLASSES),
        }
    print(json.dumps(results, indent=2))
    print(write_result("scaling", {"processes": results}))


if __name__ == "__main__":
    measure() if "--worker" in sys.argv else main()
