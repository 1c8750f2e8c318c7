"""Fields of a synapse: their defaults, what they may hold, and who may change them.

``Field(...)`` here, or pydantic's where that is installed: of either the default, ``frozen`` (also
``allow_mutation=False``) and the simple constraints are heeded; validators are not run.
"""

from __future__ import annotations

import copy
import re
from typing import Any, Callable, Dict, Iterator, List, Tuple, get_args

from .values import read

__all__ = ["REQUIRED", "Field", "FieldError", "alias_of", "default_of", "frozen", "held"]

REQUIRED = object()


class FieldError(ValueError, TypeError):
    """A value that a field does not take. pydantic's own errors are ``ValueError`` too."""


class Field:
    """A default and constraints, as ``pydantic.Field`` takes them; what only describes is dropped."""

    def __init__(self, default: Any = REQUIRED, *, default_factory: Any = None, **rules: Any) -> None:
        self.default = REQUIRED if default is ... else default
        self.default_factory = default_factory
        self.frozen = rules.pop("frozen", None) or rules.pop("allow_mutation", True) is False
        self.alias = rules.pop("alias", None)
        self.rules = {name: rules[name] for name in _RULES if rules.get(name) is not None}


_RULES: Dict[str, Tuple[Callable[[Any, Any], bool], str]] = {
    "gt": (lambda value, rule: value > rule, "greater than"),
    "ge": (lambda value, rule: value >= rule, "at least"),
    "lt": (lambda value, rule: value < rule, "less than"),
    "le": (lambda value, rule: value <= rule, "at most"),
    "multiple_of": (lambda value, rule: value % rule == 0, "a multiple of"),
    "min_length": (lambda value, rule: len(value) >= rule, "of a length of at least"),
    "max_length": (lambda value, rule: len(value) <= rule, "of a length of at most"),
    "pattern": (lambda value, rule: re.search(rule, value) is not None, "matched by"),
}


def _declared(cls: type, name: str) -> Any:
    """What the class body, or that of a parent, gives the field; bases that have no fields are left out."""
    for parent in cls.__mro__:
        if parent.__dict__.get("_base", False):
            break
        if name in parent.__dict__:
            return parent.__dict__[name]
    return REQUIRED


def _is_field(value: Any) -> bool:
    return isinstance(value, Field) or type(value).__name__ == "FieldInfo"


def default_of(cls: type, name: str, of: Any = None) -> Any:
    """A default of its own for each instance, or ``REQUIRED``."""
    value = _declared(cls, name)
    if value is REQUIRED:  # `x: Annotated[int, Field(default=1)]`
        value = next((one for one in getattr(of, "__metadata__", ()) if _is_field(one)), REQUIRED)
    if _is_field(value):
        if callable(getattr(value, "default_factory", None)):
            return value.default_factory()
        value = value.default
        # pydantic has a mark of its own for none.
        if value is ... or type(value).__name__ == "PydanticUndefinedType":
            return REQUIRED
    return value if value is REQUIRED else copy.deepcopy(value)


def alias_of(cls: type, name: str, of: Any = None) -> str:
    """By what other name programs may give the field; it travels under its own."""
    marks = [_declared(cls, name), *getattr(of, "__metadata__", ())]
    aliases = (getattr(mark, "validation_alias", None) or getattr(mark, "alias", None) for mark in marks if _is_field(mark))
    return next((alias for alias in aliases if isinstance(alias, str)), name)


def frozen(cls: type, name: str) -> bool:
    """Whether the caller's value stays: an answer does not change it."""
    value = _declared(cls, name)
    if not _is_field(value):
        return False
    if getattr(value, "frozen", None):
        return True
    extra = getattr(value, "json_schema_extra", None)  # There pydantic keeps what it no longer knows.
    return isinstance(extra, dict) and extra.get("allow_mutation") is False


def _rules(cls: type, name: str, of: Any) -> Iterator[Tuple[str, Any]]:
    marks = [_declared(cls, name), *getattr(of, "__metadata__", ())]
    for arg in get_args(of):  # Optional[Annotated[int, Field(ge=0)]]
        marks.extend(getattr(arg, "__metadata__", ()))
    for mark in marks:
        if isinstance(mark, Field):
            yield from mark.rules.items()
            continue
        for one in [*getattr(mark, "metadata", ()), mark] if _is_field(mark) else [mark]:
            if type(one).__module__.split(".")[0] in ("annotated_types", "pydantic"):
                for rule in _RULES:
                    if getattr(one, rule, None) is not None:
                        yield rule, getattr(one, rule)


def held(cls: type, name: str, of: Any, value: Any) -> Any:
    """The value as the field holds it; raises :class:`FieldError` when it cannot."""
    try:
        value = read(of, value)
    except (TypeError, ValueError) as error:
        raise FieldError(f"{cls.__name__}.{name}: {error}") from None
    known: Dict[str, List[Tuple[str, Any]]] = cls.__dict__.get("_rules_of") or {}
    if name not in known:
        known = {**known, name: list(_rules(cls, name, of))}
        cls._rules_of = known  # type: ignore[attr-defined]
    if value is not None:
        for rule, bound in known[name]:
            holds, words = _RULES[rule]
            if not holds(value, bound):
                raise FieldError(f"{cls.__name__}.{name}: {value!r} is not {words} {bound}")
    return value
