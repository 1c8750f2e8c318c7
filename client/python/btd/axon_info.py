"""``AxonInfo``: where a neuron says that it serves, and as whom."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import ipaddress
import json
from typing import Any, Optional

__all__ = ["AxonInfo", "unaskable", "written"]

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


@dataclasses.dataclass(frozen=True)
class AxonInfo:
    """An axon's address and keys. Here the address and the hotkey come first, and are enough."""

    ip: str
    port: int
    hotkey: str
    coldkey: str = ""
    version: int = 0
    ip_type: int = 0
    protocol: int = 4
    placeholder1: int = 0
    placeholder2: int = 0

    def __post_init__(self) -> None:
        if not self.ip_type:
            object.__setattr__(self, "ip_type", 6 if ":" in str(self.ip) else 4)

    @property
    def is_serving(self) -> bool:
        """Whether it says so at all."""
        return self.ip != "0.0.0.0"

    def ip_str(self) -> str:
        """``/ipv4/1.2.3.4:8091``"""
        return f"/ipv{self.ip_type}/{self.ip}:{self.port}"

    @property
    def address(self) -> str:
        """``1.2.3.4:8091``, as btd's methods take it and write it back."""
        return written(self.ip, self.port)

    def to_string(self) -> str:
        """As JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_string(cls, text: str) -> "AxonInfo":
        """Reads what ``to_string`` wrote, or bittensor's."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in known})

    def __str__(self) -> str:
        return f"AxonInfo( {self.ip_str()}, {self.hotkey}, {self.coldkey}, {self.version} )"


def written(ip: str, port: int) -> str:
    """``ip:port`` in the one spelling that an address has; of names ``localhost`` alone is known."""
    ip = "127.0.0.1" if ip == "localhost" else ip
    try:
        ip = str(ipaddress.ip_address(str(ip).strip("[]")))
    except ValueError:
        pass  # btd says what is wrong with it.
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def unaskable(axon: Any) -> Optional[str]:
    """Why nothing can be sent to an axon, if so: what it has for an address or a hotkey is none."""
    try:
        ipaddress.ip_address("127.0.0.1" if axon.ip == "localhost" else str(axon.ip).strip("[]"))
    except ValueError:
        return f"`{axon.ip}` is not an IP address"
    if not (isinstance(axon.port, int) and 0 <= axon.port < 1 << 16):
        return f"`{axon.port}` is not a port"
    return None if isinstance(axon.hotkey, str) and _is_address(axon.hotkey) else f"`{axon.hotkey}` is not the SS58 address of a hotkey"


@functools.lru_cache(maxsize=8192)
def _is_address(text: str) -> bool:
    if not 46 <= len(text) <= 48 or not set(text) <= set(_BASE58):
        return False
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    if number >= 1 << 280:
        return False
    data = number.to_bytes(35, "big")
    return data[0] == 42 and hashlib.blake2b(b"SS58PRE" + data[:-2]).digest()[:2] == data[-2:]
