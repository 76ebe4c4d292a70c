"""Reads predictions from tables: one row a sample, one column a class."""

import csv
import re
import warnings

import numpy as np

# In a table a class has a column of its own, hence the singular.
PREFIXES = {"probabilities": "probability", "logits": "logit"}


def read_csv(path, y_true, probabilities, logits):
    """Returns the labels and scores of a csv file with a header, by name."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            header = next(csv.reader(file), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: not a csv file in UTF-8 ({error}).") from error
    header = [name.strip() for name in header]
    kind, columns, class_names = _columns(path, header, y_true, probabilities, logits)
    labels = _loadtxt(path, [header.index(y_true)], str)[:, 0]
    scores = _loadtxt(path, [header.index(name) for name in columns], "float64")
    return {
        "y_true": np.char.strip(labels),
        kind: scores,
        "class_names": class_names,
    }


def read_parquet(path, y_true, probabilities, logits):
    """Returns the labels and scores of a parquet file, by name."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            "A parquet file needs pyarrow: pip install pyarrow"
        ) from error
    try:
        header = pyarrow.parquet.read_schema(path).names
        lists = {"probabilities": probabilities, "logits": logits}
        for kind, name in lists.items():
            if (name or kind) in header:
                table = pyarrow.parquet.read_table(path, columns=[y_true, name or kind])
                return _from_lists(path, table, y_true, kind, name or kind)
        kind, columns, class_names = _columns(
            path, header, y_true, probabilities, logits
        )
        table = pyarrow.parquet.read_table(path, columns=[y_true, *columns])
    except pyarrow.ArrowException as error:
        raise ValueError(f"{path}: cannot be read as parquet ({error}).") from error
    return {
        "y_true": table[y_true].to_numpy(),
        kind: np.column_stack([table[name].to_numpy() for name in columns]),
        "class_names": class_names,
    }


def _from_lists(path, table, y_true, kind, name):
    if y_true not in table.column_names:
        raise ValueError(f"{path}: no column {y_true!r}.")
    rows = table[name].to_pylist()
    lengths = {np.size(row) for row in rows}
    if len(lengths) > 1:
        raise ValueError(
            f"{path}: each list of {name!r} must be of the same length. "
            f"Received lengths: {sorted(lengths)[:5]}"
        )
    return {"y_true": table[y_true].to_numpy(), kind: np.array(rows, "float64")}


def _columns(path, header, y_true, probabilities, logits):
    if y_true not in header:
        raise ValueError(f"{path}: no column {y_true!r}. It has: {header[:12]}")
    if len(set(header)) < len(header):
        raise ValueError(f"{path}: two columns have the same name.")
    prefixes = {"probabilities": probabilities, "logits": logits}
    named = {kind: prefix for kind, prefix in prefixes.items() if prefix}
    for kind, prefix in (named or PREFIXES).items():
        # `probability` alone, or followed by `_0`, `_1`, … or by names.
        found = [
            name
            for name in header
            if re.fullmatch(rf"{re.escape(prefix)}(_.+)?", name) and name != y_true
        ]
        if found:
            return kind, *_in_class_order(path, prefix, found)
    wanted = " or ".join(f"{prefix}_0, …" for prefix in (named or PREFIXES).values())
    raise ValueError(f"{path}: no columns {wanted}. It has: {header[:12]}")


def _in_class_order(path, prefix, found):
    """Returns the columns from class 0 on, and the names of the classes."""
    if found == [prefix]:
        return found, None
    suffixes = [name[len(prefix) + 1 :] for name in found]
    if not all(suffix.isdigit() for suffix in suffixes):
        return found, suffixes
    numbers = sorted(int(suffix) for suffix in suffixes)
    if numbers != list(range(len(numbers))):
        raise ValueError(
            f"{path}: columns {prefix}_0 to {prefix}_{numbers[-1]} must all be there. "
            f"Received: {sorted(found)[:12]}"
        )
    return sorted(found, key=lambda name: int(name[len(prefix) + 1 :])), None


def _loadtxt(path, columns, dtype):
    try:
        with warnings.catch_warnings():
            # `evaluate` says better what is wrong with a file without rows.
            warnings.filterwarnings("ignore", "loadtxt: input contained no data")
            return np.loadtxt(
                path,
                dtype=dtype,
                delimiter=",",
                skiprows=1,
                usecols=columns,
                ndmin=2,
                quotechar='"',
                comments=None,
                encoding="utf-8-sig",
            )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
