"""Rows of a large array, a few million values at a time."""

CHUNK_VALUES = 2**22


def row_chunks(array):
    """Yields slices of rows that hold a few million values each."""
    step = max(1, CHUNK_VALUES // max(1, array.shape[1]))
    for start in range(0, array.shape[0], step):
        yield slice(start, start + step)
