"""Whom a dendrite asks: axons as programs name them, as btd's methods take them, and whose reply is whose."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from .axon_info import parted, written
from .rpc import Json

__all__ = ["UNTOLD", "each_of", "info_of", "listed", "named"]

#: In place of a reply that btd did not give.
UNTOLD: Json = {"status_code": 422, "status_message": "Failed to parse response: btd gave no reply of this axon"}


def listed(axons: Any) -> Tuple[bool, List[Any]]:
    """Whether it is one axon and no list, and the axons."""
    single = not isinstance(axons, (list, tuple))
    return single, [info_of(axon) for axon in ([axons] if single else axons)]


def info_of(axon: Any) -> Any:
    """Where an axon is to be reached; one of this program's own says it of itself."""
    return axon.info() if not hasattr(axon, "hotkey") and hasattr(axon, "info") else axon


def named(axon: Any) -> Json:
    """An axon as btd's methods take it. What is wrong with it is in its reply, and the others are asked all the same."""
    return {"hotkey": axon.hotkey if axon.hotkey is None else str(axon.hotkey), "address": written(axon.ip, axon.port)}


def each_of(targets: Sequence[Any], replies: Sequence[Json]) -> List[Json]:
    """A reply for each target, in their order; one that was named twice has two, or the one that btd gave."""
    known: Dict[Tuple[Any, ...], List[Json]] = {}
    for reply in replies:
        known.setdefault(_key(reply), []).append(reply)
    found = []
    for target in targets:
        own = known.get(_key(named(target))) or [UNTOLD]
        found.append(own.pop(0) if len(own) > 1 else own[0])
    return found


def _key(axon: Json) -> Tuple[Any, ...]:
    return axon["hotkey"], *parted(axon["address"])
