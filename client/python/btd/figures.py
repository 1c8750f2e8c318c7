"""What a metagraph says of its subnet, under the names and in the units of bittensor 10.

btd writes amounts in the smallest unit and parts of a whole as integers; here they are tokens and
fractions.
"""

from __future__ import annotations

import types
from typing import Any, Dict, List, Tuple

from .neurons import tokens
from .rpc import Json

__all__ = ["FIGURES", "emissions", "figure", "hparams", "identities", "pool", "pruning_scores"]

_U16, _U64 = 2**16 - 1, 2**64 - 1

#: What a metagraph has as attributes of its own.
FIGURES = frozenset(
    "name symbol network_registered_at owner_hotkey owner_coldkey last_step blocks_since_last_step num_uids max_uids "
    "identity price tao_dividends_per_hotkey alpha_dividends_per_hotkey".split()
)

_PLAIN = (
    "activity_cutoff adjustment_interval commit_reveal_period commit_reveal_weights_enabled immunity_period kappa "
    "liquid_alpha_enabled max_regs_per_block max_validators pow_registration_allowed registration_allowed rho "
    "serving_rate_limit target_regs_per_interval tempo weights_rate_limit weights_version"
).split()
_OF_U16 = "alpha_high alpha_low max_weights_limit min_allowed_weights".split()
_OF_U64 = "adjustment_alpha bonds_moving_avg difficulty max_difficulty min_difficulty".split()
_BURNS = "burn max_burn min_burn".split()

_POOL = "alpha_out alpha_in tao_in subnet_volume".split()
_EMISSIONS = (
    "subnet_emission alpha_in_emission alpha_out_emission tao_in_emission pending_alpha_emission pending_root_emission"
).split()
_IDENTITY = "name url github_repo image discord description additional".split()


def figure(figures: Json, name: str) -> Any:
    """One of :data:`FIGURES`."""
    value = figures[name]
    if name.endswith("_per_hotkey"):
        return _per_hotkey(value)
    return _tokens(value) if name == "price" else _number(value)


def hparams(figures: Json) -> types.SimpleNamespace:
    """The hyperparameters: burns in tokens; weights, alphas, averages and difficulties as fractions of the most."""
    found: Dict[str, Any] = {name: _number(figures[name]) for name in _PLAIN}
    found.update({name: _part(figures[name], _U16) for name in _OF_U16})
    found.update({name: _part(figures[name], _U64) for name in _OF_U64})
    found.update({name: _tokens(figures[name]) for name in _BURNS})
    return types.SimpleNamespace(**found)


def pool(figures: Json) -> types.SimpleNamespace:
    """The pool, in tokens, and its moving price."""
    found = {name: _tokens(figures[name]) for name in _POOL}
    return types.SimpleNamespace(**found, moving_price=_part(figures["moving_price_bits"], 2**32))


def emissions(figures: Json) -> types.SimpleNamespace:
    """What a block brings, and what waits for the next epoch, in tokens."""
    return types.SimpleNamespace(**{name: _tokens(figures[name]) for name in _EMISSIONS})


def identities(columns: Dict[str, List[Any]], count: int) -> List[Any]:
    """For each neuron what its coldkey says of itself, or nothing."""
    found: List[Any] = []
    for uid in range(count):
        said = {name: (columns.get(f"identity_{name}") or {uid: None})[uid] for name in _IDENTITY}
        found.append(said if any(said.values()) else None)
    return found


def pruning_scores(columns: Dict[str, List[Any]]) -> List[float]:
    """The scores by which neurons are pruned: none where the chain keeps them no longer."""
    return [int(score) / _U16 for score in columns.get("pruning_score") or [] if score is not None]


def _per_hotkey(value: Any) -> List[Tuple[str, float]]:
    return [(hotkey, tokens(amount)) for hotkey, amount in (value or {}).items()]


def _tokens(value: Any) -> Any:
    """An amount in tokens: nothing where the chain does not tell it, or btd does not know it of this block."""
    return None if value is None else tokens(value)


def _part(value: Any, whole: int) -> Any:
    """A part of a whole: nothing where there is none."""
    return None if value is None else int(value) / whole


def _number(value: Any) -> Any:
    """Large numbers travel as text."""
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value
