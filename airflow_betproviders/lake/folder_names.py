"""Build the names of the lake's folders, ``key=value``, so that every reader takes the value for the same text.

DuckDB, Polars, pandas, PyArrow and Spark read partition columns from folder names, and each guesses a type: ``0007``
becomes 7 in some and stays text in others. So a value that a reader could take for anything but text gets a ``~`` in
front. Readers decode ``%2F`` alike, but Spark decodes ``%C3%BC`` to two characters, so only ASCII is percent-encoded.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, unquote

MAX_BYTES = 200  # bytes of a folder's name; file systems take 255
_MARK = "~"
_DIGITS = 32  # length of a digest, in hexadecimal
_SHORTENED = re.compile(f".*{_MARK}[0-9a-f]{{{_DIGITS}}}", re.DOTALL)
# Words that at least one reader takes for a number, a truth value, a date or null. Texts that begin with a digit or a
# sign are marked anyway, and so are times such as T12:30.
_TYPED = frozenset(
    ["true", "false", "null", "none", "nan", "inf", "infinity", "epoch", "now", "today", "tomorrow", "yesterday"]
)
_TIME = re.compile(r"t[0-9:.]+")
_SAFE = "@+,"


@lru_cache(maxsize=10_000)
def folder_name(key: str, value: str) -> str:
    """Return the folder's name for a value: ``account=agent001``, ``account=~0007``, ``account=a%2Fü``.

    A name of more than `MAX_BYTES` bytes is cut off and gets a digest of the value. Receipts hold the complete value.
    """
    return shortened(f"{key}={_MARK if _needs_mark(value) else ''}{percent_encoded(value, _SAFE)}", value)


def shortened(name: str, value: str) -> str:
    """Return a folder's name, cut off and with a digest of the value if it has more than `MAX_BYTES` bytes."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    beginning = name.encode()[: MAX_BYTES - len(_MARK) - _DIGITS].decode(errors="ignore")
    beginning = re.sub("%.?$", "", beginning)  # the end may be half of a %XX
    return f"{beginning}{_MARK}{sha256(value.encode()).hexdigest()[:_DIGITS]}"


def value_of(key: str, name: str) -> str | None:
    """Return the value that a folder's name stands for, or None where `folder_name` makes no such name.

    The value of a shortened name (see `is_shortened`) is its beginning and its digest.
    """
    if not name.startswith(f"{key}=") or not name.isprintable():  # a name on a disk may not even be UTF-8
        return None
    value = unquote(name.removeprefix(f"{key}=")).removeprefix(_MARK)
    return value if is_shortened(name) or folder_name(key, value) == name else None


def is_shortened(name: str) -> bool:
    """Return whether a name may be a shortened one. Then only a receipt in the folder has the value."""
    return len(name.encode()) >= MAX_BYTES - 16 and bool(_SHORTENED.fullmatch(name))


def percent_encoded(text: str, safe: str = "") -> str:
    """Percent-encode a text, except letters, digits, ``_.-~``, the safe characters and other printable text beyond ASCII."""
    return "".join(
        char if not char.isascii() and char.isprintable() and not char.isspace() else quote(char, safe=safe)
        for char in text
    )


def _needs_mark(value: str) -> bool:
    word = value.casefold()
    return not value[:1].isalpha() or word in _TYPED or bool(_TIME.fullmatch(word))
