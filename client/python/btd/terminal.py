"""``TerminalInfo``: what a message says of one end of the call."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any, Dict, Optional

__all__ = ["TerminalInfo"]

_KINDS = {"status_code": int, "process_time": float, "port": int, "version": int, "nonce": int}


@dataclasses.dataclass
class TerminalInfo:
    """One end: who it is, and how the call ended there. Texts of numbers are taken for numbers."""

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

    def __setattr__(self, name: str, value: Any) -> None:
        kind = _KINDS.get(name)
        if kind is not None and value is not None and type(value) is not kind:
            value = kind(value)
        object.__setattr__(self, name, value)

    @staticmethod
    def from_json(value: Any) -> "TerminalInfo":
        """Reads the object of a message; unknown members are dropped."""
        if isinstance(value, TerminalInfo):
            return value
        known = {field.name for field in dataclasses.fields(TerminalInfo)}
        return TerminalInfo(**{name: member for name, member in (value or {}).items() if name in known})

    def model_dump(self, exclude_none: bool = False, **_: Any) -> Dict[str, Any]:
        """As a dictionary."""
        found = dataclasses.asdict(self)
        return {name: value for name, value in found.items() if value is not None} if exclude_none else found

    dict = model_dump

    def model_dump_json(self, **how: Any) -> str:
        """As JSON."""
        return json.dumps(self.model_dump(**how))

    json = model_dump_json

    def model_copy(self, *, update: Optional[Dict[str, Any]] = None, deep: bool = False) -> "TerminalInfo":
        """Another with the same values, but for those of ``update``."""
        return dataclasses.replace(copy.copy(self), **(update or {}))

    copy = model_copy
