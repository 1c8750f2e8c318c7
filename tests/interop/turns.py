"""Whose turn it is behind our axon: requests of several bittensor 10 dendrites that wait for a program with one place.

Run with the interpreter of an environment that has bittensor 10:

    python turns.py SOCKET IP PORT HOTKEY --wallet NAME --holder URI --rising URI...
        answers and asks in one program. The axon at IP:PORT answers as the wallet and admits the keys; those that are
        --rising have ever more stake. While the holder's request is being answered, theirs come one after the other,
        each once the one before is known to wait. In which order the program then gets them is checked: by stake, and
        by the number that the program gives itself.

Prints one line per check and fails on the first that does not hold. No clock says whose turn it was.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import threading

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("socket")
parser.add_argument("ip")
parser.add_argument("port", type=int)
parser.add_argument("hotkey")
parser.add_argument("--wallet", required=True)
parser.add_argument("--holder", required=True)
parser.add_argument("--rising", nargs="+", required=True)
ARGUMENTS = parser.parse_args()
# bittensor reads its arguments, and writes a configuration into the home directory.
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

from client_checks import check

import bittensor
import btd as bt
from bittensor.core.chain_data import AxonInfo
from bittensor.core.synapse import Synapse
from bittensor.utils import networking
from bittensor_wallet import Keypair

# A dendrite asks the internet for its own address before anything else.
networking.get_external_ip = lambda: "203.0.113.7"

PATIENCE = 60  # seconds for anything to happen
HOLDER = "the holder"


# --- the classes, as the program has them and as bittensor has them


class Staked(bt.Synapse):
    who: str = ""


class Ranked(bt.Synapse):
    who: str = ""


ASKED = {name: type(name, (Synapse,), {"__annotations__": {"who": str}, "who": ""}) for name in ("Staked", "Ranked")}


class Turns:
    """The one place: it keeps its first request until it is told to go on, and notes who came in which order."""

    def __init__(self):
        self.order, self.begun, self.go = [], threading.Event(), threading.Event()

    def take(self, synapse):
        self.order.append(synapse.who)
        if synapse.who == HOLDER:
            self.begun.set()
            assert self.go.wait(PATIENCE), "nobody said to go on"
        return synapse


TURNS = {"Staked": Turns(), "Ranked": Turns()}


def staked(synapse: Staked) -> Staked:
    return TURNS["Staked"].take(synapse)


def ranked(synapse: Ranked) -> Ranked:
    return TURNS["Ranked"].take(synapse)


def ranked_priority(synapse: Ranked) -> float:
    # Who has least stake goes first, and nobody is told so but by this number.
    return -float(ARGUMENTS.rising.index(synapse.who)) if synapse.who in ARGUMENTS.rising else 0.0


# --- asking


async def until(what, holds, asking):
    """Waits until something holds, for which nobody who asks may have his answer."""
    for _ in range(PATIENCE * 50):
        if await asyncio.to_thread(holds):
            return
        for early in asking:
            check(what, not early.done(), early)
        await asyncio.sleep(0.02)
    check(what, False, "it did not come to that")


async def asks(client, name, arriving):
    """In which order the program gets requests of a class that came as said, behind one that it was still at."""
    target = AxonInfo(
        version=1, ip=ARGUMENTS.ip, port=ARGUMENTS.port, ip_type=4, hotkey=ARGUMENTS.hotkey, coldkey=ARGUMENTS.hotkey
    )
    turns = TURNS[name]

    async def asked(uri, who):
        async with bittensor.Dendrite(wallet=Keypair.create_from_uri(uri)) as dendrite:
            synapse = ASKED[name](who=who)
            return await dendrite.call(target, synapse, timeout=2.0 * PATIENCE, deserialize=False)

    def waiting():
        handlers = client.call("axon_status")["axon"]["handlers"]
        return next(one["waiting"] for one in handlers if one["name"] == name)

    asking = [asyncio.create_task(asked(ARGUMENTS.holder, HOLDER))]
    await until("the place is taken", turns.begun.is_set, asking)
    for count, uri in enumerate(arriving, 1):
        asking.append(asyncio.create_task(asked(uri, uri)))
        await until(f"{count} wait", lambda: waiting() == count, asking)
    turns.go.set()
    replies = await asyncio.gather(*asking)
    codes = [reply.dendrite.status_code for reply in replies]
    check(f"{name}: all are answered", codes == [200] * len(asking), codes)
    return turns.order[1:]


async def plays(client):
    rising, falling = ARGUMENTS.rising, ARGUMENTS.rising[::-1]
    # They come in the order that is none of the two.
    arriving = rising[1:] + rising[:1]
    order = await asks(client, "Staked", arriving)
    check("who has more stake has the next turn", order == falling, order)
    order = await asks(client, "Ranked", arriving)
    check("unless the program says whose turn it is", order == rising, order)


print(f"bittensor {bittensor.__version__} asks {ARGUMENTS.ip}:{ARGUMENTS.port}")
CLIENT = bt.Client(ARGUMENTS.socket)
AXON = bt.axon(wallet=bt.wallet(name=ARGUMENTS.wallet, client=CLIENT), client=CLIENT, max_workers=1)
AXON.attach(staked).attach(ranked, priority_fn=ranked_priority).start()
try:
    asyncio.run(plays(CLIENT))
finally:
    AXON.stop()
CLIENT.close()
print("all checks passed")
