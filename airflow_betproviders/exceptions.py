"""Every error this package raises.

A final error derives from ``AirflowFailException``: the task fails at once, whatever its ``retries``. The others are
retried by Airflow. Each takes one positional message and so survives pickling; no message carries a secret.
"""

from __future__ import annotations

try:
    from airflow.sdk.exceptions import AirflowException as AirflowException  # noqa: PLC0414 - for `open_path`
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # Airflow 3.1 has them elsewhere
    from airflow.exceptions import AirflowException as AirflowException  # type: ignore[attr-defined]  # noqa: PLC0414 - as above
    from airflow.exceptions import AirflowFailException  # type: ignore[no-redef]


class BetProviderError(Exception):
    """Base of every error of this package.

    Attributes:
        passing: the same call may succeed in a moment.
        limited: it was one call too many.
        retry_after: seconds the provider asked to wait, where it did.
    """

    passing = False
    limited = False
    retry_after: float | None = None


class ProviderAuthError(BetProviderError, AirflowFailException):
    """The provider does not accept the account, its key, or the caller's address."""


class ProviderRequestError(BetProviderError, AirflowFailException):
    """The provider refuses what was asked: a parameter, a filter, a window."""


class ProviderUnavailable(BetProviderError):
    """No usable answer: timeout, reset, 5xx, HTML or cut JSON, maintenance."""

    passing = True


class ProviderRateLimited(ProviderUnavailable):
    """The provider asked for fewer calls, and went on asking for longer than a call waits."""

    limited = True


class WindowNotReady(BetProviderError):
    """The window ends too recently: the provider may still add rows to it."""


class WindowExpired(BetProviderError, AirflowFailException):
    """The window is older than the provider keeps."""


class IncompleteWindow(BetProviderError):
    """The provider's total and the rows read never agreed, or an answer stayed cut off."""


class BadRows(BetProviderError, AirflowFailException):
    """More rows than ``max_bad_rows`` did not fit the schema; they are in quarantine, the good rows have landed."""


class OverlappingSlot(BetProviderError, AirflowFailException):
    """The slot would cut across an object that is already stored."""


class NothingStored(BetProviderError):
    """The raw lake holds no slot of the interval that is to be merged: the extraction has yet to run, or went elsewhere."""


class NotArchived(BetProviderError, AirflowFailException):
    """Slots of the interval have no archive to be rebuilt from; those that have one were rebuilt."""


class ReconciliationFailed(BetProviderError):
    """The raw bets of a day are not what the provider's own report says; the report of it names each difference."""


class TableContended(BetProviderError):
    """Other commits to the bets table came first for too long; nothing is lost, the next try goes on."""


class InvalidArgument(BetProviderError, AirflowFailException, ValueError):
    """An argument of an operator, a hook or a connection that cannot work, refused before the first call."""
