"""``AxonInfo``: where a neuron says that it serves, and as whom."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from typing import Any, Tuple

__all__ = ["AxonInfo", "parted", "plain", "written"]


@dataclasses.dataclass(unsafe_hash=True)
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
            self.ip_type = 6 if ":" in str(self.ip) else 4

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


def written(ip: Any, port: Any) -> str:
    """``ip:port`` as btd reads it, which says what is wrong with one that it cannot read."""
    ip = plain(ip)
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def parted(address: str) -> Tuple[str, str]:
    """The two of ``ip:port``, the IP address as :func:`plain` has it."""
    host, _, port = address.rpartition(":")
    return plain(host), port


def plain(ip: Any) -> str:
    """An IP address in the one spelling that it has; of names ``localhost`` alone is known."""
    bare = str(ip).strip("[]")
    try:
        return str(ipaddress.ip_address("127.0.0.1" if bare == "localhost" else bare))
    except ValueError:
        return bare
