"""Files with damage and lies in them, drawn from a generator of random numbers."""

import io
import json
import zipfile

import numpy as np

STRANGE_NUMBERS = (-1, 0, 1, 2, 2**31, 2**63, -(2**63), 10**30, 1e308, 0.5, -0.0)
STRANGE_TEXTS = (
    *("", " ", "0", "nan", "inf", "-1", "true", "none", "1e400", "a,b", ",", "=", "--"),
    *("../..", "/", ".", "~", "%s", "{}", "\x1b[31m", "\u202e", "é" * 300, "\x00"),
)


def strange(generator, depth=2):
    """Returns a value that JSON can hold, and that nobody expects."""
    pool = [None, True, [], {}, *STRANGE_NUMBERS, *STRANGE_TEXTS]
    if depth and generator.random() < 0.3:
        inner = [strange(generator, depth - 1) for _ in range(generator.integers(4))]
        return inner if generator.random() < 0.5 else {str(v): v for v in inner}
    return pool[generator.integers(len(pool))]


def damaged(encoded, generator):
    """Returns bytes with a bit turned, a part cut out, doubled, or made of noise."""
    if not encoded:
        return encoded
    place = int(generator.integers(len(encoded)))
    end = place + int(generator.integers(1, 2 + len(encoded) // 4))
    ways = (
        lambda: encoded[:place],
        lambda: encoded[:place] + encoded[end:],
        lambda: encoded[:end] + encoded[place:],
        lambda: encoded[:place] + generator.bytes(end - place) + encoded[end:],
        lambda: encoded[:place] + bytes(end - place) + encoded[end:],
        lambda: _bits_turned(encoded, generator),
    )
    return ways[generator.integers(len(ways))]()


def _bits_turned(encoded, generator):
    turned = bytearray(encoded)
    for place in generator.integers(len(encoded), size=generator.integers(1, 8)):
        turned[place] ^= 1 << int(generator.integers(8))
    return bytes(turned)


def mutated_json(text, generator):
    """Returns JSON with a value somewhere replaced, removed or put in a list."""
    if generator.random() < 0.2:
        return damaged(text.encode(), generator).decode("latin1")
    value = {"": json.loads(text)}
    for _ in range(generator.integers(1, 3)):
        places = [*_places(value)]
        holder, key = places[generator.integers(len(places))]
        way = generator.random()
        if way < 0.2 and holder is not value:
            del holder[key]
        elif way < 0.3:
            holder[key] = [holder[key]]
        else:
            holder[key] = strange(generator)
    return json.dumps(value[""])


def _places(value):
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def mutated_npz(encoded, generator):
    """Returns an npz file with an array changed, or the file itself damaged."""
    if generator.random() < 0.3:
        return damaged(encoded, generator)
    with np.load(io.BytesIO(encoded)) as file:
        arrays = dict(file)
    name = list(arrays)[generator.integers(len(arrays))]
    way = generator.random()
    if way < 0.1:
        del arrays[name]
    elif way < 0.2:
        other = list(arrays)[generator.integers(len(arrays))]
        arrays[name] = arrays[other]
    else:
        arrays[name] = _mutated_array(arrays[name], generator)
    stream = io.BytesIO()
    save = np.savez_compressed if generator.random() < 0.5 else np.savez
    save(stream, **arrays)
    if generator.random() < 0.1:
        return _members_damaged(stream.getvalue(), generator)
    return stream.getvalue()


def _mutated_array(array, generator):
    kinds = ("?", "i1", "u8", "i8", "f2", "f4", "f8", "c8", "S3", "U3", "M8[s]")
    ways = (
        lambda: array[: generator.integers(len(array) + 1)],
        lambda: array[..., None],
        lambda: array.reshape(-1),
        lambda: array.T,
        lambda: array[:0],
        lambda: array[0],
        lambda: np.concatenate([array, array]),
        lambda: np.zeros(
            (1, *array.shape[1:])[: array.ndim] or 1, [("a", "i4"), ("b", "f8")]
        ),
        lambda: np.broadcast_to(array[:1], (2**18, *array.shape[1:])),
        lambda: array[generator.permutation(len(array))],
        lambda: array.astype(kinds[generator.integers(len(kinds))]),
        lambda: np.full(array.shape, strange(generator, depth=0), object).astype("U9"),
        lambda: _one_value_changed(array, generator),
    )
    with np.errstate(all="ignore"):
        try:
            return ways[generator.integers(len(ways))]()
        except (TypeError, ValueError, IndexError):
            return np.array(0)


def _one_value_changed(array, generator):
    values = np.array([*STRANGE_NUMBERS, np.nan, np.inf, -np.inf, 1.001])
    changed = array.copy()
    value = values[generator.integers(len(values))]
    where = generator.integers(array.size)
    changed.flat[where] = np.array(value, "f8").astype(array.dtype)
    return changed


def mutated_zip(encoded, generator):
    """Returns a zip file, a .keras model say, with a member changed or damaged."""
    if generator.random() < 0.3:
        return damaged(encoded, generator)
    return _members_damaged(encoded, generator)


def _members_damaged(encoded, generator):
    with zipfile.ZipFile(io.BytesIO(encoded)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    name = list(members)[generator.integers(len(members))]
    if generator.random() < 0.1:
        del members[name]
    elif name.endswith(".json"):
        text = mutated_json(members[name].decode(), generator)
        members[name] = text.encode("utf-8", "replace")
    else:
        members[name] = damaged(members[name], generator)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


def mutated_table(text, generator):
    """Returns a csv with a cell or a line changed, or the file itself damaged."""
    if generator.random() < 0.3:
        return damaged(text.encode(), generator)
    rows = [line.split(",") for line in text.splitlines()]
    row = rows[generator.integers(min(len(rows), 4))]
    ways = (
        lambda: row.__setitem__(
            generator.integers(len(row)), str(strange(generator, depth=0))
        ),
        lambda: row.append("1"),
        row.pop,
        lambda: rows.insert(0, row[::-1]),
        rows.clear,
    )
    ways[generator.integers(len(ways))]()
    return "\n".join(map(",".join, rows)).encode("utf-8", "replace")
