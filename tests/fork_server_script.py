"""Imports the package once, then runs code in new processes: forks of this one.

Each line of the input is a job in JSON, see `new_process.run`; the exit status of each
job is printed. No framework has started a thread yet, so that forks are safe.
"""

import json
import os
import runpy
import signal
import sys
import traceback

import keras_refcal  # noqa: F401  the reason for all this


def run(job, environment):
    """Runs a job in this process, a fork, and returns its exit status."""
    os.environ.update(environment)
    os.chdir(job["cwd"])
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(job[name], os.O_WRONLY | os.O_APPEND), descriptor)
    sys.argv = job["arguments"]
    try:
        if job["code"] is None:
            runpy.run_path(sys.argv[0], run_name="__main__")
        else:
            exec(compile(job["code"], "<code>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def fork(job, environment):
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        status = run(job, environment)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def wait(processes):
    """Returns the first exit status that is not 0; what still runs then is killed."""
    failed = 0
    while processes:
        process, status = os.wait()
        processes.discard(process)
        if status and not failed:
            failed = os.waitstatus_to_exitcode(status)
            for other in processes:
                os.kill(other, signal.SIGKILL)
    return failed


for line in sys.stdin:
    job = json.loads(line)
    print(wait({fork(job, x) for x in job["environments"]}), flush=True)
