"""Dataclasses and pydantic models: what their members are, and how one is made of what came from JSON."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, Callable, Dict, Optional

__all__ = ["REQUIRED", "hints", "is_root", "loose", "made", "members", "unhashed"]

#: In place of the default of a member that has none.
REQUIRED = object()

_Place = int
_Read = Callable[[Any, Any, _Place], Any]


def hints(of: Any) -> Optional[Dict[str, Any]]:
    """The types of the members of a dataclass or a pydantic model; of anything else nothing."""
    if not isinstance(of, type):
        return None
    if dataclasses.is_dataclass(of):
        told = typing.get_type_hints(of, include_extras=True)
        return {field.name: told[field.name] for field in dataclasses.fields(of)}
    fields = _pydantic(of)
    return None if fields is None else {name: field.annotation for name, field in fields.items()}


def members(of: Any) -> Optional[Dict[str, Any]]:
    """The members of a dataclass or a pydantic model, each with its type and default; of anything else nothing."""
    if not isinstance(of, type):
        return None
    if dataclasses.is_dataclass(of):
        told = typing.get_type_hints(of, include_extras=True)
        found = {}
        for field in dataclasses.fields(of):
            default: Any = REQUIRED
            if field.default is not dataclasses.MISSING:
                default = field.default
            elif field.default_factory is not dataclasses.MISSING:
                default = field.default_factory()
            found[field.name] = (told[field.name], default)
        return found
    fields = _pydantic(of)
    if fields is None:
        return None
    return {
        name: (field.annotation, REQUIRED if field.is_required() else field.get_default(call_default_factory=True))
        for name, field in fields.items()
    }


def is_root(of: Any) -> bool:
    """Whether it is a pydantic ``RootModel``, which travels as what is in it."""
    return bool(getattr(of, "__pydantic_root_model__", False)) and _pydantic(of) is not None


def loose(of: Any) -> bool:
    """Whether its members alone do not say what it takes: it has aliases, keeps what it does not know, or is not ASCII."""
    if not all(name.isascii() for name in members(of) or ()):
        return True
    fields = _pydantic(of) or {}
    return _extra(of) == "allow" or any(getattr(field, "validation_alias", None) is not None for field in fields.values())


def unhashed(of: Any) -> Optional[str]:
    """What of it has another text where btd reads it."""
    return "a computed field" if _computed(of) else None


def made(of: type, value: Dict[str, Any], told: Dict[str, Any], read: _Read, within: Callable[[_Place, str], _Place], place: _Place) -> Any:
    """An instance of the members that ``value`` names, by their names or their aliases.

    ``told`` are its :func:`hints`; ``read`` is given a member's type, its value and its place within that of the whole.
    """
    fields = _pydantic(of)
    if fields is None:
        known = {field.name: field for field in dataclasses.fields(of) if field.init}
        given = {}
        for key, member in value.items():
            if key in known:
                given[key] = read(told[key], member, within(place, key))
        return of(**given)
    named = {alias: name for name, field in fields.items() for alias in _aliases(field)}
    by_name = any((getattr(of, "model_config", None) or {}).get(rule) for rule in ("populate_by_name", "validate_by_name"))
    taken = {}
    for key, member in value.items():
        name = key if key in fields else named.get(key)
        if name is None:
            if loose(of) and key not in _computed(of):
                taken[key] = member  # Kept, refused or dropped: the model knows.
            continue
        aliases = _aliases(fields[name])
        # Under its name alone pydantic takes no member that has an alias, unless it is told to.
        spelled = key if key in aliases or by_name or not aliases else aliases[0]
        taken[spelled] = read(told[name], member, within(place, key))
    return of.model_validate(taken)  # type: ignore[attr-defined]


def _pydantic(of: Any) -> Optional[Dict[str, Any]]:
    fields = getattr(of, "model_fields", None) if isinstance(of, type) else None
    return fields if isinstance(fields, dict) and hasattr(of, "model_validate") else None


def _computed(of: Any) -> Dict[str, Any]:
    found = getattr(getattr(of, "__pydantic_decorators__", None), "computed_fields", None)
    return found if isinstance(found, dict) else {}


def _extra(of: Any) -> Any:
    return (getattr(of, "model_config", None) or {}).get("extra")


def _aliases(field: Any) -> typing.List[str]:
    """The names by which pydantic takes a field in place of its own."""
    alias = getattr(field, "validation_alias", None)
    choices = getattr(alias, "choices", [alias])
    return [one for one in choices if isinstance(one, str)]
