"""Runs every benchmark that makes a claim and prints how it came out.

    python -m benchmarks [--list] [--only=NAME]

Each is a module here that calls `claim`. It runs once on every backend, or on those
that it names as `BACKENDS`, and writes `results/`, as it does when run by itself.
With `taskset -c 0` before it, time is the processor's and other jobs do not count.
"""

import argparse
import ast
import json
import os
import pathlib
import subprocess
import sys

from benchmarks.harness import RESULTS, ROOT

FOLDER = pathlib.Path(__file__).parent
EVERY_BACKEND = ("tensorflow", "jax", "torch")


def scripts():
    """Returns the backends of each script that makes a claim, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text())
        if _makes_claims(tree):
            found[path.stem] = _backends(tree)
    return found


def claims(name=None):
    """Yields the claims of the results that lie in `results/`, by file name."""
    for path in sorted(RESULTS.glob("*.json")):
        if name is None or path.stem.startswith(name):
            yield from json.loads(path.read_text()).get("claims", [])


def table(rows):
    """Returns the table of claims as lines of text.

    >>> rows = [{"claim": "a", "ours": 1.0, "peer": 3.0, "ratio": 3.0, "target": 2,
    ...          "unit": "ms"}]
    >>> print(*table(rows), sep="\\n")
    claim        ours        peer   ratio  target
    a         1.00 ms     3.00 ms    3.00    2.00  met
    """
    rows = list(rows)
    width = max([len(row["claim"]) for row in rows] + [5])
    yield f"{'claim':{width}s} {'ours':>11s} {'peer':>11s} {'ratio':>7s} {'target':>7s}"
    for row in rows:
        ours, peer = (f"{row[key]:.2f} {row['unit']}" for key in ("ours", "peer"))
        target, verdict = "", ""
        if row["target"] is not None:
            target = f"{row['target']:.2f}"
            verdict = "met" if row["ratio"] >= row["target"] else "missed"
        line = f"{row['claim']:{width}s} {ours:>11s} {peer:>11s} {row['ratio']:7.2f}"
        yield f"{line} {target:>7s}  {verdict}".rstrip()


def main(argv=None):
    """Runs what the flags ask for; returns the number of scripts that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--list", action="store_true", help="print names only")
    parser.add_argument("--only", choices=sorted(scripts()), help="run one script")
    flags = parser.parse_args(argv)
    chosen = {k: v for k, v in scripts().items() if flags.only in (None, k)}
    if flags.list:
        print(*chosen, sep="\n")
        return 0
    failed = sum(
        _run(name, backend) for name, backends in chosen.items() for backend in backends
    )
    print(*table(claims(flags.only)), sep="\n")
    return failed


def _run(name, backend):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    return subprocess.run(command, cwd=ROOT, env=environment).returncode != 0


def _makes_claims(tree):
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = {getattr(call, "attr", getattr(call, "id", None)) for call in calls}
    return "claim" in names


def _backends(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and _name(node) == "BACKENDS":
            return ast.literal_eval(node.value)
    return EVERY_BACKEND


def _name(assignment):
    return getattr(assignment.targets[0], "id", None)


if __name__ == "__main__":
    sys.exit(main())
