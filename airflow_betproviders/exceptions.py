"""Every error this package raises.

```
BetProviderError
├── FinalError                     no retry helps: the task fails at once
│   ├── ProviderAuthError          account, key or address refused
│   ├── ProviderRequestError       parameter, filter or window refused
│   ├── WindowExpired              the provider no longer has the rows
│   ├── BadRows                    too many rows in quarantine
│   ├── OverlappingSlot            the slot overlaps a stored object
│   ├── NotArchived                slots have no archive to replay
│   ├── UnmergeableSlot            a stored slot cannot become bets
│   ├── DamagedTable               a file or the log of the bets table is damaged
│   └── InvalidArgument            an argument or a connection cannot work
│       ├── ConnectionNotFound     Airflow has no connection of this id
│       └── BrokenProvider         an installed provider package cannot be used
├── ProviderUnavailable            retried inside the task, then by Airflow
│   ├── ProviderRateLimited        waits inside the task
│   └── ProviderOverloaded         fewer rows in one answer may help
│       └── AnswerTooLarge         retried by Airflow only
├── QuotaExhausted                 the task defers until the next call may be made
├── WindowNotReady                 the task defers
├── IncompleteWindow               retried by Airflow
├── StoreError                     retried by Airflow
├── NothingStored                  retried by Airflow
├── ReconciliationFailed           retried by Airflow
└── TableContended                 retried by Airflow
```

Each error takes one positional message, so that it survives pickling. No message carries a secret.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib import import_module
from typing import Any, TypeVar, cast

_Error = TypeVar("_Error", bound="FinalError")


class BetProviderError(Exception):
    """Base of every error of this package.

    Attributes:
        transient: whether the same call may succeed in a moment.
        rate_limited: whether the provider asked for fewer calls.
        retry_after: seconds that the provider asked to wait; None if it did not ask.
        retry_at: when the call may be made, if a worker should not wait that long; else None. The task defers until then,
            and keeps the slots that it has stored.
    """

    transient = False
    rate_limited = False
    retry_after: float | None = None
    retry_at: datetime | None = None


class FinalError(BetProviderError):
    """Base of errors that no retry can cure.

    Every instance is also an ``AirflowFailException``, which fails the task at once, whatever its ``retries``. The class
    itself does not need Airflow, so that the engine can be imported without it.
    """

    def __new__(cls: type[_Error], *args: Any) -> _Error:  # noqa: PYI019 - typing.Self comes with Python 3.11
        """Create an instance of this class that Airflow knows as final."""
        error: _Error = super().__new__(_known_to_airflow(cls), *args)  # type: ignore[arg-type]
        return error

    @classmethod
    def airflow_classes(cls) -> tuple[type[Exception], ...]:
        """Return the classes of Airflow that every instance is also of."""
        return (airflow_exception("AirflowFailException"),)


def airflow_exception(name: str) -> type[Exception]:
    """Import an exception of Airflow, which some versions have elsewhere than others.

    Raises:
        ImportError: Airflow is not installed.
    """
    try:
        exception = getattr(import_module("airflow.sdk.exceptions"), name)
    except (ImportError, AttributeError):  # Airflow 3.1
        exception = getattr(import_module("airflow.exceptions"), name)
    return cast("type[Exception]", exception)


@cache
def _known_to_airflow(cls: type[FinalError]) -> type[Any]:
    """Return a class of the same name that is also of the Airflow classes; the class itself without Airflow."""
    try:
        classes = cls.airflow_classes()
    except ImportError:  # the engine without Airflow
        return cls
    if issubclass(cls, classes[0]):
        return cls
    members = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__,
        "__reduce__": lambda error: (cls, error.args),
    }
    return type(cls.__name__, (cls, *classes), members)


class ProviderAuthError(FinalError):
    """The provider does not accept the account, its key, or the caller's address."""


class ProviderRequestError(FinalError):
    """The provider refuses a parameter, a filter or a window of the request."""


class ProviderUnavailable(BetProviderError):
    """The provider gave no usable answer: timeout, reset, 5xx, HTML, truncated JSON, or maintenance."""

    transient = True


class ProviderRateLimited(ProviderUnavailable):
    """The provider asked for fewer calls, for longer than a call waits."""

    rate_limited = True


class ProviderOverloaded(ProviderUnavailable):
    """The provider did not answer in time: HTTP 504, or a time-out. Fewer rows in one answer may help."""


class AnswerTooLarge(ProviderOverloaded):
    """An answer has more bytes than the connection allows (``max_answer_mb``)."""

    transient = False


class QuotaExhausted(BetProviderError):
    """The provider's quota of calls is used up for longer than a worker should wait."""


class WindowNotReady(BetProviderError):
    """The window ends too recently: the provider may still add rows to it."""


class WindowExpired(FinalError):
    """The window is older than the provider's retention."""


class IncompleteWindow(BetProviderError):
    """The rows read were not proven complete: the provider's total and the rows never agreed, or an answer was cut off."""


class BadRows(FinalError):
    """More rows than ``max_bad_rows`` do not fit the schema. They are in quarantine; all other rows are stored."""


class OverlappingSlot(FinalError):
    """The slot overlaps an object that is already stored."""


class StoreError(BetProviderError, OSError):
    """A store, or the worker's disk, refuses a write or a read, or cannot be reached. The message names path and cure."""


class NothingStored(BetProviderError):
    """The raw lake has no slot of the interval to merge, or the bets table does not exist: an earlier task has yet to run."""


class NotArchived(FinalError):
    """Slots of the interval have no archive to be rebuilt from. Those that have one were rebuilt."""


class UnmergeableSlot(FinalError):
    """Stored slots cannot become bets. Every other slot was merged. The message names each slot and row."""


class DamagedTable(FinalError):
    """A file of the bets table is gone or has changed, or its log cannot be read. Nothing was committed. The message names it."""


class ReconciliationFailed(BetProviderError):
    """The raw bets of a day differ from the provider's own report. The result names each difference."""


class TableContended(BetProviderError):
    """Other commits to the bets table preceded this one for too long. Nothing is lost; the next attempt continues."""


class InvalidArgument(FinalError, ValueError):
    """An argument of an operator, a hook or a connection cannot work. It is refused before the first call."""


class ConnectionNotFound(InvalidArgument):
    """Airflow has no connection of this id. Every instance is also an ``AirflowNotFoundException``, as hooks of Airflow raise it."""

    @classmethod
    def airflow_classes(cls) -> tuple[type[Exception], ...]:
        """See `FinalError`."""
        return (*super().airflow_classes(), airflow_exception("AirflowNotFoundException"))


class BrokenProvider(InvalidArgument):
    """A package that provides a connection type cannot be used. Other providers are not affected."""
