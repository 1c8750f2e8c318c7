"""``wallet``: the names of a wallet and a hotkey on this host. Their secrets stay with btd."""

from __future__ import annotations

from typing import Any, Callable, Optional

from .rpc import Client, Json

__all__ = ["Wallet"]


class _Key:
    def __init__(self, address: Optional[str]) -> None:
        self.ss58_address = address

    def __repr__(self) -> str:
        return f"Key({self.ss58_address})"


class Wallet:
    """A wallet by name, with one of its hotkeys. Addresses are asked of btd when they are needed."""

    def __init__(
        self,
        name: Optional[str] = None,
        hotkey: Optional[str] = None,
        path: Optional[str] = None,
        config: Any = None,
        *,
        client: Optional[Client] = None,
    ) -> None:
        section = configured(config, "wallet")
        self.name = name or section("name") or "default"
        self.hotkey_str = hotkey or section("hotkey") or "default"
        #: For programs that print it: btd has its own (`wallet_list` says which).
        self.path = path or section("path")
        self._client = client
        self._entry: Optional[Json] = None

    def _known(self) -> Json:
        if self._entry is None:
            client = self._client or Client()
            try:
                wallets = client.call("wallet_list")["wallets"]
            finally:
                if self._client is None:
                    client.close()
            entry: Optional[Json] = next((wallet for wallet in wallets if wallet["name"] == self.name), None)
            if entry is None:
                raise KeyError(f"btd knows no wallet {self.name}: `btctl wallet list` shows those that it has")
            self._entry = entry
            return entry
        return self._entry

    @property
    def hotkey(self) -> _Key:
        """The hotkey's address, as ``hotkey.ss58_address``."""
        hotkeys = self._known()["hotkeys"]
        entry = next((hotkey for hotkey in hotkeys if hotkey["name"] == self.hotkey_str), None)
        if entry is None:
            raise KeyError(f"wallet {self.name} has no hotkey {self.hotkey_str}")
        return _Key(entry["address"])

    @property
    def coldkeypub(self) -> _Key:
        """The coldkey's address, as ``coldkeypub.ss58_address``."""
        return _Key(self._known()["coldkey"])

    def __repr__(self) -> str:
        return f"wallet({self.name}, {self.hotkey_str})"


def configured(config: Any, section: str) -> Callable[[str], Any]:
    """What a ``config`` (of attributes or keys, as programs make one) says in a section, by name."""

    def member(of: Any, name: str) -> Any:
        return of.get(name) if isinstance(of, dict) else getattr(of, name, None)

    of = member(config, section) if config is not None else None
    return lambda name: member(of, name) if of is not None else None


def names(wallet: Any) -> Json:
    """The parameters by which btd's methods name the wallet and hotkey of the caller."""
    if wallet is None:
        return {"wallet": "default", "hotkey": "default"}
    try:
        return {"wallet": wallet.name, "hotkey": wallet.hotkey_str}
    except AttributeError:
        what = type(wallet).__name__
        raise TypeError(f"{what} is no wallet: say `btd.wallet(name, hotkey)`, one that btd has, for btd signs") from None
