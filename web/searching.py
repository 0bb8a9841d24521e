"""The index a web process searches in: kept like the directory by a thread of its own, read by every request."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from engine.search.follower import Follower
from engine.search.index import Found, Index
from engine.search.tree import Node
from engine.store import Store

_ENDS_S: Final = 10.0


class SearchDesk:
    """An index and its follower; both begin with the first who asks, or with ``start``."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store, self._path = store, path
        self._index = Index(path)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow the directory; again is nothing."""
        with self._lock:
            if self._thread is None and not self._stop.is_set():
                follower = Follower(self._store, self._path)
                self._thread = threading.Thread(target=follower.run, args=(self._stop,), name="search-follower")
                self._thread.daemon = True
                self._thread.start()

    def search(self, node: Node, *, most: int = 100, facets: bool = False) -> Found:
        """As the index does. Errors: Unavailable (``no_index``) while it is built for the first time."""
        self.start()
        return self._index.search(node, most=most, facets=facets)

    def close(self) -> None:
        """End the thread; what it has not committed is done again by the next."""
        self._stop.set()
        with self._lock:
            if self._thread is not None:
                self._thread.join(_ENDS_S)
