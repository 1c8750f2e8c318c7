"""``Synapse``: a message class, declared by annotations as with bittensor 6 to 10.

A class's annotations become the declaration that btd checks bodies by, so a field's type must be
one that travels: ``int``, ``float``, ``bool``, ``str``, ``Any``, ``list``, ``dict``, ``tuple``,
``Optional``, ``Union``, ``Literal``, an ``Enum``, :class:`Tensor`, or a dataclass or pydantic model
of such. A field may have any name, those of the methods here too: nothing in this module calls them
on an instance.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import json
import re
import sys
from typing import Any, ClassVar, Dict, List, Optional, Tuple, Union, get_origin

from .fields import REQUIRED, Field, FieldError, alias_of, default_of, frozen, held
from .spelling import Models, refuse_unequal_text, spell
from .terminal import TerminalInfo
from .values import hints_of, read, write

__all__ = ["Field", "Synapse", "TerminalInfo"]

_BASE = ("name", "timeout", "total_size", "header_size", "dendrite", "axon", "computed_body_hash")


class Synapse:
    """A message. Subclasses declare fields; each instance has its own values of them."""

    _base = True

    #: Fields that the body hash covers, in the order in which they are hashed. Annotated as a field
    #: and not as a class variable, as with bittensor 6, it means them in the order of the fields.
    required_hash_fields: ClassVar[Tuple[str, ...]] = ()

    _hashed_as_field: ClassVar[bool] = False

    def __init__(self, **values: Any) -> None:
        cls = type(self)
        self.name: str = cls.__name__
        timeout = values.get("timeout", 12.0)
        self.timeout: Optional[float] = None if timeout is None else float(timeout)
        self.dendrite: TerminalInfo = TerminalInfo.from_json(values.get("dendrite"))
        self.axon: TerminalInfo = TerminalInfo.from_json(values.get("axon"))
        self.total_size, self.header_size = int(values.get("total_size") or 0), int(values.get("header_size") or 0)
        self.computed_body_hash: str = values.get("computed_body_hash") or ""
        # Like pydantic, what is no field is dropped.
        for field, of in cls._fields().items():
            named = field if field in values else alias_of(cls, field, of)
            if named in values:
                value = held(cls, field, of, values[named])
            else:
                value = default_of(cls, field, of)
                if value is REQUIRED:
                    raise FieldError(f"{cls.__name__} needs a value for the field `{field}`")
                value = _default_held(of, value)
            object.__setattr__(self, field, value)

    def __setattr__(self, name: str, value: Any) -> None:
        cls = type(self)
        of = cls._fields().get(name, REQUIRED)
        if of is not REQUIRED:
            if frozen(cls, name):
                raise FieldError(f"{cls.__name__}.{name} is frozen: it keeps the value that it was made with")
            value = held(cls, name, of, value)
        elif name == "body_hash":
            raise AttributeError("body_hash follows from the fields: it cannot be set")
        object.__setattr__(self, name, value)

    # --- the class

    @classmethod
    def _fields(cls) -> Dict[str, Any]:
        """The declared fields with their types, those of parent classes first."""
        known = cls.__dict__.get("_declared")
        if known is None:
            hints: Dict[str, Any] = {}
            for parent in reversed(cls.__mro__):
                if parent is not object and not parent.__dict__.get("_base", False):
                    hints.update(hints_of(parent))
            cls._hashed_as_field = get_origin(hints.get("required_hash_fields", ClassVar[Any])) is not ClassVar
            known = {
                name: of
                for name, of in hints.items()
                if get_origin(of) is not ClassVar
                and of is not ClassVar
                and not name.startswith("_")
                and name not in (*_BASE, "required_hash_fields")
            }
            cls._declared = known  # type: ignore[attr-defined]
        return known

    @classmethod
    def _hashed(cls) -> List[str]:
        """The fields that the body hash covers, in the order in which they are hashed."""
        fields = cls._fields()
        hashed = default_of(cls, "required_hash_fields")
        hashed = [] if hashed is REQUIRED or hashed is None else list(hashed)
        return [name for name in fields if name in hashed] if cls._hashed_as_field else hashed

    @classmethod
    def _declaration(cls) -> Dict[str, Any]:
        """As :meth:`declaration`, made once: nobody may change it."""
        known = cls.__dict__.get("_declares")
        if known is None:
            known = cls._declares = cls._declared_anew()  # type: ignore[attr-defined]
        return known

    @classmethod
    def _declared_anew(cls) -> Dict[str, Any]:
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]{0,127}", cls.__name__):
            raise TypeError(f"the class {cls.__name__} cannot be asked for: use at most 128 ASCII letters, digits and underscores")
        models = Models()
        fields = []
        hashed = cls._hashed()
        for name, of in cls._fields().items():
            if not name.isascii():
                raise TypeError(f"the field `{cls.__name__}.{name}` does not travel: use ASCII letters, digits and underscores")
            spelled = spell(f"{cls.__name__}.{name}", of, models)
            if name in hashed:
                refuse_unequal_text(f"{cls.__name__}.{name}", of)
            default = default_of(cls, name, of)
            if default is None and not spelled.startswith("Optional["):
                # `tensor: Tensor = None`: the field may be empty, whatever its annotation says.
                spelled = f"Optional[{spelled}]"
            text = f"{name}: {spelled}"
            if default is not REQUIRED:
                text += f" = {json.dumps(write(default))}"
            fields.append(text)
        unknown = [name for name in hashed if name not in cls._fields()]
        if unknown:
            raise TypeError(f"{cls.__name__} hashes `{unknown[0]}`, which is none of its fields: leave it out, or declare it")
        return {"name": cls.__name__, "fields": fields, "required_hash_fields": hashed, "models": models.lines}

    @classmethod
    def declaration(cls) -> Dict[str, Any]:
        """The class as btd's methods take it."""
        return copy.deepcopy(cls._declaration())

    @classmethod
    def _received(cls, message: Dict[str, Any]) -> "Synapse":
        synapse = cls(**{name: value for name, value in message.items() if name in cls._fields()})
        synapse.timeout = message.get("timeout")
        synapse.dendrite = TerminalInfo.from_json(message.get("dendrite"))
        synapse.axon = TerminalInfo.from_json(message.get("axon"))
        synapse.total_size, synapse.header_size = message.get("total_size") or 0, message.get("header_size") or 0
        synapse.computed_body_hash = message.get("computed_body_hash") or ""
        return synapse

    @classmethod
    def from_json(cls, message: Dict[str, Any]) -> "Synapse":
        """Reads a message as it travels."""
        return cls._received(message)

    @classmethod
    def model_validate(cls, message: Any) -> "Synapse":
        """A message of a dictionary, such as :meth:`model_dump` gives, or the message itself."""
        return message if isinstance(message, cls) else cls(**message)

    @classmethod
    def model_validate_json(cls, text: Union[str, bytes]) -> "Synapse":
        """A message of JSON, such as :meth:`model_dump_json` gives."""
        return cls(**json.loads(text))

    # --- the message

    def _values(self) -> Dict[str, Any]:
        return {name: write(self.__dict__[name]) for name in self._fields()}

    def fields(self) -> Dict[str, Any]:
        """The fields of the class as they travel."""
        return self._values()

    def deserialize(self) -> Any:
        """What a caller gets; a subclass may give a part of the message instead of the whole."""
        return self

    def model_copy(self, *, update: Optional[Dict[str, Any]] = None, deep: bool = True) -> "Synapse":
        """A message with values of its own, but for those of ``update``; ``deep=False`` shares them."""
        made = copy.deepcopy(self) if deep else copy.copy(self)
        for name, value in (update or {}).items():
            made.__dict__[name] = value  # Neither read nor refused, as with pydantic.
        return made

    def copy(self, **how: Any) -> "Synapse":
        """As :meth:`model_copy`."""
        return Synapse.model_copy(self, **how)

    def _dump(self) -> Dict[str, Any]:
        ends = {"dendrite": dataclasses.asdict(self.dendrite), "axon": dataclasses.asdict(self.axon)}
        base = {name: ends.get(name, getattr(self, name)) for name in _BASE}
        return {**base, **Synapse._values(self)}

    def model_dump(self, **_: Any) -> Dict[str, Any]:
        """The message as a dictionary."""
        return Synapse._dump(self)

    def dict(self, **_: Any) -> Dict[str, Any]:
        """As :meth:`model_dump`."""
        return Synapse._dump(self)

    def model_dump_json(self, **_: Any) -> str:
        """The message as JSON."""
        return json.dumps(Synapse._dump(self))

    def json(self, **_: Any) -> str:
        """As :meth:`model_dump_json`."""
        return json.dumps(Synapse._dump(self))

    @property
    def body_hash(self) -> str:
        """The hash that is signed: SHA3-256 over those of the texts of ``required_hash_fields``."""
        texts = [str(_plain(self.__dict__.get(name))) for name in self._hashed()]
        return _sha3("".join(_sha3(text) for text in texts))

    def get_total_size(self) -> int:
        """The size of the message in bytes, as JSON; it is kept in ``total_size``."""
        self.total_size = len(json.dumps(Synapse._dump(self)))
        return self.total_size

    def get_required_fields(self) -> List[str]:
        """The fields that have no default."""
        return [name for name, of in self._fields().items() if default_of(type(self), name, of) is REQUIRED]

    def to_headers(self) -> Dict[str, str]:
        """The headers that describe the message. btd writes its own: these are for programs that read them."""
        headers = {"name": self.name, "timeout": str(self.timeout)}
        for end in ("axon", "dendrite"):
            values = dataclasses.asdict(getattr(self, end))
            headers.update({f"bt_header_{end}_{name}": str(value) for name, value in values.items() if value is not None})
        for name in Synapse.get_required_fields(self):
            value = write(self.__dict__[name])
            if value is not None:
                empty = base64.b64encode(json.dumps(type(value)()).encode()).decode()
                headers[f"bt_header_input_obj_{name}"] = empty
        headers["header_size"] = str(sys.getsizeof(headers))
        headers["total_size"] = str(Synapse.get_total_size(self))
        headers["computed_body_hash"] = Synapse.body_hash.fget(self)  # type: ignore[attr-defined]
        return headers

    # --- how the call ended

    @property
    def is_success(self) -> bool:
        """Whether the axon answered."""
        return self.dendrite is not None and self.dendrite.status_code == 200

    @property
    def is_failure(self) -> bool:
        """Whether it did not, or has not yet."""
        return self.dendrite is not None and self.dendrite.status_code != 200

    @property
    def is_timeout(self) -> bool:
        """Whether time was up."""
        return self.dendrite is not None and self.dendrite.status_code == 408

    @property
    def is_blacklist(self) -> bool:
        """Whether the axon turned the caller away."""
        return self.dendrite is not None and self.dendrite.status_code == 403

    @property
    def failed_verification(self) -> bool:
        """Whether the axon did not take the signature."""
        return self.dendrite is not None and self.dendrite.status_code == 401

    def __repr__(self) -> str:
        own = ", ".join(f"{name}={self.__dict__.get(name)!r}" for name in self._fields())
        return f"{type(self).__name__}({own})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._values() == other._values()  # type: ignore[attr-defined, unused-ignore]

    __hash__ = None  # type: ignore[assignment]


def _default_held(of: Any, value: Any) -> Any:
    """A default is not checked; a list of what is meant for tensors or models still becomes one."""
    try:
        return read(of, value)
    except (TypeError, ValueError):
        return value


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(member) for member in value)
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    return value if value is None or isinstance(value, (str, int, float)) else write(value)


def _sha3(text: str) -> str:
    return hashlib.sha3_256(text.encode()).hexdigest()
