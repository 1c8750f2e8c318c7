"""bittensor 10 as a neuron with synapses of its own: fields, hashes, tensors, streams, blacklists.

Run with the interpreter of an environment that has bittensor 10:

    python sdk10_neuron.py serve [--uri //Dave]
        answers the synapses of client_neuron.py as the development key; prints {"hotkey": …,
        "ip": …, "port": …} when it accepts, and stops when its standard input ends.
    python sdk10_neuron.py ask IP PORT HOTKEY [--uri //Bob]
        asks an axon that answers them, prints one line per check and fails on the first that does
        not hold.

Uses a throw-away home and no network but the given address.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile
import time
import types
from functools import partial
from typing import Any, ClassVar, Dict, List, Optional, Tuple

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
actions = parser.add_subparsers(dest="action", required=True)
serve = actions.add_parser("serve")
serve.add_argument("--uri", default="//Dave")
ask = actions.add_parser("ask")
ask.add_argument("ip")
ask.add_argument("port", type=int)
ask.add_argument("hotkey")
ask.add_argument("--uri", default="//Bob")
ARGUMENTS = parser.parse_args()
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

import bittensor
from asked import check
import numpy
from bittensor.core.chain_data import AxonInfo
from bittensor.core.stream import StreamingSynapse
from bittensor.core.synapse import Synapse
from bittensor.core.tensor import Tensor
from bittensor.utils import networking
from bittensor_wallet import Keypair

networking.get_external_ip = lambda: "203.0.113.7"
# It asks torch for the names of its dtypes even where numpy alone is used, and torch is 2 GB.
from bittensor.core import tensor as tensor_module

tensor_module.DTypes._add_torch = lambda self: None


class Topk(Synapse):
    topk: int = -1
    tensor: Optional[Tensor] = None


class Prompt(Synapse):
    messages: List[Dict[str, Any]]
    temperature: float = 1.0
    completion: Optional[str] = None

    required_hash_fields: ClassVar[Tuple[str, ...]] = ("messages", "temperature")


class Stream(StreamingSynapse):
    prompt: str

    async def process_streaming_response(self, response):
        async for chunk in response.content.iter_any():
            yield chunk.decode()

    def extract_response_json(self, response):
        return {
            "name": response.headers.get("name", ""),
            "timeout": float(response.headers.get("timeout", 0)),
            "total_size": 0,
            "header_size": 0,
            "dendrite": {},
            "axon": {},
            "prompt": self.prompt,
        }

    def deserialize(self):
        return self


class Slow(Synapse):
    seconds: float = 5.0


class Picky(Synapse):
    ticket: str = "none"


def outcome(synapse):
    return synapse.dendrite.status_code, synapse.dendrite.status_message


async def asks():
    key = Keypair.create_from_uri(ARGUMENTS.uri)
    print(f"bittensor {bittensor.__version__} as {key.ss58_address} asks {ARGUMENTS.ip}:{ARGUMENTS.port}")
    target = AxonInfo(
        version=1, ip=ARGUMENTS.ip, port=ARGUMENTS.port, ip_type=4, hotkey=ARGUMENTS.hotkey, coldkey=ARGUMENTS.hotkey
    )
    async with bittensor.Dendrite(wallet=key) as dendrite:

        async def asked(synapse, timeout=12.0):
            return await dendrite.call(target, synapse, timeout=timeout, deserialize=False)

        numbers = numpy.array([1.0, 3.0, 2.0], dtype=numpy.float32)
        reply = await asked(Topk(topk=2, tensor=Tensor.serialize(numbers)))
        check("a tensor goes there and back", outcome(reply) == (200, "Success"), outcome(reply))
        largest = reply.tensor.deserialize()
        check("the largest elements come back", largest.tolist() == [3.0, 2.0], largest)

        deep = [None, True, -0.0, 1e16, "it's", 2**70]
        message = {"role": "user", "content": "grüße 你好 \n", "n": 1e-7, "deep": deep}
        reply = await asked(Prompt(messages=[message], temperature=1))
        said = f"grüße 你好 \n @ 1.0 for {key.ss58_address}"
        check("hashed fields are verified", reply.completion == said, (outcome(reply), reply.completion))

        reply = await asked(Prompt(messages=[], temperature=float("nan")))
        said = f" @ nan for {key.ss58_address}"
        check("a number that JSON lacks arrives as one", reply.completion == said, (outcome(reply), reply.completion))

        pieces, last = [], None
        async for piece in dendrite.call_stream(target, Stream(prompt="one two three"), timeout=12.0, deserialize=False):
            if isinstance(piece, str):
                pieces.append(piece)
            else:
                last = piece
        check("a stream arrives whole", "".join(pieces) == "one;two;three;", pieces)
        check("and ends well", last is not None and last.axon.status_code == 200, last and last.axon.status_code)

        began = time.monotonic()
        late = await asked(Slow(seconds=3.0), timeout=0.5)
        check("a slow handler is given up", outcome(late)[0] == 408, outcome(late))
        check("in time", time.monotonic() - began < 2.5, f"{time.monotonic() - began:.2f} s")

        turned_away = await asked(Picky(ticket="none"))
        check("a blacklist turns away", outcome(turned_away) == (403, "Forbidden. Key is blacklisted: no ticket."), outcome(turned_away))
        forged = await asked(Picky(ticket="forged"))
        check("a check of the handler's own turns away", outcome(forged) == (401, "Not Verified with error: a forged ticket"), outcome(forged))
        welcome = await asked(Picky(ticket="gold"))
        check("others pass", outcome(welcome)[0] == 200, outcome(welcome))

        # What is hashed and then changed does not pass.
        class Forged(Prompt):
            @property
            def body_hash(self):
                return Prompt(messages=[{"content": "another"}]).body_hash

        Forged.__name__ = "Prompt"
        changed = await asked(Forged(messages=[{"content": "changed"}]))
        check("a changed body is refused", outcome(changed)[0] == 500 and changed.completion is None, outcome(changed))
    print("all checks passed")


def topk(synapse: Topk) -> Topk:
    largest = numpy.sort(synapse.tensor.deserialize())[::-1][: synapse.topk]
    synapse.tensor = Tensor.serialize(largest.copy())
    return synapse


def prompt(synapse: Prompt) -> Prompt:
    words = " ".join(message["content"] for message in synapse.messages)
    synapse.completion = f"{words} @ {synapse.temperature} for {synapse.dendrite.hotkey}"
    return synapse


def stream(synapse: Stream) -> StreamingSynapse.BTStreamingResponse:
    async def streamer(words, send):
        for at, word in enumerate(words):
            await send({"type": "http.response.body", "body": f"{word};".encode(), "more_body": at < len(words) - 1})

    return synapse.create_streaming_response(partial(streamer, synapse.prompt.split()))


async def slow(synapse: Slow) -> Slow:
    await asyncio.sleep(synapse.seconds)
    return synapse


def picky(synapse: Picky) -> Picky:
    return synapse


def picky_blacklist(synapse: Picky) -> Tuple[bool, str]:
    # It is asked before the body is read, and sees the default.
    return synapse.ticket == "none", "no ticket"


def picky_priority(synapse: Picky) -> float:
    return 1.0


def serves():
    key = Keypair.create_from_uri(ARGUMENTS.uri)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    axon = bittensor.Axon(wallet=types.SimpleNamespace(hotkey=key), port=port, ip="127.0.0.1", external_ip="127.0.0.1")
    axon.attach(topk).attach(prompt).attach(stream).attach(slow)
    axon.attach(picky, blacklist_fn=picky_blacklist, priority_fn=picky_priority)
    axon.start()
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    else:
        sys.exit("the axon does not accept")
    print(json.dumps({"hotkey": key.ss58_address, "ip": "127.0.0.1", "port": port}), flush=True)
    sys.stdin.read()
    axon.stop()


if ARGUMENTS.action == "ask":
    asyncio.run(asks())
else:
    serves()
