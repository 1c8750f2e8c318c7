"""``Dendrite``: asks axons through btd, which signs, connects, waits and verifies."""

from __future__ import annotations

import asyncio
import copy
import logging
import queue
import threading
import uuid
from concurrent.futures import TimeoutError as Elapsed
from typing import Any, AsyncIterator, Dict, List, Optional, Sequence, Union

from .axon_info import AxonInfo, parted
from .connections import Connections
from .fields import frozen
from .rpc import Client, Json
from .stream import Response, StreamingSynapse, piece_of
from .synapse import Synapse
from .targets import UNTOLD, each_of, info_of, listed, named
from .terminal import TerminalInfo
from .wallet import Wallet, names

__all__ = ["Dendrite"]

_log = logging.getLogger("btd.dendrite")

#: The longest that btd waits for an axon, in seconds.
_LONGEST = 1800.0

#: How long it waits when the caller sets no limit, in seconds.
_UNSAID = 120.0

#: In place of an address that nobody has asked for.
_UNASKED: Any = object()

#: How many axons btd asks at once; those beyond wait for their turn.
_AT_ONCE = 256

#: More neurons than any subnet has.
_SLOTS = 4096

#: What a call may take beyond the deadline of its axons.
_MARGIN = 30.0


class Dendrite:
    """The asking side of a neuron. It may be shared by threads and by event loops."""

    def __init__(self, wallet: Any = None, *, client: Optional[Client] = None) -> None:
        self.wallet = wallet
        self.uuid = str(uuid.uuid1())
        self._me: Any = _UNASKED
        self._asking = threading.Lock()
        self._connections = Connections(client)

    # --- asking and waiting

    def query(
        self,
        axons: Union[AxonInfo, Any, Sequence[Any]],
        synapse: Optional[Synapse] = None,
        timeout: float = 12.0,
        deserialize: bool = True,
        run_async: bool = True,
        streaming: bool = False,
        transport: str = "auto",
    ) -> Any:
        """Sends the synapse to each axon; a list of replies, or one for a single axon.

        A reply is the message after the call, or what its ``deserialize`` makes of it. How the call
        ended is in its ``dendrite.status_code`` and ``dendrite.status_message``. ``timeout`` is for each
        axon, in seconds, 1800 at most; with ``None``, 0 or less it is 120. ``transport`` is ``auto``,
        ``http`` or ``quic``. Without ``run_async`` it asks one after the other. With a :class:`StreamingSynapse`, or with ``streaming``, gives asynchronous
        iterators, as :meth:`forward` does; :meth:`stream` is for code that does not await.
        """
        synapse = synapse if synapse is not None else Synapse()
        single, targets = listed(axons)
        if streaming or isinstance(synapse, StreamingSynapse):
            return self._streams(single, targets, synapse, timeout, deserialize)
        replies: List[Json] = []
        # Without `run_async` one after the other.
        for asked in ([targets] if run_async else [[target] for target in targets]) if targets else []:
            params, whole = self._params(asked, synapse, timeout, transport), _patience(timeout, len(asked))
            answers = self._connections.free().call("dendrite_query", params, timeout=whole)["replies"]
            replies.extend(each_of(asked, answers))
        results = self._results(synapse, targets, replies, timeout)
        results = [result.deserialize() if deserialize else result for result in results]
        return results[0] if single else results

    def query_subnet(
        self,
        netuid: int,
        synapse: Synapse,
        uids: Optional[Sequence[int]] = None,
        deserialize: bool = True,
        timeout: float = 12.0,
        *,
        hotkeys: Optional[Sequence[str]] = None,
        filter: Optional[Json] = None,
        transport: str = "auto",
    ) -> List[Any]:
        """Sends the synapse to neurons of a subnet: by ``uids``, by ``hotkeys``, by a ``filter``, or to all that serve.

        A ``filter`` has ``validator_permit``, ``active``, ``min_stake`` and ``max_stake``, each if it is to hold.
        """
        params = self._params([], synapse, timeout, transport)
        params["netuid"] = netuid
        if uids is not None or hotkeys is not None:
            params["uids"], params["hotkeys"] = [int(uid) for uid in uids or ()], list(hotkeys or ())
        elif filter is not None:
            params["filter"] = filter
        else:
            params["all"] = True
        whole = _patience(timeout, _SLOTS)
        replies = self._connections.free().call("dendrite_query", params, timeout=whole)["replies"]
        results = [self._filled(copy.copy(synapse), reply, None, timeout) for reply in replies]
        return [result.deserialize() if deserialize else result for result in results]

    # --- asking without waiting

    async def forward(
        self,
        axons: Union[AxonInfo, Any, Sequence[Any]],
        synapse: Optional[Synapse] = None,
        timeout: float = 12.0,
        deserialize: bool = True,
        run_async: bool = True,
        streaming: bool = False,
    ) -> Any:
        """As :meth:`query`, for code that awaits; without ``run_async`` it asks one after the other."""
        synapse = synapse if synapse is not None else Synapse()
        single, targets = listed(axons)
        if streaming or isinstance(synapse, StreamingSynapse):
            return self._streams(single, targets, synapse, timeout, deserialize)
        if not run_async:
            results = [await self.call(target, copy.copy(synapse), timeout, deserialize) for target in targets]
            return results[0] if single else results
        results = self._results(synapse, targets, await self._replies(targets, synapse, timeout), timeout)
        results = [result.deserialize() if deserialize else result for result in results]
        return results[0] if single else results

    __call__ = forward
    aquery = forward

    async def call(
        self, target_axon: Any, synapse: Optional[Synapse] = None, timeout: float = 12.0, deserialize: bool = True
    ) -> Any:
        """Sends the synapse to one axon, and fills it with the reply."""
        synapse = synapse if synapse is not None else Synapse()
        target = info_of(target_axon)
        (reply,) = await self._replies([target], synapse, timeout)
        self._filled(synapse, reply, target, timeout)
        return synapse.deserialize() if deserialize else synapse

    async def call_stream(
        self,
        target_axon: Any,
        synapse: Optional[Synapse] = None,
        timeout: float = 12.0,
        deserialize: bool = True,
    ) -> AsyncIterator[Any]:
        """Gives the pieces of a streaming axon's reply as they come, and at last the message."""
        asked: Any = synapse if synapse is not None else Synapse()
        target = info_of(target_axon)
        loop = asyncio.get_running_loop()
        events: "asyncio.Queue[Union[Json, Exception]]" = asyncio.Queue()

        def take(event: Union[Json, Exception]) -> None:
            if not loop.is_closed():  # As one may be that was left before the last of its events.
                loop.call_soon_threadsafe(events.put_nowait, event)

        params = self._params([target], asked, timeout, "auto")
        client = await self._connections.freed()
        begun = client.begin("dendrite_subscribeQuery", params, take, "dendrite_unsubscribeQuery", take)
        subscription = await asyncio.wait_for(asyncio.wrap_future(begun), client.timeout)
        end: Dict[str, Any] = {}
        lost: List[Exception] = []

        async def pieces() -> AsyncIterator[bytes]:
            while not end and not lost:
                try:
                    event = await asyncio.wait_for(events.get(), _patience(timeout))
                except asyncio.TimeoutError:
                    event = asyncio.TimeoutError(_silent(timeout))
                if isinstance(event, Exception):
                    lost.append(event)
                    raise event
                piece = piece_of(event)
                if piece is not None:
                    yield piece
                elif event.get("reply") is not None:
                    end.update(event["reply"])
                    response.status, response.reason = int(end["status_code"]), end["status_message"]

        response = Response(pieces(), {"name": type(asked).__name__, "timeout": str(timeout)})
        failure: Optional[Exception] = None
        try:
            if isinstance(asked, StreamingSynapse):
                async for piece in asked.process_streaming_response(response):
                    yield piece
            async for piece in pieces():  # What the class left unread.
                if not isinstance(asked, StreamingSynapse):
                    yield piece
        except Exception as error:  # It is the call that failed, as with bittensor.
            failure = error
        finally:
            client.unsubscribe("dendrite_unsubscribeQuery", subscription)
        if lost:  # It is btd that is gone, and not the axon that failed: as with any call.
            raise lost[0]
        await self._learn([end if failure is None else {}])
        if failure is None:
            # What the class made of the pieces stays: the message knows nothing of it.
            self._filled(asked, _fieldless(asked, end or UNTOLD), target, timeout)
        if failure is None and asked.is_success and isinstance(asked, StreamingSynapse):
            try:
                _adopt(asked, asked.extract_response_json(response) or {})
            except Exception as error:
                failure = error
        if failure is not None:
            reply = {"status_code": 422, "status_message": f"Failed to parse response: {failure}"}
            self._filled(asked, reply, target, timeout)
        yield asked.deserialize() if deserialize else asked

    def stream(self, target_axon: Any, synapse: Synapse, timeout: float = 12.0) -> Any:
        """As :meth:`call_stream`, for code that does not await: an iterator of bytes, then the message."""
        events: "queue.Queue[Union[Json, Exception]]" = queue.Queue()
        target = info_of(target_axon)
        client = self._connections.free()
        params = self._params([target], synapse, timeout, "auto")
        ends = "dendrite_unsubscribeQuery"
        subscription = client.subscribe("dendrite_subscribeQuery", params, events.put, ends, events.put)
        try:
            while True:
                try:
                    event = events.get(timeout=_patience(timeout))
                except queue.Empty:
                    raise Elapsed(_silent(timeout)) from None
                if isinstance(event, Exception):
                    raise event
                piece = piece_of(event)
                if piece is not None:
                    yield piece
                elif event.get("reply") is not None:
                    yield self._filled(copy.copy(synapse), event["reply"], target, timeout)
                    return
        finally:
            client.unsubscribe(ends, subscription)

    # --- the session

    def close_session(self, using_new_loop: bool = False) -> None:
        """Ends the connections to btd that this dendrite made; the next call makes others."""
        self._connections.close()
        if self._me is None:
            self._me = _UNASKED

    async def aclose_session(self) -> None:
        """As :meth:`close_session`."""
        self.close_session()

    async def __aenter__(self) -> "Dendrite":
        return self

    async def __aexit__(self, *_: Any) -> None:
        self.close_session()

    def __enter__(self) -> "Dendrite":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close_session()

    def __del__(self) -> None:
        connections = self.__dict__.get("_connections")
        if connections is not None:
            connections.leave()

    def __str__(self) -> str:
        return f"dendrite({self.wallet})"

    __repr__ = __str__

    @property
    def keypair(self) -> Any:
        """Who asks: ``keypair.ss58_address``. The secret stays with btd."""
        wallet = self.wallet if self.wallet is not None else Wallet(client=self._connections.free())
        return wallet.hotkey

    # --- between messages and btd

    def _streams(self, single: bool, targets: List[Any], synapse: Synapse, timeout: float, deserialize: bool) -> Any:
        streams = [self.call_stream(target, copy.copy(synapse), timeout, deserialize) for target in targets]
        return streams[0] if single else streams

    def _params(self, targets: Sequence[Any], synapse: Synapse, timeout: Optional[float], transport: str) -> Json:
        if not isinstance(synapse, Synapse):
            raise TypeError(f"{type(synapse).__name__} is no synapse of this module: declare it as a subclass of `btd.Synapse`")
        wallet = names(self.wallet)
        if timeout is not None and timeout > _LONGEST:
            _log.warning("btd waits %.0f s for an axon at most, which it does in place of %s s", _LONGEST, timeout)
        return {
            "synapse": type(synapse)._declaration(),
            "fields": synapse._values(),
            "wallet": wallet["wallet"],
            "wallet_hotkey": wallet["hotkey"],
            "axons": [named(target) for target in targets],
            "transport": transport,
            "timeout_ms": max(1, int(_limit(timeout) * 1000)),
        }

    async def _replies(self, targets: List[Any], synapse: Synapse, timeout: Optional[float]) -> List[Json]:
        params = self._params(targets, synapse, timeout, "auto")
        replies: List[Json] = []
        if targets:
            # Nothing of it waits in a thread: as many may be asked at once as btd takes.
            call = asyncio.wrap_future((await self._connections.freed()).submit("dendrite_query", params))
            replies = (await asyncio.wait_for(call, _patience(timeout, len(targets))))["replies"]
        replies = each_of(targets, replies)
        await self._learn(replies)
        return replies

    def _results(self, synapse: Synapse, targets: List[Any], replies: List[Json], timeout: Optional[float]) -> List[Any]:
        return [self._filled(copy.copy(synapse), reply, target, timeout) for reply, target in zip(replies, targets)]

    def _filled(self, synapse: Synapse, reply: Json, target: Any, timeout: Optional[float]) -> Synapse:
        """The synapse as the call left it: the answer's fields, and of both ends what is known."""
        code, words = int(reply["status_code"]), reply["status_message"]
        message = reply.get("message")
        if message is None and code == 200:
            code, words = 422, "Failed to parse response: the axon answered nothing"
        dendrite, axon = TerminalInfo(), TerminalInfo()
        if message is not None:
            dendrite, axon = TerminalInfo.from_json(message.get("dendrite")), TerminalInfo.from_json(message.get("axon"))
            if code == 200:
                try:
                    _adopt(synapse, message)
                except Exception as error:  # Whatever the class says to it, the replies of the others stay.
                    code, words = 422, f"Failed to parse response: {error}"
        synapse.timeout = None if timeout is None else float(timeout)
        synapse.dendrite, synapse.axon = dendrite, axon
        dendrite.status_code, dendrite.status_message = code, words
        dendrite.process_time = reply.get("process_time_s") if code == 200 else None
        dendrite.hotkey = dendrite.hotkey or self._hotkey()
        # Who was asked, whatever the reply says of itself.
        if target is not None:
            axon.ip, axon.hotkey = str(target.ip), target.hotkey
            axon.port = target.port if isinstance(target.port, int) else None
        else:
            host, port = parted(reply["address"])
            axon.ip, axon.port, axon.hotkey = host, int(port), reply["hotkey"]
        return synapse

    def _hotkey(self) -> Optional[str]:
        with self._asking:
            if self._me is _UNASKED:
                me = None
                try:
                    me = self.wallet.hotkey.ss58_address if self.wallet is not None else None
                except Exception:  # The call itself has gone through: this is for the record alone, and asked for once.
                    _log.debug("the hotkey's address is not known", exc_info=True)
                self._me = me
            known: Optional[str] = self._me
            return known

    async def _learn(self, replies: Sequence[Json]) -> None:
        """Learns of btd who asks, in a thread, if one of the replies does not say it."""
        if self._me is _UNASKED and not all(_asker(reply) for reply in replies):
            await asyncio.get_running_loop().run_in_executor(None, self._hotkey)


def _limit(timeout: Optional[float]) -> float:
    """How long btd waits for an axon: with aiohttp, none and 0 are no limit of the caller's."""
    return min(float(timeout), _LONGEST) if timeout is not None and timeout > 0 else _UNSAID


def _patience(timeout: Optional[float], axons: int = 1) -> float:
    """How long btd may take for so many axons."""
    return _limit(timeout) * -(-axons // _AT_ONCE) + _MARGIN


def _silent(timeout: Optional[float]) -> str:
    return f"btd has said nothing of the axon for {_patience(timeout):.0f} s"


def _asker(reply: Json) -> Optional[str]:
    """Who asked, if the reply says it."""
    hotkey: Optional[str] = TerminalInfo.from_json((reply.get("message") or {}).get("dendrite")).hotkey
    return hotkey


def _fieldless(synapse: Synapse, reply: Json) -> Json:
    """The reply of a stream: how it ended, and who was at its ends."""
    message = reply.get("message")
    if not isinstance(synapse, StreamingSynapse) or message is None:
        return reply
    return {**reply, "message": {name: message.get(name) for name in ("dendrite", "axon")}}


def _adopt(synapse: Synapse, message: Dict[str, Any]) -> None:
    """Takes the fields of an answer, but for those that are frozen: they stay the caller's."""
    cls = type(synapse)
    own = {name: synapse.__dict__[name] for name in cls._fields() if name not in message or frozen(cls, name)}
    # The whole is read before any of it is taken.
    received = cls(**{name: message[name] for name in cls._fields() if name not in own}, **own)
    for name in cls._fields():
        if name not in own:
            synapse.__dict__[name] = received.__dict__[name]
