"""What the benchmarks share: time in turns, peak memory, versions, results.

A benchmark is a module with `main(argv)` that ends in `write_result(name, result)`. Its
result has the key `"claims"`, a list of what `claim(…)` returns, which
`python -m benchmarks` prints as one table.
"""

import ctypes
import gc
import importlib
import importlib.metadata
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

RESULTS = pathlib.Path(__file__).with_name("results")
ROOT = RESULTS.parents[1]
PACKAGES = (
    "keras",
    "tensorflow",
    "tensorflow-cpu",
    "jax",
    "torch",
    "numpy",
    "scikit-learn",
    "torchmetrics",
    "netcal",
    "probmetrics",
    "scipy",
    "pytorch-metric-learning",
)


def median_ms(functions, repeats=7, warmup=2, clock=None, pause=0.0):
    """Returns the median milliseconds of functions that are called in turns.

    A B C A B C …: what else the machine does then falls on all alike. A function must
    return only when its work is done.

    Args:
        functions: Mapping of names to functions without arguments.
        repeats: How many turns count.
        warmup: How many turns before do not.
        clock: Seconds; `time.process_time` does not count what other jobs take, and is
            fair on one core, where no thread waits for another.
        pause: Seconds before each call, in which threads go to sleep that spin for a
            while after a peer's. What takes microseconds would find a cold cache.
    """
    if clock is None:
        one_core = len(os.sched_getaffinity(0)) == 1
        clock = time.process_time if one_core else time.perf_counter
    times = {name: [] for name in functions}
    for turn in range(warmup + repeats):
        for name, function in functions.items():
            time.sleep(pause)
            start = clock()
            function()
            if turn >= warmup:
                times[name].append(1e3 * (clock() - start))
    return {name: statistics.median(each) for name, each in times.items()}


def peak_extra_mb(target, arguments=None, backend=None, smallest=None):
    """Returns how many MB a function needs beyond what it starts with.

    A fresh process imports the module, prepares the function, calls it once, and
    calls it again while the kernel watches the peak of the resident memory. Linux
    only.

    Args:
        target: `"module:prepare"`; `prepare(**arguments)` returns the function.
        arguments: Mapping, as JSON can hold it.
        backend: `KERAS_BACKEND` of the process, or `None` for that of this one.
        smallest: Arguments of a case too small to count, for a backend that keeps
            what it once had (TensorFlow), whose second call says nothing. The result
            is then by how much the first call of the one exceeds that of the other.
    """
    if smallest is not None:
        return _run(target, arguments, backend, "first") - _run(
            target, smallest, backend, "first"
        )
    return _run(target, arguments, backend, "second")


def _run(target, arguments, backend, call):
    environment = {
        **os.environ,
        # Large tables come from the system and go back to it, so that the second call
        # does not hide in what the first one freed.
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "MALLOC_TRIM_THRESHOLD_": "65536",
    }
    if backend:
        environment["KERAS_BACKEND"] = backend
    words = ["benchmarks.harness", target, json.dumps(arguments or {}), call]
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(done.stdout.split()[-1])


def _measure_peak(target, arguments, call):
    module, prepare = target.split(":")
    function = getattr(importlib.import_module(module), prepare)(**arguments)
    function()
    if call == "first":
        return _memory_mb("VmHWM")
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = _memory_mb("VmRSS")
    function()
    return _memory_mb("VmHWM") - before


def _memory_mb(entry):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(x.split()[1]) for x in lines if x.startswith(entry)) / 1024


def versions():
    """Returns what a result was measured with: commit, machine, load and packages."""
    found = {
        name: importlib.metadata.version(name)
        for name in PACKAGES
        if is_installed(name)
    }
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": measured_commit(),
        "cores": os.cpu_count(),
        "cores_used": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "load_average": round(os.getloadavg()[0], 1),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "python": platform.python_version(),
        "packages": found,
    }


def measured_commit():
    """Returns the commit, with `-dirty` where code differs, or `None` if unknown."""
    if not (shutil.which("git") and (ROOT / ".git").exists()):
        return None
    commit = _git("rev-parse", "--short=7", "HEAD")
    changed = _git("status", "--porcelain", "--", "keras_refcal", "benchmarks/*.py")
    return f"{commit}-dirty" if commit and changed else commit


def _git(*words):
    """Returns what git prints, or `None` where it finds no repository it may read."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return None if done.returncode else done.stdout.strip()


def is_installed(package):
    """Returns whether a distribution is installed."""
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _processor():
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def claim(text, ours, peer, target, unit):
    """Returns one line of the table of claims: how many times better than the peer.

    Args:
        text: What is compared, with whom.
        ours: Our figure, less is better.
        peer: The peer's.
        target: The ratio `peer / ours` that was aimed at.
        unit: Of both figures.
    """
    return {
        "claim": text,
        "ours": round(ours, 3),
        "peer": round(peer, 3),
        "ratio": round(peer / ours, 2),
        "target": target,
        "unit": unit,
    }


def write_result(name, result):
    """Writes `benchmarks/results/<name>.json` with `versions()`; returns its path."""
    # Not at the top: a process that measures memory chooses what it imports.
    from keras_refcal.files import write_json

    path = RESULTS / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    write_json(path, {"measured_with": versions(), **result})
    return path


def read_result(name):
    """Returns what `write_result` wrote under this name, or `None`."""
    from keras_refcal.files import read_json

    path = RESULTS / f"{name}.json"
    return read_json(path) if path.exists() else None


if __name__ == "__main__":
    print(_measure_peak(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]))
