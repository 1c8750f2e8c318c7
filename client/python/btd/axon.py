"""``Axon``: functions that answer synapses, behind btd's own axon.

``attach`` declares the synapse of a function by its annotation; ``start`` takes a place at btd for
each and answers until ``stop``. btd verifies, queues and counts; when this program restarts, what
waits at btd is answered by its next life.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import logging
import threading
import typing
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional, Tuple

from .rpc import Client, RpcError
from .synapse import StreamingSynapse, Synapse
from .wallet import names

__all__ = ["Axon"]

_log = logging.getLogger("btd.axon")


class _Attached:
    def __init__(self, of: type, forward: Callable, blacklist: Any, priority: Any, verify: Any) -> None:
        self.of = of
        self.forward = forward
        self.blacklist = blacklist
        self.priority = priority
        self.verify = verify

    @property
    def screens(self) -> bool:
        return any((self.blacklist, self.priority, self.verify))


class Axon:
    """The answering side of a neuron."""

    def __init__(
        self,
        wallet: Any = None,
        config: Any = None,
        port: Optional[int] = None,
        ip: Optional[str] = None,
        external_ip: Optional[str] = None,
        external_port: Optional[int] = None,
        max_workers: int = 10,
        *,
        client: Optional[Client] = None,
    ) -> None:
        self.wallet = wallet
        self.ip = ip
        self.port = port
        self.external_ip = external_ip
        self.external_port = external_port
        self.max_workers = max_workers
        self.started = False
        #: Where btd's axon listens, once it is started.
        self.address: Optional[str] = None
        self._client = client
        self._owns_client = client is None
        self._attached: Dict[str, _Attached] = {}
        self._subscriptions: List[Any] = []
        self._owns_axon = False
        self._pool: Optional[ThreadPoolExecutor] = None
        #: Apart, so that what is to be screened does not wait for what is being answered.
        self._screeners: Optional[ThreadPoolExecutor] = None
        self._loop: Optional[asyncio.AbstractEventLoop] = None
        self._open: set = set()
        self._cancelled: set = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def attach(
        self,
        forward_fn: Callable,
        blacklist_fn: Optional[Callable] = None,
        priority_fn: Optional[Callable] = None,
        verify_fn: Optional[Callable] = None,
    ) -> "Axon":
        """Answers the synapse that ``forward_fn`` takes.

        ``blacklist_fn`` gives ``(bool, reason)`` or a bool, ``priority_fn`` a number of which larger
        ones are answered sooner, and ``verify_fn`` raises when a request is not to be believed. btd
        has verified the sender before any of them is called.
        """
        signature = inspect.signature(forward_fn)
        parameters = list(signature.parameters.values())
        if not parameters:
            raise TypeError("a forward function takes a synapse")
        hints = typing.get_type_hints(forward_fn)
        of = hints.get(parameters[0].name, parameters[0].annotation)
        if not (isinstance(of, type) and issubclass(of, Synapse)):
            raise TypeError(f"say of what class the synapse of {forward_fn.__name__} is, by an annotation")
        if of is Synapse:
            raise TypeError("the ping is btd's own: attach a subclass of Synapse")
        of.declaration()  # A type that does not travel is told here.
        self._attached[of.__name__] = _Attached(of, forward_fn, blacklist_fn, priority_fn, verify_fn)
        return self

    def serve(self, netuid: int, subtensor: Any = None, **wait: Any) -> "Axon":
        """Publishes on chain where the neuron serves, through btd."""
        if not (self.external_ip or self.ip) or not (self.external_port or self.port):
            raise ValueError("say where others reach this axon: external_ip and external_port")
        params = {
            **names(self.wallet),
            "netuid": netuid,
            "ip": self.external_ip or self.ip,
            "port": self.external_port or self.port,
            **wait,
        }
        self._connected().call("axon_set", params, timeout=180)
        return self

    def start(self) -> "Axon":
        """Starts btd's axon if none runs, and takes a place for each attached function."""
        client = self._connected()
        running = client.call("axon_status")["axon"]
        if running is None:
            bind = f"{self.ip or '0.0.0.0'}:{self.port}" if self.port is not None else None
            running = client.call("axon_start", {**names(self.wallet), "bind": bind})
            self._owns_axon = True
        self.address = running["address"]
        self._pool = ThreadPoolExecutor(self.max_workers, thread_name_prefix="btd-axon")
        self._screeners = ThreadPoolExecutor(self.max_workers, thread_name_prefix="btd-axon-screen")
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="btd-axon-loop", daemon=True).start()
        client.on_close(lambda _: self._ended.set())
        self.started = True
        for attached in self._attached.values():
            params = {"synapse": attached.of.declaration(), "window": self.max_workers, "screen": attached.screens}
            taker = self._taker(client, attached)
            self._subscriptions.append(client.subscribe("axon_serve", params, taker, "axon_unserve"))
        return self

    def stop(self) -> "Axon":
        """Gives the places up, and stops btd's axon if ``start`` started it."""
        if not self.started:
            return self
        client = self._connected()
        with self._lock:
            self.started = False
        try:
            for subscription in self._subscriptions:
                client.unsubscribe("axon_unserve", subscription)
            self._subscriptions.clear()
            if self._owns_axon:
                client.call("axon_stop")
        except ConnectionError:
            pass  # btd is gone, and the places with it.
        finally:
            for pool in (self._pool, self._screeners):
                if pool:
                    pool.shutdown(wait=False, cancel_futures=True)
            if self._loop:
                asyncio.run_coroutine_threadsafe(_end(self._loop), self._loop)
            self._ended.set()
            if self._owns_client:
                client.close()
                self._client = None
        return self

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until the axon is stopped or btd is gone; whether it is."""
        return self._ended.wait(timeout)

    # --- answering

    def _connected(self) -> Client:
        if self._client is None:
            self._client = Client()
        return self._client

    def _taker(self, client: Client, attached: _Attached) -> Callable[[dict], None]:
        def take(asked: dict) -> None:
            with self._lock:
                if asked["kind"] == "cancelled":
                    if asked["request"] in self._open:
                        self._cancelled.add(asked["request"])
                    return
                self._open.add(asked["request"])
            work, pool = (self._screen, self._screeners) if asked["kind"] == "screen" else (self._answer, self._pool)
            assert pool is not None
            try:
                pool.submit(self._guarded, client, work, attached, asked)
            except RuntimeError:  # It is shut down: btd asks another, or this program's next life.
                with self._lock:
                    self._open.discard(asked["request"])

        return take

    def _guarded(self, client: Client, work: Callable, attached: _Attached, asked: dict) -> None:
        try:
            with self._lock:
                cancelled = asked["request"] in self._cancelled
            if not cancelled:
                work(client, attached, asked)
        except (ConnectionError, OSError, CancelledError):
            pass  # btd asks another, or this program's next life.
        except RpcError as error:
            if error.kind != "NOT_FOUND":  # Its caller may be gone.
                _log.warning("btd did not take an answer: %s", error)
        except Exception as error:
            _log.exception("answering %s failed", asked["synapse"])
            try:
                client.call("axon_answer", {"request": asked["request"], "failure": f"{type(error).__name__}: {error}"})
            except Exception:
                _log.debug("nobody waits for that failure", exc_info=True)
        finally:
            with self._lock:
                self._open.discard(asked["request"])
                self._cancelled.discard(asked["request"])

    def _run(self, function: Callable, *arguments: Any) -> Any:
        result = function(*arguments)
        if inspect.isawaitable(result):

            async def awaited() -> Any:
                return await result

            with self._lock:  # What begins before the end is ended with it, and nothing begins behind it.
                if not self.started or self._loop is None:
                    result.close() if inspect.iscoroutine(result) else None
                    raise CancelledError()
                running = asyncio.run_coroutine_threadsafe(awaited(), self._loop)
            return running.result()
        return result

    def _screen(self, client: Client, attached: _Attached, asked: dict) -> None:
        synapse = attached.of.from_json(asked["message"])  # type: ignore[attr-defined]
        verdict: Dict[str, Any] = {"request": asked["request"]}
        if attached.verify is not None:
            try:
                self._run(attached.verify, synapse)
            except Exception as error:
                verdict["not_verified"] = str(error) or type(error).__name__
        if attached.blacklist is not None:
            turned_away, reason = _pair(self._run(attached.blacklist, synapse))
            if turned_away:
                verdict["blacklist"] = reason
        if attached.priority is not None:
            verdict["priority"] = float(self._run(attached.priority, synapse))
        client.call("axon_screen", verdict)

    def _answer(self, client: Client, attached: _Attached, asked: dict) -> None:
        synapse = attached.of.from_json(asked["message"])  # type: ignore[attr-defined]
        result = self._run(attached.forward, synapse)
        request = asked["request"]
        if isinstance(result, StreamingSynapse.BTStreamingResponse):
            result = result.streamer
        if isinstance(result, Synapse):
            message = result.fields()
            status = {
                name: getattr(result.axon, name)
                for name in ("status_code", "status_message")
                if getattr(result.axon, name) is not None
            }
            client.call("axon_answer", {"request": request, "message": {**message, "axon": status}})
        elif callable(result):
            self._run(result, self._sender(client, request))
            client.call("axon_stream", {"request": request, "last": True})
        elif hasattr(result, "__aiter__"):
            send = self._sender(client, request)

            async def stream() -> None:
                async for piece in result:
                    await send(piece)

            self._run(stream)
            client.call("axon_stream", {"request": request, "last": True})
        elif hasattr(result, "__next__"):
            for piece in result:
                client.call("axon_stream", {"request": request, **_piece(piece)})
            client.call("axon_stream", {"request": request, "last": True})
        else:
            raise TypeError(f"{attached.forward.__name__} gave {type(result).__name__}, not a synapse or a stream")

    def _sender(self, client: Client, request: int) -> Callable:
        async def send(piece: Any) -> None:
            # Streamers of bittensor send the messages of ASGI.
            if isinstance(piece, dict):
                piece = piece.get("body", b"")
            if piece:
                call = client.submit("axon_stream", {"request": request, **_piece(piece)})
                await asyncio.wrap_future(call)

        return send


async def _end(loop: asyncio.AbstractEventLoop) -> None:
    """Ends what runs on the loop, so that no thread waits for it for ever, and then the loop."""
    running = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    loop.stop()


def _pair(verdict: Any) -> Tuple[bool, str]:
    if isinstance(verdict, tuple):
        return bool(verdict[0]), str(verdict[1])
    return bool(verdict), "blacklisted"


def _piece(piece: Any) -> dict:
    if isinstance(piece, str):
        return {"text": piece}
    return {"base64": base64.b64encode(bytes(piece)).decode()}
