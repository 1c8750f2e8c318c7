"""What the Python module holds, and what becomes of it: when btd goes away, and when its program ends.

    python client_lost.py SOCKET [--wallet NAME] [--asks NAME]

Serves and asks in one program over a running btd whose axon is at a loopback address; prints one
line per check and fails on the first that does not hold. Nothing but the standard library.
"""

import argparse
import asyncio
import gc
import logging
import socket
import subprocess
import sys
import threading

from client_checks import CLIENT, check, refused, until

import btd as bt
from btd import connections

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("socket")
parser.add_argument("--wallet", default="default")
parser.add_argument("--asks", default="default")
ARGUMENTS = parser.parse_args()


class Odd(bt.Synapse):
    answer: str = ""


class Torn(bt.StreamingSynapse):
    async def process_streaming_response(self, response):
        async for piece in response.content.iter_any():
            yield piece.decode()


def odd(synapse: Odd) -> Odd:
    synapse.answer = "well"
    return synapse


def torn(synapse: Torn):
    async def streamer(send):
        await send(b"begun")
        await asyncio.Event().wait()

    return synapse.create_streaming_response(streamer)


def code(synapse):
    return synapse.dendrite.status_code


def lost(wallet, target):
    """btd goes away in the middle of a stream."""
    client = bt.Client(ARGUMENTS.socket)
    stream = bt.dendrite(wallet=wallet, client=client).stream(target, Torn(prompt="hang"), timeout=60)
    check("a stream begins", next(stream) == b"begun")
    client._socket.shutdown(2)
    refused("and is told when btd is gone", ConnectionError, "ended", lambda: next(stream))

    async def awaited(client):
        stream = bt.dendrite(wallet=wallet, client=client).call_stream(target, Torn(prompt="hang"), timeout=60)
        piece = await stream.__anext__()
        client._socket.shutdown(2)
        check("one that is awaited begins", piece == "begun")
        await stream.__anext__()

    refused("and is told too", ConnectionError, "ended", lambda: asyncio.run(awaited(bt.Client(ARGUMENTS.socket))))


def gives_back(wallet, target, client):
    closed = bt.Client(ARGUMENTS.socket)
    closed.close()
    dendrite = bt.dendrite(wallet=wallet, client=closed)
    connected, connections.Client = [], lambda path: connected.append(threading.current_thread()) or bt.Client(path)
    check("a closed connection is replaced", code(asyncio.run(dendrite.call(target, Odd(), deserialize=False))) == 200)
    connections.Client = bt.Client
    check("in a thread, not where others await", [one is threading.main_thread() for one in connected] == [False], connected)
    (own,) = dendrite._connections._own
    del dendrite
    gc.collect()
    own._reader.join(10)
    check("and its own goes with the dendrite", own.closed)
    pool, kept = connections.Connections(closed), (connections._SUBSCRIPTIONS, connections._IDLE)
    connections._SUBSCRIPTIONS = 0  # Each is full at once.
    first, second = pool.free(), pool.free()
    connections._SUBSCRIPTIONS = kept[0]
    check("one that was used just now stays", pool.free() is first and not second.closed)
    connections._IDLE = -1.0
    check("one that is idle is given back", pool.free() is first and second.closed and not first.closed)
    connections._IDLE = kept[1]
    pool.close()

    class Unknown:
        name, hotkey_str, asked = wallet.name, wallet.hotkey_str, []

        @property
        def hotkey(self):
            self.asked.append(threading.current_thread())
            raise KeyError("nobody knows")

    nowhere = bt.AxonInfo("127.0.0.1", 1, target.hotkey)
    dendrite = bt.dendrite(wallet=Unknown(), client=client)

    async def together():
        asked = (dendrite.forward([nowhere, nowhere], Odd(), timeout=2, deserialize=False) for _ in range(4))
        return sum(await asyncio.gather(*asked), [])

    for _ in range(2):
        told = asyncio.run(together())
    threads = [thread is threading.main_thread() for thread in Unknown.asked]
    check("an address that nobody knows is asked for once, in a thread", threads == [False], [code(one) for one in told])


def returns(axon, ask):
    axon._client._socket.shutdown(2)  # As when btd ends.
    until("an axon knows that btd is away", lambda: not axon.started)
    until("and answers again when it is back", lambda: axon.started)
    check("as before", code(ask(Odd())) == 200)


def stopped_meanwhile(wallet, client):
    """An axon that is stopped while it returns leaves nothing behind, whatever it is at."""
    for at in ("_place", "_keep"):
        axon = bt.axon(wallet=wallet, ip="127.0.0.1", port=0, client=bt.Client(ARGUMENTS.socket)).attach(odd).start()
        check("an axon starts btd's", client.call("axon_status")["axon"]["address"] == axon.address, axon)
        step, made = getattr(axon, at), []

        def stopping(of, *rest, axon=axon, step=step, made=made):
            made.append((of, threading.current_thread()))
            axon.stop()
            return step(of, *rest)

        setattr(axon, at, stopping)
        if at == "_keep":  # Which starts btd's axon anew.
            client.call("axon_stop")
        axon._client._socket.shutdown(2)
        until("when it is stopped while it returns", lambda made=made: made and not made[0][1].is_alive())
        check("btd's axon is stopped", client.call("axon_status")["axon"] is None and not axon.started)
        check("and no connection stays", [one.closed for one, _ in made] == [True], made)


def begins_and_ends(wallet, client):
    """What an axon that did not come to answer leaves behind, and one that is stopped while btd is away."""
    running = lambda: client.call("axon_status")["axon"]
    axon = bt.axon(wallet=wallet, ip="127.0.0.1", port=0).attach(odd)
    axon._path, place, made = client.path, axon._place, []

    def fails(of, *rest):
        made.append(of)
        raise ValueError("no place")

    axon._place = fails
    refused("an axon that gets no place says so", ValueError, "no place", axon.start)
    check("and leaves none of btd's", running() is None and not axon.started and made[0].closed, axon)
    axon._place = place
    axon.start()
    check("it may start later", running()["address"] == axon.address, axon)
    own = axon._client
    axon.stop()
    check("and stops what it started", running() is None and own.closed)
    axon.start()
    away = threading.Event()
    axon._return = lambda answering: away.set()
    axon._client._socket.shutdown(2)
    check("btd is away for it", away.wait(20) and not axon.started)
    axon.stop()
    check("stopped then, it stops btd's all the same", running() is None)
    with bt.Client(ARGUMENTS.socket) as given:
        axon = bt.axon(wallet=wallet, ip="127.0.0.1", port=0, client=given).attach(odd)
        step = axon._place
        axon._place = lambda *what: (step(*what), axon.stop())[0]
        refused("one that is stopped while it starts says so", RuntimeError, "stopped meanwhile", axon.start)
        check("and gives all of it up", running() is None and not axon.started and not given.subscriptions, axon)
        check("but not the connection that it was given", not given.closed)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = bt.axon(wallet=wallet, ip="127.0.0.1", port=taken.getsockname()[1]).attach(odd)
        busy._path = client.path
        refused("a port that is not to be had is told", bt.RpcError, "in use", busy.start)
    check("and nothing is held", busy._client is None and not busy.started, busy._client)


def shares(wallet, client):
    """btd's axon goes on without the program that started it while others answer behind it."""
    running = lambda: client.call("axon_status")["axon"]
    first = bt.axon(wallet=wallet, ip="127.0.0.1", port=0, client=bt.Client(ARGUMENTS.socket)).attach(odd)
    for how, forward in (("another class", torn), ("the same class", odd)):
        first.start()
        second = bt.axon(wallet=wallet, client=bt.Client(ARGUMENTS.socket)).attach(forward).start()
        first.stop()
        check(f"an axon stays for who answers {how}", (running() or {}).get("address") == second.address, running())
        check("who still answers", second.started and not first.started)
        second.stop()
        check("and did not start it", running() is not None)
        client.call("axon_stop")
    first.start()
    first.stop()
    check("one that nobody else answers behind is stopped", running() is None)


ENDS = {
    "asking": "print(dendrite.query(target, Odd()).answer)",
    "asking with await": "print(asyncio.run(dendrite.forward([target, target], Odd()))[1].answer)",
    "in the middle of a stream": "stream = dendrite.stream(target, Torn()); print(next(stream))",
    "in the middle of one that is awaited": "async def one():\n    async for piece in dendrite.call_stream(target, Torn()):\n"
    "        print(piece)\n        return\nasyncio.run(one())",
    "within a with": "with dendrite: print(dendrite.query(target, Odd()).answer)",
    "serving": "axon = bt.axon(wallet=wallet).attach(forward).start(); print(axon.address)",
    "having served": "axon = bt.axon(wallet=wallet).attach(forward).start(); axon.stop(); print(axon.started)",
}


def ends(target):
    """However a program ends, Python has nothing to warn of."""
    program = (
        "import asyncio, btd as bt\nclass Odd(bt.Synapse):\n    answer: str = ''\n"
        "class Torn(bt.StreamingSynapse):\n    pass\nclass Mine(bt.Synapse):\n    pass\n"
        "def forward(synapse: Mine) -> Mine:\n    return synapse\n"
        f"wallet = bt.wallet({ARGUMENTS.wallet!r})\ndendrite = bt.dendrite(bt.wallet({ARGUMENTS.asks!r}))\n"
        f"target = bt.AxonInfo({target.ip!r}, {target.port}, {target.hotkey!r})\n"
    )
    for how, last in ENDS.items():
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", program + last]
        environment = {"PYTHONPATH": str(CLIENT), "BTD_SOCKET": ARGUMENTS.socket}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        quiet = done.returncode == 0 and not done.stderr and done.stdout
        check(f"a program ends quietly: {how}", quiet, done.stderr[-400:] or done.stdout.strip())


def main():
    logging.getLogger("btd.axon").setLevel(logging.CRITICAL)  # What fails here is meant to.
    client = bt.Client(ARGUMENTS.socket)
    wallet = bt.wallet(name=ARGUMENTS.wallet, client=client)
    axon = bt.axon(wallet=wallet, client=bt.Client(ARGUMENTS.socket)).attach(odd).attach(torn).start()
    info = axon.info()
    target = bt.AxonInfo(info.ip, info.port, wallet.hotkey.ss58_address)
    dendrite = bt.dendrite(wallet=bt.wallet(name=ARGUMENTS.asks, client=client), client=client)
    lost(dendrite.wallet, target)
    gives_back(dendrite.wallet, target, client)
    ends(target)
    returns(axon, lambda synapse: dendrite.query(target, synapse, deserialize=False))
    axon.stop()
    was = client.call("axon_status")["axon"]
    check("it was not this program that started btd's axon", was["address"] == axon.address)
    client.call("axon_stop")
    begins_and_ends(wallet, client)
    shares(wallet, client)
    stopped_meanwhile(wallet, client)
    client.call("axon_start", {"wallet": wallet.name, "hotkey": wallet.hotkey_str, "bind": was["address"]})
    dendrite.close_session()
    client.close()
    print("all checks passed")


main()
