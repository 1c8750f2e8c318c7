"""``AxonInfo``: where a neuron says that it serves, and as whom."""

from __future__ import annotations

import dataclasses
import ipaddress
import json

__all__ = ["AxonInfo"]


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
    """``ip:port`` in the one spelling that an address has."""
    try:
        ip = str(ipaddress.ip_address(str(ip).strip("[]")))
    except ValueError:
        pass  # btd says what is wrong with it.
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
