"""``Synapse``: a message class, declared by annotations as with bittensor 6 to 10.

A class's annotations become the declaration that btd checks bodies by, so a field's type must be
one that travels: ``int``, ``float``, ``bool``, ``str``, ``Any``, ``list``, ``dict``, ``tuple``,
``Optional``, ``Union``, :class:`Tensor`, or a dataclass of such.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import sys
import types
import typing
from typing import Any, ClassVar, Dict, List, Optional, Tuple, get_args, get_origin

from .tensor import Tensor

__all__ = ["Field", "StreamingSynapse", "Synapse", "TerminalInfo"]

_REQUIRED = object()


class Field:
    """A default, as ``pydantic.Field(...)`` gives one: ``x: list = Field(default_factory=list)``."""

    def __init__(self, default: Any = _REQUIRED, *, default_factory: Any = None, **_: Any) -> None:
        self.default = default
        self.default_factory = default_factory


@dataclasses.dataclass
class TerminalInfo:
    """What a message says of one end of the call."""

    status_code: Optional[int] = None
    status_message: Optional[str] = None
    process_time: Optional[float] = None
    ip: Optional[str] = None
    port: Optional[int] = None
    version: Optional[int] = None
    nonce: Optional[int] = None
    uuid: Optional[str] = None
    hotkey: Optional[str] = None
    signature: Optional[str] = None

    @staticmethod
    def from_json(value: Any) -> "TerminalInfo":
        """Reads the object of a message; unknown members are dropped."""
        known = {field.name for field in dataclasses.fields(TerminalInfo)}
        return TerminalInfo(**{name: member for name, member in (value or {}).items() if name in known})


class Synapse:
    """A message. Subclasses declare fields; each instance has its own values of them."""

    #: Fields that the body hash covers, in the order in which they are hashed.
    required_hash_fields: ClassVar[Tuple[str, ...]] = ()

    def __init__(self, **values: Any) -> None:
        self.timeout: Optional[float] = values.pop("timeout", 12.0)
        self.dendrite: TerminalInfo = values.pop("dendrite", None) or TerminalInfo()
        self.axon: TerminalInfo = values.pop("axon", None) or TerminalInfo()
        for base in ("name", "total_size", "header_size", "computed_body_hash"):
            values.pop(base, None)
        for name, of in self._fields().items():
            if name in values:
                value = _read(of, values.pop(name))
            else:
                value = _default(type(self), name)
                if value is _REQUIRED:
                    raise TypeError(f"{type(self).__name__} needs a value for the field `{name}`")
            setattr(self, name, value)
        if values:
            raise TypeError(f"{type(self).__name__} has no field `{next(iter(values))}`")

    # --- the class

    @property
    def name(self) -> str:
        """The class name, which is also the path."""
        return type(self).__name__

    @classmethod
    def _fields(cls) -> Dict[str, Any]:
        """The declared fields with their types, those of parent classes first."""
        known = cls.__dict__.get("_declared")
        if known is None:
            hints: Dict[str, Any] = {}
            for parent in reversed(cls.__mro__):
                if parent not in (object, Synapse, StreamingSynapse) and parent.__dict__.get("__annotations__"):
                    module = vars(sys.modules.get(parent.__module__, types.ModuleType("none")))
                    # Of this class alone: each class's words mean what they mean in its own module.
                    own = types.SimpleNamespace(__annotations__=dict(parent.__annotations__))
                    hints.update(typing.get_type_hints(own, {"Tensor": Tensor, **module}))
            known = {
                name: of
                for name, of in hints.items()
                if get_origin(of) is not ClassVar and not name.startswith("_") and name != "required_hash_fields"
            }
            cls._declared = known  # type: ignore[attr-defined]
        return known

    @classmethod
    def declaration(cls) -> dict:
        """The class as btd's methods take it."""
        models: Dict[str, List[str]] = {}
        fields = []
        for name, of in cls._fields().items():
            spelled = _spell(of, models)
            default = _default(cls, name)
            if default is None and not spelled.startswith("Optional["):
                # `tensor: Tensor = None`: the field may be empty, whatever its annotation says.
                spelled = f"Optional[{spelled}]"
            text = f"{name}: {spelled}"
            if default is not _REQUIRED:
                text += f" = {json.dumps(_write(default))}"
            fields.append(text)
        hashed = list(cls.required_hash_fields or ())
        return {"name": cls.__name__, "fields": fields, "required_hash_fields": hashed, "models": models}

    @classmethod
    def from_json(cls, message: dict) -> "Synapse":
        """Reads a message as it travels."""
        own = {name: message[name] for name in cls._fields() if name in message}
        synapse = cls(**own)
        synapse.timeout = message.get("timeout")
        synapse.dendrite = TerminalInfo.from_json(message.get("dendrite"))
        synapse.axon = TerminalInfo.from_json(message.get("axon"))
        return synapse

    # --- the message

    def fields(self) -> Dict[str, Any]:
        """The fields of the class as they travel."""
        return {name: _write(getattr(self, name)) for name in self._fields()}

    def deserialize(self) -> Any:
        """What a caller gets; a subclass may give a part of the message instead of the whole."""
        return self

    def copy(self) -> "Synapse":
        """A message with values of its own."""
        return copy.deepcopy(self)

    model_copy = copy

    def model_dump(self) -> Dict[str, Any]:
        """The message as a dictionary."""
        base = {"name": self.name, "timeout": self.timeout}
        ends = {"dendrite": dataclasses.asdict(self.dendrite), "axon": dataclasses.asdict(self.axon)}
        return {**base, **ends, **self.fields()}

    dict = model_dump

    def failed_verification(self) -> bool:
        """Whether the axon did not take the signature."""
        return self.dendrite.status_code == 401

    @property
    def is_success(self) -> bool:
        """Whether the axon answered."""
        return self.dendrite.status_code == 200

    @property
    def is_failure(self) -> bool:
        """Whether it did not."""
        return not self.is_success

    @property
    def is_timeout(self) -> bool:
        """Whether time was up."""
        return self.dendrite.status_code == 408

    @property
    def is_blacklist(self) -> bool:
        """Whether the axon turned the caller away."""
        return self.dendrite.status_code == 403

    def __repr__(self) -> str:
        own = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields())
        return f"{self.name}({own})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.fields() == other.fields()  # type: ignore[attr-defined]


class StreamingSynapse(Synapse):
    """A message that is answered piece by piece.

    The forward function returns ``synapse.create_streaming_response(streamer)``, where ``streamer``
    is a coroutine function that is given ``send``, or any iterator of text or bytes.
    """

    class BTStreamingResponse:
        """What a forward function returns to stream."""

        def __init__(self, streamer: Any, *, synapse: Optional["StreamingSynapse"] = None) -> None:
            self.streamer = streamer
            self.synapse = synapse

    def create_streaming_response(self, streamer: Any) -> "StreamingSynapse.BTStreamingResponse":
        """Answers with what ``streamer`` sends."""
        return StreamingSynapse.BTStreamingResponse(streamer, synapse=self)

    async def process_streaming_response(self, response: Any) -> Any:
        """What the caller gets of the pieces: without a rule of the subclass, each as it came."""
        async for chunk in response:
            yield chunk

    def extract_response_json(self, response: Any) -> dict:
        """What the class makes of the whole when it has ended: nothing, unless it says so."""
        return {}


# --- types and values


def _default(cls: type, name: str) -> Any:
    for parent in cls.__mro__:
        if parent in (Synapse, StreamingSynapse, object):
            break
        if name in parent.__dict__:
            value = parent.__dict__[name]
            factory = getattr(value, "default_factory", None)
            if callable(factory):
                return factory()
            # pydantic's own fields are understood too; theirs is `PydanticUndefined` when there is none.
            if isinstance(value, Field) or type(value).__name__ == "FieldInfo":
                value = value.default
                if value is ... or type(value).__name__ == "PydanticUndefinedType":
                    return _REQUIRED
            return copy.deepcopy(value) if value is not _REQUIRED else value
    return _REQUIRED


_PLAIN = {int: "int", float: "float", bool: "bool", str: "str", Any: "Any", type(None): "None"}


def _spell(of: Any, models: Dict[str, List[str]]) -> str:
    if of in _PLAIN:
        return _PLAIN[of]
    origin, args = get_origin(of), get_args(of)
    if of is Tensor:
        return "Tensor"
    if of in (list, dict):
        return of.__name__
    if origin in (list, set, frozenset):
        return f"list[{_spell(args[0], models)}]" if args else "list"
    if origin is dict:
        return f"dict[str, {_spell(args[1], models)}]"
    if origin is tuple:
        return f"tuple[{', '.join(_spell(arg, models) for arg in args)}]"
    if origin is typing.Literal:
        kinds = sorted({_spell(type(arg), models) for arg in args})
        return f"Union[{', '.join(kinds)}]"
    if origin is typing.Annotated:
        return _spell(args[0], models)
    if origin is typing.Union or origin is getattr(types, "UnionType", None):
        present = [arg for arg in args if arg is not type(None)]
        inner = ", ".join(_spell(arg, models) for arg in present)
        union = inner if len(present) == 1 else f"Union[{inner}]"
        return union if len(present) == len(args) else f"Optional[{union}]"
    if dataclasses.is_dataclass(of):
        if of.__name__ not in models:
            lines: List[str] = []
            models[of.__name__] = lines
            hints = typing.get_type_hints(of)
            for field in dataclasses.fields(of):
                text = f"{field.name}: {_spell(hints[field.name], models)}"
                if field.default is not dataclasses.MISSING:
                    text += f" = {json.dumps(_write(field.default))}"
                elif field.default_factory is not dataclasses.MISSING:
                    text += f" = {json.dumps(_write(field.default_factory()))}"
                lines.append(text)
        return of.__name__
    raise TypeError(f"a field of type {of!r} does not travel")


def _read(of: Any, value: Any) -> Any:
    """A value that came from JSON, or from a caller, as the field's type holds it."""
    if value is None:
        return None
    origin, args = get_origin(of), get_args(of)
    if of is Tensor:
        return Tensor.from_json(value)
    if dataclasses.is_dataclass(of) and isinstance(of, type) and isinstance(value, dict):
        hints = typing.get_type_hints(of)
        return of(**{name: _read(hints[name], member) for name, member in value.items() if name in hints})
    if origin is list and args and isinstance(value, (list, tuple)):
        return [_read(args[0], member) for member in value]
    if origin is tuple and args and isinstance(value, (list, tuple)) and len(args) == len(value):
        return tuple(_read(arg, member) for arg, member in zip(args, value))
    if origin is dict and len(args) == 2 and isinstance(value, dict):
        return {key: _read(args[1], member) for key, member in value.items()}
    if origin is typing.Union or origin is getattr(types, "UnionType", None):
        present = [arg for arg in args if arg is not type(None)]
        return _read(present[0], value) if len(present) == 1 else value
    return value


def _write(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Tensor):
        return value.to_json()
    if type(value).__module__.split(".")[0] in ("numpy", "torch"):
        return Tensor.serialize(value).to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _write(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _write(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_write(member) for member in value]
    return value
