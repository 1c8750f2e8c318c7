"""``Neuron``: one row of a metagraph, in the units in which bittensor gives it."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from .axon_info import AxonInfo
from .rpc import Json

__all__ = ["Neuron", "neuron_of", "neurons_of", "tokens"]

_RAO = 10**9
_U16 = 65535

#: What travels as text, in the smallest unit.
_TOKENS = ("stake", "alpha_stake", "tao_stake", "emission")

#: Scores from 0 to 1, of which the chain keeps some no longer: they are 0 then, as with bittensor.
_SCORES = ("rank", "trust", "consensus", "incentive", "dividends", "validator_trust")


class Neuron(Dict[str, Any]):
    """A neuron: its values as keys and as attributes. Stakes and emission are in tokens, scores 0 to 1.

    ``stake`` is what counts, as in the metagraph's columns; bittensor 10 gives its neurons the ``alpha_stake`` there.
    """

    #: Every slot of a metagraph is somebody's.
    is_null = False

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"a neuron has no {name}") from None

    @property
    def total_stake(self) -> float:
        """What its stake counts on the subnet."""
        return float(self["stake"])

    @property
    def axon_info(self) -> AxonInfo:
        """Where it serves."""
        axon = self.get("axon") or {"ip": "0.0.0.0", "port": 0, "version": 0}
        return AxonInfo(axon["ip"], axon["port"], self["hotkey"], self["coldkey"], axon["version"])


def tokens(rao: Any) -> float:
    """An amount as btd writes it, in tokens."""
    return int(rao or 0) / _RAO


def neuron_of(netuid: int, row: Json) -> Neuron:
    """A neuron of those that btd keeps in memory."""
    made = Neuron(row, netuid=netuid)
    made.update({name: tokens(row[name]) for name in _TOKENS})
    made.update({name: float(row[name] or 0) for name in _SCORES})
    return made


def neurons_of(netuid: int, columns: Dict[str, List[Any]], count: int) -> List[Neuron]:
    """The neurons of a whole table, with the names of those that btd keeps in memory."""

    def of(name: str, uid: int) -> Any:
        column = columns.get(name) or []
        return column[uid] if uid < len(column) else None

    def score(name: str, uid: int) -> Optional[float]:
        value = of(name, uid)
        return None if value is None else int(value) / _U16

    found = []
    for uid in range(count):
        axon = {"ip": of("axon_ip", uid), "port": of("axon_port", uid), "version": int(of("axon_version", uid) or 0)}
        axon["block"] = int(of("axon_block", uid) or 0)
        row = {"uid": uid, "hotkey": of("hotkeys", uid), "coldkey": of("coldkeys", uid), "axon": axon}
        row.update({name: of(name, uid) for name in ("active", "validator_permit", "alpha_stake", "tao_stake", "emission")})
        row.update({"stake": of("total_stake", uid), "incentive": score("incentives", uid)})
        row.update({name: score(name, uid) for name in ("rank", "trust", "consensus", "dividends", "validator_trust")})
        row["last_update"] = int(of("last_update", uid) or 0)
        row["registered_at"] = int(of("block_at_registration", uid) or 0)
        row["identity"] = of("identity_name", uid) or None
        found.append(neuron_of(netuid, row))
    return found
