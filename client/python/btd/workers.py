"""Threads and event loops that answer: none of them keeps a program from ending.

Those of ``concurrent.futures`` are waited for when the interpreter ends, a hung one for ever.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future
from typing import Any, Callable, Optional, Tuple

__all__ = ["Loop", "Threads", "tame"]

_Work = Tuple["Future[Any]", Callable[[], Any]]


class Threads:
    """At most ``most`` threads, begun when there is work for them."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = max(1, most), name
        self._work: "queue.SimpleQueue[Optional[_Work]]" = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads, self._busy = 0, 0

    def submit(self, function: Callable, *arguments: Any) -> "Future[Any]":
        """Has a function called. A future that is cancelled before its turn is never begun."""
        future: "Future[Any]" = Future()
        with self._lock:
            self._busy += 1
            begin = self._busy > self._threads < self._most
            self._threads += begin
        self._work.put((future, lambda: function(*arguments)))
        if begin:
            threading.Thread(target=self._run, name=self._name, daemon=True).start()
        return future

    def end(self) -> None:
        """Lets idle threads go, and busy ones when they are done."""
        for _ in range(self._most):
            self._work.put(None)

    def _run(self) -> None:
        while True:
            work = self._work.get()
            if work is None:
                return
            future, function = work
            try:
                if future.set_running_or_notify_cancel():
                    try:
                        future.set_result(function())
                    except BaseException as error:  # Its caller's to handle, whatever it is.
                        future.set_exception(tame(error))
            finally:
                with self._lock:
                    self._busy -= 1
                del work, future, function  # Nothing of a message is kept until the next.


class Loop:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()

    def submit(self, coroutine: Any) -> "Future[Any]":
        """Runs a coroutine; cancelling its future cancels it. Raises RuntimeError when the loop has ended."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def end(self) -> None:
        """Cancels what runs, and ends."""

        async def ended() -> None:
            running = asyncio.all_tasks() - {asyncio.current_task()}
            for task in running:
                task.cancel()
            # One that does not let itself be cancelled is left behind.
            await asyncio.wait(running, timeout=1.0) if running else None
            self.loop.stop()

        ending = ended()
        try:
            self.submit(ending)
        except RuntimeError:  # It has ended already.
            ending.close()


def tame(error: BaseException) -> Exception:
    """An error that ends a request and no more: ``sys.exit`` in one would end the loop that waits for it."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")
