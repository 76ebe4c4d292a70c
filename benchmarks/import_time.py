"""What `import keras_refcal` takes beyond `import keras`, in fresh processes.

    KERAS_BACKEND=torch python -m benchmarks.import_time

Processor time, so that what else runs counts little. The aim is 0.3 s.
"""

import os
import statistics
import subprocess
import sys

from benchmarks.harness import claim, write_result

BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
REPEATS, MOST = 5, 0.3
SCRIPT = """
import time
start = time.process_time()
import keras
between = time.process_time()
import keras_refcal
print(between - start, time.process_time() - between)
"""


def seconds():
    """Returns the processor time of both imports."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    return map(float, done.stdout.split())


def main(argv):
    """Measures and writes the result."""
    seconds()  # writes the compiled modules
    theirs, ours = zip(*(seconds() for _ in range(REPEATS)), strict=True)
    extra = statistics.median(ours)
    text = f"import beyond Keras, {BACKEND}, against 0.3 s"
    result = {
        "keras_s": statistics.median(theirs),
        "extra_s": extra,
        "claims": [claim(text, extra, MOST, 1, "s")],
    }
    write_result(f"import_time_{BACKEND}", result)


if __name__ == "__main__":
    main(sys.argv)
