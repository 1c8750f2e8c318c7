"""Threads and event loops that answer: none of them keeps a program from ending.

Those of ``concurrent.futures`` are waited for when the interpreter ends, a hung one for ever.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from concurrent.futures import Future
from typing import Any, Callable, List, Optional

__all__ = ["Function", "Loop", "Threads", "tame"]

#: What is called with a message, or to make one.
Function = Callable[..., Any]

#: A future, the function and its arguments; nothing of it is left when the future was cancelled.
_Work = List[Any]


class Threads:
    """At most ``most`` threads, begun when there is work for them."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = max(1, most), name
        self._work: "queue.SimpleQueue[Optional[_Work]]" = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads, self._busy = 0, 0

    def submit(self, function: Function, *arguments: Any) -> "Future[Any]":
        """Has a function called. A future that is cancelled before its turn is never begun."""
        future: "Future[Any]" = Future()
        with self._lock:
            self._busy += 1
            begin = self._busy > self._threads < self._most
            self._threads += begin
        work: _Work = [future, function, arguments]
        # Behind a hung function what was cancelled may wait for ever: its message must not.
        future.add_done_callback(lambda _: work.clear())
        self._work.put(work)
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
            try:
                _done(work[:])
            finally:
                with self._lock:
                    self._busy -= 1
                del work  # Nothing of a message is kept until the next.


def _done(work: _Work) -> None:
    if not work or not work[0].set_running_or_notify_cancel():
        return
    future, function, arguments = work
    try:
        future.set_result(function(*arguments))
    except BaseException as error:  # Its caller's to handle, whatever it is.
        future.set_exception(tame(error))


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
