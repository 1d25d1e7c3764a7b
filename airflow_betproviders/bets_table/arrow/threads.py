"""Read several iterables in threads, a bounded number of items ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from queue import Queue
from threading import Event, Lock, Thread
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_AHEAD = 2  # items that wait for their reader


class ThreadedReader(Generic[_Item]):
    """Read iterables in threads.

    The items of one iterable come in its order; those of two may be mixed. The first error of an iterable ends all.

    Args:
        iterables: what to read.
        threads: how many are read at once.
    """

    def __init__(self, iterables: Iterable[Iterable[_Item]], threads: int) -> None:
        self._iterables = iter(iterables)
        self._lock = Lock()
        self._stopped = Event()
        self._queue: Queue[tuple[list[_Item], BaseException | None, bool]] = Queue(_AHEAD)
        self._threads = [Thread(target=self._read, name="betproviders-read", daemon=True) for _ in range(threads)]

    def read(self) -> Generator[_Item, None, None]:
        """Yield the items. When it is closed, the threads end."""
        for thread in self._threads:
            thread.start()
        running = len(self._threads)
        try:
            while running:
                items, error, ended = self._queue.get()
                if error is not None:
                    raise error
                running -= ended
                yield from items
        finally:
            self._stopped.set()
            while any(thread.is_alive() for thread in self._threads):
                self._discard_and_join()

    def _discard_and_join(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()
        for thread in self._threads:
            thread.join(0.01)

    def _read(self) -> None:
        try:
            for item in self._items():
                if self._stopped.is_set():
                    return
                self._queue.put(([item], None, False))
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            self._queue.put(([], error, True))
        else:
            self._queue.put(([], None, True))

    def _items(self) -> Iterator[_Item]:
        while True:
            with self._lock:
                iterable = next(self._iterables, None)
            if iterable is None:
                return
            yield from iterable
