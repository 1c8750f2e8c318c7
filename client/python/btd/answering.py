"""How the requests of an axon are answered: what runs where, and what ends it.

Coroutine functions run side by side on one event loop, which a function that blocks blocks for all
of them. Other functions run in threads: each attached function has ``max_workers`` of its own for
answers and as many for screening, so that a hung one takes no other with it. A request that its
caller gave up is dropped if it waits, and cancelled if a coroutine answers it; a thread that is at
it goes on, and what it gives is dropped.
"""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import functools
import inspect
import logging
import math
import sys
import threading
from typing import Any, Callable, Dict, Optional, Tuple

from .rpc import Client, Json, RpcError, TooLarge
from .stream import StreamingSynapse
from .synapse import Synapse
from .values import finite
from .workers import Function, Loop, Threads, tame

__all__ = ["Answering", "Attached"]

_log = logging.getLogger("btd.axon")

#: By which a function says that its time is over: three kinds before Python 3.11.
_TIMEOUTS = (TimeoutError, asyncio.TimeoutError, concurrent.futures.TimeoutError)

#: How many requests of a class are answered at once by coroutines.
_COROUTINES = 256

#: Seconds between attempts when btd is busy.
_PAUSES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)


class Attached:
    """A class with the functions that answer and screen it."""

    def __init__(self, of: type, forward: Function, blacklist: Any, priority: Any, verify: Any) -> None:
        self.of = of
        self.forward = forward
        self.blacklist = blacklist
        self.priority = priority
        self.verify = verify

    @property
    def screens(self) -> bool:
        """Whether there is anything to be asked before a request waits for its turn."""
        return any((self.blacklist, self.priority, self.verify))

    def window(self, max_workers: int) -> int:
        """How many requests are answered at once."""
        return max(max_workers, _COROUTINES) if awaits(self.forward) else max_workers


class Answering:
    """Answers what btd asks, from ``begin`` until ``end``."""

    def __init__(self, max_workers: int) -> None:
        self.max_workers = max_workers
        #: Apart, so that a handler that blocks its loop blocks neither screening nor other handlers.
        self._loop, self._handlers = Loop("btd-axon-loop"), Loop("btd-axon-handlers")
        self._threads: Dict[Tuple[str, str], Threads] = {}
        self._open: Dict[Tuple[int, int], Any] = {}
        self._lock = threading.Lock()
        self._ended = False

    def taker(self, client: Client, attached: Attached) -> Callable[[Json], None]:
        """What takes the questions about a class that come over a connection."""
        kinds = {"screen": self._screen, "answer": self._answer}

        def take(asked: Json) -> None:
            key = (id(client), asked["request"])
            if asked["kind"] == "cancelled":
                with self._lock:
                    running = self._open.get(key)
                if running is not None:
                    running.cancel()
                return
            work = self._guarded(client, kinds[asked["kind"]], attached, asked)
            with self._lock:
                if self._ended:  # btd asks another, or this program's next life.
                    work.close()
                    return
                running = self._open[key] = self._loop.submit(work)
            running.add_done_callback(lambda _: self._forget(key, running))

        return take

    def drop(self) -> None:
        """Ends what is being answered: nobody waits for it any more."""
        with self._lock:
            running = list(self._open.values())
        for one in running:
            one.cancel()

    def end(self) -> None:
        """Ends all of it; nothing begins behind it."""
        with self._lock:
            self._ended = True
            threads = list(self._threads.values())
        self.drop()
        for pool in threads:
            pool.end()
        self._handlers.end()
        self._loop.end()

    # --- one request

    def _forget(self, key: Tuple[int, int], running: Any) -> None:
        with self._lock:
            if self._open.get(key) is running:
                del self._open[key]

    async def _guarded(self, client: Client, work: Function, attached: Attached, asked: Json) -> None:
        try:
            await work(client, attached, asked)
        except asyncio.CancelledError:
            with self._lock:
                given_up = (id(client), asked["request"]) not in self._open
            if given_up:
                raise
            await self._fails(client, asked, "its function was cancelled")  # By itself: its caller waits.
        except ConnectionError as error:
            if not client.closed:  # The function's own: its caller waits.
                _log.exception("answering %s failed", asked["synapse"])
                await self._fails(client, asked, f"{type(error).__name__}: {error}")
        except RpcError as error:
            if error.kind != "NOT_FOUND":  # Its caller may be gone.
                _log.warning("btd did not take an answer of %s: %s", asked["synapse"], error)
                await self._fails(client, asked, f"btd did not take the answer: {error}")
        except Exception as error:
            _log.exception("answering %s failed", asked["synapse"])
            await self._fails(client, asked, f"{type(error).__name__}: {error}")

    async def _fails(self, client: Client, asked: Json, why: str) -> None:
        why = why[:2000].encode(errors="replace").decode()
        try:
            await _call(client, "axon_answer", {"request": asked["request"], "failure": why})
        except Exception:
            _log.debug("nobody waits for that failure", exc_info=True)

    async def _run(self, attached: Attached, kind: str, function: Function, *arguments: Any) -> Any:
        result: Any
        if awaits(function):
            result = function(*arguments)
        else:
            with self._lock:
                name = (attached.of.__name__, kind)
                threads = self._threads.get(name)
                if threads is None:
                    threads = self._threads[name] = Threads(self.max_workers, f"btd-axon-{kind}")
            result = await asyncio.wrap_future(threads.submit(function, *arguments))
        return await self._awaited(result) if inspect.isawaitable(result) else result

    async def _awaited(self, awaitable: Any) -> Any:
        async def awaited() -> Any:
            try:
                return await awaitable
            except (SystemExit, KeyboardInterrupt, StopIteration) as error:
                raise tame(error) from None

        running = awaited()
        try:
            handled = self._handlers.submit(running)
        except RuntimeError:  # The loop has ended, and with it the axon.
            running.close()
            close = getattr(awaitable, "close", None)
            if close is not None:
                close()
            raise asyncio.CancelledError() from None
        return await asyncio.wrap_future(handled)

    async def _screen(self, client: Client, attached: Attached, asked: Json) -> None:
        synapse = attached.of._received(asked["message"])  # type: ignore[attr-defined]
        verdict = await self._verdict(attached, synapse, asked)
        await _call(client, "axon_screen", {"request": asked["request"], **verdict})

    async def _verdict(self, attached: Attached, synapse: Synapse, asked: Json) -> Json:
        """What the functions say, asked in the order of bittensor: whom one turns away the next is not asked about."""
        if attached.blacklist is not None:
            turned_away, reason = _pair(await self._run(attached, "screen", attached.blacklist, synapse))
            if turned_away:
                return {"blacklist": reason}
        if attached.verify is not None:
            try:
                await self._run(attached, "screen", attached.verify, synapse)
            except Exception as error:
                return {"not_verified": str(error) or type(error).__name__}
        if attached.priority is None:
            return {}
        try:
            return {"priority": _priority(asked, await self._run(attached, "screen", attached.priority, synapse))}
        except _TIMEOUTS:
            return {"timed_out": True}

    async def _answer(self, client: Client, attached: Attached, asked: Json) -> None:
        synapse = attached.of._received(asked["message"])  # type: ignore[attr-defined]
        result = await self._run(attached, "answer", attached.forward, synapse)
        request = asked["request"]
        if isinstance(result, StreamingSynapse.BTStreamingResponse):
            synapse, result = result.synapse or synapse, result.streamer
        if isinstance(result, Synapse):
            message = {**result._values(), "axon": _status(result)}
            try:
                await _call(client, "axon_answer", {"request": request, "message": message})
            except TooLarge:
                raise
            except ValueError:  # A number that JSON has not arrives as null, as from bittensor.
                await _call(client, "axon_answer", {"request": request, "message": finite(message)})
            return
        send = _Sender(client, request, synapse)
        if callable(result):
            await self._run(attached, "answer", result, send)
        elif hasattr(result, "__aiter__"):

            async def pieces() -> None:
                async for piece in result:
                    await send(piece)

            await self._awaited(pieces())
        elif hasattr(result, "__next__"):
            done = object()
            while True:
                piece = await self._run(attached, "answer", next, result, done)
                if piece is done:
                    break
                await send(piece)
        else:
            name = getattr(attached.forward, "__name__", repr(attached.forward))
            raise TypeError(f"{name} gave {type(result).__name__}, not a synapse or a stream")
        await send.end()


def awaits(function: Function) -> bool:
    """Whether calling it gives a coroutine: of a partial, what it calls; of an object, how it is called."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(getattr(function, "__call__", None))


async def _call(client: Client, method: str, params: Json) -> Any:
    for pause in _PAUSES:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(client.submit(method, params)), client.timeout)
        except RpcError as error:
            # More pieces wait for slow callers than one connection carries.
            if error.kind != "BUSY":
                raise
            await asyncio.sleep(pause)
    return await asyncio.wait_for(asyncio.wrap_future(client.submit(method, params)), client.timeout)


class _Sender:
    """What a streamer sends with. The first that goes out brings the status along, if the function has set one."""

    def __init__(self, client: Client, request: int, synapse: Synapse) -> None:
        self._client, self._request = client, request
        self._synapse: Optional[Synapse] = synapse

    async def __call__(self, piece: Any) -> None:
        # Streamers of bittensor send the messages of ASGI.
        if isinstance(piece, dict):
            piece = piece.get("body", b"")
        if piece:
            await self._goes(_piece(piece))

    async def end(self) -> None:
        await self._goes({"last": True})

    async def _goes(self, what: Json) -> None:
        opening, self._synapse = self._synapse, None
        status = _status(opening) if opening is not None else {}
        await _call(self._client, "axon_stream", {"request": self._request, **status, **what})


def _status(synapse: Synapse) -> Json:
    """How the call ended, as far as the forward function has said it."""
    said = {name: getattr(synapse.axon, name) for name in ("status_code", "status_message")}
    return {name: value for name, value in said.items() if value is not None}


def _pair(verdict: Any) -> Tuple[bool, str]:
    """Whether a sender is turned away, and why. What says neither turns nobody away and lets nobody in: the request fails."""
    whether, why = verdict if isinstance(verdict, (tuple, list)) and len(verdict) == 2 else (verdict, "blacklisted")
    if type(whether).__name__ in ("bool", "bool_"):  # numpy's too.
        return bool(whether), str(why)
    raise TypeError(f"the blacklist function gave {verdict!r:.200}: it is to give (whether, why), or True or False")


def _priority(asked: Json, value: Any) -> Optional[float]:
    """The priority as btd takes it; one that is no number is left to the axon's own rule, as if there were no function."""
    try:
        number = float(value)
    except Exception:  # What it is to be a number is the value's own code.
        _log.warning("the priority of a request of %s is %.200r, no number: the axon's own rule holds", asked["synapse"], value)
        return None
    if math.isfinite(number):
        return number
    # Infinities are the ends of what there is; what is no number is last.
    last = math.isnan(number) or number < 0
    if math.isnan(number):
        _log.warning("the priority of a request of %s is NaN: it is answered last", asked["synapse"])
    return -sys.float_info.max if last else sys.float_info.max


def _piece(piece: Any) -> Json:
    if isinstance(piece, str):
        return {"text": piece}
    return {"base64": base64.b64encode(bytes(piece)).decode()}
