"""Tables and diagrams as plain values, before they become HTML."""

import dataclasses

import numpy as np

NO_BREAK, DASH, MINUS = "\xa0", "\N{EN DASH}", "\N{MINUS SIGN}"


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: Its heading.
        kind: How values are shown: `text`, `count`, `share` (percent), `points`
            (signed percentage points) or `number` (four decimals).
        note: What the heading says when pointed at.
    """

    title: str
    kind: str = "text"
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Cell:
    """A value that is shown otherwise than its column says.

    Attributes:
        value: What rows are sorted by.
        text: What is shown.
        best: Whether it stands out, as the best of its column does.
        note: What stands below it in small print.
    """

    value: float | str
    text: str
    best: bool = False
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that can be sorted.

    Attributes:
        caption: What it holds, read aloud before it.
        columns: Its columns; the first one names the row.
        rows: One list of values a row.
        shown: How many rows are shown at first; `None` for all.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: list
    shown: int | None = None


@dataclasses.dataclass(frozen=True)
class View:
    """One state of a diagram that can be switched.

    Attributes:
        label: Name of the state.
        kind: Which function of `charts.js` draws it.
        data: What that function draws, ready for JSON.
        summary: What a reader who cannot see it should know.
        table: The same values as a table.
    """

    label: str
    kind: str
    data: dict
    summary: str
    table: Table | None


@dataclasses.dataclass(frozen=True)
class Chart:
    """A diagram.

    Attributes:
        name: Short name, unique on a panel.
        title: Its heading.
        reading: How to read it, a sentence.
        views: Its states, one or more.
    """

    name: str
    title: str
    reading: str
    views: tuple[View, ...]


def plain(values, digits=5) -> list:
    """Returns an array as a list for JSON: rounded, undefined values as `None`.

    >>> plain([0.123456789, float("nan")])
    [0.12346, None]
    """
    return [
        None if not np.isfinite(value) else float(f"{value:.{digits}g}")
        for value in np.asarray(values, "float64").tolist()
    ]


def shown(value, kind="number") -> str:
    r"""Returns a value as the page shows it; an undefined one as a dash.

    >>> shown(0.12345, "share"), shown(-0.05, "points"), shown(12345, "count")
    ('12.3\xa0%', '−5.0', '12,345')
    >>> shown(-1e-9, "points"), shown(float("nan"))
    ('0.0', '–')
    """
    if kind == "text":
        return DASH if value is None else str(value)
    if value is None or not np.isfinite(value):
        return "∞" if value == np.inf else DASH
    text = {
        "count": lambda: f"{value:,.0f}",
        "share": lambda: f"{100 * value:.1f}{NO_BREAK}%",
        "share2": lambda: f"{100 * value:.2f}{NO_BREAK}%",
        "points": lambda: f"{100 * value:+.1f}",
        "number": lambda: f"{value:.4f}",
        "signed": lambda: f"{value:+.4f}",
    }[kind]()
    if not text.strip("+-0.\xa0%"):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)
