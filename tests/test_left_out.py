"""What the end of a run says about tests that were not run."""

import collections
import types

import left_out


def worker(backend):
    spec = types.SimpleNamespace(env={"KERAS_BACKEND": backend})
    return types.SimpleNamespace(gateway=types.SimpleNamespace(spec=spec))


def test_every_reason_is_told_once_with_its_backends():
    config = types.SimpleNamespace(stash={})
    for backend, sent in (
        ("jax", {"slow": 3, "backend_free": 7}),
        ("torch", {"slow": 1}),
    ):
        node = worker(backend)
        node.config, node.workeroutput = config, {"left_out": sent}
        left_out.pytest_testnodedown(node)
    skips = [
        types.SimpleNamespace(node=worker(name), longrepr=("f", 1, "Skipped: needs x"))
        for name in ("torch", "jax", "torch")
    ]
    printed = []
    left_out.pytest_terminal_summary(
        types.SimpleNamespace(
            stats={"skipped": skips}, config=config, write_line=printed.append
        )
    )
    assert printed == [
        "skipped: needs x (jax 1, torch 2)",
        "left out: the same on every backend, run by another process (jax 7)",
        "left out: slow: `pytest -m slow` runs them (jax 3, torch 1)",
    ]


def test_what_no_backend_changes_exists_and_is_found(request):
    items = request.session.items
    marked = collections.Counter(
        next((s for s in left_out.BACKEND_FREE if item.nodeid.startswith(s)), None)
        for item in items
        if item.get_closest_marker("backend_free")
    )
    assert None not in marked
    root = request.config.rootpath
    assert all((root / s.partition("::")[0]).exists() for s in left_out.BACKEND_FREE)
