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
import typing
from typing import Any, Callable, Dict, List, Optional, Tuple

from .answering import Answering, Attached
from .axon_info import AxonInfo
from .rpc import Client
from .synapse import Synapse
from .wallet import configured, names

__all__ = ["Axon"]

_log = logging.getLogger("btd.axon")

#: Seconds between attempts to reach a btd that went away: the first, and the most.
_SOONEST, _LATEST = 0.5, 30.0


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
        self.wallet = wallet
        self.ip = ip if ip is not None else section("ip")
        self.port = port if port is not None else section("port")
        self.external_ip = external_ip if external_ip is not None else section("external_ip")
        self.external_port = external_port if external_port is not None else section("external_port")
        self.max_workers = max_workers or section("max_workers") or 10
        #: Whether it answers now: false while btd is away.
        self.started = False
        #: Where btd's axon listens, once it is started.
        self.address: Optional[str] = None
        self._client = client
        self._path = client.path if client is not None else None
        self._owns_client = client is None
        self._attached: Dict[str, Attached] = {}
        self._subscriptions: List[Any] = []
        self._owns_axon = False
        self._answering: Optional[Answering] = None
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
        of = _answered(forward_fn)
        of._declaration()  # type: ignore[attr-defined]  # A type that does not travel is told here.
        attached = Attached(of, forward_fn, blacklist_fn, priority_fn, verify_fn)
        if self.started and self._client is not None and self._answering is not None:
            if of.__name__ in self._attached:
                raise RuntimeError(f"{of.__name__} is answered already: stop the axon first")
            self._subscriptions.append(self._place(self._client, self._answering, attached))
        self._attached[of.__name__] = attached
        return self

    def info(self) -> AxonInfo:
        """Where and as whom others reach it: what is known of it without the chain."""
        host, port = _parted(self.address) if self.address else (None, None)
        hotkey, coldkey = (self.wallet.hotkey.ss58_address, self.wallet.coldkeypub.ss58_address) if self.wallet else ("", "")
        ip = self.external_ip or next((ip for ip in (self.ip, host) if ip and not _anywhere(ip)), None) or "127.0.0.1"
        return AxonInfo(ip, int(self.external_port or self.port or port or 0), hotkey, coldkey)

    def serve(self, netuid: int, subtensor: Any = None, certificate: Any = None, **wait: Any) -> "Axon":
        """Publishes on chain where the neuron serves, through btd; ``subtensor`` is not needed.

        Without ``external_ip`` it is the address by which this host reaches others, if the internet
        knows it by that; a host behind a translator of addresses must say which it has.
        """
        if certificate is not None:
            raise ValueError("btd makes its axon's certificate itself: leave `certificate` out")
        port = self.external_port or self.port or (_parted(self.address)[1] if self.address else None)
        if not port:
            raise ValueError("say at which port others reach this axon: external_port")
        bound = _parted(self.address)[0] if self.address else None
        ip = self.external_ip or next((ip for ip in (self.ip, bound) if ip and not _anywhere(ip)), None) or _outward()
        params = {**names(self.wallet), "netuid": netuid, "ip": ip, "port": port, **wait}
        self._connected().call("axon_set", params, timeout=180)
        return self

    def start(self) -> "Axon":
        """Starts btd's axon if none runs, and takes a place for each attached function.

        Raises :class:`RuntimeError` when one runs already that is not the one asked for: as another
        hotkey, or elsewhere than at ``ip`` and ``port``.
        """
        if self._answering is not None:
            return self  # It is started already.
        client = self._connected()
        self._ended.clear()
        answering = self._answering = Answering(self.max_workers)
        try:
            self._begin(client, answering)
        except BaseException:
            with self._lock:
                if self._answering is answering:
                    self._answering = None
                ended = self._answering is None
            answering.end()
            if ended:
                self._leave(client)
            raise
        return self

    def stop(self) -> "Axon":
        """Gives the places up, and stops btd's axon if ``start`` started it."""
        with self._lock:
            answering, self._answering = self._answering, None
            client, started, self.started = self._client, self.started, False
        if answering is None:
            return self
        self._ended.set()
        try:
            if started and client is not None:
                for subscription in self._subscriptions:
                    client.unsubscribe("axon_unserve", subscription)
                if self._owns_axon:
                    client.call("axon_stop")
        except ConnectionError:
            pass  # btd is gone, and the places with it.
        finally:
            self._subscriptions.clear()
            self._owns_axon = False
            answering.end()
            if client is not None:
                self._leave(client)
        return self

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Waits until the axon is stopped; whether it is."""
        return self._ended.wait(timeout)

    def __str__(self) -> str:
        state = f"at {self.address}" if self.started else "stopped"
        return f"Axon({state}, {', '.join(self._attached) or 'nothing attached'})"

    __repr__ = __str__

    # --- at btd

    def _connected(self) -> Client:
        if self._client is None or self._client.closed:
            self._client, self._owns_client = Client(self._path), True
        return self._client

    def _leave(self, client: Client) -> None:
        """Ends a connection that nobody answers over any more, unless it was given."""
        if self._owns_client:
            client.close()
            if self._client is client:
                self._client = None

    def _begin(self, client: Client, answering: Answering) -> None:
        """Takes the places; what was taken of them is given up when that fails, or when it was stopped meanwhile."""
        begun: List[Any] = []
        mine, owns = self._owns_axon, False
        try:
            if self._answering is not answering:
                raise RuntimeError("the axon is stopped")
            running = client.call("axon_status")["axon"]
            if running is None:
                bind = None
                if self.port is not None:
                    ip = (self.ip or "0.0.0.0").strip("[]")
                    bind = f"[{ip}]:{self.port}" if ":" in ip else f"{ip}:{self.port}"
                running = client.call("axon_start", {**names(self.wallet), "bind": bind})
                owns = True
            else:
                self._same(running)
                owns = mine
            for attached in list(self._attached.values()):
                begun.append(self._place(client, answering, attached))
            with self._lock:
                if self._answering is not answering:
                    raise RuntimeError("the axon was stopped meanwhile")
                self._subscriptions, self._owns_axon = begun, owns
                self.address, self.started = running["address"], True
        except BaseException:
            for subscription in begun:
                client.unsubscribe("axon_unserve", subscription)
            self._undo(client, answering, owns)
            raise
        client.on_close(lambda error: self._lost(client, error))
        if client.closed:  # It ended before it could tell.
            self._lost(client, ConnectionError("the connection ended"))

    def _undo(self, client: Client, answering: Answering, owns: bool) -> None:
        """Leaves no axon of this program at btd where nothing would answer, and no connection of a stopped one."""
        left = False
        if owns and self._answering in (None, answering):  # Another life's is its own.
            try:
                if client.closed:  # As it is when it was stopped meanwhile.
                    with Client(self._path) as another:
                        another.call("axon_stop")
                else:
                    client.call("axon_stop")
            except Exception:
                left = True
                _log.warning("btd's axon may be left running: `btctl axon stop` stops it", exc_info=True)
        with self._lock:
            stopped = self._answering is None
            if owns and self._answering is answering:
                self._owns_axon = left  # The next attempt finds it there.
        if stopped:
            self._leave(client)

    def _place(self, client: Client, answering: Answering, attached: Attached) -> Any:
        params = {
            "synapse": attached.of._declaration(),  # type: ignore[attr-defined]
            "window": attached.window(self.max_workers),
            "screen": attached.screens,
        }
        return client.subscribe("axon_serve", params, answering.taker(client, attached), "axon_unserve")

    def _same(self, running: dict) -> None:
        """Refuses an axon that answers as another, or elsewhere."""
        host, port = _parted(running["address"])
        stop = "stop it first (`btctl axon stop`), or leave out what differs"
        if self.wallet is not None and self.wallet.hotkey.ss58_address != running["hotkey"]:
            mine = self.wallet.hotkey.ss58_address
            raise RuntimeError(f"btd's axon answers as {running['hotkey']} already, not as {mine}: {stop}")
        if self.port not in (None, 0) and int(self.port) != port:
            raise RuntimeError(f"btd's axon listens at port {port} already, not at {self.port}: {stop}")
        if self.ip is not None and not _anywhere(host) and _plain(self.ip) != host:
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
            try:
                self._begin(self._connected(), answering)
                if self._ended.is_set():
                    return
                _log.warning("btd is back: answering %s at %s again", ", ".join(self._attached), self.address)
                return
            except Exception as error:  # Whatever it is, it may be over at the next attempt.
                pause = min(pause * 2, _LATEST)
                level = logging.DEBUG if str(error) == told else logging.ERROR
                _log.log(level, "cannot answer yet, next attempt in at most %.0f s each: %s", _LATEST, error)
                told = str(error)


def _answered(forward: Callable) -> type:
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


def _parted(address: str) -> Tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _plain(ip: str) -> str:
    try:
        return str(ipaddress.ip_address(ip.strip("[]")))
    except ValueError:
        return ip


def _anywhere(ip: str) -> bool:
    return _plain(ip) in ("0.0.0.0", "::")


def _outward() -> str:
    """The address from which this host reaches others. No packet is sent to learn it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            ip = probe.getsockname()[0]
        except OSError:
            ip = "0.0.0.0"
    if not ipaddress.ip_address(ip).is_global:
        raise ValueError(f"this host calls itself {ip}, by which others do not reach it: say external_ip")
    return ip
