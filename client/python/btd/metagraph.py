"""``metagraph``: a subnet's neurons, from btd's memory: no request to the chain, no pickle."""

from __future__ import annotations

from typing import Any, List, Optional

from .axon_info import AxonInfo
from .rpc import Client

__all__ = ["Metagraph"]

_RAO = 10**9


class Metagraph:
    """The neurons of a subnet, in the order of their uids. Stakes are in tokens, scores 0 to 1."""

    def __init__(self, netuid: int, network: Optional[str] = None, sync: bool = True, *, client: Optional[Client] = None, **_: Any) -> None:
        self.netuid = netuid
        self.network = network
        self._client = client
        self.neurons: List[dict] = []
        self.subnet: dict = {}
        self.block = 0
        self.stale = True
        if sync:
            self.sync()

    def sync(self, *_: Any, **__: Any) -> "Metagraph":
        """Reads what btd knows now."""
        client = self._client or Client()
        try:
            reply = client.call("subnets_metagraph", {"netuid": self.netuid})
        finally:
            if self._client is None:
                client.close()
        self.neurons, self.subnet = reply["neurons"], reply["subnet"]
        self.block, self.stale = reply["at"]["number"], reply["at"]["stale"]
        return self

    def _column(self, name: str) -> list:
        return [neuron[name] for neuron in self.neurons]

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.neurons)

    @property
    def uids(self) -> List[int]:
        """Their slots."""
        return self._column("uid")

    @property
    def hotkeys(self) -> List[str]:
        """Their hotkeys."""
        return self._column("hotkey")

    @property
    def coldkeys(self) -> List[str]:
        """Their coldkeys."""
        return self._column("coldkey")

    @property
    def axons(self) -> List[AxonInfo]:
        """Where they serve; those that do not have the address 0.0.0.0:0."""
        found = []
        for neuron in self.neurons:
            axon = neuron.get("axon") or {"ip": "0.0.0.0", "port": 0, "version": 0}
            found.append(AxonInfo(axon["ip"], axon["port"], neuron["hotkey"], neuron["coldkey"], axon["version"]))
        return found

    @property
    def stake(self) -> List[float]:
        """Their stake weight."""
        return [int(rao) / _RAO for rao in self._column("stake")]

    S = total_stake = stake

    @property
    def alpha_stake(self) -> List[float]:
        """The subnet's own token behind them."""
        return [int(rao) / _RAO for rao in self._column("alpha_stake")]

    @property
    def tao_stake(self) -> List[float]:
        """The root's token behind them."""
        return [int(rao) / _RAO for rao in self._column("tao_stake")]

    @property
    def emission(self) -> List[float]:
        """What they earned in the last epoch."""
        return [int(rao) / _RAO for rao in self._column("emission")]

    E = emission

    @property
    def validator_permit(self) -> List[bool]:
        """Whether they may validate."""
        return self._column("validator_permit")

    @property
    def active(self) -> List[bool]:
        """Whether they have acted lately."""
        return self._column("active")

    @property
    def last_update(self) -> List[int]:
        """The block of their last weights."""
        return self._column("last_update")

    @property
    def incentive(self) -> List[float]:
        """Their incentive."""
        return self._column("incentive")

    I = incentive  # noqa: E741

    @property
    def consensus(self) -> List[float]:
        """Their consensus."""
        return self._column("consensus")

    C = consensus

    @property
    def dividends(self) -> List[float]:
        """Their dividends."""
        return self._column("dividends")

    D = dividends

    @property
    def trust(self) -> List[float]:
        """Their trust."""
        return self._column("trust")

    T = trust

    @property
    def validator_trust(self) -> List[float]:
        """Their validator trust."""
        return self._column("validator_trust")

    def __repr__(self) -> str:
        return f"metagraph(netuid={self.netuid}, n={self.n}, block={self.block})"
