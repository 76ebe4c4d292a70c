"""Reads predictions from tables: one row a sample, one column a class."""

import csv
import re
import reprlib
import warnings

import numpy as np

from keras_refcal.npz import most_numbers

# In a table a class has a column of its own, hence the singular.
PREFIXES = {"probabilities": "probability", "logits": "logit"}


def read_csv(path, y_true, probabilities, logits):
    """Returns the labels and scores of a csv file with a header, by name."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        try:
            header = next(csv.reader(file), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: not a csv file in UTF-8 ({error}).") from error
    if not header:
        raise ValueError(f"{path}: an empty file. Its first line must name columns.")
    header = [name.strip() for name in header]
    kind, columns, class_names = _columns(path, header, y_true, probabilities, logits)
    # Not as text of one width: one long cell would lengthen every other.
    labels = _loadtxt(path, [header.index(y_true)], object)[:, 0]
    scores = _loadtxt(path, [header.index(name) for name in columns], "float64")
    return {
        "y_true": np.array([str(label).strip() for label in labels], object),
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
        return _from_parquet(path, y_true, probabilities, logits)
    except (pyarrow.ArrowException, OSError, TypeError, KeyError) as error:
        if str(error).startswith(str(path)):
            raise
        said = " ".join(str(error).split())[:120]
        raise ValueError(f"{path}: cannot be read as parquet ({said}).") from error


def _from_parquet(path, y_true, probabilities, logits):
    from pyarrow import parquet

    # Read in one thread: damage that is found in others ends the process.
    file = parquet.ParquetFile(path, read_dictionary=[y_true], pre_buffer=False)
    header = file.schema_arrow.names
    lists = {"probabilities": probabilities, "logits": logits}
    listed = next((k for k, name in lists.items() if (name or k) in header), None)
    if listed is None:
        kind, names, class_names = _columns(path, header, y_true, probabilities, logits)
    else:
        kind, names, class_names = listed, [lists[listed] or listed], None
        _check_header(path, header, y_true)
    table = _bounded(path, file, [y_true, *names])
    if listed is None:
        columns = [_numbers(path, table[name], name) for name in names]
        scores = np.column_stack(columns)
    else:
        scores = _of_lists(path, table[names[0]], names[0])
    labels = _of_parquet(path, table[y_true], y_true)
    return {"y_true": labels, kind: scores, "class_names": class_names}


def _bounded(path, file, columns):
    """Returns some columns; refuses a small file that unpacks to very much."""
    import pyarrow

    most = most_numbers(path)
    left = 8 * most
    batches = []
    if file.metadata.num_rows * len(columns) <= most:
        for batch in file.iter_batches(4096, columns=columns, use_threads=False):
            batches.append(batch)
            left -= batch.nbytes
            if left < 0:
                break
        else:
            schema = batches[0].schema if batches else file.schema_arrow
            return pyarrow.Table.from_batches(batches, schema)
    raise ValueError(
        f"{path}: so small a file may hold {most:,} numbers and declares more. If they "
        "are meant, save it without compression."
    )


def _numbers(path, column, name):
    """Returns a column of numbers, float64."""
    import pyarrow
    from pyarrow import types

    kind = column.type
    if not any(
        is_numeric(kind)
        for is_numeric in (
            types.is_floating,
            types.is_integer,
            types.is_boolean,
            types.is_decimal,
        )
    ):
        raise ValueError(f"{path}: {name!r} must hold numbers. It holds: {kind}")
    if types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
    return column.cast(pyarrow.float64()).to_numpy()


def _of_lists(path, column, name):
    """Returns a column of lists as rows, float64."""
    from pyarrow import compute, types

    kind = column.type
    if not any(
        is_list(kind)
        for is_list in (types.is_list, types.is_large_list, types.is_fixed_size_list)
    ):
        raise ValueError(
            f"{path}: {name!r} must hold a list of numbers a row. It holds: {kind}"
        )
    lengths = np.unique(compute.list_value_length(column).to_numpy())
    if len(lengths) != 1 or not lengths[0] > 0:
        raise ValueError(
            f"{path}: each list of {name!r} must be of the same length. "
            f"Received lengths: {lengths[:5].tolist()}"
        )
    values = _numbers(path, compute.list_flatten(column), name)
    return values.reshape(-1, int(lengths[0]))


def _of_parquet(path, column, name):
    """Returns a column of labels; each text of a dictionary is made once."""
    import pyarrow

    if column.null_count:
        raise ValueError(f"{path}: column {name!r} holds {column.null_count} nulls.")
    if not pyarrow.types.is_dictionary(column.type):
        return column.to_numpy()
    parts = [
        np.array(chunk.dictionary.to_pylist(), object)[chunk.indices.to_numpy()]
        for chunk in column.chunks
    ]
    return np.concatenate([np.array([], object), *parts])


def _check_header(path, header, y_true):
    if y_true not in header:
        raise ValueError(f"{path}: no column {y_true!r}. It has: {header[:12]}")
    if len(set(header)) < len(header):
        raise ValueError(f"{path}: two columns have the same name.")


def _columns(path, header, y_true, probabilities, logits):
    _check_header(path, header, y_true)
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
    if not all(re.fullmatch("[0-9]+", suffix) for suffix in suffixes):
        return found, suffixes
    columns = {suffix.lstrip("0") or "0": prefix + "_" + suffix for suffix in suffixes}
    wanted = [str(number) for number in range(len(found))]
    if set(columns) != set(wanted):
        last = max(columns, key=lambda digits: (len(digits), digits))
        raise ValueError(
            f"{path}: columns {prefix}_0 to {prefix}_{last:.20} must all be there. "
            f"Received: {reprlib.repr(sorted(found))}"
        )
    return [columns[number] for number in wanted], None


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
