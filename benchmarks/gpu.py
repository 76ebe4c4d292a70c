"""What a GPU does with this package, in one command, without TensorFlow or a network.

    python -m benchmarks.gpu_pack --output=build/gpu_pack.zip
    python3 -m benchmarks.gpu --pack=build/gpu_pack.zip --output_dir=runs/gpu

The first line is for the machine at hand: it gathers Keras' wheels and the images in
one archive. The second one is for the machine with the GPU, which needs JAX and PyTorch
for it, and NumPy. PyTorch and JAX work side by side, each in a process of its own, and
take turns where time is taken:

- `equality`: values and gradients of every loss, and every metric, against those of the
  processor, in processes without the GPU;
- `contrast`: the contrastive loss and its gradient, N = 512 to 65,536 rows of 128, in
  float32 and bfloat16, in blocks of several sizes, against the dense form in Keras
  operations and, on PyTorch, the published code's formula: time, memory, error;
- `metrics`: an update of each metric;
- `views`: views a second, by name of the augmentation;
- `contest`: trainings of the package, see `gpu_contest`, as far as time allows.

Each process writes what it has measured after every figure, `<output_dir>/<name>.json`;
the same command again goes on from there. `--tiny` is a rehearsal on a processor.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
CHECKS = ("equality", "contrast", "metrics", "views")
PARTS = (*CHECKS, "contest")
BACKENDS = ("torch", "jax")
# A difference is a share of the largest value. By default JAX computes products of
# float32 in fewer bits on a GPU; the check asks it for all of them.
TOLERANCE = 1e-4


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output_dir", required=True, type=pathlib.Path)
    parser.add_argument("--pack", type=pathlib.Path, help="what gpu_pack wrote")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--backends", default=",".join(BACKENDS))
    parser.add_argument("--seconds", type=float, default=150, help="for the checks")
    parser.add_argument("--contest_seconds", type=float, default=400)
    parser.add_argument("--processes", type=int, default=4, help="trainings at once")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal")
    flags = parser.parse_args(argv)
    parts = flags.parts.split(",")
    if unknown := {*parts} - {*PARTS}:
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; known: {PARTS}")
    flags.output_dir.mkdir(parents=True, exist_ok=True)
    site = unpacked(flags.pack) if flags.pack else None
    checks = [part for part in parts if part in CHECKS]
    if checks:
        run_checks(flags, checks, site)
        if "equality" in checks:
            compare(flags.output_dir, flags.backends.split(","))
    if "contest" in parts:
        start = [sys.executable, "-m", "benchmarks.gpu_contest"]
        words = [
            f"--output_dir={flags.output_dir}",
            f"--seconds={flags.contest_seconds}",
        ]
        words += [f"--processes={flags.processes}"] + ["--tiny"] * flags.tiny
        subprocess.run([*start, *words], cwd=ROOT, env=environment(site), check=False)


def unpacked(pack):
    """Returns the folder beside an archive with its packages and images."""
    site = pack.with_suffix("")
    if not site.exists():
        with zipfile.ZipFile(pack) as archive:
            archive.extractall(site)
        for wheel in sorted(site.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(site / "site")
            wheel.unlink()
    return site


def environment(site, **variables):
    """Returns the environment of a process that finds this code and the archive."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    if site is not None:
        paths.append(str(site.resolve() / "site"))
        variables |= {"KERAS_REFCAL_SHARED": str(site.resolve() / "shared")}
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **variables,
    }


def run_checks(flags, checks, site):
    """Runs a process a backend, and one a backend that must not see the GPU."""
    until = time.time() + flags.seconds
    started = []

    def start(name, backend, parts, **variables):
        words = [sys.executable, "-m", "benchmarks.gpu_checks", f"--name={name}"]
        words += [f"--output_dir={flags.output_dir.resolve()}", f"--until={until}"]
        words += [f"--parts={','.join(parts)}"] + ["--tiny"] * flags.tiny
        log = (flags.output_dir / f"{name}.log").open("a")
        variables = {"KERAS_BACKEND": backend, **variables}
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=environment(site, **variables),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        started.append((name, process))

    timed = [part for part in checks if part != "equality"]
    for backend in flags.backends.split(","):
        if timed:
            start(backend, backend, timed)
        if "equality" in checks:
            quick = {"XLA_FLAGS": "--xla_gpu_autotune_level=0"}
            start(f"{backend}_gpu", backend, ["equality"], **quick)
            hidden = {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
            start(f"{backend}_cpu", backend, ["equality"], **hidden)
    for name, process in started:
        try:
            process.wait(max(1.0, until + 30 - time.time()))
        except subprocess.TimeoutExpired:
            process.kill()
        print(f"{name}: exit {process.wait()}, see {name}.json and {name}.log")


def compare(output_dir, backends):
    """Writes and prints how far values of the GPU are from those of the processor."""
    import numpy as np

    report = {}
    for backend in backends:
        files = [output_dir / f"{backend}_{where}.npz" for where in ("gpu", "cpu")]
        if not all(path.exists() for path in files):
            continue
        ours, theirs = (dict(np.load(path)) for path in files)
        found = {
            key: float(np.max(np.abs(ours[key] - theirs[key])))
            / max(1e-3, float(np.max(np.abs(theirs[key]))))
            for key in sorted({*ours} & {*theirs})
        }
        beyond = {k: v for k, v in found.items() if not v <= TOLERANCE}
        worst = max(found.values(), default=None)
        report[backend] = {
            "compared": len(found),
            "worst": worst,
            "beyond_tolerance": beyond,
            "missing": sorted({*ours} ^ {*theirs}),
            "differences": found,
        }
        print(f"{backend}: {len(found)} values equal the processor's within", worst)
        print(*(f"  {key}: {value:.2e}" for key, value in beyond.items()), sep="\n")
    (output_dir / "equality.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
