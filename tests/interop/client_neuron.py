"""The Python module of this project as a neuron over a running btd, with the standard library alone.

    python client_neuron.py serve SOCKET [--wallet NAME]
        answers synapses behind btd's axon; prints {"address": …} when it does, and stops when its
        standard input ends, whatever it is still at.
    python client_neuron.py ask SOCKET IP PORT HOTKEY [--wallet NAME] [--peer btd|sdk10]
        asks an axon that answers the same synapses; prints one line per check and fails on the first
        that does not hold.
"""

import argparse
import asyncio
import dataclasses
import json
import math
import sys
import threading
import time
from concurrent.futures import TimeoutError as Elapsed
from typing import Any, Dict, List, Optional

from client_checks import check, refused

import btd as bt

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
actions = parser.add_subparsers(dest="action", required=True)
for name in ("serve", "ask"):
    action = actions.add_parser(name)
    action.add_argument("socket")
    action.add_argument("--wallet", default="default")
    if name == "ask":
        action.add_argument("ip")
        action.add_argument("port", type=int)
        action.add_argument("hotkey")
        action.add_argument("--peer", choices=["btd", "sdk10"], default="btd")
ARGUMENTS = parser.parse_args()


# --- the synapses, as introductions to Bittensor write them


class Topk(bt.Synapse):
    topk: int = -1  # The number of largest elements wanted.
    tensor: bt.Tensor = None  # The tensor they are of.


class Prompt(bt.Synapse):
    messages: List[Dict[str, Any]]
    temperature: float = 1.0
    completion: Optional[str] = None

    required_hash_fields = ("messages", "temperature")

    def deserialize(self) -> str:
        return self.completion


class Stream(bt.StreamingSynapse):
    prompt: str


class Slow(bt.Synapse):
    seconds: float = 5.0


class Endless(bt.Synapse):
    pass


class Tardy(bt.Synapse):
    pass


class Picky(bt.Synapse):
    ticket: str = ""


# --- what they are answered with


def topk(synapse: Topk) -> Topk:
    values = sorted(synapse.tensor.tolist(), reverse=True)
    synapse.tensor = bt.tensor(values[: synapse.topk], dtype=synapse.tensor.dtype)
    return synapse


async def prompt(synapse: Prompt) -> Prompt:
    words = " ".join(message["content"] for message in synapse.messages)
    synapse.completion = f"{words} @ {synapse.temperature} for {synapse.dendrite.hotkey}"
    if math.isnan(synapse.temperature):
        synapse.temperature = 0.0  # No answer holds it.
    return synapse


def stream(synapse: Stream) -> Stream:
    async def streamer(send):
        words = synapse.prompt.split()
        for at, word in enumerate(words):
            await send({"type": "http.response.body", "body": f"{word};".encode(), "more_body": at < len(words) - 1})

    return synapse.create_streaming_response(streamer)


def slow(synapse: Slow) -> Slow:
    time.sleep(synapse.seconds)
    return synapse


async def endless(synapse: Endless) -> Endless:
    await asyncio.Event().wait()
    return synapse


def tardy(synapse: Tardy) -> Tardy:
    time.sleep(3)  # Long enough to be asked for by the loop when that has ended.
    return endless(synapse)


def picky(synapse: Picky) -> Picky:
    return synapse


def picky_blacklist(synapse: Picky):
    return synapse.ticket == "none", "no ticket"


def picky_verify(synapse: Picky) -> None:
    if synapse.ticket == "forged":
        raise ValueError("a forged ticket")


def picky_priority(synapse: Picky) -> float:
    return float(len(synapse.ticket))


def serves():
    client = bt.Client(ARGUMENTS.socket)
    axon = bt.axon(wallet=bt.wallet(name=ARGUMENTS.wallet, client=client), client=client)
    axon.attach(topk).attach(prompt).attach(stream).attach(slow).attach(endless).attach(tardy)
    axon.attach(picky, blacklist_fn=picky_blacklist, priority_fn=picky_priority, verify_fn=picky_verify)
    axon.start()
    print(json.dumps({"address": axon.address}), flush=True)
    sys.stdin.read()
    axon.stop()


# --- asking


def outcome(synapse):
    return synapse.dendrite.status_code, synapse.dendrite.status_message


def asks():
    client = bt.Client(ARGUMENTS.socket)
    wallet = bt.wallet(name=ARGUMENTS.wallet, client=client)
    me = wallet.hotkey.ss58_address
    target = bt.AxonInfo(ARGUMENTS.ip, ARGUMENTS.port, ARGUMENTS.hotkey)
    dendrite = bt.dendrite(wallet=wallet, client=client)

    def ask(synapse, **how):
        return dendrite.query(target, synapse, deserialize=False, **how)

    ping = ask(bt.Synapse())
    check("a ping is answered", outcome(ping) == (200, "Success"), outcome(ping))

    reply = ask(Topk(topk=2, tensor=bt.tensor([1.0, 3.0, 2.0])))
    check("a tensor goes there and back", outcome(reply)[0] == 200, outcome(reply))
    check("the largest elements come back", reply.tensor.tolist() == [3.0, 2.0], reply.tensor.tolist())
    check("of the dtype that was sent", reply.tensor.dtype == "float64", reply.tensor)

    message = Prompt(messages=[{"role": "user", "content": "grüße 你好 \n'\"", "n": 1e-7, "deep": [None, True, 2**70]}])
    said = dendrite.query(target, message)
    check("hashed fields are verified", said == f"grüße 你好 \n'\" @ 1.0 for {me}", said)

    words = list(dendrite.stream(target, Stream(prompt="one two three")))
    text = b"".join(words[:-1]).decode()
    check("a stream arrives whole", text == "one;two;three;", text)
    check("and ends well", outcome(words[-1])[0] == 200, outcome(words[-1]))

    async def streamed():
        return [piece async for piece in dendrite.call_stream(target, Stream(prompt="four five"))]

    pieces = asyncio.run(streamed())
    text = b"".join(piece for piece in pieces if isinstance(piece, bytes)).decode()
    check("and for code that awaits", text == "four;five;", text)

    began = time.monotonic()
    late = ask(Slow(seconds=3.0), timeout=0.5)
    check("a slow axon is given up", outcome(late)[0] == 408, outcome(late))
    check("in time", time.monotonic() - began < 2.5, f"{time.monotonic() - began:.2f} s")

    turned_away = ask(Picky(ticket="none"))
    # A Python axon asks its blacklist before it reads the body: it sees the field's default.
    check("a blacklist turns away", outcome(turned_away) == (403, "Forbidden. Key is blacklisted: no ticket."), outcome(turned_away))
    if ARGUMENTS.peer == "btd":
        check("which is the caller's to see", turned_away.is_blacklist, turned_away.is_blacklist)
        forged = ask(Picky(ticket="forged"))
        check("a check of the handler's own turns away", outcome(forged) == (401, "Not Verified with error: a forged ticket"), outcome(forged))
        welcome = ask(Picky(ticket="gold"))
        check("others pass", outcome(welcome)[0] == 200, outcome(welcome))
        never = ask(Endless(), timeout=0.3)
        check("a handler that never ends is given up", outcome(never)[0] == 408, outcome(never))

    unknown = type("Unknown", (bt.Synapse,), {})
    check("an unknown synapse is not found", outcome(ask(unknown()))[0] == 404, outcome(ask(unknown())))
    nobody = dataclasses.replace(target, port=1)
    both = dendrite.query([target, nobody], bt.Synapse(), deserialize=False)
    check("each of several has its outcome", [reply.dendrite.status_code for reply in both] == [200, 503], [outcome(reply) for reply in both])
    bad = type("Bad", (bt.Synapse,), {"__annotations__": {"x": complex}, "x": 1j})()
    refused("a type that does not travel is told", TypeError, "does not travel", lambda: ask(bad))
    metagraph = bt.metagraph(1, client=client)
    check("the metagraph is there", metagraph.n > 0 and len(metagraph.axons) == metagraph.n, metagraph)
    if ARGUMENTS.peer == "btd":
        late = ask(Tardy(), timeout=0.3)
        check("one that goes on when its program ends is given up too", outcome(late)[0] == 408, outcome(late))
    # Given up before btd's answer was read: what begins all the same is ended.
    read_on = threading.Event()
    dispatch = client._dispatch
    client._dispatch = lambda message: (read_on.wait(), dispatch(message))
    client.timeout = 0
    try:
        client.subscribe("chain_subscribeFinalized", {}, print, "chain_unsubscribeFinalized")
        check("a subscription can be given up", False, "it was answered")
    except Elapsed:
        read_on.set()
        client.call("chain_status", timeout=10)
        check("a subscription that was given up is gone", not client._subscribers, client._subscribers)
    dendrite.close_session()
    client.close()
    print("all checks passed")


serves() if ARGUMENTS.action == "serve" else asks()
