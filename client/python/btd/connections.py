"""Connections to btd, as many as calls in flight need: btd bounds what one of them carries."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Dict, Optional

from .rpc import Client

__all__ = ["Connections"]

#: Of 256 calls and 64 subscriptions that btd takes of a connection, unless it is told otherwise.
_CALLS, _SUBSCRIPTIONS = 200, 60

#: Seconds after which a connection that carries nothing is given back, but for the first.
_IDLE = 30.0


class Connections:
    """A connection that was given, or one of this module's own, and more when it is full."""

    def __init__(self, given: Optional[Client]) -> None:
        self._given = given
        #: Those of this module, with when each was last handed out.
        self._own: Dict[Client, float] = {}
        self._lock = threading.Lock()
        #: Held while one connects, which the others need not wait for.
        self._making = threading.Lock()

    def free(self) -> Client:
        """One that takes another call. Raises :class:`ConnectionError` when btd is not there."""
        client = self._at_hand()
        if client is not None:
            return client
        with self._making:
            client = self._at_hand()  # As another may have made one meanwhile.
            if client is None:
                client = Client(self._given.path) if self._given is not None else Client()
                with self._lock:
                    self._own[client] = time.monotonic()
            return client

    async def freed(self) -> Client:
        """As :meth:`free`, for code that awaits: what connects does so in a thread."""
        while True:
            client = self._at_hand()
            if client is not None:
                return client
            # Many may wait for the one that is made: each looks again whether it still has room.
            await asyncio.get_running_loop().run_in_executor(None, self.free)

    def _at_hand(self) -> Optional[Client]:
        """One that is there already and takes another call; those of no more use are given back."""
        now = time.monotonic()
        with self._lock:
            self._own = {client: used for client, used in self._own.items() if not client.closed}
            later = list(self._own.items())[1:]
            idle = [client for client, used in later if now - used > _IDLE and not client.calls and not client.subscriptions]
            for client in idle:
                del self._own[client]
            found = None
            for client in ([self._given] if self._given is not None else []) + list(self._own):
                if not client.closed and client.calls < _CALLS and client.subscriptions < _SUBSCRIPTIONS:
                    found = client
                    break
            if found in self._own:
                self._own[found] = now
        for client in idle:
            client.close()
        return found

    def close(self) -> None:
        """Ends those that were not given."""
        with self._lock:
            own, self._own = self._own, {}
        for client in own:
            client.close()

    def leave(self) -> None:
        """As :meth:`close`, for finalizers."""
        for client in self._own:
            client.leave()
