"""Types and values of fields: how a type is declared to btd, and how a value travels and comes back."""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import enum
import json
import math
import sys
import types
import typing
from typing import Any, Dict, List, Optional, Tuple, get_args, get_origin

from .tensor import Tensor

__all__ = ["annotations_of", "finite", "hints_of", "read", "spell", "write"]

_PLAIN = {int: "int", float: "float", bool: "bool", str: "str", Any: "Any", object: "Any", type(None): "None"}
_LISTS = (list, set, frozenset, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Set, abc.Collection)
_MAPS = (dict, abc.Mapping, abc.MutableMapping)
_UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))


# --- annotations


def annotations_of(cls: type) -> Dict[str, Any]:
    """What a class itself annotates, texts not yet understood."""
    if sys.version_info >= (3, 14):  # There they are no longer in the class's dictionary.
        import annotationlib

        return annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF)
    return dict(cls.__dict__.get("__annotations__") or {})


def hints_of(cls: type) -> Dict[str, Any]:
    """What a class itself annotates. Its words mean what they mean in its own module."""
    own = annotations_of(cls)
    if not own:
        return {}
    module = vars(sys.modules.get(cls.__module__, types.ModuleType("none")))
    holder = types.SimpleNamespace(__annotations__=own)
    return typing.get_type_hints(holder, {"Tensor": Tensor, **module}, include_extras=True)


# --- types


class _Refused(TypeError):
    """Says of a type why it does not travel, and what does."""


def spell(name: str, of: Any, models: Dict[str, List[str]]) -> str:
    """A field's type as btd reads it; what its models are is added to ``models``.

    Raises :class:`TypeError` with the field and what to use in its place.
    """
    try:
        return _spell(of, models)
    except _Refused as error:
        raise TypeError(f"the field `{name}`: {error}") from None


def _spell(of: Any, models: Dict[str, List[str]]) -> str:
    try:
        if of in _PLAIN:
            return _PLAIN[of]
    except TypeError:  # Not every annotation has a hash.
        pass
    if of is Tensor:
        return "Tensor"
    origin, args = get_origin(of) or of, get_args(of)
    if origin is typing.Annotated or hasattr(of, "__metadata__"):
        return _spell(args[0], models)
    if origin in _LISTS:
        return f"list[{_spell(args[0], models)}]" if args and not isinstance(args[0], typing.TypeVar) else "list"
    if origin in _MAPS:
        return _spell_map(args, models)
    if origin is tuple:
        if not args:
            return "list"
        if len(args) == 2 and args[1] is ...:
            return f"list[{_spell(args[0], models)}]"
        return f"tuple[{', '.join(_spell(arg, models) for arg in args)}]"
    if origin is typing.Literal:
        return _union([type(arg) for arg in args], models)
    if origin in _UNIONS:
        return _union(args, models)
    if isinstance(of, type) and issubclass(of, enum.Enum):
        return _union([type(member.value) for member in of], models)
    if isinstance(of, type) and _members(of) is not None:
        return _spell_model(of, models)
    if isinstance(of, typing.TypeVar):
        return "Any"
    raise _Refused(
        f"{getattr(of, '__name__', of)!s} does not travel; use int, float, bool, str, Any, list, dict, tuple, "
        "Optional, Union, Literal, Tensor, an Enum, or a dataclass or pydantic model of such"
    )


def _spell_map(args: Tuple[Any, ...], models: Dict[str, List[str]]) -> str:
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


def _union(members: typing.Sequence[Any], models: Dict[str, List[str]]) -> str:
    present = list(dict.fromkeys(_spell(member, models) for member in members if member is not type(None)))
    if not present:
        return "None"
    union = present[0] if len(present) == 1 else f"Union[{', '.join(present)}]"
    if type(None) not in members or union.startswith("Optional["):
        return union
    return f"Optional[{union}]"


def _spell_model(of: type, models: Dict[str, List[str]]) -> str:
    if of.__name__ not in models:
        lines: List[str] = []
        models[of.__name__] = lines
        for name, (hint, default) in (_members(of) or {}).items():
            try:
                spelled = _spell(hint, models)
            except _Refused as error:
                raise _Refused(f"`{name}` of {of.__name__}: {error}") from None
            if default is not _REQUIRED and write(default) is None and not spelled.startswith("Optional["):
                spelled = f"Optional[{spelled}]"
            lines.append(f"{name}: {spelled}" + ("" if default is _REQUIRED else f" = {json.dumps(write(default))}"))
    return of.__name__


_REQUIRED = object()


def _members(of: type) -> Optional[Dict[str, Any]]:
    """The members of a dataclass or a pydantic model, each with its type and default."""
    if dataclasses.is_dataclass(of):
        hints = typing.get_type_hints(of, include_extras=True)
        found = {}
        for field in dataclasses.fields(of):
            default: Any = _REQUIRED
            if field.default is not dataclasses.MISSING:
                default = field.default
            elif field.default_factory is not dataclasses.MISSING:
                default = field.default_factory()
            found[field.name] = (hints[field.name], default)
        return found
    fields = getattr(of, "model_fields", None)  # pydantic's
    if isinstance(fields, dict) and hasattr(of, "model_validate"):
        return {
            name: (field.annotation, _REQUIRED if field.is_required() else field.get_default(call_default_factory=True))
            for name, field in fields.items()
        }
    return None


# --- values


def read(of: Any, value: Any) -> Any:
    """A value that came from JSON, or from a caller, as the field's type holds it.

    Raises :class:`ValueError` for one that it cannot hold.
    """
    if value is None or of is Any or type(value) is of and of in _SIMPLE:
        return value
    if of is Tensor:
        return Tensor.from_json(value)
    origin, args = get_origin(of) or of, get_args(of)
    if hasattr(of, "__metadata__"):
        return read(args[0], value)
    if isinstance(of, type) and of in _SIMPLE:
        return _coerced(of, value)
    if isinstance(of, type) and issubclass(of, enum.Enum):
        return value if isinstance(value, of) else of(value)
    if origin is typing.Literal:
        if value in args:
            return value
        raise ValueError(f"{value!r} is none of {', '.join(map(repr, args))}")
    if isinstance(of, type) and isinstance(value, dict):
        members = _members(of)
        if members is not None:
            known = {name: read(members[name][0], member) for name, member in value.items() if name in members}
            return of(**known)
    if origin in _UNIONS:
        return _read_union(args, value)
    if origin in (set, frozenset) and isinstance(value, (list, tuple, set, frozenset)):
        return origin(_read_all(args[0], value)) if args else origin(value)
    if origin in _LISTS and isinstance(value, (list, tuple)):
        return _read_all(args[0], value) if args else list(value)
    if origin is tuple and isinstance(value, (list, tuple)):
        if not args:
            return tuple(value)
        if len(args) == 2 and args[1] is ...:
            return tuple(_read_all(args[0], value))
        if len(args) != len(value):
            raise ValueError(f"{len(value)} values are not the {len(args)} of a tuple")
        return tuple(read(arg, member) for arg, member in zip(args, value))
    if origin in _MAPS and isinstance(value, dict):
        if not args:
            return dict(value)
        return dict(zip(_read_all(args[0], value.keys()), _read_all(args[1], value.values())))
    if origin in (*_LISTS, *_MAPS, tuple) and isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is no {getattr(origin, '__name__', origin)}")
    return value


_SIMPLE = (int, float, bool, str)


def _read_all(of: Any, values: typing.Collection[Any]) -> List[Any]:
    # Long lists of numbers are what they are already.
    if of is Any or of in _SIMPLE and set(map(type, values)) <= {of}:
        return list(values)
    return [read(of, value) for value in values]


def _read_union(args: Tuple[Any, ...], value: Any) -> Any:
    present = [arg for arg in args if arg is not type(None)]
    if len(present) == 1:
        return read(present[0], value)
    # As it is, if it is one of them; else what first can be made of it.
    if any(isinstance(arg, type) and type(value) is arg for arg in present):
        return value
    for arg in present:
        try:
            return read(arg, value)
        except (TypeError, ValueError):
            pass
    raise ValueError(f"{value!r} is none of {', '.join(getattr(arg, '__name__', str(arg)) for arg in present)}")


_BOOLS = {"true": True, "1": True, "yes": True, "on": True, "t": True, "y": True,
          "false": False, "0": False, "no": False, "off": False, "f": False, "n": False}  # fmt: skip


def _coerced(of: type, value: Any) -> Any:
    """What pydantic takes for a simple type, unless it is told to be strict."""
    refused = ValueError(f"{value!r} is no {of.__name__}")
    if type(value).__module__.split(".")[0] == "numpy" and hasattr(value, "item"):
        value = value.item()
    if isinstance(value, enum.Enum):
        value = value.value
    if of is str:
        if isinstance(value, str):
            return value
        raise refused
    if of is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, (int, float)) and value in (0, 1):
            return bool(value)
        if isinstance(value, str) and value.lower() in _BOOLS:
            return _BOOLS[value.lower()]
        raise refused
    if isinstance(value, (int, float)):
        if of is float:
            return float(value)
        if isinstance(value, int):
            return int(value)
        if math.isfinite(value) and value.is_integer():
            return int(value)
        raise refused
    if isinstance(value, str):
        try:
            return of(value)
        except ValueError:
            raise refused from None
    raise refused


def write(value: Any) -> Any:
    """A value as JSON has it."""
    if value is None or type(value) in (int, float, bool, str):
        return value
    if isinstance(value, Tensor):
        return value.to_json()
    if isinstance(value, enum.Enum):
        return write(value.value)
    if type(value).__module__.split(".")[0] in ("numpy", "torch"):
        if type(value).__module__.startswith("numpy") and type(value).__name__ != "ndarray" and hasattr(value, "item"):
            return value.item()  # A number that numpy made is a number.
        return Tensor.serialize(value).to_json()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: write(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(value, "model_dump") and hasattr(type(value), "model_fields"):
        return write(value.model_dump())
    if isinstance(value, dict):
        return {_key(key): write(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        if set(map(type, value)) <= _WRITTEN:
            return list(value)
        return [write(member) for member in value]
    return value


_WRITTEN = {int, float, bool, str, type(None)}


def _key(key: Any) -> str:
    key = key.value if isinstance(key, enum.Enum) else key
    if isinstance(key, bool):
        return "true" if key else "false"  # As json.dumps has it.
    return str(key)


def finite(value: Any) -> Any:
    """The value with null in the place of each number that JSON has not: NaN and the infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(member) for key, member in value.items()}
    if isinstance(value, list):
        return [finite(member) for member in value]
    return value
