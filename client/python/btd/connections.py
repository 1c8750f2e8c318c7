"""Connections to btd, as many as calls in flight need: btd bounds what one of them carries."""

from __future__ import annotations

import threading
from typing import List, Optional

from .rpc import Client

__all__ = ["Connections"]

#: Of 256 calls and 64 subscriptions that btd takes of a connection, unless it is told otherwise.
_CALLS, _SUBSCRIPTIONS = 200, 60


class Connections:
    """A connection that was given, or one of this module's own, and more when it is full."""

    def __init__(self, given: Optional[Client]) -> None:
        self._given = given
        self._own: List[Client] = []
        self._lock = threading.Lock()

    def free(self) -> Client:
        """One that takes another call. Raises :class:`ConnectionError` when btd is not there."""
        with self._lock:
            self._own = [client for client in self._own if not client.closed]
            for client in ([self._given] if self._given is not None else []) + self._own:
                if not client.closed and client.calls < _CALLS and client.subscriptions < _SUBSCRIPTIONS:
                    return client
            made = Client(self._given.path) if self._given is not None else Client()
            self._own.append(made)
            return made

    def close(self) -> None:
        """Ends those that were not given."""
        with self._lock:
            own, self._own = self._own, []
        for client in own:
            client.close()
