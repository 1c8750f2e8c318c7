"""``StreamingSynapse``: a message that is answered piece by piece."""

from __future__ import annotations

import base64
from typing import Any, AsyncIterator, Dict, List, Optional, Tuple

from .synapse import Synapse

__all__ = ["Response", "StreamingSynapse"]


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
    """What a streaming axon sends, under the names that aiohttp gives it.

    Iterating it, or ``content.iter_any()``, gives bytes as they come.
    """

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self.content = self
        #: 200 while pieces come; at the end what the reply says.
        self.status = 200
        self.headers: Dict[str, str] = {}

    @property
    def _raw_headers(self) -> List[Tuple[bytes, bytes]]:
        return [(name.encode(), value.encode()) for name, value in self.headers.items()]

    @property
    def __dict__(self) -> Dict[str, Any]:  # type: ignore[override]
        # Where programs look for the headers as they came.
        return {"_raw_headers": self._raw_headers}

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    def iter_any(self) -> AsyncIterator[bytes]:
        """The pieces as they come."""
        return self._pieces

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """The pieces, none larger than ``size``."""
        async for piece in self._pieces:
            for at in range(0, len(piece), size):
                yield piece[at : at + size]

    async def iter_chunks(self) -> AsyncIterator[Tuple[bytes, bool]]:
        """The pieces, each with whether it ends an HTTP chunk."""
        async for piece in self._pieces:
            yield piece, True

    async def iter_lines(self) -> AsyncIterator[bytes]:
        """The lines, each with its end."""
        rest = b""
        async for piece in self._pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line + b"\n"
        if rest:
            yield rest

    async def read(self) -> bytes:
        """All that is still to come."""
        return b"".join([piece async for piece in self._pieces])

    async def text(self, encoding: str = "utf-8") -> str:
        """As :meth:`read`, as text."""
        return (await self.read()).decode(encoding)


def piece_of(event: Dict[str, Any]) -> Optional[bytes]:
    """The bytes that an event of a query brings, if it brings any."""
    if event.get("text") is not None:
        return str(event["text"]).encode()
    return base64.b64decode(event["base64"]) if event.get("base64") is not None else None
