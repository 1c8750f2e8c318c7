"""``metagraph``: a subnet's neurons, from btd's memory: no request to the chain, no pickle.

Columns are numpy arrays of the types that bittensor gave them, ``n`` and ``block`` numbers of
numpy. Where there is no numpy they are lists and numbers of Python.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from . import figures
from .axon_info import AxonInfo
from .neurons import Neuron, neuron_of, neurons_of
from .rpc import Client, Json

try:
    import numpy
except ImportError:  # Lists then.
    numpy = None  # type: ignore[assignment, unused-ignore]

__all__ = ["Metagraph"]

#: What bittensor's ``state_dict`` holds.
_STATE = (
    "netuid network n block consensus validator_trust incentive emission dividends active last_update validator_permit "
    "weights bonds uids axons neurons alpha_stake tao_stake stake"
).split()

#: What chain the names of networks stand for. Others (`local`, a URL) may be any.
_CHAINS = {"finney": "main", "archive": "main", "test": "test", "devnet": "devnet"}


class Metagraph:
    """The neurons of a subnet, in the order of their uids. Stakes are in tokens, scores 0 to 1."""

    def __init__(
        self,
        netuid: int,
        network: Optional[str] = None,
        lite: bool = True,
        sync: bool = True,
        subtensor: Any = None,
        mechid: int = 0,
        *,
        client: Optional[Client] = None,
    ) -> None:
        self.netuid = netuid
        self.network = network
        self.mechid = mechid
        #: Weights and bonds are read when they are first asked for, whatever this says.
        self.lite = lite
        self._client = client
        self.neurons: List[Neuron] = []
        self.subnet: Json = {}
        self.stale = True
        self._block = 0
        self._whole: Optional[Json] = None
        #: What was made of the whole table, by name.
        self._made: Json = {}
        if sync:
            self.sync()

    def sync(self, block: Optional[int] = None, lite: Optional[bool] = None, subtensor: Any = None) -> "Metagraph":
        """Reads what btd knows now, or what was at a block of the past; ``subtensor`` is not needed.

        Raises :class:`RpcError` when the chain's node no longer has the block, and :class:`ValueError`
        when ``network`` names another chain than btd is on.
        """
        if self.network in _CHAINS:
            here = self._call("chain_status", {})["network"]
            if _CHAINS.get(here, _CHAINS[self.network]) != _CHAINS[self.network]:
                raise ValueError(f"btd is on {here}, not on {self.network}: ask one that is there, or leave `network` out")
        if block is not None or self.mechid:
            whole = self._table(block)
            self.neurons, self.subnet = neurons_of(self.netuid, whole["columns"], whole["neurons"]), dict(whole["figures"])
            self._block, self.stale = whole["at"]["number"], whole["at"]["stale"]
            self._whole, self._made = whole, {}
            return self
        reply = self._call("subnets_metagraph", {"netuid": self.netuid})
        self.neurons, self.subnet = [neuron_of(self.netuid, row) for row in reply["neurons"]], reply["subnet"]
        # Neurons are read again when something happens to them: they are those of the later block too.
        self._block, self.stale = max(reply["at"]["number"], reply["subnet_at"]["number"]), reply["at"]["stale"]
        self._whole, self._made = None, {}
        return self

    # --- on disk

    def save(self, root_dir: Optional[Sequence[str]] = None) -> "Metagraph":
        """Writes it, with weights and bonds, to ``~/.bittensor/metagraphs/…/block-N.json``."""
        folder = self._folder(root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        kept = {"neurons": self.neurons, "subnet": self.subnet, "block": self._block, "whole": self._read_whole()}
        part = folder / f".block-{self._block}.json.{os.getpid()}"
        part.write_text(json.dumps(kept))
        part.replace(folder / f"block-{self._block}.json")
        return self

    def load(self, root_dir: Optional[Sequence[str]] = None) -> "Metagraph":
        """Reads the newest that was saved. bittensor's own files, which are pickles, are left alone."""
        return self.load_from_path(self._folder(root_dir))

    def load_from_path(self, dir_path: Any) -> "Metagraph":
        """Reads the newest that was saved in a folder."""
        found = {}
        for path in Path(dir_path).glob("block-*.json"):
            number = path.stem.partition("-")[2]
            if number.isdigit():
                found[int(number)] = path
        if not found:
            raise ValueError(f"no metagraph is saved in {dir_path}")
        kept = json.loads(found[max(found)].read_text())
        self.neurons = [Neuron(neuron) for neuron in kept["neurons"]]
        self.subnet, self._block, self._whole, self.stale = kept["subnet"], kept["block"], kept["whole"], True
        self._made = {}
        return self

    def _folder(self, root_dir: Optional[Sequence[str]]) -> Path:
        root = Path(*(root_dir or ["~", ".bittensor", "metagraphs"])).expanduser()
        return root / f"network-{self.network}" / f"netuid-{self.netuid}"

    # --- as dictionaries

    def metadata(self) -> Dict[str, Any]:
        """Which subnet it is of, and when. bittensor's own version is none of btd's, and not in it."""
        return {"netuid": self.netuid, "n": int(self.n), "block": int(self.block), "network": self.network}

    def state_dict(self) -> Dict[str, Any]:
        """The columns by name, as bittensor gives them but for its own version. Reads weights and bonds."""
        return {name: getattr(self, name) for name in _STATE}

    # --- the subnet

    @property
    def n(self) -> Any:
        """How many there are."""
        return _array(len(self.neurons), "int64")

    @property
    def block(self) -> Any:
        """The block of which this is."""
        return _array(self._block, "int64")

    @property
    def tempo(self) -> int:
        """Blocks from epoch to epoch."""
        return int(self.subnet["tempo"])

    @property
    def hparams(self) -> Any:
        """The hyperparameters as attributes: burns in tokens; difficulties, averages and weights from 0 to 1."""
        return figures.hparams(self._read_whole()["figures"])

    @property
    def pool(self) -> Any:
        """The pool as attributes, in tokens."""
        return figures.pool(self._read_whole()["figures"])

    @property
    def emissions(self) -> Any:
        """What a block brings to whom, as attributes, in tokens."""
        return figures.emissions(self._read_whole()["figures"])

    def __getattr__(self, name: str) -> Any:
        if name not in figures.FIGURES:
            raise AttributeError(f"metagraph has no {name}")
        return figures.figure(self._read_whole()["figures"], name)

    # --- the neurons

    @property
    def uids(self) -> Any:
        """Their slots."""
        return self._column("uid", "int64")

    @property
    def hotkeys(self) -> List[str]:
        """Their hotkeys."""
        return [neuron["hotkey"] for neuron in self.neurons]

    @property
    def coldkeys(self) -> List[str]:
        """Their coldkeys."""
        return [neuron["coldkey"] for neuron in self.neurons]

    @property
    def axons(self) -> List[AxonInfo]:
        """Where they serve; those that do not have the address 0.0.0.0:0."""
        return [neuron.axon_info for neuron in self.neurons]

    @property
    def addresses(self) -> List[str]:
        """Where they serve, each as ``/ipv4/1.2.3.4:8091``."""
        return [axon.ip_str() for axon in self.axons]

    @property
    def stake(self) -> Any:
        """Their stake weight."""
        return self._column("stake", "float32")

    S = total_stake = stake

    @property
    def alpha_stake(self) -> Any:
        """The subnet's own token behind them."""
        return self._column("alpha_stake", "float32")

    AS = alpha_stake

    @property
    def tao_stake(self) -> Any:
        """What the root's token behind them counts: the rest of their stake weight. The root itself has no other."""
        if self.netuid == 0:
            return self.stake
        counts = [max(0.0, neuron["stake"] - neuron["alpha_stake"]) for neuron in self.neurons]
        return _array(counts, "float32")

    TS = tao_stake

    @property
    def emission(self) -> Any:
        """What they earned in the last epoch."""
        return self._column("emission", "float32")

    E = emission

    @property
    def validator_permit(self) -> Any:
        """Whether they may validate."""
        return self._column("validator_permit", "bool")

    @property
    def active(self) -> Any:
        """Whether they have acted lately."""
        return self._column("active", "int64")

    @property
    def last_update(self) -> Any:
        """The block of their last weights."""
        return self._column("last_update", "int64")

    @property
    def block_at_registration(self) -> List[int]:
        """The block at which each registered."""
        return [int(neuron["registered_at"]) for neuron in self.neurons]

    @property
    def incentive(self) -> Any:
        """Their incentive."""
        return self._column("incentive", "float32")

    I = incentive  # noqa: E741

    @property
    def consensus(self) -> Any:
        """Their consensus."""
        return self._column("consensus", "float32")

    C = consensus

    @property
    def dividends(self) -> Any:
        """Their dividends."""
        return self._column("dividends", "float32")

    D = dividends

    @property
    def rank(self) -> Any:
        """Their rank: zeros where the chain keeps it no longer."""
        return self._column("rank", "float32")

    R = ranks = rank

    @property
    def trust(self) -> Any:
        """Their trust: zeros where the chain keeps it no longer."""
        return self._column("trust", "float32")

    T = trust

    @property
    def validator_trust(self) -> Any:
        """Their validator trust."""
        return self._column("validator_trust", "float32")

    Tv = validator_trust

    @property
    def identities(self) -> List[Any]:
        """What each says of itself, or nothing."""
        whole = self._read_whole()
        return figures.identities(whole["columns"], whole["neurons"])

    @property
    def pruning_score(self) -> List[float]:
        """The scores by which they are pruned: none where the chain keeps them no longer."""
        return figures.pruning_scores(self._read_whole()["columns"])

    @property
    def weights(self) -> Any:
        """What each gives to each, by uids: a row that says anything adds up to 1."""
        if "weights" not in self._made:
            rows = self._rows("weights")
            sums = [sum(row) or 1 for row in rows]
            shares = [[value / total for value in row] for row, total in zip(rows, sums)]
            self._made["weights"] = _array(shares, "float32")
        return self._made["weights"]

    W = weights

    @property
    def bonds(self) -> Any:
        """What each holds of each, by uids, of 65535."""
        if "bonds" not in self._made:
            self._made["bonds"] = _array(self._rows("bonds"), "float32")
        return self._made["bonds"]

    B = bonds

    # --- how it is read

    def _call(self, method: str, params: Json) -> Any:
        client = self._client if self._client is not None and not self._client.closed else None
        if client is not None:
            return client.call(method, params)
        with Client(self._client.path if self._client is not None else None) as own:
            return own.call(method, params)

    def _table(self, block: Optional[int]) -> Json:
        params = {"netuid": self.netuid, "mechid": self.mechid}
        if block is not None:
            params["block"] = int(block)
        table: Json = self._call("metagraph_get", params)
        return table

    def _read_whole(self) -> Json:
        if self._whole is None:
            self._whole = self._table(self._block)
        return self._whole

    def _column(self, name: str, dtype: str) -> Any:
        return _array([neuron[name] for neuron in self.neurons], dtype)

    def _rows(self, name: str) -> List[List[int]]:
        count = len(self.neurons)
        rows = [[0] * count for _ in range(count)]
        for uid, values in self._read_whole()[name]:
            for other, value in values:
                if uid < count and other < count:
                    rows[uid][other] = value
        return rows

    def __deepcopy__(self, memo: Dict[int, Any]) -> "Metagraph":
        other = copy.copy(self)
        memo[id(self)] = other
        # The connection is no part of it: both may use it.
        kept = {name: value for name, value in self.__dict__.items() if name != "_client"}
        other.__dict__.update(copy.deepcopy(kept, memo))
        return other

    def __repr__(self) -> str:
        return f"metagraph(netuid:{self.netuid}, n:{len(self.neurons)}, block:{self._block}, network:{self.network})"


def _array(values: Any, dtype: str) -> Any:
    return numpy.array(values, dtype=dtype) if numpy is not None else values
