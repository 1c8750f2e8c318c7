"""Values of fields: how one travels, and how it comes back as what its annotation says. Types are told in :mod:`.spelling`."""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import enum
import math
import reprlib
import sys
import types
import typing
from typing import Any, Dict, List, Optional, Tuple, get_args, get_origin

from .models import hints, is_root, made
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
    try:
        return _Reading(value).read(of, value, 0)
    except RecursionError:
        raise ValueError("the value is nested too deep to be read") from None
    except _TooMany as error:
        raise ValueError(str(error)) from None


_SIMPLE = (int, float, bool, str)

_HOLDERS = (dict, list, tuple, set, frozenset)

#: How many reads may be within each other; a union and its arm are two.
_DEEPEST = 400

#: How many reads the choices of a message may take: at least so many, or so many times its parts.
_READS, _READS_EACH = 10_000, 100

#: How well a value fits a type: not at all, once it is coerced, almost as it is, just as it is.
_UNFIT, _LAX, _STRICT, _EXACT = range(4)

#: That, and how many fields the value sets of the models in the type, if there are any.
_Fit = Tuple[int, Optional[int]]

#: A place within the outermost choice, and the type that it is read as, which is kept by the annotations.
_At = Tuple[int, int]


class _TooMany(Exception):
    """Says that a message takes more reads than it may."""


class _Reading:
    """One read of a whole value. Where a union leaves a choice, no place is read, or told how it fits, twice as one type.

    Else a model within itself takes time that doubles with each level.
    """

    def __init__(self, whole: Any) -> None:
        self.reads = 0
        self._whole = whole
        self._most: Optional[int] = None
        self._depth = 0
        self._choices = 0
        self._hints: Dict[Any, Optional[Dict[str, Any]]] = {}
        self._forget()

    def _forget(self) -> None:
        self._places: Dict[Tuple[int, Any], int] = {}
        self._found: Dict[_At, Tuple[Any, Optional[str]]] = {}
        self._fits: Dict[_At, _Fit] = {}
        self._chosen: Dict[_At, Any] = {}

    def _hints_of(self, of: Any) -> Optional[Dict[str, Any]]:
        """The types of a model's members, the same objects whenever asked for."""
        if not isinstance(of, type):
            return None
        if of not in self._hints:
            self._hints[of] = hints(of)
        return self._hints[of]

    def _within(self, place: int, key: Any) -> int:
        """The place of a member. Places are told apart only where there is a choice."""
        return self._places.setdefault((place, key), len(self._places) + 1) if self._choices else 0

    def _count(self) -> None:
        self.reads += 1
        if self.reads > _READS:
            if self._most is None:
                self._most = max(_READS, _READS_EACH * _parts(self._whole))
            if self.reads > self._most:
                raise _TooMany(f"the choices of its unions take more than {self._most} reads")

    def read(self, of: Any, value: Any, place: int) -> Any:
        if value is None or of is Any or type(value) is of and of in _SIMPLE:
            return value
        if self._choices:
            self._count()
        if not isinstance(value, _HOLDERS):
            return self._read(of, value, place)
        at = (place, id(of))
        if self._choices and at in self._found:
            found, refusal = self._found[at]
            if refusal is not None:
                raise ValueError(refusal)
            return found
        if self._depth >= _DEEPEST:
            raise ValueError("the value is nested too deep to be read")
        self._depth += 1
        try:
            found = self._read(of, value, place)
        except (TypeError, ValueError) as error:
            if self._choices:
                self._found[at] = (None, str(error))
            raise
        finally:
            self._depth -= 1
        if self._choices:
            self._found[at] = (found, None)
        return found

    def _read(self, of: Any, value: Any, place: int) -> Any:
        if of is Tensor:
            return Tensor.from_json(value)
        origin, args = get_origin(of) or of, get_args(of)
        if hasattr(of, "__metadata__"):
            return self.read(args[0], value, place)
        if isinstance(of, type) and of in _SIMPLE:
            return _coerced(of, value)
        if isinstance(of, type) and issubclass(of, enum.Enum):
            return value if isinstance(value, of) else of(value)
        if origin is typing.Literal:
            if value in args:
                return value
            raise ValueError(f"{_shown(value)} is none of {', '.join(map(repr, args))}")
        if is_root(of):
            return value if isinstance(value, of) else of.model_validate(self.read(of.model_fields["root"].annotation, value, place))
        if isinstance(value, dict):
            members = self._hints_of(of)
            if members is not None:
                return made(of, value, members, self.read, self._within, place)
        if origin in UNIONS:
            return self._read_union(of, args, value, place)
        if origin in (set, frozenset) and isinstance(value, (list, tuple, set, frozenset)):
            return origin(self._read_all(args[0], value, place)) if args else origin(value)
        if origin in LISTS and isinstance(value, (list, tuple)):
            return self._read_all(args[0], value, place) if args else list(value)
        if origin is tuple and isinstance(value, (list, tuple)):
            if not args:
                return tuple(value)
            if len(args) == 2 and args[1] is ...:
                return tuple(self._read_all(args[0], value, place))
            if len(args) != len(value):
                raise ValueError(f"{len(value)} values are not the {len(args)} of a tuple")
            return tuple([self.read(arg, member, self._within(place, n)) for n, (arg, member) in enumerate(zip(args, value))])
        if origin in MAPS and isinstance(value, dict):
            if not args:
                return dict(value)
            of_keys, of_members = args
            keys = list(value) if of_keys is str and set(map(type, value)) <= {str} else [read(of_keys, key) for key in value]
            return dict(zip(keys, self._read_all(of_members, value.values(), place, value)))
        if origin in (*LISTS, *MAPS, tuple) and isinstance(value, (str, int, float)):
            raise ValueError(f"{value!r} is no {getattr(origin, '__name__', origin)}")
        return value

    def _read_all(self, of: Any, values: typing.Collection[Any], place: int, keys: Optional[typing.Iterable[Any]] = None) -> List[Any]:
        # Long lists of numbers are what they are already.
        simple = get_args(of) if get_origin(of) in UNIONS else (of,)
        if of is Any or set(map(type, values)) <= {arg for arg in simple if arg in _SIMPLE or arg is type(None)}:
            return list(values)
        found = []  # Not in a comprehension: that takes one more of the calls that may be open.
        for key, value in zip(range(len(values)) if keys is None else keys, values):
            found.append(self.read(of, value, self._within(place, key) if isinstance(value, _HOLDERS) else 0))
        return found

    def _read_union(self, of: Any, args: Tuple[Any, ...], value: Any, place: int) -> Any:
        if type(value) in _SIMPLE and type(value) in args:
            return value
        present = [arg for arg in args if arg is not type(None)]
        if len(present) > 1 and isinstance(value, dict):
            # A model that says by a Literal that it is not meant is not looked into.
            present = [arg for arg in present if self._may_be(arg, value)] or present
        if len(present) == 1:
            self._chosen[place, id(of)] = present[0]
            return self.read(present[0], value, place)
        if not self._choices:
            self._forget()
        self._choices += 1
        # What is just of the type; of several models the one that knows most of it; else what fits best: as pydantic chooses.
        best: Any = None
        fit: Optional[_Fit] = None
        try:
            for arg in present:
                try:
                    found = self.read(arg, value, place)
                except (TypeError, ValueError):
                    continue
                if best is None:
                    best = (arg, found)
                    continue
                if fit is None:
                    fit = self._fit(best[0], value, place)
                if fit == (_EXACT, None):
                    break
                other = self._fit(arg, value, place)
                if other == (_EXACT, None) or _fits_better(other, fit):
                    best, fit = (arg, found), other
        finally:
            self._choices -= 1
        if best is None:
            raise ValueError(f"{_shown(value)} is none of {', '.join(getattr(arg, '__name__', str(arg)) for arg in present)}")
        self._chosen[place, id(of)] = best[0]
        return best[1]

    def _may_be(self, of: Any, value: Dict[Any, Any]) -> bool:
        while hasattr(of, "__metadata__"):
            of = get_args(of)[0]
        for name, hint in () if is_root(of) else (self._hints_of(of) or {}).items():
            while hasattr(hint, "__metadata__"):
                hint = get_args(hint)[0]
            # Only what stands under the member's own name.
            said = value.get(name) if get_origin(hint) is typing.Literal else None
            try:
                if said is not None and said not in get_args(hint):
                    return False
            except (TypeError, ValueError):
                return False
        return True

    def _fit(self, of: Any, value: Any, place: int) -> _Fit:
        """How well a value that :meth:`read` takes fits a type."""
        if not isinstance(value, _HOLDERS):
            return self._fit_anew(of, value, place)
        at = (place, id(of))
        if at not in self._fits:
            self._count()
            self._fits[at] = self._fit_anew(of, value, place)
        return self._fits[at]

    def _fit_anew(self, of: Any, value: Any, place: int) -> _Fit:
        origin, args = get_origin(of) or of, get_args(of)
        if hasattr(of, "__metadata__"):
            return self._fit(args[0], value, place)
        if origin in UNIONS:
            if isinstance(value, _HOLDERS) and (place, id(of)) in self._chosen:
                args = (self._chosen[place, id(of)],)
            fits = [self._fit(arg, value, place) for arg in args]
            return max(fits, key=lambda fit: (fit[0] > _UNFIT, fit[1] or 0, fit[0]))
        if value is None or of is type(None):
            return (_EXACT if value is None and of is type(None) else _UNFIT), None
        if of is Any or of is object or isinstance(of, typing.TypeVar):
            return _STRICT, None  # Better than to coerce it.
        if of is Tensor:
            return _fit_tensor(value)
        if origin is typing.Literal:
            return _EXACT, None
        known = self._hints_of(of)
        if known is not None:
            return self._fit_model(of, known, value, place)
        parts: List[_Fit] = []
        if origin in (*LISTS, tuple, set, frozenset):
            natural = {set: set, frozenset: frozenset, tuple: tuple, abc.Set: set}.get(origin, list)
            if not isinstance(value, (list, tuple, set, frozenset)):
                return _UNFIT, None
            exact = _EXACT if type(value) is natural else _LAX
            if origin is tuple and args and args[-1] is not ...:
                parts = [self._fit(arg, member, self._within(place, n)) for n, (arg, member) in enumerate(zip(args, value))]
            elif args and args[0] in _SIMPLE and set(map(type, value)) <= {args[0]}:
                pass  # Long lists of numbers are what they are already.
            elif args:
                places = (self._within(place, n) if isinstance(member, _HOLDERS) else 0 for n, member in enumerate(value))
                parts = [self._fit(args[0], member, at) for at, member in zip(places, value)]
            else:
                parts = [(_STRICT, None)]
        elif origin in MAPS:
            if not isinstance(value, dict):
                return _UNFIT, None
            exact = _EXACT if args else _STRICT
            if args:
                # JSON's keys are texts, whatever they were.
                parts = [self._fit(args[1], member, self._within(place, key)) for key, member in value.items()]
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

    def _fit_model(self, of: Any, known: Dict[str, Any], value: Any, place: int) -> _Fit:
        if is_root(of):
            return (_EXACT, 1) if type(value) is of else _together(_LAX, None, [self._fit(known["root"], value, place)])
        if isinstance(value, dict):
            held = {name: member for name, member in value.items() if name in known and member is not None}
            parts = [self._fit(known[name], member, self._within(place, name)) for name, member in held.items()]
            return _together(_STRICT, len(known.keys() & value.keys()), parts)
        if not isinstance(value, of):
            return _UNFIT, None
        named = getattr(value, "model_fields_set", None)
        return (_EXACT if type(value) is of else _STRICT), len(named if isinstance(named, set) else known)


def _fits_better(one: _Fit, other: _Fit) -> bool:
    if _UNFIT in (one[0], other[0]) or None in (one[1], other[1]) or one[1] == other[1]:
        return one[0] > other[0]
    return (one[1] or 0) > (other[1] or 0)


def _fit_tensor(value: Any) -> _Fit:
    if isinstance(value, Tensor):
        return _EXACT, 3
    if isinstance(value, dict):
        return (_LAX, 3) if {"buffer", "dtype", "shape"} <= value.keys() else (_UNFIT, None)
    # Lists are made into tensors where nothing else can be meant.
    array = type(value).__module__.split(".")[0] in ("numpy", "torch")
    return (_STRICT, 3) if array else (_UNFIT, None)


def _together(exact: int, count: Optional[int], parts: List[_Fit]) -> _Fit:
    """The fit of a whole: no better than that of any of its parts."""
    counts = [part[1] for part in parts if part[1] is not None] + ([] if count is None else [count])
    return min([exact, *(part[0] for part in parts)]), sum(counts) if counts else None


def _parts(value: Any) -> int:
    """How many values there are in one."""
    count, left = 0, [value]
    while left and count < 10_000_000:
        one = left.pop()
        count += 1
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, _HOLDERS):
            left.extend(one)
    return count


def _shown(value: Any) -> str:
    """A value in an error: of what is nested only so much as can be read."""
    return reprlib.repr(value) if isinstance(value, _HOLDERS) else repr(value)


_BOOLS = {"true": True, "1": True, "yes": True, "on": True, "t": True, "y": True,
          "false": False, "0": False, "no": False, "off": False, "f": False, "n": False}  # fmt: skip


def _coerced(of: type, value: Any) -> Any:
    """What pydantic takes for a simple type, unless it is told to be strict."""
    refused = ValueError(f"{_shown(value)} is no {of.__name__}")
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
        return write(value.model_dump(by_alias=False))
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
