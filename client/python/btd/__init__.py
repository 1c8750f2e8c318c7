"""Neurons in Python over a running ``btd``: the names that bittensor 6 to 10 had, without their work.

btd owns the port, the hotkey, the metagraph and the protocol; a program that imports this module
declares synapses, answers them, and asks others. It needs nothing but the standard library; with
numpy or torch at hand, tensors are theirs.

    import btd as bt

    class Topk(bt.Synapse):
        topk: int = -1
        tensor: bt.Tensor = None

    def forward(synapse: Topk) -> Topk:
        ...
        return synapse

    axon = bt.axon(wallet=bt.wallet(name="mine", hotkey="miner"))
    axon.attach(forward).start()

    dendrite = bt.dendrite(wallet=bt.wallet(name="validator"))
    replies = dendrite.query(bt.metagraph(1).axons, Topk(topk=1, tensor=bt.tensor([1.0, 2.0])))

Requests reach the forward function only after btd has verified them. The module never sees a key.
"""

from .axon import Axon
from .axon_info import AxonInfo
from .dendrite import Dendrite
from .fields import Field
from .metagraph import Metagraph
from .rpc import Client, RpcError
from .stream import StreamingSynapse
from .synapse import Synapse
from .tensor import Tensor, tensor
from .terminal import TerminalInfo
from .wallet import Wallet

axon = Axon
dendrite = Dendrite
metagraph = Metagraph
wallet = Wallet

__all__ = [
    "Axon",
    "AxonInfo",
    "Client",
    "Dendrite",
    "Field",
    "Metagraph",
    "RpcError",
    "StreamingSynapse",
    "Synapse",
    "Tensor",
    "TerminalInfo",
    "Wallet",
    "axon",
    "dendrite",
    "metagraph",
    "tensor",
    "wallet",
]
