"""What goes wrong around a neuron of the Python module: each must end at once, be told, and harm no other.

    python client_edges.py SOCKET [--wallet NAME] [--asks NAME]

Serves and asks in one program over a running btd whose axon is at a loopback address; prints one
line per check and fails on the first that does not hold. Nothing but the standard library.
"""

import argparse
import asyncio
import copy
import dataclasses
import fractions
import functools
import json
import logging
import math
import socketserver
import sys
import tempfile
import threading
from typing import Any, Dict, List, Literal, Optional, Union

from client_checks import check, refused

import btd as bt

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("socket")
parser.add_argument("--wallet", default="default")
parser.add_argument("--asks", default="default")
ARGUMENTS = parser.parse_args()


class Odd(bt.Synapse):
    what: str = ""
    answer: Any = None


class Hung(bt.Synapse):
    pass


class Together(bt.Synapse):
    answer: Optional[int] = None


class Ends(bt.Synapse):
    how: str = ""


class Ranked(bt.Synapse):
    rank: str = "0"


DEEP = functools.reduce(lambda of, _: List[of], range(20), int)


class Deep(bt.Synapse):
    what: DEEP = []


@dataclasses.dataclass
class Shape:
    x: int = 0


@dataclasses.dataclass
class Named:
    x: int = 0
    name: str = ""
    inner: "List[Named]" = dataclasses.field(default_factory=list)


class Shaped(bt.Synapse):
    shape: Union[Shape, Named] = None
    shapes: List[Union[Shape, Named]] = []
    words: Union[List[int], List[str]] = []
    seen: str = ""


class Screened(bt.Synapse):
    verdict: str = ""
    priority: str = "1"


class Picks(bt.Synapse):
    wanted: str = ""
    picked: Any = None


@dataclasses.dataclass
class Picky:
    what: str = ""

    def __post_init__(self):
        if self.what == "worst":
            raise LookupError("there is nothing like it")


class Torn(bt.StreamingSynapse):
    prompt: str = ""
    said: str = ""

    async def process_streaming_response(self, response):
        async for piece in response.content.iter_any():
            yield piece.decode()

    def extract_response_json(self, response):
        return {"name": self.name, "said": response.headers["name"]}


class Kept(bt.Synapse):
    asked: str = bt.Field("", frozen=True)
    answer: Optional[str] = None


class Keyed(bt.Synapse):
    weights: Dict[int, float] = {}
    mode: Literal["a", "b"] = "a"
    seen: Optional[str] = None


ODD = {
    "nan": math.nan,
    "infinite": {"deep": [math.inf, 1.0]},
    "surrogate": "\ud800",
    "object": object(),
    "large": "x" * (17 << 20),
}
RELEASE = threading.Event()
GATHERED: List[asyncio.Event] = []
ABANDONED = threading.Event()


def odd(synapse: Odd) -> Odd:
    if synapse.what == "exit":
        sys.exit(1)
    synapse.answer = ODD.get(synapse.what, "well")
    return synapse


def hung(synapse: Hung) -> Hung:
    RELEASE.wait()
    return synapse


async def together(synapse: Together) -> Together:
    """Nobody goes on before 64 are here: it can end only if they run side by side."""
    GATHERED.append(asyncio.Event())
    mine = GATHERED[-1]
    if len(GATHERED) == 64:
        for each in GATHERED:
            each.set()
    try:
        await mine.wait()
    except asyncio.CancelledError:
        ABANDONED.set()
        raise
    synapse.answer = len(GATHERED)
    return synapse


async def ends(synapse: Ends) -> Ends:
    if synapse.how == "exit":
        sys.exit(1)
    if synapse.how == "connection":
        raise ConnectionError("another's")
    raise asyncio.CancelledError()


def ranked(synapse: Ranked) -> Ranked:
    return synapse


HEARD = threading.Event()


def torn(synapse: Torn):
    async def streamer(send):
        await send(b"begun")
        if synapse.prompt == "tear":
            # A stream that is reset may overtake what was sent, and take it along: HTTP/3 has it so.
            await asyncio.to_thread(HEARD.wait, 30)
            raise ValueError("torn")

    return synapse.create_streaming_response(streamer)


def keyed(synapse: Keyed) -> Keyed:
    synapse.seen = repr((synapse.weights, synapse.mode))
    return synapse


class Peer(socketserver.BaseRequestHandler):
    """An axon that changes what it may not, or says that all is well and nothing else."""

    def handle(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.request.recv(65536)
        body = b"" if b"/Odd " in data else json.dumps({"asked": "changed", "answer": "given"}).encode()
        head = b"HTTP/1.1 200 OK\r\nbt_header_axon_status_code: 200\r\ncontent-type: application/json\r\n"
        self.request.sendall(head + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body)


VERDICTS = {
    "": False,
    "pair": (True, "pair"),
    "list": [True, "list"],
    "lets in": [False, "well"],
    "nothing": None,
    "no verdict": (None, "why"),
    "text": "no",
    "number": 0,
    "three": (False, "a", "b"),
    "one": (False,),
}
PRIORITIES = {"1": 1.0, "nothing": None, "text": "soon", "long": 10**400}


def deep(synapse: Deep) -> Deep:
    return synapse


def shaped(synapse: Shaped) -> Shaped:
    synapse.seen = repr((synapse.shape, synapse.shapes, synapse.words))
    return synapse


def screened(synapse: Screened) -> Screened:
    return synapse


def screened_priority(synapse: Screened):
    if synapse.priority == "late":
        raise TimeoutError("it took too long")
    return PRIORITIES[synapse.priority]


def code(synapse):
    return synapse.dendrite.status_code


def answers(axon, ask):
    for what, wanted in (("nan", None), ("infinite", {"deep": [None, 1.0]})):
        reply = ask(Odd(what=what))
        check(f"an answer with {what} has null in its place", code(reply) == 200 and reply.answer == wanted, reply.answer)
    for what in ("surrogate", "object", "large"):
        replies = [code(ask(Odd(what=what))) for _ in range(12)]
        check(f"an answer with {what} fails at once, each time", replies == [500] * 12, replies)
    replies = [code(ask(Ends(how=how))) for how in ("exit", "connection", "cancelled")] + [code(ask(Odd(what="exit")))]
    check("functions that end themselves end one request", replies == [500] * 4, replies)
    check("and the next is answered", code(ask(Odd())) == 200)
    for rank in ("inf", "-inf", "nan"):
        check(f"a priority of {rank} is one", code(ask(Ranked(rank=rank))) == 200)
    refused("a query with NaN is refused at once", ValueError, "NaN", lambda: ask(Odd(answer=math.nan)))
    refused("and one that is too large", ValueError, "bytes", lambda: ask(Odd(answer="x" * (17 << 20))))


def shapes(axon, ask):
    """What classes say of unions and of models in models holds on the way there and back."""
    sent = Shaped(shape=Named(1, "a", [Named(2, "b")]), shapes=[Shape(1), Named(2, "c")], words=["007", "1"])
    reply = ask(sent)
    told = (reply.shape, reply.shapes, reply.words)
    check("models arrive as what they were", reply.seen == repr((sent.shape, sent.shapes, sent.words)), reply.seen or reply.dendrite)
    check("and come back so", told == (sent.shape, sent.shapes, sent.words), told)
    refused("a class that btd does not take is told", TypeError, "Deep", lambda: axon.attach(deep))
    check("and the others are answered", code(ask(Odd())) == 200)


def one_by_one(dendrite, target):
    """Without `run_async` axons are asked one after the other; and a number may be of any kind."""
    replies = dendrite.query([target, target], Odd(), deserialize=False, run_async=False, timeout=fractions.Fraction(9, 2))
    check("one after the other", [code(reply) for reply in replies] == [200, 200], replies)
    check("with a time that is a number", [reply.timeout for reply in replies] == [4.5, 4.5], replies[0].timeout)


def screens(ask):
    for verdict, wanted in (("", 200), ("lets in", 200), ("pair", 403), ("list", 403)):
        reply = ask(Screened(verdict=verdict))
        check(f"a blacklist that gives {VERDICTS[verdict]}", code(reply) == wanted, reply.dendrite.status_message)
        check("says why", wanted == 200 or verdict in reply.dendrite.status_message)
    for verdict in ("nothing", "no verdict", "text", "number", "three", "one"):
        reply = ask(Screened(verdict=verdict))
        check(f"one that gives {VERDICTS[verdict]!r} lets nobody in", code(reply) == 500, reply.dendrite.status_message)
    replies = [code(ask(Screened(priority=priority))) for priority in PRIORITIES]
    check("a priority that is no number is none", replies == [200] * len(PRIORITIES), replies)
    reply = ask(Screened(priority="late"))
    check("one that runs out of time ends the request", code(reply) == 408, reply.dendrite.status_message)
    check("in the words of bittensor", reply.dendrite.status_message == "Response timeout after: 12.0s", reply.dendrite)
    reply = ask(Screened(verdict="pair", priority="late"))
    check("and is not asked about whom the blacklist turns away", code(reply) == 403, reply.dendrite.status_message)


def streams(dendrite, target):
    async def pieces(**prompt):
        told = []
        async for piece in dendrite.call_stream(target, Torn(**prompt), timeout=60, deserialize=False):
            told.append(piece)
            HEARD.set()
        return told

    told = asyncio.run(pieces(prompt="whole"))
    check("pieces are read as from aiohttp", told[0] == "begun" and code(told[-1]) == 200, told)
    check("and the class makes of the whole what it wants", told[-1].said == "Torn", told[-1])
    HEARD.clear()
    told = asyncio.run(pieces(prompt="tear"))
    check("a stream that fails ends", told[0] == "begun" and isinstance(told[-1], Torn), told[-1])
    check("and does not look whole", code(told[-1]) not in (None, 200) and not told[-1].is_success, told[-1].dendrite)
    HEARD.clear()
    told = []
    for piece in dendrite.stream(target, Torn(prompt="tear"), timeout=60):
        told.append(piece)
        HEARD.set()
    check("nor for code that does not await", told[0] == b"begun" and code(told[-1]) not in (None, 200), told[-1].dendrite)

    async def queried():
        (stream,) = dendrite.query([target], Torn(prompt="whole"), streaming=True)
        return [piece async for piece in stream]

    check("query streams too", asyncio.run(queried())[0] == "begun")


def side_by_side(dendrite, target, ask):
    given_up = [threading.Thread(target=ask, args=(Hung(),), kwargs={"timeout": 0.3}) for _ in range(16)]
    for thread in given_up:
        thread.start()
    check("hung handlers leave others alone", code(ask(Odd())) == 200)
    for thread in given_up:
        thread.join()

    async def gathered():
        return await asyncio.gather(*(dendrite.forward(target, Together(), deserialize=False) for _ in range(64)))

    replies = asyncio.run(gathered())
    check("64 coroutines run side by side", {code(reply) for reply in replies} == {200}, len(replies))
    late = ask(Together(), timeout=0.3)
    check("one that is given up", code(late) == 408, late.dendrite)
    check("is cancelled", ABANDONED.wait(10))
    check("whose time is nobody's", late.dendrite.process_time is None and late.axon.port == target.port, late.axon)


def peers(dendrite, hotkey):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Peer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        peer = bt.AxonInfo("127.0.0.1", server.server_address[1], hotkey)
        kept = dendrite.query(peer, Kept(asked="mine"), deserialize=False)
        check("a frozen field stays", (code(kept), kept.asked, kept.answer) == (200, "mine", "given"), kept)
        nothing = dendrite.query(peer, Odd(what="mine"), deserialize=False)
        check("nothing is no success", code(nothing) != 200 and not nothing.is_success, nothing.dendrite)
        filled = Kept(asked="mine")
        reply = asyncio.run(dendrite.call(peer, filled, deserialize=False))
        check("`call` fills what it was given", reply is filled and filled.answer == "given", filled)
        server.shutdown()
    for spelled in ("0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "FE80::1"):
        reply = dendrite.query([bt.AxonInfo(spelled, 1, hotkey)], Odd(), deserialize=False, timeout=2)[0]
        check(f"{spelled} is an address", code(reply) in (408, 503), reply.dendrite.status_message)
    nobody = [bt.AxonInfo("127.0.0.1", 1, named) for named in ("nobody", None, 7)]
    nowhere = [bt.AxonInfo(*named, hotkey) for named in (("nowhere", 1), ("127.0.0.1", 70000), ("127.0.0.1", "x"), (None, None))]
    told = dendrite.query([*nobody, *nowhere, bt.AxonInfo("localhost", 1, hotkey)], Odd(), deserialize=False, timeout=2)
    check("one that is no axon leaves the others alone", [code(reply) for reply in told] == [422] * 7 + [503], told[0].dendrite)
    streamed = [list(dendrite.stream(named, Torn()))[-1] for named in (nobody[0], nowhere[0])]
    check("and is told when it is to stream", [code(reply) for reply in streamed] == [422, 422], streamed[0].dendrite)
    check("nobody asked is nobody answering", dendrite.query([], Odd()) == [])


def metagraphs(client):
    metagraph = bt.metagraph(1, client=client)
    whole = copy.deepcopy(metagraph)
    refused("one of another network is refused", ValueError, "not on finney", lambda: bt.metagraph(1, "finney", client=client))
    for name in ("local", "devnet"):
        check(f"but not {name}", bt.metagraph(1, name, client=client).n == metagraph.n)
    past = bt.metagraph(1, sync=False, client=client).sync(block=int(metagraph.block))
    check("a metagraph can be of the past", int(past.block) == int(metagraph.block) and int(past.n) >= 1, past)
    with tempfile.TemporaryDirectory() as folder:
        saved = bt.metagraph(1, sync=False).load([str(metagraph.save([folder])._folder([folder]).parents[1])])
    check("be saved and loaded", saved.neurons == metagraph.neurons == whole.neurons and int(saved.block) == int(metagraph.block))
    check("and has weights and bonds", len(saved.W) == len(saved.B) == int(saved.n) and saved.tempo == saved.hparams.tempo)
    check("which are made once", metagraph.W is metagraph.W and metagraph.B is metagraph.B)
    if type(metagraph.n) is not int:
        check("its columns are numpy's", bool((metagraph.S >= 0).all()) and metagraph.uids.tolist()[0] == 0, metagraph.S)


def picks(synapse: Picks) -> Picks:
    synapse.picked = {"what": synapse.wanted}
    return synapse


def picky(ask):
    """What the asking side makes of a field may fail in any way, and then its call has failed."""

    def asking():
        class Picks(bt.Synapse):
            wanted: str = ""
            picked: Optional[Picky] = None

        return Picks

    worst, best = (ask(asking()(wanted=wanted)) for wanted in ("worst", "best"))
    told = worst.dendrite.status_code == 422 and "nothing like it" in worst.dendrite.status_message
    check("a class that refuses an answer is told", told and worst.picked is None, worst)
    check("and takes others", best.is_success and best.picked == Picky("best"), best)


def main():
    logging.getLogger("btd.axon").setLevel(logging.CRITICAL)  # What fails here is meant to.
    client = bt.Client(ARGUMENTS.socket)
    wallet = bt.wallet(name=ARGUMENTS.wallet, client=client)
    axon = bt.axon(wallet=wallet, client=bt.Client(ARGUMENTS.socket))
    for forward in (odd, hung, together, torn, keyed, picks, shaped):
        axon.attach(forward)
    axon.attach(ranked, priority_fn=lambda synapse: float(synapse.rank))
    axon.attach(screened, blacklist_fn=lambda synapse: VERDICTS[synapse.verdict], priority_fn=screened_priority)
    axon.start()
    axon.attach(ends)  # One more, when it is at it already.
    info = axon.info()
    target = bt.AxonInfo(info.ip, info.port, wallet.hotkey.ss58_address)
    dendrite = bt.dendrite(wallet=bt.wallet(name=ARGUMENTS.asks, client=client), client=client)

    def ask(synapse, **how):
        return dendrite.query(target, synapse, deserialize=False, **how)

    refused("no btd is told", ConnectionError, "BTD_SOCKET", lambda: bt.Client("nowhere.sock"))
    refused("no wallet is told", KeyError, "btctl wallet list", lambda: bt.wallet("nobody", client=client).hotkey)
    another = bt.axon(wallet=bt.wallet(name=ARGUMENTS.asks, client=client), client=client)
    refused("another hotkey is told", RuntimeError, "answers as", another.start)
    refused("another port is told", RuntimeError, "at port", bt.axon(wallet=wallet, port=1, client=client).start)
    answers(axon, ask)
    screens(ask)
    one_by_one(dendrite, target)
    shapes(axon, ask)
    streams(dendrite, target)
    reply = ask(Keyed(weights={3: 0.5}, mode="b"))
    check("keys are numbers again", reply.seen == "({3: 0.5}, 'b')" and reply.weights == {3: 0.5}, reply)
    picky(ask)
    side_by_side(dendrite, target, ask)
    peers(dendrite, target.hotkey)
    metagraphs(client)
    axon.stop()
    check("a stopped axon says so", not axon.started and axon.wait(0))
    dendrite.close_session()
    client.close()
    print("all checks passed")


main()
