"""What a run leaves out: slow cases, what no backend changes, and a closing summary.

The hooks of this file are those of `conftest.py`.
"""

import collections
import functools
import os
import pathlib

import pytest

HERE = os.environ.get("KERAS_BACKEND", "tensorflow")
SLOW_ON = pathlib.Path(__file__).with_name("slow_on.txt")

# NumPy, files, pages and tf.data: the same on every backend, but in files that import
# one. `BACKEND_FREE=elsewhere` leaves them to another process of the same run.
BACKEND_FREE = (
    "keras_refcal/data/",
    "keras_refcal/evaluation/",
    "keras_refcal/predictions/",
    "keras_refcal/report/",
    "keras_refcal/fitting/",
    "tests/commands/test_data.py",
    "tests/commands/test_judging_commands.py",
    "tests/data/",
    "tests/evaluation/",
    "tests/predictions/",
    "tests/report/",
    "tests/fitting/",
    "tests/test_architecture.py::test_file",
    "tests/test_benchmarks.py",
    "tests/test_docs.py::test_site",
    "tests/test_left_out.py",
    "tests/test_packaging.py",
    "tests/test_slow_on.py",
    "tests/test_supply.py",
    "tests/training/test_run_files.py",
    "tests/training/test_split.py",
)
IMPORTS = ("import keras\n", "from keras import", "import jax\n", "import torch\n")

REASONS = {
    "slow": "slow: `pytest -m slow` runs them",
    "backend_free": "the same on every backend, run by another process",
    "not asked for": "not asked for",
}
# Backend to reason to number of tests.
LEFT_OUT = pytest.StashKey[dict]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Marks what is slow on this backend, and leaves out what another process runs."""
    _mark_slow(items)
    free = [item for item in items if _is_backend_free(item)]
    for item in free:
        item.add_marker(pytest.mark.backend_free)
    if os.environ.get("BACKEND_FREE") == "elsewhere" and free:
        items[:] = [x for x in items if not x.get_closest_marker("backend_free")]
        config.hook.pytest_deselected(items=free)


def pytest_deselected(items):
    """Counts what is left out, by reason."""
    for item in items:
        free = item.get_closest_marker("backend_free")
        slow = item.get_closest_marker("slow")
        reason = "slow" if slow else "backend_free" if free else "not asked for"
        _counts(item.config)[reason] += 1


def pytest_sessionfinish(session):
    """Sends the counts of a worker to the process that reports."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(_counts(session.config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Takes the counts of a worker."""
    sent = getattr(node, "workeroutput", {}).get("left_out", {})
    _counts(node.config, _backend(node)).update(sent)


def pytest_terminal_summary(terminalreporter):
    """Says what was skipped and left out, and why, a line a reason."""
    lines = collections.defaultdict(collections.Counter)
    for report in terminalreporter.stats.get("skipped", []):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        lines[f"skipped: {reason}"][_backend(getattr(report, "node", None))] += 1
    for backend, counts in terminalreporter.config.stash.get(LEFT_OUT, {}).items():
        for reason, number in counts.items():
            lines[f"left out: {REASONS[reason]}"][backend] += number
    for line, numbers in sorted(lines.items(), reverse=True):
        where = ", ".join(f"{name} {n}" for name, n in sorted(numbers.items()))
        terminalreporter.write_line(f"{line} ({where})")


def _mark_slow(items):
    lines = SLOW_ON.read_text().splitlines()
    lines = [line.split() for line in lines if not line.startswith("#")]
    steps = {start: int(n) for backend, n, start in lines if backend == HERE}
    seen = collections.Counter()
    for item in items:
        step = next((n for s, n in steps.items() if item.nodeid.startswith(s)), 1)
        name = item.nodeid.partition("[")[0]
        if step == 0 or seen[name] % step:
            item.add_marker(pytest.mark.slow)
        seen[name] += 1


def _is_backend_free(item):
    return item.nodeid.startswith(BACKEND_FREE) and not _imports_a_backend(item.path)


@functools.cache
def _imports_a_backend(path):
    text = path.read_text()
    return any(line in text for line in IMPORTS)


def _counts(config, backend=HERE):
    return config.stash.setdefault(LEFT_OUT, {}).setdefault(
        backend, collections.Counter()
    )


def _backend(node):
    """Returns the backend of a worker, or of this process."""
    environment = node.gateway.spec.env if node else {}
    return environment.get("KERAS_BACKEND", HERE)
