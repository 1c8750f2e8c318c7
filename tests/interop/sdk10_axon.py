"""bittensor 10 and btd as neurons: its dendrite asks our axon, and its axon answers our dendrite.

Run with the interpreter of an environment that has bittensor 10:

    python sdk10_axon.py ping IP PORT HOTKEY [--uri //Bob]
        asks the axon of HOTKEY as the development key; prints one line per check and fails on the
        first that does not hold. The axon must admit that key, and 256 requests of it at once.
    python sdk10_axon.py serve [--uri //Dave] [--port PORT] [--gzip]
        serves as the development key; prints {"hotkey": …, "ip": …, "port": …} when it
        accepts, one line per request, and stops when its standard input ends.

Uses a throw-away home and no network but the given address.
"""

import argparse
import asyncio
import collections
import json
import os
import socket
import sys
import tempfile
import time
import types

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
actions = parser.add_subparsers(dest="action", required=True)
ping = actions.add_parser("ping")
ping.add_argument("ip")
ping.add_argument("port", type=int)
ping.add_argument("hotkey")
ping.add_argument("--uri", default="//Bob")
serve = actions.add_parser("serve")
serve.add_argument("--uri", default="//Dave")
serve.add_argument("--port", type=int, default=0)
serve.add_argument("--gzip", action="store_true", help="pack every reply for callers that read it")
ARGUMENTS = parser.parse_args()
# The library reads its arguments, and writes a configuration into the home directory.
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

import bittensor
from asked import check
from bittensor.core.chain_data import AxonInfo
from bittensor.core.synapse import Synapse
from bittensor.utils import networking
from bittensor_wallet import Keypair
from starlette.middleware.gzip import GZipMiddleware

# It would ask the network which address we have. This one is nobody's (RFC 5737).
networking.get_external_ip = lambda: "203.0.113.7"


def info(hotkey):
    return AxonInfo(
        version=1, ip=ARGUMENTS.ip, port=ARGUMENTS.port, ip_type=4, hotkey=hotkey, coldkey=hotkey
    )


def outcome(synapse):
    return synapse.dendrite.status_code, synapse.dendrite.status_message


async def asks():
    key = Keypair.create_from_uri(ARGUMENTS.uri)
    print(f"bittensor {bittensor.__version__} as {key.ss58_address} asks {ARGUMENTS.ip}:{ARGUMENTS.port}")
    target = info(ARGUMENTS.hotkey)
    async with bittensor.Dendrite(wallet=key) as dendrite:

        async def asked(axon=target, timeout=12.0, sender=dendrite):
            return await sender.call(axon, Synapse(), timeout=timeout, deserialize=False)

        # An axon refuses its first moments: it cannot know what an earlier run let pass.
        for _ in range(20):
            first = await asked()
            if "older than this axon" not in (first.dendrite.status_message or ""):
                break
            await asyncio.sleep(0.5)
        check("a ping is answered", outcome(first) == (200, "Success"), outcome(first))
        check("the axon says who it is", first.axon.hotkey == ARGUMENTS.hotkey, first.axon.hotkey)
        check("the axon tells its time", first.axon.process_time > 0, first.axon.process_time)
        check("our own terminal comes back", first.dendrite.hotkey == key.ss58_address, first.dendrite.hotkey)
        second = await asked()
        check("the connection serves again", outcome(second) == (200, "Success"), outcome(second))

        other = Keypair.create_from_uri("//Ferdie").ss58_address
        wrong = await asked(info(other))
        check("what is signed for another is refused", outcome(wrong)[0] == 401, outcome(wrong)[1][:60])

        class Unknown(Synapse):
            pass

        unknown = await dendrite.call(target, Unknown(), deserialize=False)
        check("an unknown synapse is not found", outcome(unknown)[0] == 404, outcome(unknown)[1])

        nonce = time.time_ns
        time.time_ns = lambda: nonce() - 60 * 10**9
        try:
            async with bittensor.Dendrite(wallet=key) as late:
                stale = await asked(sender=late)
        finally:
            time.time_ns = nonce
        check("an old request is refused", outcome(stale)[0] == 401, outcome(stale)[1])

        ed25519 = Keypair.create_from_uri(ARGUMENTS.uri, crypto_type=0)
        async with bittensor.Dendrite(wallet=ed25519) as foreign:
            refused = await asked(sender=foreign)
        check("an ed25519 hotkey is refused", outcome(refused)[0] in (401, 403), outcome(refused)[1][:60])

        # Validators share one dendrite, and so one uuid, among all that they ask at the same time.
        for count in (64, 256):
            answers = await asyncio.gather(*(asked(timeout=30.0) for _ in range(count)))
            outcomes = collections.Counter(outcome(answer) for answer in answers)
            check(f"{count} at once by one dendrite are answered", set(outcomes) == {(200, "Success")}, dict(outcomes))
        third = await asked()
        check("one more after them is answered", outcome(third) == (200, "Success"), outcome(third))
    print("all checks passed")


class Told:
    """Says of each reply whether it is packed."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def told(message):
            if message["type"] == "http.response.start":
                print(json.dumps({"packed": (b"content-encoding", b"gzip") in message["headers"]}), flush=True)
            await send(message)

        await self.app(scope, receive, told)


def serves():
    key = Keypair.create_from_uri(ARGUMENTS.uri)
    port = ARGUMENTS.port
    if port == 0:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    # An axon wants of a wallet its hotkey alone.
    wallet = types.SimpleNamespace(hotkey=key)
    axon = bittensor.Axon(wallet=wallet, port=port, ip="127.0.0.1", external_ip="127.0.0.1")

    # The ping that every axon has, with a line for each request that got past the verification.
    forward = axon.forward_fns["Synapse"]

    def seen(synapse: Synapse) -> Synapse:
        print(json.dumps({"synapse": synapse.name, "from": synapse.dendrite.hotkey}), flush=True)
        return forward(synapse)

    axon.router.routes[:] = [route for route in axon.router.routes if route.path != "/Synapse"]
    axon.app.router.routes[:] = [
        route for route in axon.app.router.routes if getattr(route, "path", None) != "/Synapse"
    ]
    axon.attach(seen)
    if ARGUMENTS.gzip:
        axon.app.add_middleware(GZipMiddleware, minimum_size=1)
    # Around the one before.
    axon.app.add_middleware(Told)
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


if ARGUMENTS.action == "ping":
    asyncio.run(asks())
else:
    serves()
