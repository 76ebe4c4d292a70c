"""Work on blocks of classes, side by side."""

import concurrent.futures
import os


def map_in_threads(function, items) -> list:
    """Returns the result of each item; NumPy lets go of Python while it computes."""
    if len(items) < 2:
        return [function(item) for item in items]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(function, items))
