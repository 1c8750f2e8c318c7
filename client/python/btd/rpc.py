"""JSON-RPC 2.0 over a WebSocket on btd's unix socket, with the standard library alone.

One connection carries calls and subscriptions. A thread reads; callers wait on futures. It speaks
as much of RFC 6455 as a client of btd needs: text messages, fragments, pings and the close.
"""

from __future__ import annotations

import base64
import itertools
import json
import logging
import os
import secrets
import socket
import struct
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Elapsed
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

__all__ = ["Client", "Json", "RpcError", "TooLarge", "default_socket"]

_log = logging.getLogger("btd.rpc")

#: An object of JSON, as parameters and results are.
Json = Dict[str, Any]

#: The largest request that btd takes unless its configuration says otherwise (``rpc.max_request_bytes``).
_LARGEST = 16 << 20

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10


class RpcError(Exception):
    """btd refused a call: ``code``, ``message``, and ``data`` with ``kind`` and ``retryable``."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data if isinstance(data, dict) else {}

    @property
    def kind(self) -> Optional[str]:
        """The error's name, such as ``NOT_FOUND``."""
        return self.data.get("kind")


class TooLarge(ValueError):
    """A request with more bytes than btd takes: it was not sent."""


def default_socket() -> Path:
    """Where btctl would look: ``BTD_SOCKET``, the user's own socket, ``/run/btd/btd.sock``."""
    if os.environ.get("BTD_SOCKET"):
        return Path(os.environ["BTD_SOCKET"])
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    own = Path(runtime) / "btd" / "btd.sock"
    service = Path("/run/btd/btd.sock")
    for path in (own, Path(runtime) / "btd.sock"):
        if path.exists():
            return path
    return service if service.exists() else own


#: Who gets the items of a subscription, the method that ends it, and who hears that the connection has.
_Subscriber = Tuple[Callable[[Any], None], str, Optional[Callable[[Exception], None]]]


class Client:
    """A connection to btd. It may be shared by threads; ``close`` ends it."""

    def __init__(
        self, path: Union[str, "os.PathLike[str]", None] = None, timeout: float = 60.0, *, max_request_bytes: int = _LARGEST
    ) -> None:
        self.path = Path(path) if path is not None else default_socket()
        self.timeout = timeout
        self.max_request_bytes = max_request_bytes
        self._ids = itertools.count(1)
        self._waiting: Dict[int, Tuple["Future[Any]", Optional[_Subscriber]]] = {}
        self._subscribers: Dict[Any, _Subscriber] = {}
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._closed: Optional[Exception] = None
        self._on_close: List[Callable[[Exception], None]] = []
        self._socket = self._connect()
        self._reader = threading.Thread(target=self._read, name="btd-rpc", daemon=True)
        self._reader.start()

    # --- calls

    def submit(self, method: str, params: Optional[Json] = None) -> "Future[Any]":
        """Sends a call and gives a future of its result.

        Raises :class:`ValueError` or :class:`TypeError` for parameters that are no JSON (NaN, an
        infinity, half a surrogate pair, an object) or larger than btd takes: they are not sent.
        """
        return self._submit(method, params, None)

    def _written(self, message: Json) -> bytes:
        method = message["method"]
        try:
            text = json.dumps(message, allow_nan=False, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{method} is not sent: a text in it is no Unicode ({error.reason})") from error
        except ValueError as error:
            raise ValueError(f"{method} is not sent: a number in it is NaN or infinite, which JSON has not") from error
        except TypeError as error:
            raise TypeError(f"{method} is not sent: {error}") from error
        if len(text) > self.max_request_bytes:
            most = f"the most is {self.max_request_bytes} (rpc.max_request_bytes of btd, max_request_bytes of Client)"
            raise TooLarge(f"{method} is not sent: it has {len(text)} bytes, {most}")
        return text

    def _submit(self, method: str, params: Optional[Json], subscriber: Optional[_Subscriber]) -> "Future[Any]":
        future: "Future[Any]" = Future()
        number = next(self._ids)
        # What cannot be sent is told before anybody waits for it.
        text = self._written({"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}})
        with self._lock:
            if self._closed is not None:
                raise ConnectionError(f"the connection to btd is closed: {self._closed}")
            self._waiting[number] = (future, subscriber)
        try:
            self._send(_TEXT, text)
        except OSError as error:
            self._fail(error)
        return future

    def call(self, method: str, params: Optional[Json] = None, timeout: Optional[float] = None) -> Any:
        """Calls a method and waits for its result; raises :class:`RpcError` when btd refuses."""
        return self.submit(method, params).result(self.timeout if timeout is None else timeout)

    def subscribe(
        self,
        method: str,
        params: Optional[Json],
        take: Callable[[Any], None],
        end: str,
        lost: Optional[Callable[[Exception], None]] = None,
    ) -> Any:
        """Begins a subscription; ``take`` gets each item on the reading thread. Gives its id.

        ``end`` is the method that ends it: one that begins after this call gave up is ended at once.
        ``lost`` gets the :class:`ConnectionError` when the connection ends before the subscription.
        """
        future = self.begin(method, params, take, end, lost)
        try:
            return future.result(self.timeout)
        except Elapsed:
            if not future.cancel() and future.exception() is None:
                self.unsubscribe(end, future.result())  # It began at the last moment.
            raise

    def begin(
        self,
        method: str,
        params: Optional[Json],
        take: Callable[[Any], None],
        end: str,
        lost: Optional[Callable[[Exception], None]] = None,
    ) -> "Future[Any]":
        """As :meth:`subscribe`, with a future of the id; one that is cancelled before is ended."""
        # The reading thread knows it before it reads the first item.
        return self._submit(method, params, (take, end, lost))

    def unsubscribe(self, method: str, number: Any) -> None:
        """Ends a subscription."""
        with self._lock:
            self._subscribers.pop(number, None)
        message = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": [number]}
        try:
            self._send(_TEXT, json.dumps(message).encode())
        except OSError:
            pass  # With the connection the subscription has ended too.

    def on_close(self, told: Callable[[Exception], None]) -> None:
        """Has ``told`` called once, from the reading thread, when the connection has ended."""
        self._on_close.append(told)

    @property
    def calls(self) -> int:
        """How many calls wait for their answer."""
        return len(self._waiting)

    @property
    def subscriptions(self) -> int:
        """How many subscriptions there are, with those that are about to begin."""
        with self._lock:
            return len(self._subscribers) + sum(subscriber is not None for _, subscriber in self._waiting.values())

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed is not None

    def close(self) -> None:
        """Ends the connection."""
        try:
            self._send(_CLOSE, b"\x03\xe8")
        except OSError:
            pass
        self._fail(ConnectionError("closed by this program"))

    def leave(self) -> None:
        """As :meth:`close`, for finalizers: it takes no lock, and the reading thread does the rest."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # --- the WebSocket

    def _connect(self) -> socket.socket:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.settimeout(self.timeout)
            stream.connect(str(self.path))
            key = base64.b64encode(secrets.token_bytes(16)).decode()
            stream.sendall(
                (
                    "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
                ).encode()
            )
            self._buffer = bytearray()
            while b"\r\n\r\n" not in self._buffer:
                data = stream.recv(4096)
                if not data:
                    raise ConnectionError(f"btd closed the connection at {self.path}")
                self._buffer += data
            head, _, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                raise ConnectionError(f"no WebSocket at {self.path}: {head.splitlines()[0].decode(errors='replace')}")
            self._buffer = bytearray(rest)
            stream.settimeout(None)
            return stream
        except OSError as error:
            stream.close()
            hint = "start it (`btd`), or say where its socket is (BTD_SOCKET)"
            raise ConnectionError(f"cannot reach btd at {self.path}: {error}; {hint}") from error

    def _send(self, opcode: int, payload: bytes) -> None:
        mask = secrets.token_bytes(4)
        length = len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
        with self._sending:
            self._socket.sendall(head + mask + _masked(payload, mask))

    def _take(self, length: int) -> bytes:
        while len(self._buffer) < length:
            data = self._socket.recv(1 << 16)
            if not data:
                raise ConnectionError("btd closed the connection")
            self._buffer += data
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _frame(self) -> Tuple[bool, int, bytes]:
        first, second = self._take(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8))
        return bool(first & 0x80), first & 0x0F, self._take(length)

    def _read(self) -> None:
        message = bytearray()
        try:
            while True:
                final, opcode, payload = self._frame()
                if opcode == _PING:
                    self._send(_PONG, payload)
                elif opcode == _CLOSE:
                    raise ConnectionError("btd closed the connection")
                elif opcode in (0, _TEXT):
                    message += payload
                    if final:
                        text, message = bytes(message), bytearray()
                        self._dispatch(json.loads(text))
        except Exception as error:  # Whatever it is, those who wait must hear of it.
            self._fail(error)

    def _dispatch(self, message: Any) -> None:
        if "id" in message and message.get("id") is not None:
            with self._lock:
                future, subscriber = self._waiting.pop(message["id"], (None, None))
                begun = subscriber if "error" not in message else None
                if begun is not None:
                    self._subscribers[message.get("result")] = begun
            if future is None or not future.set_running_or_notify_cancel():
                if begun is not None:
                    self.unsubscribe(begun[1], message.get("result"))
                return  # Nobody waits for it any more.
            if "error" in message:
                error = message["error"]
                future.set_exception(RpcError(error.get("code", 0), error.get("message", ""), error.get("data")))
            else:
                future.set_result(message.get("result"))
            return
        if "error" in message:
            self._refused(message["error"])
            return
        params = message.get("params") or {}
        with self._lock:
            subscribed = self._subscribers.get(params.get("subscription"))
        if subscribed is not None and "result" in params:
            try:
                subscribed[0](params["result"])
            except Exception:  # One who cannot take it does not end the connection of the others.
                _log.exception("an item of a subscription was not taken")

    def _refused(self, error: Json) -> None:
        # btd could not tell which call it refused: none of those that wait may wait for ever.
        _log.error("btd refused a message without saying which: %s", error.get("message"))
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for future, _ in waiting.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(RpcError(error.get("code", 0), error.get("message", ""), error.get("data")))

    def _fail(self, error: Exception) -> None:
        with self._lock:
            if self._closed is not None:
                return
            self._closed = error
            waiting, self._waiting = self._waiting, {}
            subscribers, self._subscribers = self._subscribers, {}
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        for future, _ in waiting.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(ConnectionError(f"the connection to btd ended: {error}"))
        for _, _, lost in subscribers.values():
            try:
                if lost is not None:
                    lost(ConnectionError(f"the connection to btd ended: {error}"))
            except Exception:  # One who cannot hear it does not keep it from the others.
                _log.exception("the end of a subscription was not heard")
        for told in self._on_close:
            told(error)


def _masked(payload: bytes, mask: bytes) -> bytes:
    # One big number is XORed faster than bytes one by one.
    length = len(payload)
    if not length:
        return b""
    repeated = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")).to_bytes(length, "little")
