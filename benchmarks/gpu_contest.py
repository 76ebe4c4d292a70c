"""Trainings on one GPU, several side by side, as far as time allows.

    python -m benchmarks.gpu_contest --output_dir=runs/gpu --seconds=400 --processes=6

Each is a process of `benchmarks.cifar100_lt` at 32 x 32 pixels, views made in the step,
in bfloat16. When time is up those that are not done are asked to end; the same command
again goes on with them from their last checkpoints. What is done is gathered in
`<output_dir>/contest.json`. `--tiny` trains on the digits, for a second each.
"""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import time

from keras_refcal.files import read_json, write_json

RECIPES = ("refcal_plus", "balanced_softmax", "cross_entropy", "crl")
# `small` trains end to end for twice the epochs and those of the classifier: 200.
LENGTH = ("--epochs=90", "--classifier_epochs=20", "--batch_size=256")
COMMON = (
    *("-m", "benchmarks.cifar100_lt", "--encoder=resnet32", "--image_size=32"),
    *("--dtype_policy=mixed_bfloat16", "--pipeline=device", "--validation=0.1"),
)
TINY = (
    *("-m", "keras_refcal", "sweep", "--dataset=digits", "--max_count=20"),
    *("--epochs=1", "--classifier_epochs=1", "--encoder=fast_cnn"),
)
POLL = 0.2
LAST_SECONDS = 20  # for those that are asked to end


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output_dir", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=float, default=400)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--backend", default="jax")
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--tiny", action="store_true")
    flags = parser.parse_args(argv)
    until = time.time() + flags.seconds
    waiting = jobs(flags)
    running = {}
    while (waiting or running) and time.time() < until:
        while waiting and len(running) < flags.processes:
            folder, words = waiting.pop(0)
            running[folder] = start(folder, words, flags.backend)
        time.sleep(POLL)
        for folder in [
            f for f, process in running.items() if process.poll() is not None
        ]:
            print(f"{folder.name}: exit {running.pop(folder).returncode}", flush=True)
    stop(running)
    gather(flags.output_dir)


def jobs(flags):
    """Returns a folder and the words of a command for each training."""
    base = TINY if flags.tiny else (*COMMON, *LENGTH)
    found = []
    for seed in flags.seeds.split(","):
        for recipe in flags.recipes.split(","):
            folder = (flags.output_dir / f"{recipe}-{seed}").resolve()
            words = [*base, f"--recipes={recipe}", f"--seeds={seed}"]
            words.append(f"--output_dir={folder}")
            if flags.backend == "jax":
                cache = (flags.output_dir / "programs").resolve()
                words.append(f"--compilation_cache={cache}")
            found.append((folder, words))
    return found


def start(folder, words, backend):
    """Starts a training, its lines in a file beside its folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, "KERAS_BACKEND": backend},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def stop(running):
    """Asks processes to end, and ends them."""
    for process in running.values():
        process.send_signal(signal.SIGTERM)
    for folder, process in running.items():
        try:
            process.wait(LAST_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
        print(f"{folder.name}: not done, exit {process.wait()}", flush=True)


def gather(output_dir):
    """Writes the figures of all trainings that are done into one file."""
    found = {}
    for folder in sorted(path for path in output_dir.iterdir() if path.is_dir()):
        for name in ("results.json", "metrics.json"):
            if (folder / name).exists():
                found[folder.name] = read_json(folder / name)
                break
    write_json(output_dir / "contest.json", found)
    print(f"{len(found)} trainings in {output_dir / 'contest.json'}")


if __name__ == "__main__":
    main()
