"""``Axon``: functions that answer synapses, behind btd's own axon.

``attach`` declares the synapse of a function by its annotation; ``start`` takes a place at btd for
each and answers until ``stop``. btd verifies, queues and counts; when this program restarts, what
waits at btd is answered by its next life, and when btd restarts, the places are taken again.
"""

from __future__ import annotations

import inspect
import ipaddress
import logging
import socket
import threading
import time
import typing
from typing import Any, Dict, List, Optional

from .answering import Answering, Attached
from .axon_info import AxonInfo, parted, plain, written
from .rpc import Client, Json, RpcError
from .synapse import Synapse
from .wallet import Wallet, configured, names
from .workers import Function

__all__ = ["Axon"]

_log = logging.getLogger("btd.axon")

#: Seconds between attempts to reach a btd that went away: the first, and the most.
_SOONEST, _LATEST = 0.5, 30.0
#: Seconds until btd has seen that places were given up, at most, and between two looks at it.
_GIVEN_UP, _LOOK = 2.0, 0.02
#: What answers behind btd's axon, other than btd: programs like this one, and HTTP servers.
_OTHERS = ("socket", "http")


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
        max_workers: Optional[int] = None,
        *,
        client: Optional[Client] = None,
    ) -> None:
        section = configured(config, "axon")
        #: Without one, and without a ``config`` that names one, it answers as btd's axon does.
        self.wallet = wallet if wallet is not None or config is None else Wallet(config=config, client=client)
        self.ip = ip if ip is not None else section("ip")
        self.port = port if port is not None else section("port")
        self.external_ip = external_ip if external_ip is not None else section("external_ip")
        self.external_port = external_port if external_port is not None else section("external_port")
        self.max_workers = max_workers or section("max_workers") or 10
        #: Whether it answers now: false while btd is away.
        self.started = False
        #: Where btd's axon listens, once it is started.
        self.address: Optional[str] = None
        self._given = self._client = client
        self._path = client.path if client is not None else None
        self._attached: Dict[str, Attached] = {}
        self._subscriptions: List[Any] = []
        #: Where btd's axon listens, if this program started it.
        self._started_here: Optional[str] = None
        self._answering: Optional[Answering] = None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def attach(
        self,
        forward_fn: Function,
        blacklist_fn: Optional[Function] = None,
        priority_fn: Optional[Function] = None,
        verify_fn: Optional[Function] = None,
    ) -> "Axon":
        """Answers the synapse that ``forward_fn`` takes.

        ``blacklist_fn`` gives ``(bool, reason)`` or a bool, and a request of which it says neither fails;
        ``priority_fn`` gives a number of which larger ones are answered sooner, and ``verify_fn`` raises
        when a request is not to be believed. btd has verified the sender before any of them is called.
        """
        of = _answered(forward_fn)
        of._declaration()  # type: ignore[attr-defined]  # A type that does not travel is told here.
        attached = Attached(of, forward_fn, blacklist_fn, priority_fn, verify_fn)
        client, answering = self._client, self._answering
        if self.started and client is not None and answering is not None:
            if of.__name__ in self._attached:
                raise RuntimeError(f"{of.__name__} is answered already: stop the axon first")
            place = self._place(client, answering, attached)
            with self._lock:
                if self._client is client:  # As it is not when it was stopped meanwhile, or btd went away.
                    self._subscriptions.append(place)
        self._attached[of.__name__] = attached
        return self

    def info(self) -> AxonInfo:
        """Where and as whom others reach it: what is known of it without the chain."""
        host, port = parted(self.address) if self.address else (None, None)
        hotkey: Any = ""
        coldkey: Any = ""
        if self.wallet is not None:
            hotkey, coldkey = self.wallet.hotkey.ss58_address, self.wallet.coldkeypub.ss58_address
        ip = self.external_ip or next((ip for ip in (self.ip, host) if ip and not _anywhere(ip)), None) or "127.0.0.1"
        return AxonInfo(ip, int(self.external_port or self.port or port or 0), hotkey, coldkey)

    def serve(self, netuid: int, subtensor: Any = None, certificate: Any = None, **wait: Any) -> "Axon":
        """Publishes on chain where the neuron serves, through btd; ``subtensor`` is not needed.

        Without ``external_ip`` it is the address by which this host reaches others, if the internet
        knows it by that; a host behind a translator of addresses must say which it has.
        """
        if certificate is not None:
            raise ValueError("btd makes its axon's certificate itself: leave `certificate` out")
        bound, listens = parted(self.address or self._configured())
        port = int(self.external_port or self.port or listens)
        if not port:
            raise ValueError("say at which port others reach this axon: external_port")
        ip = self.external_ip or next((ip for ip in (self.ip, bound) if ip and not _anywhere(ip)), None) or _outward()
        params = {**names(self.wallet), "netuid": netuid, "ip": ip, "port": port, **wait}
        self._asked(self._client, "axon_set", params, timeout=180)
        return self

    def start(self) -> "Axon":
        """Starts btd's axon if none runs, and takes a place for each attached function.

        Raises :class:`RuntimeError` when one runs already that is not the one asked for: as another
        hotkey, or elsewhere than at ``ip`` and ``port``.
        """
        if self._answering is not None:
            return self  # It is started already.
        client = self._connected()
        with self._lock:
            if self._answering is not None:  # Another thread was first.
                return self
            self._ended.clear()
            answering = self._answering = Answering(self.max_workers)
        try:
            self._begin(client, answering)
        except BaseException:
            self._end(answering)
            self._leave(client)
            raise
        return self

    def stop(self) -> "Axon":
        """Gives the places up, and stops btd's axon if ``start`` started it and nothing else answers behind it."""
        self._end(self._answering)
        return self

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until the axon is stopped; whether it is."""
        return self._ended.wait(timeout)

    def to_string(self) -> str:
        """Where it serves, as JSON."""
        return self.info().to_string()

    def __str__(self) -> str:
        state = f"at {self.address}" if self.started else "stopped"
        return f"Axon({state}, {', '.join(self._attached) or 'nothing attached'})"

    __repr__ = __str__

    # --- at btd

    def _connected(self) -> Client:
        if self._client is None or self._client.closed:
            self._client = Client(self._path)
        return self._client

    def _asked(self, client: Optional[Client], method: str, params: Optional[Json] = None, **how: Any) -> Any:
        """A call over the connection if it is one, and else over one that ends with it."""
        if client is not None and not client.closed:
            return client.call(method, params, **how)
        with Client(self._path) as once:
            return once.call(method, params, **how)

    def _configured(self) -> str:
        """Where btd's axon will listen, unless it is told otherwise."""
        settings = self._asked(self._client, "config_show")["settings"]
        return next((str(one["value"]) for one in settings if one["key"] == "axon.bind"), "0.0.0.0:0")

    def _leave(self, client: Client) -> None:
        """Ends a connection that nobody answers over any more, unless it was given."""
        if client is not self._given:
            client.close()

    def _begin(self, client: Client, answering: Answering) -> None:
        """Takes the places; what was taken of them is given up when that fails, or when it was stopped meanwhile."""
        begun: List[Any] = []
        try:
            running = client.call("axon_status")["axon"]
            if running is None:
                bind = written(self.ip or "0.0.0.0", self.port) if self.port is not None else None
                running = client.call("axon_start", {**names(self.wallet), "bind": bind})
                self._keep(client, answering, running["address"])
            else:
                self._same(running)
            for attached in list(self._attached.values()):
                begun.append(self._place(client, answering, attached))
            with self._lock:
                if self._answering is not answering:
                    raise RuntimeError("the axon was stopped meanwhile")
                self._subscriptions = begun
                self.address, self.started = running["address"], True
        except BaseException:
            for subscription in begun:
                client.unsubscribe("axon_unserve", subscription)
            raise
        client.on_close(lambda error: self._lost(client, error))
        if client.closed:  # It ended before it could tell.
            self._lost(client, ConnectionError("the connection ended"))

    def _keep(self, client: Client, answering: Answering, address: str) -> None:
        """Remembers that btd's axon is to be stopped with this one; at once, if that is stopped already."""
        with self._lock:
            if self._answering is answering:
                self._started_here = address
                return
        self._withdraw(client, address)
        raise RuntimeError("the axon was stopped meanwhile")

    def _end(self, answering: Optional[Answering]) -> None:
        """Ends this life of it, if another call has not done so already."""
        with self._lock:
            if answering is None or self._answering is not answering:
                return
            client = self._client
            begins = not self.started and client is not None and not client.closed
            self._answering, self.started, self._client = None, False, self._given
            subscriptions, self._subscriptions = self._subscriptions, []
            address, self._started_here = self._started_here, None
        self._ended.set()
        try:
            if client is not None:
                for subscription in subscriptions:
                    client.unsubscribe("axon_unserve", subscription)
            if address is not None:
                self._withdraw(client, address, begins)
        finally:
            answering.end()
            if client is not None:
                self._leave(client)

    def _withdraw(self, client: Optional[Client], address: str, begins: bool = False) -> None:
        """Stops the axon of btd's that this program started, where nothing would answer any more.

        While it ``begins``, places that it has just taken may still be held, so those of its classes say nothing.
        """
        own, latest = set(self._attached), time.monotonic() + _GIVEN_UP
        try:
            while True:
                running = self._asked(client, "axon_status")["axon"]
                if running is None or running["address"] != address:
                    return
                handlers = running.get("handlers", [])
                answered = {one["name"] for one in handlers if one["handler"] in _OTHERS and one["places"]}
                if begins:
                    answered -= own
                if not answered:
                    self._asked(client, "axon_stop")
                    return
                if answered - own or time.monotonic() > latest:
                    _log.info("btd's axon goes on: others answer %s behind it", ", ".join(sorted(answered)))
                    return
                time.sleep(_LOOK)  # What is answered may be what this program gave up just now.
        except ConnectionError:
            pass  # btd is gone, and its axon with it.
        except Exception:
            _log.warning("btd's axon may be left running: `btctl axon stop` stops it", exc_info=True)

    def _place(self, client: Client, answering: Answering, attached: Attached) -> Any:
        params = {
            "synapse": attached.of._declaration(),  # type: ignore[attr-defined]
            "window": attached.window(self.max_workers),
            "screen": attached.screens,
        }
        try:
            return client.subscribe("axon_serve", params, answering.taker(client, attached), "axon_unserve")
        except RpcError as error:
            if error.kind != "INVALID_PARAMS":
                raise
            raise TypeError(f"btd does not take the class {attached.of.__name__}: {error}") from error

    def _same(self, running: Json) -> None:
        """Refuses an axon that answers as another, or elsewhere."""
        host, port = parted(running["address"])
        stop = "stop it first (`btctl axon stop`), or leave out what differs"
        if self.wallet is not None and self.wallet.hotkey.ss58_address != running["hotkey"]:
            mine = self.wallet.hotkey.ss58_address
            raise RuntimeError(f"btd's axon answers as {running['hotkey']} already, not as {mine}: {stop}")
        if self.port not in (None, 0) and int(self.port) != int(port):
            raise RuntimeError(f"btd's axon listens at port {port} already, not at {self.port}: {stop}")
        if self.ip is not None and not _anywhere(host) and plain(self.ip) != host:
            raise RuntimeError(f"btd's axon listens at {host} already, not at {self.ip}: {stop}")

    def _lost(self, client: Client, error: Exception) -> None:
        with self._lock:
            if self._answering is None or self._client is not client or not self.started:
                return
            self.started = False
            self._subscriptions = []
            answering = self._answering
            answering.drop()
        _log.error("btd is away (%s): nothing is answered until it is back", error)
        threading.Thread(target=self._return, args=(answering,), name="btd-axon-return", daemon=True).start()

    def _return(self, answering: Answering) -> None:
        pause, told = _SOONEST, None
        while not self._ended.wait(pause) and self._answering is answering:
            client = None
            try:
                client = Client(self._path)
                with self._lock:
                    if self._answering is not answering:
                        raise RuntimeError("the axon was stopped meanwhile")
                    self._client = client
                self._begin(client, answering)
                _log.warning("btd is back: answering %s at %s again", ", ".join(self._attached), self.address)
                return
            except Exception as error:  # Whatever it is, it may be over at the next attempt.
                if client is not None:
                    client.close()
                if self._answering is not answering:
                    return
                pause = min(pause * 2, _LATEST)
                level = logging.DEBUG if str(error) == told else logging.ERROR
                _log.log(level, "cannot answer yet, next attempt in at most %.0f s each: %s", _LATEST, error)
                told = str(error)


def _answered(forward: Function) -> type:
    """The class of the synapse that a forward function takes: its last annotated parameter that is one."""
    parameters = list(inspect.signature(forward).parameters.values())
    if not parameters:
        raise TypeError("a forward function takes a synapse")
    bare: Any = forward
    while hasattr(bare, "func"):  # A partial knows no annotations of its own.
        bare = bare.func
    if not inspect.isroutine(bare) and not isinstance(bare, type):
        bare = bare.__call__
    hints = typing.get_type_hints(bare)
    name = getattr(bare, "__name__", repr(forward))
    open_ones = [hints.get(parameter.name, parameter.annotation) for parameter in parameters]
    of = next((one for one in open_ones if isinstance(one, type) and issubclass(one, Synapse)), None)
    if of is None:
        raise TypeError(f"say of what class the synapse of {name} is, by an annotation")
    if of is Synapse:
        raise TypeError("the ping is btd's own: attach a subclass of Synapse")
    return of


def _anywhere(ip: str) -> bool:
    return plain(ip) in ("0.0.0.0", "::")


def _outward() -> str:
    """The address from which this host reaches others. No packet is sent to learn it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            ip = str(probe.getsockname()[0])
        except OSError:
            ip = "0.0.0.0"
    if not ipaddress.ip_address(ip).is_global:
        raise ValueError(f"this host calls itself {ip}, by which others do not reach it: say external_ip")
    return ip
