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

    ``status`` is 200 and ``reason`` ``OK`` while pieces come; when all have come, they say what the
    reply says. ``headers`` are ``name`` and ``timeout``, as asked for, at the end too.
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
        #: The piece that is being read, and how much of it was.
        self._piece, self._at = b"", 0
        self._ended = False

    def at_eof(self) -> bool:
        """Whether all was read, and the end was met."""
        return self._ended and self._at >= len(self._piece)

    async def _filled(self) -> bool:
        """Whether there is anything to read: what is there, or else the next piece."""
        while self._at >= len(self._piece) and not self._ended:
            self._piece, self._at = b"", 0
            try:
                self._piece = await self._pieces.__anext__()
            except StopAsyncIteration:
                self._ended = True
        return self._at < len(self._piece)

    def _taken(self, end: int) -> bytes:
        """What is there up to that place in the piece."""
        start, self._at = self._at, min(end, len(self._piece))
        taken = self._piece[start:end]
        if self._at >= len(self._piece):
            self._piece, self._at = b"", 0
        return taken

    async def _next(self) -> bytes:
        """What is there, or else the next piece; nothing at the end."""
        return self._taken(len(self._piece)) if await self._filled() else b""

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
        return self._taken(self._at + n) if await self._filled() else b""

    async def readexactly(self, n: int) -> bytes:
        """Just ``n`` bytes; raises :class:`asyncio.IncompleteReadError` when the stream ends before."""
        found = bytearray()
        while len(found) < n:
            piece = await self.read(n - len(found))
            if not piece:
                raise asyncio.IncompleteReadError(bytes(found), n)
            found += piece
        return bytes(found)

    async def readline(self) -> bytes:
        """The next line with its end; what stands behind the last is one too."""
        return await self.readuntil()

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        """Up to and with the separator, or to the end; nothing at the end."""
        if not separator:
            raise ValueError("a separator has at least one byte")
        found = bytearray()
        while await self._filled():
            # The separator may have begun in what was there before.
            before = len(found)
            if before and len(separator) > 1:
                start = max(0, before - len(separator) + 1)
                met = (found[start:] + self._piece[self._at : self._at + len(separator) - 1]).find(separator)
                if met >= 0:
                    found += self._taken(self._at + start + met + len(separator) - before)
                    return bytes(found)
            at = self._piece.find(separator, self._at)
            if at >= 0:
                line = self._taken(at + len(separator))
                return bytes(found) + line if found else line
            found += self._taken(len(self._piece))
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
