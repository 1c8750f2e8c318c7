"""Programs as introductions to bittensor 6 to 10 have them, with `import btd as bt` in the first line.

    python client_programs.py SOCKET IP PORT HOTKEY [--wallet NAME] [--asks NAME]

Serves and asks in one program behind btd's axon at IP:PORT, which answers as the wallet; prints one
line per check and fails on the first that does not hold. With numpy and pydantic at hand, they are
used as such programs use them.
"""

import argparse
import asyncio
import functools
import typing
from typing import Any, Dict, List, Optional

from client_checks import check, refused, until

import btd as bt

try:
    import numpy
    import pydantic

    Field = pydantic.Field
except ImportError:
    numpy, Field = None, bt.Field

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("socket")
parser.add_argument("ip")
parser.add_argument("port", type=int)
parser.add_argument("hotkey")
parser.add_argument("--wallet", default="default")
parser.add_argument("--asks", default="default")
ARGUMENTS = parser.parse_args()
CLIENT = bt.Client(ARGUMENTS.socket)
DTYPES = "float16 float32 float64 uint8 int8 int16 int32 int64 bool".split()


# --- the protocol of the subnet template, and one that streams


class Dummy(bt.Synapse):
    """Doubles a number."""

    dummy_input: int
    dummy_output: typing.Optional[int] = None

    def deserialize(self) -> int:
        return self.dummy_output


class TopK(bt.Synapse):
    topk: int = Field(-1, title="Top K", frozen=True)
    input: Optional[bt.Tensor] = Field(None, title="input")
    values: Optional[bt.Tensor] = None

    def deserialize(self):
        return self.values.deserialize()


class StreamPrompting(bt.StreamingSynapse):
    roles: List[str] = Field(..., title="Roles", description="A list of roles.")
    messages: List[str] = Field(..., title="Messages")
    completion: Optional[str] = Field(None, title="Completion")
    required_hash_fields: List[str] = Field(["messages"], title="Required Hash Fields")

    async def process_streaming_response(self, response):
        if self.completion is None:
            self.completion = ""
        async for chunk in response.content.iter_any():
            tokens = chunk.decode("utf-8").split("\n")
            for token in tokens:
                if token:
                    self.completion += token
            yield tokens

    def deserialize(self) -> str:
        return self.completion

    def extract_response_json(self, response) -> dict:
        headers = {k.decode("utf-8"): v.decode("utf-8") for k, v in response.__dict__["_raw_headers"]}

        def extract_info(prefix):
            return {key.split("_")[-1]: value for key, value in headers.items() if key.startswith(prefix)}

        return {
            "name": headers.get("name", ""),
            "timeout": float(headers.get("timeout", 0)),
            "total_size": int(headers.get("total_size", 0)),
            "header_size": int(headers.get("header_size", 0)),
            "dendrite": extract_info("bt_header_dendrite"),
            "axon": extract_info("bt_header_axon"),
            "roles": self.roles,
            "messages": self.messages,
            "completion": self.completion,
        }


class Mirror(bt.Synapse):
    tensor: bt.Tensor
    required_hash_fields = ("tensor",)

    def deserialize(self):
        return self.tensor


class Sealed(bt.Synapse):
    secret: str = ""


# --- the miner


class Miner:
    def __init__(self):
        self.wallet = bt.wallet(name=ARGUMENTS.wallet, client=CLIENT)
        self.metagraph = bt.metagraph(netuid=1, client=CLIENT)
        self.seen: Dict[str, Any] = {}
        self.axon = bt.axon(wallet=self.wallet, client=bt.Client(ARGUMENTS.socket))
        self.axon.attach(forward_fn=self.forward, blacklist_fn=self.blacklist, priority_fn=self.priority)
        self.axon.attach(self.topk).attach(self.prompt).attach(mirror).attach(forward_fn=sealed, verify_fn=self.verify)
        self.axon.start()

    async def forward(self, synapse: Dummy) -> Dummy:
        self.seen = {"caller": synapse.dendrite.hotkey, "timeout": synapse.timeout, "ip": synapse.dendrite.ip, "name": synapse.name}
        synapse.dummy_output = synapse.dummy_input * 2
        return synapse

    async def blacklist(self, synapse: Dummy) -> typing.Tuple[bool, str]:
        if synapse.dendrite is None or synapse.dendrite.hotkey is None:
            return True, "Missing dendrite or hotkey"
        if synapse.dendrite.hotkey not in self.metagraph.hotkeys:
            return True, "Unrecognized hotkey"
        uid = self.metagraph.hotkeys.index(synapse.dendrite.hotkey)
        if synapse.dummy_input < 0:
            return True, f"Not of uid {uid}"
        return False, "Hotkey recognized!"

    async def priority(self, synapse: Dummy) -> float:
        caller_uid = self.metagraph.hotkeys.index(synapse.dendrite.hotkey)
        return float(self.metagraph.S[caller_uid])

    def topk(self, synapse: TopK) -> TopK:
        values = sorted(synapse.input.tolist(), reverse=True)[: synapse.topk]
        synapse.values = bt.Tensor.serialize(numpy.array(values)) if numpy is not None else bt.tensor(values)
        return synapse

    def prompt(self, synapse: StreamPrompting) -> StreamPrompting:
        async def _prompt(text: str, send):
            buffer = []
            for token in text.split():
                buffer.append(token)
                if len(buffer) == 2:
                    await send({"type": "http.response.body", "body": "\n".join(buffer).encode("utf-8"), "more_body": True})
                    buffer = []
            if buffer:
                await send({"type": "http.response.body", "body": "\n".join(buffer).encode("utf-8"), "more_body": False})

        return synapse.create_streaming_response(functools.partial(_prompt, synapse.messages[0]))

    def verify(self, synapse: Sealed) -> None:
        if synapse.secret != "open":
            raise Exception("it stays sealed")


def mirror(synapse: Mirror) -> Mirror:
    synapse.tensor = bt.Tensor.serialize(synapse.tensor.deserialize())
    return synapse


def sealed(synapse: Sealed) -> Sealed:
    return synapse


def codes(replies):
    return [reply.dendrite.status_code for reply in replies]


# --- the validator


async def validator(target, miner):
    wallet = bt.wallet(name=ARGUMENTS.asks, client=CLIENT)
    async with bt.dendrite(wallet=wallet, client=CLIENT) as dendrite:
        me = dendrite.keypair.ss58_address
        check("a dendrite has its hotkey's address", me == wallet.hotkey.ss58_address and repr(dendrite), dendrite)
        responses = await dendrite(axons=[target, target], synapse=Dummy(dummy_input=21), deserialize=True)
        check("the template's validator is answered", responses == [42, 42], responses)
        check("and the miner has seen whom it serves", miner.seen["caller"] == me and miner.seen["name"] == "Dummy", miner.seen)
        check("with its deadline", miner.seen["timeout"] == 12.0 and miner.seen["ip"] == "127.0.0.1", miner.seen)
        whole = await dendrite.forward(target, Dummy(dummy_input=2), timeout=5, deserialize=False)
        check("or gets the whole", whole.is_success and whole.dummy_output == 4 and whole.timeout == 5, whole)
        check("which says how it went", whole.dendrite.process_time > 0 and whole.axon.hotkey == target.hotkey, whole.axon)
        turned_away = await dendrite.forward(target, Dummy(dummy_input=-1), deserialize=False)
        why = turned_away.dendrite.status_message
        check("a blacklist turns away", turned_away.is_blacklist and "Not of uid" in why, why)
        check("in `call` too", (await dendrite.call(target, Dummy(dummy_input=-1), deserialize=False)).is_failure)
        one_by_one = await dendrite.forward([target, target], Dummy(dummy_input=3), run_async=False)
        check("one after the other", one_by_one == [6, 6], one_by_one)
        pings = [await dendrite(target), *await dendrite.forward([target]), await dendrite.call(target)]
        check("nothing to ask is a ping", codes(pings) == [200] * 3 and type(pings[0]) is bt.Synapse, pings[0].dendrite)
        sealed_ones = await dendrite.forward([target, target], Sealed(), deserialize=False)
        check("a check of the miner's own turns away", all(one.failed_verification for one in sealed_ones), sealed_ones[0].dendrite)
        check("or lets pass", (await dendrite(target, Sealed(secret="open"), deserialize=False)).is_success)

        question = StreamPrompting(roles=["user"], messages=["the quick brown fox jumps"])
        for streaming in (True, False):  # What streams does so without being told.
            pieces = []
            async for chunk in await dendrite.forward(target, question, timeout=10, deserialize=False, streaming=streaming):
                pieces.append(chunk)
            said, last = pieces[:-1], pieces[-1]
            words = [word for chunk in said for word in chunk]
            check("a stream comes in pieces", words == "the quick brown fox jumps".split(), said)
            check("and ends with the message", last.is_success and last.completion == "".join(words), last)
        streams = await dendrite([target, target], question, deserialize=True, streaming=True)
        ends = [[chunk async for chunk in stream][-1] for stream in streams]
        check("several streams too", ends == ["thequickbrownfoxjumps"] * 2, ends)


def synchronous(target):
    dendrite = bt.dendrite(wallet=bt.wallet(name=ARGUMENTS.asks, client=CLIENT), client=CLIENT)
    check("a ping without await", dendrite.query(target).is_success and codes(dendrite.query([target])) == [200])
    reply = dendrite.query(target, TopK(topk=2, input=bt.tensor([0.1, 0.7, 0.5])))
    wanted = [0.7, 0.5]
    check("the largest of a tensor", (reply.tolist() if numpy is not None else reply) == wanted, reply)
    if numpy is not None:
        check("in numpy's own hands", isinstance(reply, numpy.ndarray) and reply.dtype == numpy.float64, reply.dtype)
        for dtype in DTYPES:
            for array in (numpy.arange(6).reshape(2, 3).astype(dtype), numpy.zeros((0, 3), dtype), numpy.array(1).astype(dtype)):
                back = dendrite.query(target, Mirror(tensor=bt.Tensor.serialize(array))).deserialize()
                same = numpy.array_equal(back, array) and back.dtype == array.dtype and back.shape == array.shape
                check(f"{dtype} of shape {array.shape} comes back", same, back.tolist())
        check("`tensor()` needs no torch", bt.tensor([1, 2]).tensor().tolist() == [1, 2])
    for dtype in DTYPES:
        sent = bt.tensor([[True, False], [False, True]] if dtype == "bool" else [[0, 1], [2, 3]], dtype)
        back = dendrite.query(target, Mirror(tensor=sent))
        same = back.tolist() == sent.tolist() and back.shape == [2, 2]
        # Nested lists, where there is no numpy, do not say what they were of.
        check(f"lists of {dtype} come back", same and (numpy is None or back == sent), back.tolist())
    for shape, values in (((2, 0), [[], []]), ((2, 3, 0), [[[]] * 3] * 2), ((0, 3), [])):
        data = bt.Tensor._packed("int64", shape, b"")
        check(f"nothing of shape {shape} is nothing", data.tolist() == values, data.tolist())
    refused("a misspelt argument is told", TypeError, "timout", lambda: dendrite.query(target, TopK(), timout=3))
    of_no_wallet = bt.dendrite(wallet=object(), client=CLIENT)
    foreign = functools.partial(dendrite.query, target, argparse.Namespace(name="Dummy"))
    refused("what is no synapse is told", TypeError, "Namespace is no synapse", foreign)
    refused("what is no wallet is told", TypeError, "object is no wallet", lambda: of_no_wallet.query(target))
    metagraph = bt.metagraph(netuid=1, client=CLIENT)
    uids = [0]  # The subnet's owner, who does not serve.
    replies = dendrite.query_subnet(1, bt.Synapse(), uids=uids, deserialize=False, timeout=2)
    check("by uids, as a subnet has them", len(replies) == 1 and not replies[0].is_success, replies[0].dendrite)
    axon = metagraph.axons[uids[0]]
    check("who does not serve says so", not axon.is_serving and metagraph.neurons[uids[0]].axon_info == axon, axon)
    axon.ip, axon.port = ARGUMENTS.ip, ARGUMENTS.port  # As one who tests at home does.
    check("an axon's address may be changed", axon.address == f"{ARGUMENTS.ip}:{ARGUMENTS.port}", axon.address)


def served():
    """A neuron that publishes itself before it starts, as the template does."""
    wallet = bt.wallet(name=ARGUMENTS.asks, client=CLIENT)
    at = ("203.0.113.9", 8091)  # Where btd's own configuration has it listen, as nothing else is said.
    metagraph = bt.metagraph(netuid=1, client=CLIENT)
    uid = metagraph.hotkeys.index(wallet.hotkey.ss58_address)
    if not metagraph.axons[uid].is_serving:
        bt.axon(wallet=wallet, external_ip=at[0], client=CLIENT).serve(netuid=1, subtensor=None)

    def known():
        axon = metagraph.sync().axons[uid]
        return (axon.ip, axon.port) == at and axon.is_serving

    until("an axon is served to the chain", known)
    refused("a certificate is btd's own", ValueError, "certificate", lambda: bt.axon(client=CLIENT).serve(1, certificate="x"))


def main():
    miner = Miner()
    target = bt.AxonInfo(version=1, ip=ARGUMENTS.ip, port=ARGUMENTS.port, ip_type=4, hotkey=ARGUMENTS.hotkey, coldkey="")
    check("an axon tells where it is", miner.axon.info().hotkey == target.hotkey and miner.axon.info().port == target.port)
    asyncio.run(validator(target, miner))
    synchronous(target)
    served()
    miner.axon.stop()
    CLIENT.close()
    print("all checks passed")


main()
