"""Values of fields: how one travels, and how it comes back as what its annotation says. Types are told in :mod:`.spelling`."""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import enum
import math
import sys
import types
import typing
from typing import Any, Dict, List, Optional, Tuple, get_args, get_origin

from .models import is_root, made, members
from .tensor import Tensor

__all__ = ["LISTS", "MAPS", "UNIONS", "annotations_of", "finite", "hints_of", "read", "write"]

LISTS = (list, set, frozenset, abc.Sequence, abc.MutableSequence, abc.Iterable, abc.Set, abc.Collection)
MAPS = (dict, abc.Mapping, abc.MutableMapping)
UNIONS = (typing.Union, getattr(types, "UnionType", typing.Union))


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
    if is_root(of):
        return value if isinstance(value, of) else of.model_validate(read(of.model_fields["root"].annotation, value))
    if isinstance(value, dict) and members(of) is not None:
        return made(of, value, read)
    if origin in UNIONS:
        return _read_union(args, value)
    if origin in (set, frozenset) and isinstance(value, (list, tuple, set, frozenset)):
        return origin(_read_all(args[0], value)) if args else origin(value)
    if origin in LISTS and isinstance(value, (list, tuple)):
        return _read_all(args[0], value) if args else list(value)
    if origin is tuple and isinstance(value, (list, tuple)):
        if not args:
            return tuple(value)
        if len(args) == 2 and args[1] is ...:
            return tuple(_read_all(args[0], value))
        if len(args) != len(value):
            raise ValueError(f"{len(value)} values are not the {len(args)} of a tuple")
        return tuple(read(arg, member) for arg, member in zip(args, value))
    if origin in MAPS and isinstance(value, dict):
        if not args:
            return dict(value)
        return dict(zip(_read_all(args[0], value.keys()), _read_all(args[1], value.values())))
    if origin in (*LISTS, *MAPS, tuple) and isinstance(value, (str, int, float)):
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
    # What is just of the type; of several models the one that knows most of it; else what fits best: as pydantic chooses.
    best: Any = None
    for arg in present:
        try:
            found = read(arg, value)
        except (TypeError, ValueError):
            continue
        exact, known = _fit(arg, value)
        if exact == _EXACT and known is None:
            return found
        if best is None or _fits_better((exact, known), best[0]):
            best = ((exact, known), found)
    if best is not None:
        return best[1]
    raise ValueError(f"{value!r} is none of {', '.join(getattr(arg, '__name__', str(arg)) for arg in present)}")


#: How well a value fits a type: not at all, once it is coerced, almost as it is, just as it is.
_UNFIT, _LAX, _STRICT, _EXACT = range(4)

#: That, and how many fields the value sets of the models in the type, if there are any.
_Fit = Tuple[int, Optional[int]]


def _fits_better(one: _Fit, other: _Fit) -> bool:
    if _UNFIT in (one[0], other[0]) or None in (one[1], other[1]) or one[1] == other[1]:
        return one[0] > other[0]
    return (one[1] or 0) > (other[1] or 0)


def _fit(of: Any, value: Any) -> _Fit:
    """How well a value that :func:`read` takes fits a type."""
    origin, args = get_origin(of) or of, get_args(of)
    if hasattr(of, "__metadata__"):
        return _fit(args[0], value)
    if origin in UNIONS:
        fits = [_fit(arg, value) for arg in args]
        return max(fits, key=lambda fit: (fit[0] > _UNFIT, fit[1] or 0, fit[0]))
    if value is None or of is type(None):
        return (_EXACT if value is None and of is type(None) else _UNFIT), None
    if of is Any or isinstance(of, typing.TypeVar):
        return _LAX, None
    if of is Tensor:
        return _fit_tensor(value)
    if origin is typing.Literal:
        return _EXACT, None
    known = members(of)
    if known is not None:
        return _fit_model(of, known, value)
    parts: List[_Fit] = []
    if origin in (*LISTS, tuple, set, frozenset):
        natural = {set: set, frozenset: frozenset, tuple: tuple, abc.Set: set}.get(origin, list)
        if not isinstance(value, (list, tuple, set, frozenset)):
            return _UNFIT, None
        exact = _EXACT if type(value) is natural else _LAX
        if origin is tuple and args and args[-1] is not ...:
            parts = [_fit(arg, member) for arg, member in zip(args, value)]
        elif args and args[0] in _SIMPLE and set(map(type, value)) <= {args[0]}:
            pass  # Long lists of numbers are what they are already.
        elif args:
            parts = [_fit(args[0], member) for member in value]
    elif origin in MAPS:
        if not isinstance(value, dict):
            return _UNFIT, None
        exact = _EXACT
        if args:
            # JSON's keys are texts, whatever they were.
            parts = [_fit(args[1], member) for member in value.values()]
            parts += [(_EXACT if type(key) is args[0] or args[0] is Any else _LAX, None) for key in value]
    elif isinstance(of, type):
        if type(value) is of:
            exact = _EXACT
        elif isinstance(value, of) and of is not int or of is float and type(value) is int:
            exact = _STRICT
        else:
            exact = _LAX if of in _SIMPLE or issubclass(of, enum.Enum) else _UNFIT
    else:
        exact = _UNFIT
    return _together(exact, None, parts)


def _fit_tensor(value: Any) -> _Fit:
    if isinstance(value, Tensor):
        return _EXACT, 3
    if isinstance(value, dict):
        return (_LAX, 3) if {"buffer", "dtype", "shape"} <= value.keys() else (_UNFIT, None)
    # Lists are made into tensors where nothing else can be meant.
    array = type(value).__module__.split(".")[0] in ("numpy", "torch")
    return (_STRICT, 3) if array else (_UNFIT, None)


def _fit_model(of: Any, known: Dict[str, Any], value: Any) -> _Fit:
    if is_root(of):
        return (_EXACT, 1) if type(value) is of else _together(_LAX, None, [_fit(known["root"][0], value)])
    if isinstance(value, dict):
        parts = [_fit(known[name][0], member) for name, member in value.items() if name in known and member is not None]
        return _together(_LAX, len(known.keys() & value.keys()), parts)
    if not isinstance(value, of):
        return _UNFIT, None
    named = getattr(value, "model_fields_set", None)
    return (_EXACT if type(value) is of else _STRICT), len(named if isinstance(named, set) else known)


def _together(exact: int, count: Optional[int], parts: List[_Fit]) -> _Fit:
    """The fit of a whole: no better than that of any of its parts."""
    counts = [part[1] for part in parts if part[1] is not None] + ([] if count is None else [count])
    return min([exact, *(part[0] for part in parts)]), sum(counts) if counts else None


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
