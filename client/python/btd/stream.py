"""``StreamingSynapse``: a message that is answered piece by piece."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any, AsyncIterator, Dict, List, Optional, Tuple

from .synapse import Synapse

__all__ = ["Content", "Response", "StreamingSynapse"]


class StreamingSynapse(Synapse):
    """A message that is answered piece by piece.

    The forward function returns ``synapse.create_streaming_response(streamer)``, where ``streamer``
    is a coroutine function that is given ``send``, or any iterator of text or bytes.
    """

    _base = True

    class BTStreamingResponse:
        """What a forward function returns to stream."""

        def __init__(self, streamer: Any, *, synapse: Optional["StreamingSynapse"] = None) -> None:
            self.streamer = streamer
            self.synapse = synapse

    def create_streaming_response(self, token_streamer: Any) -> "StreamingSynapse.BTStreamingResponse":
        """Answers with what ``token_streamer`` sends."""
        return StreamingSynapse.BTStreamingResponse(token_streamer, synapse=self)

    async def process_streaming_response(self, response: "Response") -> Any:
        """What the caller gets of the pieces: without a rule of the subclass, each as it came."""
        async for piece in response.content.iter_any():
            yield piece

    def extract_response_json(self, response: "Response") -> Dict[str, Any]:
        """What the class makes of the whole when it has ended: its fields, by name."""
        return {}


class Response:
    """What a streaming axon sends, under the names that aiohttp gives it; ``content`` has the bytes.

    ``status`` is 200 and ``headers`` say what was asked for while pieces come; when all have come,
    they say what the reply says.
    """

    def __init__(self, pieces: AsyncIterator[bytes], headers: Optional[Dict[str, str]] = None) -> None:
        self.content = Content(pieces)
        self.status = 200
        self.reason: Optional[str] = "OK"
        self.headers: Dict[str, str] = dict(headers or {})

    @property
    def _raw_headers(self) -> List[Tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in self.headers.items()]

    @property
    def __dict__(self) -> Dict[str, Any]:  # type: ignore[override]
        # Where programs look for the headers as they came.
        return {"_raw_headers": self._raw_headers}

    @property
    def ok(self) -> bool:
        """Whether nothing has failed yet."""
        return self.status < 400

    def raise_for_status(self) -> None:
        """Raises when the call has failed."""
        if not self.ok:
            raise RuntimeError(f"the axon answered {self.status}: {self.reason}")

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.content.iter_any()

    async def read(self) -> bytes:
        """All that is still to come."""
        return await self.content.read()

    async def text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """As :meth:`read`, as text."""
        return (await self.read()).decode(encoding, errors)

    async def json(self, **_: Any) -> Any:
        """As :meth:`read`, as what is written there in JSON."""
        return json.loads(await self.read())


class Content:
    """The bytes of a stream, read as from aiohttp's ``StreamReader``: iterating it gives lines."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._ended = False

    def at_eof(self) -> bool:
        """Whether all was read, and the end was met."""
        return self._ended and not self._rest

    async def _next(self) -> bytes:
        """What is there, or else the next piece; nothing at the end."""
        piece, self._rest = self._rest, b""
        while not piece and not self._ended:
            try:
                piece = await self._pieces.__anext__()
            except StopAsyncIteration:
                self._ended = True
        return piece

    async def readany(self) -> bytes:
        """The next piece; nothing at the end."""
        return await self._next()

    async def readchunk(self) -> Tuple[bytes, bool]:
        """The next piece, and whether it ends an HTTP chunk."""
        piece = await self._next()
        return piece, bool(piece)

    async def read(self, n: int = -1) -> bytes:
        """At most ``n`` bytes, as soon as there are any; without ``n`` all that is still to come."""
        if n == 0:
            return b""
        if n < 0:
            return b"".join([piece async for piece in self.iter_any()])
        piece = await self._next()
        self._rest = piece[n:]
        return piece[:n]

    async def readexactly(self, n: int) -> bytes:
        """Just ``n`` bytes; raises :class:`asyncio.IncompleteReadError` when the stream ends before."""
        found = b""
        while len(found) < n:
            piece = await self.read(n - len(found))
            if not piece:
                raise asyncio.IncompleteReadError(found, n)
            found += piece
        return found

    async def readline(self) -> bytes:
        """The next line with its end; what stands behind the last is one too."""
        return await self.readuntil()

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Up to and with the separator, or to the end; nothing at the end."""
        if not separator:
            raise ValueError("a separator has at least one byte")
        found = bytearray()
        while True:
            piece = await self._next()
            # The separator may have begun in what was there before.
            start = max(0, len(found) - len(separator) + 1)
            found += piece
            at = found.find(separator, start)
            if at >= 0:
                self._rest = bytes(found[at + len(separator) :])
                return bytes(found[: at + len(separator)])
            if not piece:
                return bytes(found)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            line = await self.readline()
            if not line:
                return
            yield line

    iter_lines = __aiter__

    async def iter_any(self) -> AsyncIterator[bytes]:
        """The pieces as they come."""
        while True:
            piece = await self._next()
            if not piece:
                return
            yield piece

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """The pieces, none larger than ``n``."""
        while True:
            piece = await self.read(n)
            if not piece:
                return
            yield piece

    async def iter_chunks(self) -> AsyncIterator[Tuple[bytes, bool]]:
        """The pieces, each with whether it ends an HTTP chunk."""
        async for piece in self.iter_any():
            yield piece, True


def piece_of(event: Dict[str, Any]) -> Optional[bytes]:
    """The bytes that an event of a query brings, if it brings any."""
    if event.get("text") is not None:
        return str(event["text"]).encode()
    return base64.b64decode(event["base64"]) if event.get("base64") is not None else None
