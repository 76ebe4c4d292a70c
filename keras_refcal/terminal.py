"""Text on a terminal: what names hold is shown, never obeyed."""

import sys


def say(text="", file=None) -> None:
    """Prints text, its control characters and what cannot be shown as escapes."""
    file = sys.stdout if file is None else file
    encoding = getattr(file, "encoding", None) or "utf-8"
    shown = printable(text).encode(encoding, "backslashreplace").decode(encoding)
    print(shown, file=file, flush=True)


def printable(text) -> str:
    r"""Returns text without control characters, but for the ends of lines.

    >>> printable("a\x1b[31mb\udcff")
    'a\\x1b[31mb\\xff'
    """
    return "".join(c if c in "\n\xa0" or c.isprintable() else _escape(c) for c in text)


def _escape(character):
    byte = ord(character) - 0xDC00  # how Python reads bytes that are no UTF-8
    if 0x80 <= byte <= 0xFF:
        return f"\\x{byte:02x}"
    return character.encode("unicode_escape").decode()
