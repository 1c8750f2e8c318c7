"""bittensor 10.5.0 under load, for `run`: its axon, or its dendrite against servers that answer at once.

    python sdk10_load.py axon stock|patched
    python sdk10_load.py dendrite stock|patched FIRST_PORT REPEAT
"""

import asyncio
import json
import os
import resource
import socket
import sys
import tempfile
import time
import types
from typing import ClassVar, Optional, Tuple

WORDS = sys.argv[1:]
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

import bittensor
from bittensor.core import tensor as tensor_module
from bittensor.core.chain_data import AxonInfo
from bittensor.core.synapse import Synapse
from bittensor.core.tensor import Tensor
from bittensor.utils import networking
from bittensor_wallet import Keypair

networking.get_external_ip = lambda: "203.0.113.7"
tensor_module.DTypes._add_torch = lambda self: None
if WORDS[1] == "patched":
    # Its own schema, generated anew for each header block, once per class instead.
    original, known = Synapse.get_required_fields, {}

    def required_fields(self):
        if type(self) not in known:
            known[type(self)] = original(self)
        return known[type(self)]

    Synapse.get_required_fields = required_fields


class Text(Synapse):
    text: str

    required_hash_fields: ClassVar[Tuple[str, ...]] = ("text",)


class Numbers(Synapse):
    tensor: Optional[Tensor] = None


def text(synapse: Text) -> Text:
    return synapse


def numbers(synapse: Numbers) -> Numbers:
    return synapse


def axon():
    key = Keypair.create_from_uri("//Dave")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = bittensor.Axon(wallet=types.SimpleNamespace(hotkey=key), port=port, ip="127.0.0.1", external_ip="127.0.0.1")
    serving.attach(text).attach(numbers)
    serving.start()
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    print(json.dumps({"hotkey": key.ss58_address, "port": port}), flush=True)
    sys.stdin.read()
    serving.stop()


async def dendrite(first, repeat):
    hotkey = Keypair.create_from_uri("//Charlie").ss58_address
    reports = {}
    async with bittensor.Dendrite(wallet=Keypair.create_from_uri("//Bob")) as asking:
        for axons, times in ((1, repeat * 4), (64, repeat // 5), (256, repeat // 10)):
            targets = [
                AxonInfo(version=1, ip="127.0.0.1", port=first + at, ip_type=4, hotkey=hotkey, coldkey=hotkey)
                for at in range(axons)
            ]
            await asking.forward(targets, Synapse(), timeout=60, deserialize=False)
            taken, failed, before, began = [], 0, time.process_time(), time.monotonic()
            for _ in range(max(times, 2)):
                start = time.monotonic()
                replies = await asking.forward(targets, Synapse(), timeout=60, deserialize=False)
                taken.append((time.monotonic() - start) * 1000)
                failed += sum(reply.dendrite.status_code != 200 for reply in replies)
            requests = axons * len(taken)
            taken.sort()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            reports[axons] = {
                "cpu_ms_per_request": (time.process_time() - before) * 1000 / requests,
                "requests_per_second": requests / (time.monotonic() - began),
                "failed": failed,
                "p50_ms": taken[len(taken) // 2],
                "p99_ms": taken[(len(taken) - 1) * 99 // 100],
                "rss_mib": peak,
                "peak_mib": peak,
            }
    print(json.dumps({"reports": reports}), flush=True)


if WORDS[0] == "axon":
    axon()
else:
    asyncio.run(dendrite(int(WORDS[2]), int(WORDS[3])))
