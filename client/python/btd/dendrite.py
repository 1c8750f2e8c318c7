"""``Dendrite``: asks axons through btd, which signs, connects, waits and verifies."""

from __future__ import annotations

import asyncio
import base64
import queue
from typing import Any, AsyncIterator, List, Optional, Sequence, Union

from .metagraph import AxonInfo
from .rpc import Client
from .synapse import StreamingSynapse, Synapse, TerminalInfo
from .wallet import names

__all__ = ["Dendrite"]

#: What a call may take beyond the deadline of its axons.
_MARGIN = 30.0


class Dendrite:
    """The asking side of a neuron."""

    def __init__(self, wallet: Any = None, *, client: Optional[Client] = None) -> None:
        self.wallet = wallet
        self._client = client
        self._owns_client = client is None

    # --- asking and waiting

    def query(
        self,
        axons: Union[AxonInfo, Any, Sequence[Any]],
        synapse: Optional[Synapse] = None,
        deserialize: bool = True,
        timeout: float = 12.0,
        transport: str = "auto",
        **_: Any,
    ) -> Any:
        """Sends the synapse to each axon; a list of replies, or one for a single axon.

        A reply is the message after the call, or what its ``deserialize`` makes of it. How the call
        ended is in its ``dendrite.status_code`` and ``dendrite.status_message``.
        """
        synapse = synapse if synapse is not None else Synapse()
        single = not isinstance(axons, (list, tuple))
        params = self._params([axons] if single else list(axons), synapse, timeout, transport)
        replies = self._connected().call("dendrite_query", params, timeout=timeout + _MARGIN)["replies"]
        results = [self._result(synapse, reply) for reply in self._in_order(params, replies)]
        results = [result.deserialize() if deserialize else result for result in results]
        return results[0] if single else results

    def query_subnet(
        self,
        netuid: int,
        synapse: Synapse,
        uids: Optional[Sequence[int]] = None,
        deserialize: bool = True,
        timeout: float = 12.0,
        **whom: Any,
    ) -> List[Any]:
        """Sends the synapse to neurons of a subnet: by ``uids``, all that serve, or by a ``filter``."""
        params = self._params([], synapse, timeout, whom.pop("transport", "auto"))
        params["netuid"] = netuid
        if uids is not None:
            params["uids"] = list(uids)
        elif "filter" in whom:
            params["filter"] = whom.pop("filter")
        else:
            params["all"] = True
        replies = self._connected().call("dendrite_query", params, timeout=timeout + _MARGIN)["replies"]
        results = [self._result(synapse, reply) for reply in replies]
        return [result.deserialize() if deserialize else result for result in results]

    # --- asking without waiting

    async def forward(
        self,
        axons: Union[AxonInfo, Any, Sequence[Any]],
        synapse: Optional[Synapse] = None,
        timeout: float = 12.0,
        deserialize: bool = True,
        streaming: bool = False,
        **_: Any,
    ) -> Any:
        """As :meth:`query`, for code that awaits. With ``streaming``, gives asynchronous iterators."""
        synapse = synapse if synapse is not None else Synapse()
        if streaming:
            single = not isinstance(axons, (list, tuple))
            streams = [
                self.call_stream(axon, synapse, timeout, deserialize) for axon in ([axons] if single else axons)
            ]
            return streams[0] if single else streams
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, lambda: self.query(axons, synapse, deserialize, timeout))

    __call__ = forward

    async def call(self, target_axon: Any, synapse: Optional[Synapse] = None, timeout: float = 12.0, deserialize: bool = True) -> Any:
        """Sends the synapse to one axon."""
        return await self.forward(target_axon, synapse, timeout, deserialize)

    async def call_stream(
        self, target_axon: Any, synapse: StreamingSynapse, timeout: float = 12.0, deserialize: bool = True
    ) -> AsyncIterator[Any]:
        """Gives the pieces of a streaming axon's reply as they come, and at last the message."""
        loop = asyncio.get_running_loop()
        events: "asyncio.Queue[dict]" = asyncio.Queue()

        def take(event: dict) -> None:
            loop.call_soon_threadsafe(events.put_nowait, event)

        client = self._connected()
        params = self._params([target_axon], synapse, timeout, "auto")
        subscription = await loop.run_in_executor(
            None, lambda: client.subscribe("dendrite_subscribeQuery", params, take, "dendrite_unsubscribeQuery")
        )
        end: dict = {}

        async def pieces() -> AsyncIterator[bytes]:
            while True:
                event = await asyncio.wait_for(events.get(), timeout + _MARGIN)
                if event.get("text") is not None:
                    yield event["text"].encode()
                elif event.get("base64") is not None:
                    yield base64.b64decode(event["base64"])
                elif event.get("reply") is not None:
                    end.update(event["reply"])
                    return

        try:
            if isinstance(synapse, StreamingSynapse):
                async for piece in synapse.process_streaming_response(pieces()):
                    yield piece
            else:
                async for piece in pieces():
                    yield piece
        finally:
            client.unsubscribe("dendrite_unsubscribeQuery", subscription)
        if end:
            result = self._result(synapse, end)
            yield result.deserialize() if deserialize else result

    def stream(self, target_axon: Any, synapse: Synapse, timeout: float = 12.0) -> Any:
        """As :meth:`call_stream`, for code that does not await: an iterator of bytes, then the message."""
        events: "queue.Queue[dict]" = queue.Queue()
        client = self._connected()
        params = self._params([target_axon], synapse, timeout, "auto")
        subscription = client.subscribe("dendrite_subscribeQuery", params, events.put, "dendrite_unsubscribeQuery")
        try:
            while True:
                event = events.get(timeout=timeout + _MARGIN)
                if event.get("text") is not None:
                    yield event["text"].encode()
                elif event.get("base64") is not None:
                    yield base64.b64decode(event["base64"])
                elif event.get("reply") is not None:
                    yield self._result(synapse, event["reply"])
                    return
        finally:
            client.unsubscribe("dendrite_unsubscribeQuery", subscription)

    def close_session(self) -> None:
        """Ends the connection to btd."""
        if self._client is not None and self._owns_client:
            self._client.close()
            self._client = None

    async def aclose_session(self) -> None:
        """Ends the connection to btd."""
        self.close_session()

    async def __aenter__(self) -> "Dendrite":
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close_session()

    def __enter__(self) -> "Dendrite":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close_session()

    # --- between messages and btd

    def _connected(self) -> Client:
        if self._client is None or self._client.closed:
            self._client = Client()
        return self._client

    def _params(self, axons: List[Any], synapse: Synapse, timeout: float, transport: str) -> dict:
        wallet = names(self.wallet)
        return {
            "synapse": type(synapse).declaration(),
            "fields": synapse.fields(),
            "wallet": wallet["wallet"],
            "wallet_hotkey": wallet["hotkey"],
            "axons": [{"hotkey": axon.hotkey, "address": _address(axon)} for axon in map(_info, axons)],
            "transport": transport,
            "timeout_ms": max(1, int(timeout * 1000)),
        }

    def _in_order(self, params: dict, replies: List[dict]) -> List[dict]:
        # btd asks each axon once; one that was named twice gets its reply twice.
        known = {(reply["hotkey"], reply["address"]): reply for reply in replies}
        return [known[(axon["hotkey"], axon["address"])] for axon in params["axons"]]

    def _result(self, sent: Synapse, reply: dict) -> Synapse:
        message = reply.get("message")
        result = type(sent).from_json(message) if message else sent.copy()
        result.dendrite.status_code = reply["status_code"]
        result.dendrite.status_message = reply["status_message"]
        result.dendrite.process_time = reply["process_time_s"]
        # Who was asked, whatever the reply says of itself.
        result.axon = result.axon or TerminalInfo()
        result.axon.hotkey = reply["hotkey"]
        return result


def _info(axon: Any) -> Any:
    return axon.info() if not hasattr(axon, "hotkey") and hasattr(axon, "info") else axon


def _address(axon: Any) -> str:
    return axon.address if isinstance(axon, AxonInfo) else f"{axon.ip}:{axon.port}"
