"""Declare the settings in a connection's extra: names, types, allowed values, and which values are secret.

A user writes extras in a form, in JSON or in a URI, where every value is text. So text is accepted for every type:
``"false"`` is false and ``"2.5"`` is a number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

# `float` also takes digits of other scripts, underscores and "nan", which are refused here.
_NUMBER = re.compile(r"[+-]?(?:\d{1,40}\.?\d{0,40}|\.\d{1,40})(?:[eE][+-]?\d{1,4})?", re.ASCII)
_LARGEST = 10**40
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_KEY = re.compile(r"[\w+/=.-]{12,}")
# Bytes of a file in which its first certificate begins; comments may stand before it.
_PEM_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One member of a connection's extra.

    Attributes:
        name: the member's name in the extra.
        default: the value if the connection has none.
        required: a description of the value, for the message if it is missing; empty if the value is optional.
        secret: whether the value is masked and never quoted.
    """

    name: str
    default: Any = None
    required: str = ""
    secret: bool = False

    @property
    def wanted(self) -> str:
        """Return a description of valid values, to follow "must be"."""
        raise NotImplementedError

    def parse(self, value: Any) -> Any:
        """Convert what the connection holds.

        Raises:
            ValueError: the value is not `wanted`.
        """
        raise NotImplementedError

    def secrets(self, value: Any) -> list[str]:
        """Return the parts of a value that must never appear in a message, whatever its type: of a URL its password."""
        return _texts(value) if self.secret else passwords_in(value)

    def quote(self, value: Any) -> str:
        """Format an invalid value for a message: of a URL without user and password; of a secret nothing."""
        if self.secret:
            return ""
        shown = str(value).rpartition("@")[2] if "@" in str(value) else value
        return f"={shown!r}"[:80]


@dataclass(frozen=True, kw_only=True)
class TextSetting(Setting):
    """Text; an integer counts as its digits.

    Attributes:
        choices: the allowed values; empty for any.
        pattern: a regular expression that matches the complete text.
        hint: a description of valid values, if there are no `choices`.
    """

    choices: tuple[str, ...] = ()
    pattern: str = ""
    hint: str = "text"

    @property
    def wanted(self) -> str:
        """See `Setting`."""
        return f"one of {', '.join(self.choices)}" if self.choices else self.hint

    def parse(self, value: Any) -> str:
        """See `Setting`."""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError(self.wanted)  # noqa: TRY004 - one error for every unfit value
        text = str(value)
        if (self.choices and text not in self.choices) or (self.pattern and not re.fullmatch(self.pattern, text)):
            raise ValueError(self.wanted)
        if text != text.strip():
            raise ValueError(f"{self.wanted}, without blanks around it")
        if not text.isprintable():
            raise ValueError(f"{self.wanted}, without control characters")
        return text


@dataclass(frozen=True, kw_only=True)
class FlagSetting(Setting):
    """True or false."""

    default: bool = False

    @property
    def wanted(self) -> str:
        """See `Setting`."""
        return "true or false"

    def parse(self, value: Any) -> bool:
        """See `Setting`."""
        text = str(value).strip().lower()
        if isinstance(value, bool | str | int) and text in _TRUE | _FALSE:
            return text in _TRUE
        raise ValueError(self.wanted)

    def quote(self, value: Any) -> str:
        """Format an invalid value as `Setting.quote` does, but not what may be a key in the wrong field."""
        return "" if _KEY.fullmatch(str(value)) else super().quote(value)


@dataclass(frozen=True, kw_only=True)
class NumberSetting(Setting):
    """A number.

    Attributes:
        unit: the unit of the number, e.g. ``seconds``.
        minimum: the smallest value.
        maximum: the greatest value.
        integer: whether it must be a whole number.
    """

    unit: str
    minimum: float = 0
    maximum: float = math.inf
    integer: bool = False

    @property
    def wanted(self) -> str:
        """See `Setting`."""
        kind = "a whole number" if self.integer else "a number"
        ends = (
            f"from {self.minimum:g} to {self.maximum:g}" if self.maximum < math.inf else f"of at least {self.minimum:g}"
        )
        return f"{kind} of {self.unit} {ends}"

    def parse(self, value: Any) -> float:
        """See `Setting`."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(self.wanted)  # noqa: TRY004 - one error for every unfit value
        text = str(value).strip() if isinstance(value, str | float) or abs(value) < _LARGEST else ""
        if not _NUMBER.fullmatch(text):
            raise ValueError(self.wanted)
        number = float(text)
        if (
            not self.minimum <= number <= self.maximum
            or math.isinf(number)
            or (self.integer and not number.is_integer())
        ):
            raise ValueError(self.wanted)
        return int(number) if self.integer else number


@dataclass(frozen=True, kw_only=True)
class UrlSetting(Setting):
    """A URL, whose password is masked.

    Attributes:
        schemes: the schemes that it may have.
        example: a URL that works.
        one_host: whether it names exactly one host.
    """

    schemes: tuple[str, ...]
    example: str
    one_host: bool = True

    @property
    def wanted(self) -> str:
        """See `Setting`."""
        return f"a URL such as {self.example}, its scheme one of {', '.join(self.schemes)}"

    def parse(self, value: Any) -> str:
        """See `Setting`."""
        try:
            parts = urlsplit(value)
            fits = parts.scheme in self.schemes and not re.search(r"\s", value)
            fits = fits and (not self.one_host or (bool(parts.hostname) and parts.port != 0))
        except (TypeError, ValueError, AttributeError):
            fits = False
        if not fits:
            raise ValueError(self.wanted)
        return str(value)


@dataclass(frozen=True, kw_only=True)
class FilesSetting(Setting):
    """The path of a file on the worker, or several, separated by commas.

    Attributes:
        kind: a description of the files, for messages.
        max_files: the greatest number of files.
    """

    kind: str
    max_files: int = 1

    @property
    def wanted(self) -> str:
        """See `Setting`."""
        several = f", or up to {self.max_files} such paths, separated by commas" if self.max_files > 1 else ""
        return f"the path of a file on the worker that holds {self.kind}{several}"

    def parse(self, value: Any) -> tuple[str, ...]:
        """See `Setting`."""
        paths = tuple(path.strip() for path in value.split(",")) if isinstance(value, str) else ()
        if not 0 < len(paths) <= self.max_files or not all(map(_is_pem, paths)):
            raise ValueError(self.wanted)
        return paths

    def quote(self, value: Any) -> str:
        """Format an invalid value as `Setting.quote` does, but not the text of a file, which may be a private key."""
        return "" if "-----BEGIN" in str(value) else super().quote(value)


def passwords_in(url: Any) -> list[str]:
    """Return the password in a URL, as written and decoded."""
    try:
        password = urlsplit(url).password
    except (TypeError, ValueError, AttributeError):
        return []
    return [*dict.fromkeys((password, unquote(password)))] if password else []


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return [] if value is None or isinstance(value, bool) or value == "" else [str(value)]


def _is_pem(path: str) -> bool:
    """Return whether it is a readable file in PEM. A device or a pipe, which may have no end, is none."""
    try:
        if not Path(path).is_file():
            return False
        with Path(path).open("rb") as file:
            return b"-----BEGIN " in file.read(_PEM_BYTES)
    except (OSError, ValueError):
        return False


COMMON_SETTINGS: tuple[Setting, ...] = (
    NumberSetting(name="timeout", unit="seconds", minimum=0.001, maximum=3600, default=60.0),
    NumberSetting(name="min_interval", unit="seconds", maximum=86_400),
    UrlSetting(
        name="rate_limit_storage",
        schemes=("redis", "rediss", "redis+unix", "redis+sentinel", "redis+cluster", "valkey", "memory"),
        example="redis://host:6379/0",
        one_host=False,
    ),
    FlagSetting(name="verify", default=True),
    FilesSetting(name="ca_bundle", kind="certificate authorities in PEM"),
    FilesSetting(name="client_cert", kind="a client certificate with its key in PEM", max_files=2),
    UrlSetting(
        name="proxy", schemes=("http", "https", "socks5", "socks5h", "socks4", "socks4a"), example="http://proxy:3128"
    ),
    NumberSetting(name="page_size", unit="rows", minimum=1, integer=True),
    NumberSetting(name="retention_days", unit="days", minimum=1, maximum=36500),
    NumberSetting(name="max_answer_mb", unit="megabytes", minimum=1, maximum=65536, default=256.0),
)
"""The settings of every connection."""
