"""Runs code in new processes that import nothing anew, see `fork_server_script.py`."""

import functools
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

TESTS = pathlib.Path(__file__).parent


def run(code, *arguments, processes=1, cwd=None):
    """Returns the `subprocess.CompletedProcess` of code or of a script.

    Args:
        code: Code as text, or the path of a script.
        *arguments: What is in `sys.argv` from 1 on.
        processes: More than one for PyTorch's `torchrun`, whose variables are set.
        cwd: Directory to run in.
    """
    script = isinstance(code, pathlib.Path)
    first = str(code.resolve()) if script else "-c"
    if script and os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
        # Its devices are set up before anything is imported.
        return subprocess.run(
            [sys.executable, first, *map(str, arguments)],
            env=_environment(),
            cwd=cwd,
            capture_output=True,
            text=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        outputs = {name: pathlib.Path(folder, name) for name in ("stdout", "stderr")}
        for path in outputs.values():
            path.touch()
        job = {name: str(path) for name, path in outputs.items()} | {
            "code": None if script else code,
            "arguments": [first, *map(str, arguments)],
            "cwd": str(cwd or os.getcwd()),
            "environments": _torchrun(processes) if processes > 1 else [{}],
        }
        server = _server()
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        status = server.stdout.readline()
        assert status, "The process that starts others has ended."
        texts = [path.read_text() for path in outputs.values()]
    return subprocess.CompletedProcess(job["arguments"], int(status), *texts)


@functools.cache
def _server():
    return subprocess.Popen(
        [sys.executable, TESTS / "fork_server_script.py"],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _environment():
    path = os.pathsep.join(map(str, (TESTS.parent, TESTS)))
    return {**os.environ, "PYTHONPATH": path}


def _torchrun(processes):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": processes}
    shared |= {"LOCAL_WORLD_SIZE": processes}
    return [
        {key: str(value) for key, value in (shared | ranks).items()}
        for ranks in ({"RANK": n, "LOCAL_RANK": n} for n in range(processes))
    ]
