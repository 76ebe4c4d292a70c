"""A run's configuration as rows of text."""

from collections.abc import Mapping

from keras_refcal.report.tables import DASH, Column, Table

LONGEST_LIST = 8
# Shown elsewhere on the page, or of no use to a reader.
LEFT_OUT = ("output_dir", "data_dir")


def flattened(config, prefix="") -> dict[str, str]:
    """Returns nested settings as one level of text, names joined by dots.

    >>> flattened({"a": {"b": [1, 2]}, "c": None})
    {'a.b': '1, 2', 'c': 'none'}
    """
    rows = {}
    for name, value in config.items():
        key = f"{prefix}{name}"
        if _is_keras_object(value):
            rows |= {key: value["class_name"]} | flattened(value["config"], f"{key}.")
        elif _parts(value):
            rows |= flattened(_parts(value), f"{key}.")
        elif prefix or name not in LEFT_OUT:
            rows[key] = in_words(value)
    return rows


def in_words(value) -> str:
    """Returns a setting as short text.

    >>> in_words(list(range(100)))
    '0, 1, 2, 3 … 98, 99 (100 values)'
    """
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        texts = [in_words(item) for item in value]
        if len(texts) > LONGEST_LIST:
            ends = f"{', '.join(texts[:4])} … {', '.join(texts[-2:])}"
            return f"{ends} ({len(texts)} values)"
        return ", ".join(texts) or "none"
    return str(value) or "none"


def tables(config) -> list[Table]:
    """Returns the configuration as tables: the run first, then its parts.

    Parts of the same kind, such as the stages of a recipe, get a column each.

    Args:
        config: What `config.json` holds.
    """
    simple = {key: value for key, value in config.items() if not _parts(value)}
    found = [_two_columns("run", flattened(simple))]
    for key, value in config.items():
        if columns := _columns(value):
            found.append(_side_by_side(key, columns))
        elif _parts(value):
            found.append(_two_columns(key, flattened(_parts(value))))
    return [table for table in found if table.rows]


def _two_columns(caption, rows):
    columns = Column("Setting"), Column("Value")
    return Table(_spoken(caption), columns, [list(row) for row in rows.items()])


def _side_by_side(caption, columns):
    flat = {name: flattened(part) for name, part in columns.items()}
    keys = dict.fromkeys(key for rows in flat.values() for key in rows)
    rows = [[key, *(rows.get(key, DASH) for rows in flat.values())] for key in keys]
    return Table(
        _spoken(caption), tuple(Column(name) for name in ("Setting", *flat)), rows
    )


def _columns(value):
    """Returns the parts of a setting that are lists of settings, by name."""
    columns = {}
    for key, part in _parts(value).items():
        if not isinstance(part, list | tuple) or not _parts(part):
            return {}
        for number, item in _parts(part).items():
            columns[f"{key} {number}: {item.get('name', 'part')}"] = item
    return columns


def _spoken(name):
    return name.replace("_", " ").capitalize()


def differences(configs) -> tuple[list[str], list[list[str]]]:
    """Returns the settings in which configurations differ.

    Args:
        configs: Name of a run to what its `config.json` holds; those without are
            left out.

    Returns:
        Names of the runs that are compared, and rows of a setting's name and its
        value in each run.

    >>> differences({"a": {"seed": 0, "lr": 1}, "b": {"seed": 0, "lr": 2}})
    (['a', 'b'], [['lr', '1', '2']])
    """
    flat = {name: flattened(config) for name, config in configs.items() if config}
    keys = dict.fromkeys(key for rows in flat.values() for key in rows)
    table = [[key, *(rows.get(key, DASH) for rows in flat.values())] for key in keys]
    return list(flat), [row for row in table if len(set(row[1:])) > 1]


def _parts(value) -> Mapping:
    """Returns a nested setting by name or number; empty if it is a plain value."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple) and value:
        if all(isinstance(item, Mapping) for item in value):
            return {str(number): item for number, item in enumerate(value, 1)}
    return {}


def _is_keras_object(value):
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("class_name"), str)
        and isinstance(value.get("config"), Mapping)
    )
