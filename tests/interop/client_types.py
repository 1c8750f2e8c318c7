"""Synapse classes of the Python module, without a btd: what is declared, held, refused and written.

    python client_types.py

Prints one line per check and fails on the first that does not hold. Any Python from 3.9; with
pydantic at hand its fields and models are tried too.
"""

import asyncio
import copy
import dataclasses
import enum
import functools
import gc
import json
import sys
import threading
import typing
import weakref
from concurrent.futures import Future
from typing import Annotated, Any, ClassVar, Dict, List, Literal, Optional, Set, Tuple, Union

from client_checks import check, refused

import btd as bt
from btd import values
from btd.answering import Answering, Attached, _pair, _priority
from btd.dendrite import _patience
from btd.stream import Response
from btd.targets import each_of
from btd.values import _Reading
from btd.workers import Threads

try:
    import pydantic
except ImportError:
    pydantic = None


class Kind(str, enum.Enum):
    SHORT = "short"
    LONG = "long"


@dataclasses.dataclass
class Point:
    x: int = 0
    tags: List[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Marked:
    x: int = 0
    mark: str = ""


@dataclasses.dataclass
class Node:
    label: str = ""
    below: "List[Node]" = dataclasses.field(default_factory=list)


def another():
    @dataclasses.dataclass
    class Point:
        score: float = 0.0

    return Point


@dataclasses.dataclass
class Kinds:
    kind: Kind = Kind.SHORT


class Either(bt.Synapse):
    lists: Union[List[int], List[str]] = []
    maps: Union[Dict[str, int], Dict[str, str]] = {}
    deep: Dict[str, Union[List[int], List[str]]] = {}
    model: Union[Point, Marked, str] = ""
    models: List[Union[Point, Marked]] = []
    tensor: Union[bt.Tensor, List[float], str, None] = None
    other: Union[Point, str] = ""


class Tree(bt.Synapse):
    root: Optional[Node] = None
    mine: Optional[Point] = None
    other: Optional[another()] = None


class Many(bt.Synapse):
    plain: int = 0
    ratio: float = 1.0
    maybe: Optional[str] = None
    either: Union[int, str] = 0
    anything: Any = None
    mode: Literal["a", "b"] = "a"
    kind: Kind = Kind.SHORT
    scores: Dict[int, float] = {}
    numbers: Tuple[int, ...] = ()
    pair: Tuple[int, str] = (1, "a")
    bare: Dict = {}
    seen: Set[int] = set()
    points: List[Point] = []
    tensor: bt.Tensor = None
    share: float = bt.Field(0.5, ge=0, le=1)
    word: str = bt.Field("", max_length=5)
    TOP: ClassVar[int] = 7


DECLARED = [
    "plain: int = 0", "ratio: float = 1.0", "maybe: Optional[str] = null", "either: Union[int, str] = 0",
    "anything: Optional[Any] = null", 'mode: str = "a"', 'kind: str = "short"', "scores: dict[str, float] = {}",
    "numbers: list[int] = []", 'pair: tuple[int, str] = [1, "a"]', "bare: dict = {}", "seen: list[int] = []",
    "points: list[Point] = []", "tensor: Optional[Tensor] = null", "share: float = 0.5", 'word: str = ""',
]  # fmt: skip


class Shadows(bt.Synapse):
    fields: List[int] = []
    declaration: str = "said"
    json: Optional[str] = None
    copy: int = 0


class Old(bt.Synapse):
    b: int = 1
    a: int = 2
    required_hash_fields: List[str] = ["a", "b"]


class New(bt.Synapse):
    b: int = 1
    a: int = 2
    required_hash_fields: ClassVar[Tuple[str, ...]] = ("a", "b")


class Child(New):
    c: "Optional[int]" = None


class Topk(bt.Synapse):
    topk: int = bt.Field(2, allow_mutation=False)
    answer: Optional[str] = None


def declares():
    declared = Many.declaration()
    check("each type is declared", declared["fields"] == DECLARED, declared["fields"])
    check("with its models", declared["models"] == {"Point": ["x: int = 0", "tags: list[str] = []"]}, declared["models"])
    check("a parent's fields come first", [text[0] for text in Child.declaration()["fields"]] == ["b", "a", "c"])
    check("hash fields of a class variable keep their order", New.declaration()["required_hash_fields"] == ["a", "b"])
    check("those of a field have the fields'", Old.declaration()["required_hash_fields"] == ["b", "a"])
    check("and are hashed so", Old().body_hash == type("Old", (New,), {"required_hash_fields": ("b", "a")})().body_hash)
    nothing = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"
    check("no hash fields have the hash of nothing", Many().body_hash == nothing, Many().body_hash)
    for of in (complex, bytes, Dict[bytes, int]):
        bad = type("Bad", (bt.Synapse,), {"__annotations__": {"x": of}, "__module__": __name__})
        refused(f"{of} is refused by name", TypeError, "`Bad.x`", bad.declaration)
    for of in (Dict[int, float], typing.Mapping[int, float], Tuple[int, ...], Set[int], typing.AbstractSet[int], Kind):
        bad = type("Bad", (bt.Synapse,), {"__annotations__": {"x": of}, "x": None, "required_hash_fields": ("x",)})
        refused(f"{of} is not hashed", TypeError, "cannot be hashed; use", bad.declaration)


def holds():
    many = Many(plain="5", ratio=1, scores={"3": 0.5}, numbers=[1, 2], seen=[1, 1], points=[{"x": 4}], kind="long")
    check("values are read as pydantic reads them", (many.plain, many.ratio) == (5, 1.0), many)
    check("and those of containers", (many.scores, many.numbers, many.seen) == ({3: 0.5}, (1, 2), {1}), many)
    check("and of models", many.points == [Point(4)] and many.kind is Kind.LONG, many)
    for name, value in (("plain", "q"), ("plain", 1.5), ("maybe", 3), ("mode", "z"), ("share", 2), ("word", "longer"), ("pair", [1])):
        refused(f"{name}={value!r} is refused", ValueError, f"Many.{name}", functools.partial(Many, **{name: value}))
    refused("an assignment too", ValueError, "Many.plain", lambda: setattr(Many(), "plain", "q"))
    first, second = Many(), Many()
    first.points.append(Point())
    check("a default is each instance's own", second.points == [])
    topk = Topk(topk=3)
    refused("what is frozen stays", ValueError, "frozen", lambda: setattr(topk, "topk", 4))
    check("what is unknown is dropped", Topk(unknown=1) == Topk())
    check("fields may have the names of methods", Shadows(fields=[1], json="j").declaration == "said", Shadows(fields=[1]))
    check("which changes nothing for the rest", len(Shadows._declaration()["fields"]) == 4 and Shadows() == Shadows())
    check("a copy is one", many.copy(deep=True) == many and copy.deepcopy(many) == many)
    check("with what is to be changed", many.model_copy(update={"plain": 9}).plain == 9)
    check("a dump makes the same again", Many(**many.model_dump()) == many)
    again = [Many.model_validate(many.model_dump()), Many.model_validate(many), Many.model_validate_json(many.model_dump_json())]
    check("as do its validators", all(one == many for one in again) and again[1] is many)
    check("texts of it are there", '"plain": 5' in many.json() == many.model_dump_json())
    headers = many.to_headers()
    check("and headers", headers["name"] == "Many" and int(headers["total_size"]) == many.total_size, headers)
    fresh = [many.is_success, many.is_failure, many.is_timeout, many.is_blacklist, many.failed_verification]
    check("nothing was asked yet", fresh == [False, True, False, False, False], fresh)
    many.dendrite.status_code = "401"
    check("a status is a number", many.dendrite.status_code == 401 and many.failed_verification is True)


def chooses():
    """Of a union the member that fits best, as pydantic chooses."""
    tensor = bt.tensor([1.0])
    for name, value in (
        ("lists", ["007", "1"]), ("lists", [7, 1]), ("maps", {"a": "1"}), ("maps", {"a": 1}), ("deep", {"a": ["007"]}),
        ("model", Marked(1, "m")), ("model", Point(1, ["t"])), ("models", [Marked(1, "m"), Point(2)]), ("model", "word"),
        ("tensor", [1.5]), ("tensor", "word"), ("tensor", tensor), ("other", Point(1)),
    ):  # fmt: skip
        held = getattr(Either(**{name: value}), name)
        check(f"{name}={value} stays what it is", held == value and type(held) is type(value), held)
    travelled = Either.from_json(json.loads(json.dumps(Either(model=Marked(1, "m"), models=[Point(1, ["t"]), Marked(1, "m")], tensor=tensor).fields())))
    check("on its way too", travelled.model == Marked(1, "m") and travelled.models == [Point(1, ["t"]), Marked(1, "m")], travelled)
    check("and a tensor", travelled.tensor == tensor)
    told = dict(text.split(" = ")[0].split(": ", 1) for text in Either.declaration()["fields"])
    check("btd does not choose among models", (told["model"], told["models"]) == ("Union[dict, str]", "list[dict]"), told)
    check("but looks into one", told["other"] == "Union[Point, str]" and told["lists"] == "Union[list[int], list[str]]")


@dataclasses.dataclass
class And:
    kind: Literal["and"] = "and"
    note: str = ""
    below: "Union[And, Or, None]" = None
    more: "List[Union[And, Or]]" = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Or:
    note: str = ""
    below: "Union[And, Or, None]" = None
    more: "List[Union[And, Or]]" = dataclasses.field(default_factory=list)
    kind: Literal["or"] = "or"


@dataclasses.dataclass
class Left:
    below: "Union[Left, Right, None]" = None
    more: "List[Union[Left, Right]]" = dataclasses.field(default_factory=list)
    left: int = 0


@dataclasses.dataclass
class Right:
    below: "Union[Left, Right, None]" = None
    more: "List[Union[Left, Right]]" = dataclasses.field(default_factory=list)
    right: int = 0


class Chosen(bt.Synapse):
    told: Union[And, Or, None] = None
    untold: Union[Left, Right, None] = None
    number: Union[int, Any] = None
    numbers: Union[List[int], List[Any]] = []
    model: Union[Point, dict] = {}
    other: Union[dict, Point] = {}


def deepens():
    """A model within itself is read in a time that grows with the message, whichever arm it is."""

    def chain(depth, end, ends, listed):
        one = dict(end)
        for level in range(depth - 1):
            one = {**ends[level % 2], **({"more": [one]} if listed else {"below": one})}
        return one

    def reading(of, value):
        one = _Reading(value)
        return one.read(of, value, 0), one.reads

    for name, of, ends in (
        ("told", Union[And, Or], ({"kind": "or"}, {"kind": "and"})),
        ("untold", Union[Left, Right], ({"right": 1}, {"left": 1})),
    ):
        for listed in (False, True):
            for depth in (14, 30, 100) if not listed else (14, 30, 64):
                value = chain(depth, ends[1], ends, listed)
                found, reads = reading(of, value)
                check(f"{name}: {depth} levels{' of lists' if listed else ''} are read in few reads", reads <= 24 * depth, reads)
                kinds = []
                while found:
                    kinds.append(type(found) in (Or, Right))
                    found = (found.more or [None])[0] if listed else found.below
                wanted = [level % 2 == 0 for level in range(depth - 2, -1, -1)] + [False]
                check("and each level is what it says", kinds == wanted, kinds)
                refusing = chain(depth, {**ends[1], "more": 5}, ends, listed)
                refused("one wrong at its end is refused", ValueError, "5 is no list" if name == "told" else "is none of", functools.partial(Chosen, **{name: refusing}))
    broad = {"left": 1, "more": [{"right": n, "below": {"left": n}} for n in range(500)]}
    found, reads = reading(Union[Left, Right], broad)
    check("a broad one too", reads <= 12 * 1000 and found.more[7] == Right(Left(left=7), right=7), reads)
    same = {"left": 1}
    held = Chosen(untold={"more": [same, same]}).untold.more
    check("one object given twice is two", held[0] == held[1] and held[0] is not held[1])
    for levels in (1000, 100_000):
        refused(f"{levels} levels are refused", ValueError, "too deep", lambda: Chosen(told=chain(levels, {}, ({}, {}), False)))
    before, values._READS, values._READS_EACH = (values._READS, values._READS_EACH), 10, 1
    refused("what takes too many reads is refused", ValueError, "more than 16 reads", lambda: Chosen(untold=chain(8, ends[1], ends, False)))
    values._READS, values._READS_EACH = before
    for name, value in (
        ("number", "5"), ("number", 5), ("numbers", ["1"]), ("numbers", [1]), ("other", {"x": 1}), ("model", {"x": "1"}),
    ):  # fmt: skip
        held = getattr(Chosen(**{name: value}), name)
        check(f"{name}={value} is not coerced", held == value and type(held) is type(value), held)
    check("a model of its members is one", Chosen(model={"x": 1}).model == Point(1))


def models():
    told = Tree.declaration()
    check("models of one name are two", told["models"]["Point_2"] == ["score: float = 0.0"] and "tags" in str(told["models"]["Point"]))
    check("and one within itself is a dict there", told["models"]["Node"][1] == "below: list[dict] = []", told["models"])
    tree = Tree(root={"label": "a", "below": [{"label": "b", "below": [{"label": "c"}]}]})
    check("which is read here", tree.root.below[0].below[0] == Node("c") and Tree.from_json(tree.fields()) == tree, tree)
    for name, fields in (("Gr\u00fcn", {"x": int}), ("N" * 129, {"x": int}), ("Fine", {"gr\u00fcn": int})):
        bad = type(name, (bt.Synapse,), {"__annotations__": fields, **{field: 0 for field in fields}})
        refused(f"{name[:8]} with {fields} is refused", TypeError, "ASCII", bad.declaration)
    for of in (Kinds, Optional[Kinds], List[Kinds]):
        bad = type("Bad", (bt.Synapse,), {"__annotations__": {"x": of}, "x": None, "required_hash_fields": ("x",)})
        refused(f"what cannot be hashed is found in {of}", TypeError, "`Bad.x.kind`", bad.declaration)
    bad = type("Bad", (bt.Synapse,), {"__annotations__": {"x": int}, "x": 0, "required_hash_fields": ("y",)})
    refused("a hashed field that is none is told", TypeError, "`y`", bad.declaration)
    check("and what can be hashed is", type("Good", (bt.Synapse,), {"__annotations__": {"x": Point}, "x": None, "required_hash_fields": ("x",)}).declaration())


def more_pydantics():
    class Kept(pydantic.BaseModel, extra="allow"):
        a: int = 0

    class Aliased(pydantic.BaseModel):
        inner: int = pydantic.Field(0, alias="innerAlias")

    class Renamed(pydantic.BaseModel, serialize_by_alias=True):
        inner: int = pydantic.Field(0, serialization_alias="innerAlias")

    class Named(pydantic.BaseModel, populate_by_name=True):
        inner: int = pydantic.Field(0, alias="innerAlias")

    class Carrier(pydantic.BaseModel):
        tensor: Optional[bt.Tensor] = None
        label: str = ""

    class Counted(pydantic.BaseModel):
        a: int = 0

        @pydantic.computed_field
        @property
        def twice(self) -> int:
            return 2 * self.a

    Held = typing.TypeVar("Held")

    class Box(pydantic.BaseModel, typing.Generic[Held]):
        held: Held

    class Words(pydantic.RootModel[List[str]]):
        pass

    class All(bt.Synapse):
        kept: Optional[Kept] = None
        aliased: Optional[Aliased] = None
        named: Optional[Named] = None
        renamed: Optional[Renamed] = None
        carrier: Optional[Carrier] = None
        counted: Optional[Counted] = None
        box: Optional[Box[int]] = None
        words: Optional[Words] = None
        own: int = pydantic.Field(0, alias="ownAlias")

    tensor = bt.tensor([1.5])
    given = All(
        kept=Kept(a=1, more="kept"), aliased=Aliased(innerAlias=3), named=Named(inner=4), renamed=Renamed(inner=4), carrier=Carrier(tensor=tensor),
        counted=Counted(a=2), box=Box[int](held=5), words=Words(["a"]), ownAlias=6,
    )  # fmt: skip
    again = All.from_json(json.loads(json.dumps(given.fields())))
    for name in All._fields():
        check(f"{name} comes back as it was", getattr(again, name) == getattr(given, name), getattr(again, name))
    read = All(aliased={"innerAlias": 3}, named={"inner": 4}, kept={"a": 1, "more": "kept"}, own=6)
    check("a dict may have either name", (read.aliased, read.named, read.kept, read.own) == (given.aliased, given.named, given.kept, 6), read)
    check("tensors are pydantic's to hold", Carrier(tensor=tensor).model_dump()["tensor"] == tensor.to_json())
    refused("and nothing else", ValueError, "no tensor", lambda: Carrier(tensor="word"))
    told = All.declaration()
    check("names of models are btd's to read", list(told["models"]) == ["Renamed", "Carrier", "Counted", "Box_int_"], told["models"])
    check("a root is what it holds", "words: Optional[list[str]] = null" in told["fields"], told["fields"])
    bad = type("Bad", (bt.Synapse,), {"__annotations__": {"x": Counted}, "x": None, "required_hash_fields": ("x",)})
    refused("what is computed is not hashed", TypeError, "computed field", bad.declaration)


def pydantics():
    class Role(pydantic.BaseModel):
        name: str
        weight: float = 1.0

    class Chat(bt.Synapse):
        roles: List[Role] = []
        query: str = pydantic.Field(..., title="t", frozen=True, max_length=5)
        count: Annotated[int, pydantic.Field(ge=0)] = 0

    declared = Chat.declaration()
    check("pydantic's models are declared", declared["models"] == {"Role": ["name: str", "weight: float = 1.0"]}, declared)
    chat = Chat(query="q", roles=[{"name": "n"}])
    check("and held", chat.roles[0].weight == 1.0 and chat.fields()["roles"] == [{"name": "n", "weight": 1.0}], chat)
    refused("its frozen fields stay", ValueError, "frozen", lambda: setattr(chat, "query", "x"))
    refused("its bounds hold", ValueError, "Chat.count", lambda: Chat(query="q", count=-1))
    refused("in texts too", ValueError, "Chat.query", lambda: Chat(query="longer"))


def keeps():
    first, second = Many._declaration(), Many._declaration()
    check("a declaration is made once", first is second and Child._declaration() != New._declaration())
    Many.declaration()["fields"].clear()
    check("and is nobody's to change", Many.declaration()["fields"] == DECLARED)
    dendrite = bt.dendrite()
    limits = [dendrite._params([], Topk(), timeout, "auto")["timeout_ms"] for timeout in (None, 0, -1, 0.25, 1800, 7200)]
    patience = [_patience(2, axons) for axons in (1, 256, 257, 1024)]
    check("and a crowd is waited for in turns", patience == [32, 32, 34, 38], patience)
    check("waiting has bounds", limits == [120_000] * 3 + [250, 1_800_000, 1_800_000], limits)

    release, begun = threading.Event(), threading.Event()
    threads = Threads(1, "hung")
    hung = threads.submit(lambda: (begun.set(), release.wait()))
    begun.wait()
    message = Topk()
    seen = weakref.ref(message)
    queued = threads.submit(id, message)
    del message
    gc.collect()
    check("what waits behind a hung function is kept", seen() is not None)
    queued.cancel()
    gc.collect()
    check("until it is cancelled", seen() is None)
    release.set()
    check("and the next has its turn", threads.submit(int, "7").result(10) == 7 and hung.done())
    threads.end()


def reads():
    """A stream is read as from aiohttp."""

    def content(*given):
        async def pieces():
            for piece in given:
                yield piece

        return Response(pieces(), {"name": "Torn"}).content

    async def all_of(iterator):
        return [one async for one in iterator]

    async def reading():
        lines = [b"a\n", b"bc\n", b"d"]
        check("iterating gives lines", await all_of(content(b"a\nb", b"c", b"\n", b"d")) == lines)
        check("and pieces as they come", await all_of(content(b"a\nb", b"c").iter_any()) == [b"a\nb", b"c"])
        check("or no larger than", await all_of(content(b"abc", b"d").iter_chunked(2)) == [b"ab", b"c", b"d"])
        check("or with their ends", await all_of(content(b"ab", b"c").iter_chunks()) == [(b"ab", True), (b"c", True)])
        one = content(b"a\nbcd;", b";ef", b"gh")
        check("a line, then some", [await one.readline(), await one.read(2), await one.readuntil(b";;")] == [b"a\n", b"bc", b"d;;"])
        check("then so many", [await one.readexactly(3), one.at_eof(), await one.readany(), await one.readany()] == [b"efg", False, b"h", b""])
        check("and no more", one.at_eof() and [await one.read(), await one.readline(), await one.read(5)] == [b""] * 3)
        refusing = content(b"a")
        try:
            await refusing.readexactly(2)
            check("too few are told", False)
        except asyncio.IncompleteReadError as error:
            check("too few are told", error.partial == b"a")
        check("all of it", await content(b"a", b"b").read() == b"ab")
        whole = b"a;;b;;;c;de;;"
        for separator in (b";", b";;", b";;;", b"e;;"):
            for size in range(1, len(whole) + 1):
                torn = content(*(whole[at : at + size] for at in range(0, len(whole), size)))
                found, left = [], whole
                while left:
                    at = left.find(separator)
                    found.append(left[: at + len(separator)] if at >= 0 else left)
                    left = left[len(found[-1]) :]
                said = [await torn.readuntil(separator) for _ in found]
                if said != found or not (await torn.readuntil(separator) == b"" and torn.at_eof()):
                    check(f"in pieces of {size} up to {separator}", False, said)
        check("wherever a separator is torn", True)

    asyncio.run(reading())
    response = Response(None, {"name": "Torn"})
    check("a response is well until it is not", response.ok and response.headers["name"] == "Torn" and response.reason == "OK")
    response.status, response.reason = 503, "gone"
    refused("which it says", RuntimeError, "503: gone", response.raise_for_status)


def pairs():
    """Each target has a reply of its own."""
    axon, other = bt.AxonInfo("127.0.0.1", 1, "5F"), bt.AxonInfo("127.0.0.1", 2, "5F")
    first, second, third = ({"hotkey": "5F", "address": f"127.0.0.1:{port}", "n": n} for n, port in enumerate((1, 2, 1)))
    found = each_of([axon, other, axon], [first, second, third])
    check("one asked twice has two replies", [reply["n"] for reply in found] == [0, 1, 2], found)
    check("or what there is", [reply["n"] for reply in each_of([axon, axon], [first])] == [0, 0])


class Recorder:
    """In place of btd: takes all, and remembers it."""

    timeout = 10

    def __init__(self):
        self.said = []

    def submit(self, method, params):
        self.said.append((method, params))
        done = Future()
        done.set_result({})
        return done


def streams():
    """The first that a stream says brings its status along, if one was set."""

    class Streams(bt.StreamingSynapse):
        how: str = ""

    def forward(synapse: Streams):
        if synapse.how != "plain":
            synapse.axon.status_code, synapse.axon.status_message = 418, "teapot"
        pieces = [] if synapse.how == "empty" else [b"a", {"body": b"b"}]
        return synapse.create_streaming_response(iter(pieces))

    answering = Answering(1)
    status = {"status_code": 418, "status_message": "teapot"}
    for how, wanted in (
        ("plain", [{"base64": "YQ=="}, {"base64": "Yg=="}, {"last": True}]),
        ("status", [{**status, "base64": "YQ=="}, {"base64": "Yg=="}, {"last": True}]),
        ("empty", [{**status, "last": True}]),
    ):
        btd = Recorder()
        asked = {"request": 7, "synapse": "Streams", "message": {"how": how}}
        asyncio.run(answering._answer(btd, Attached(Streams, forward, None, None, None), asked))
        check(f"a stream that is {how}", btd.said == [("axon_stream", {"request": 7, **one}) for one in wanted], btd.said)
    answering.end()


def verdicts():
    """What decides over a request says so, or the request fails."""
    check("a blacklist function may give a bool", (_pair(True), _pair(False)[0], _pair((True, "x"))) == ((True, "blacklisted"), False, (True, "x")))
    for verdict in (None, (None, "x"), (1, "x"), ("no", "x"), (True,), (True, "x", 1), "no"):
        refused(f"{verdict!r} lets nobody in", TypeError, "it is to give", functools.partial(_pair, verdict))
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        check("numpy's too", (_pair(numpy.bool_(True))[0], _pair((numpy.bool_(False), "x"))) == (True, (False, "x")))

    class Odd:
        def __float__(self):
            raise KeyError("no")

    check("what is no number is no priority", [_priority({"synapse": "S"}, one) for one in (None, "x", 10**400, Odd())] == [None] * 4)


def main():
    print(f"Python {sys.version.split()[0]}, {'with' if pydantic else 'without'} pydantic")
    declares()
    holds()
    chooses()
    deepens()
    models()
    if pydantic is not None:
        pydantics()
        more_pydantics()
    keeps()
    reads()
    pairs()
    streams()
    verdicts()
    config = {"axon": {"port": 8095, "max_workers": 3}, "wallet": {"name": "w", "hotkey": "h"}}
    axon, wallet = bt.axon(config=config), bt.wallet(config=config)
    check("a config is heeded", (axon.port, axon.max_workers, wallet.name, wallet.hotkey_str) == (8095, 3, "w", "h"))
    check("for whom the axon answers too", (axon.wallet.name, axon.wallet.hotkey_str) == ("w", "h") and bt.axon().wallet is None)
    info = bt.AxonInfo("::1", 8091, "5F", version=3)
    check("an axon's address is written and read", bt.AxonInfo.from_string(info.to_string()) == info, info)
    bound = functools.partial(lambda extra, synapse: synapse, 1)
    refused("a function without annotations is told", TypeError, "annotation", lambda: axon.attach(bound))
    print("all checks passed")


main()
