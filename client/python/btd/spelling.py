"""Types of fields: how each is declared to btd, which checks bodies by it before a program is asked."""

from __future__ import annotations

import collections.abc as abc
import enum
import json
import re
import typing
from typing import Any, Dict, List, Set, Tuple, get_args, get_origin

from .models import REQUIRED, is_root, loose, members, unhashed
from .tensor import Tensor
from .values import LISTS, MAPS, UNIONS, write

__all__ = ["Models", "refuse_unequal_text", "spell"]

_PLAIN = {int: "int", float: "float", bool: "bool", str: "str", Any: "Any", object: "Any", type(None): "None"}

#: Words that mean something else to btd than a model of that name.
_TAKEN = {"none", "nonetype", "any", "int", "float", "bool", "str", "tensor", "list", "dict", "tuple", "optional", "union"}


class Models:
    """The models that a declaration brings along, each under a name of its own."""

    def __init__(self) -> None:
        self.lines: Dict[str, List[str]] = {}
        #: Those that are being told: one within itself is told as a dict.
        self.open: Set[Any] = set()
        #: Whether objects are told as dicts for now.
        self.plain = False
        self._names: Dict[Any, str] = {}

    def known(self, of: Any) -> bool:
        """Whether it was told."""
        return of in self._names

    def name(self, of: Any) -> str:
        """Its name here: that of the class, if btd can read it and no other has it."""
        if of not in self._names:
            bare = re.sub(r"[^A-Za-z0-9_]", "_", of.__name__)[:100]
            name, number = bare, 1
            while name.lower() in _TAKEN or name in self._names.values():
                number += 1
                name = f"{bare}_{number}"
            self._names[of] = name
        return self._names[of]


class _Refused(TypeError):
    """Says of a type why it does not travel, and what does."""


def spell(name: str, of: Any, models: Models) -> str:
    """A field's type as btd reads it; what its models are is added to ``models``.

    Raises :class:`TypeError` with the field and what to use in its place.
    """
    try:
        return _spell(of, models)
    except _Refused as error:
        raise TypeError(f"the field `{name}`: {error}") from None


def _spell(of: Any, models: Models) -> str:
    try:
        if of in _PLAIN:
            return _PLAIN[of]
    except TypeError:  # Not every annotation has a hash.
        pass
    if of is Tensor:
        return "dict" if models.plain else "Tensor"
    origin, args = get_origin(of) or of, get_args(of)
    if origin is typing.Annotated or hasattr(of, "__metadata__"):
        return _spell(args[0], models)
    if origin in LISTS:
        return f"list[{_spell(args[0], models)}]" if args and not isinstance(args[0], typing.TypeVar) else "list"
    if origin in MAPS:
        return _spell_map(args, models)
    if origin is tuple:
        if not args:
            return "list"
        if len(args) == 2 and args[1] is ...:
            return f"list[{_spell(args[0], models)}]"
        return f"tuple[{', '.join(_spell(arg, models) for arg in args)}]"
    if origin is typing.Literal:
        return _union([type(arg) for arg in args], models)
    if origin in UNIONS:
        return _union(args, models)
    if isinstance(of, type) and issubclass(of, enum.Enum):
        return _union([type(member.value) for member in of], models)
    if members(of) is not None:
        return _spell_model(of, models)
    if isinstance(of, typing.TypeVar):
        return "Any"
    raise _Refused(
        f"{getattr(of, '__name__', of)!s} does not travel; use int, float, bool, str, Any, list, dict, tuple, "
        "Optional, Union, Literal, Tensor, an Enum, or a dataclass or pydantic model of such"
    )


def _spell_map(args: Tuple[Any, ...], models: Models) -> str:
    if not args or isinstance(args[0], typing.TypeVar):
        return "dict"
    key, member = args
    spelled = _spell(member, models)
    if key in (str, Any):
        return f"dict[str, {spelled}]"
    if key in (int, float, bool) or (isinstance(key, type) and issubclass(key, enum.Enum)):
        # JSON's keys are texts; they are read back as what they were.
        return f"dict[str, {spelled}]"
    raise _Refused(f"a dict with keys of type {getattr(key, '__name__', key)} does not travel; use str, int or float")


def _union(args: typing.Sequence[Any], models: Models) -> str:
    held = [arg for arg in args if arg is not type(None)]
    # Which of several classes an object is of is for the values to say: btd would go by the names of members.
    objects = sum(_has(arg, True) for arg in held) > 1 and any(_has(arg, False) for arg in held)
    before, models.plain = models.plain, models.plain or objects
    try:
        present = list(dict.fromkeys(_spell(arg, models) for arg in held))
    finally:
        models.plain = before
    if not present:
        return "None"
    union = present[0] if len(present) == 1 else f"Union[{', '.join(present)}]"
    if type(None) not in args or union.startswith("Optional["):
        return union
    return f"Optional[{union}]"


def _has(of: Any, anything: bool) -> bool:
    """Whether there is a model in a type; or, with ``anything``, an object of any kind."""
    origin, args = get_origin(of) or of, get_args(of)
    if members(of) is not None or anything and (of is Tensor or origin in MAPS):
        return True
    return any(_has(arg, anything) for arg in args if not isinstance(arg, (str, int)))


def _spell_model(of: Any, models: Models) -> str:
    if is_root(of):
        return _spell((members(of) or {})["root"][0], models)
    if loose(of) or of in models.open:
        return "dict"  # What is in it is for the class itself to check.
    if not models.known(of):
        _tell(of, models)
    return "dict" if models.plain else models.name(of)


def _tell(of: Any, models: Models) -> None:
    """Adds what a model is made of."""
    lines = models.lines[models.name(of)] = []
    models.open.add(of)
    before, models.plain = models.plain, False
    try:
        for member, (hint, default) in (members(of) or {}).items():
            try:
                spelled = _spell(hint, models)
            except _Refused as error:
                raise _Refused(f"`{member}` of {of.__name__}: {error}") from None
            if default is not REQUIRED and write(default) is None and not spelled.startswith("Optional["):
                spelled = f"Optional[{spelled}]"
            lines.append(f"{member}: {spelled}" + ("" if default is REQUIRED else f" = {json.dumps(write(default))}"))
    finally:
        models.open.discard(of)
        models.plain = before


def refuse_unequal_text(name: str, of: Any, within: Tuple[Any, ...] = ()) -> None:
    """Refuses what is hashed and whose text in Python is another here than where btd reads it."""
    origin, args = get_origin(of) or of, get_args(of)
    if isinstance(of, type) and issubclass(of, enum.Enum):
        raise TypeError(f"the field `{name}`: an Enum cannot be hashed; use Literal or str")
    if origin in (set, frozenset, abc.Set, abc.MutableSet):
        raise TypeError(f"the field `{name}`: a set cannot be hashed; use list")
    if origin is tuple and (not args or args[-1] is ...):
        raise TypeError(f"the field `{name}`: a tuple of any length cannot be hashed; use list")
    if origin in MAPS and args and args[0] not in (str, Any) and not isinstance(args[0], typing.TypeVar):
        raise TypeError(f"the field `{name}`: a dict with keys of type {args[0].__name__} cannot be hashed; use str")
    if unhashed(of):
        raise TypeError(f"the field `{name}`: {unhashed(of)} of {of.__name__} cannot be hashed; use a field")
    for arg in args:
        if not isinstance(arg, str):
            refuse_unequal_text(name, arg, within)
    if of not in within:
        for member, (hint, _) in (members(of) or {}).items():
            refuse_unequal_text(f"{name}.{member}", hint, (*within, of))
