"""The metagraph of the Python module beside that of bittensor 10: one block of a chain that stands still.

    python client_metagraph.py SOCKET URL

Prints one line per attribute and fails on the first that differs. Needs bittensor 10.
"""

import dataclasses
import sys

import bittensor
import numpy
from client_checks import check

import btd as bt

SOCKET, URL = sys.argv[1:]
COLUMNS = (
    "n block uids S AS I E C D Tv B W stake total_stake alpha_stake incentive emission consensus dividends "
    "validator_trust validator_permit active last_update weights bonds"
).split()
VALUES = (
    "netuid mechid hotkeys coldkeys name symbol network_registered_at num_uids max_uids tempo last_step "
    "blocks_since_last_step owner_coldkey owner_hotkey block_at_registration pruning_score identity identities "
    "tao_dividends_per_hotkey alpha_dividends_per_hotkey"
).split()
NEURON = (
    "uid netuid hotkey coldkey active emission incentive consensus dividends validator_trust last_update validator_permit is_null"
).split()


def alike(one, other):
    """The same array, but for what floats of 32 bits cannot tell apart."""
    return one.dtype == other.dtype and one.shape == other.shape and numpy.allclose(one, other, rtol=1e-6, atol=1e-9)


def compared(netuid, theirs, ours, how):
    for name in COLUMNS:
        one, other = getattr(theirs, name), getattr(ours, name)
        odd = [(there, here) for there, here in zip(one.flat, other.flat) if there != here]
        check(f"{how}: {name}", alike(one, other), odd[:5] or f"{other.dtype} of shape {other.shape}")
    # bittensor counts the root's token with the weight that the main network has; here it is what the chain gives it.
    check(f"{how}: TS", ours.TS is not None and alike(ours.TS + ours.AS, theirs.S) and (ours.TS == ours.tao_stake).all(), ours.TS.sum())
    check(f"{how}: whose token counts", ((theirs.TS > 0) == (ours.TS > 0)).all(), int((ours.TS > 0).sum()))
    missing = theirs.state_dict().keys() - ours.state_dict().keys()
    check(f"{how}: all columns by name", missing == {"version"}, missing)
    there, here = ({**both.metadata(), "version": 0, "network": ""} for both in (theirs, ours))
    check(f"{how}: which it is of", there == here, here)
    for name in VALUES:
        one, other = getattr(theirs, name), getattr(ours, name)
        check(f"{how}: {name}", one == other, other if one == other else f"{one}\n{other}")
    for name in ("hparams", "pool", "emissions"):
        one, other = dataclasses.asdict(getattr(theirs, name)), vars(getattr(ours, name))
        # It rounds the moving price to the smallest unit of a token.
        slack = {key: 1e-9 if key == "moving_price" else 1e-9 * abs(value) for key, value in one.items()}
        odd = {key: (value, other.get(key)) for key, value in one.items() if key not in other or abs(value - other[key]) > slack[key]}
        check(f"{how}: {name}", not odd, odd or f"{len(one)} figures")
    for one, other in zip(theirs.neurons, ours.neurons, strict=True):
        odd = {name: (getattr(one, name), getattr(other, name)) for name in NEURON if getattr(one, name) != getattr(other, name)}
        check(f"{how}: neuron {one.uid}", not odd, odd or other.hotkey)
        # Since subnets have tokens of their own, the stake of bittensor's neurons is that of the token alone.
        stakes = (float(one.stake), other.alpha_stake, other.stake)
        check(f"{how}: its stake", abs(stakes[0] - stakes[1]) < 1e-6 and other.stake == other.total_stake >= stakes[1], stakes)
        there, here = one.axon_info, other.axon_info
        odd = [name for name in "ip port hotkey coldkey version is_serving".split() if getattr(there, name) != getattr(here, name)]
        check(f"{how}: where it serves", not odd, odd or here)


def main():
    subtensor = bittensor.Subtensor(URL)
    with bt.Client(SOCKET) as client:
        for netuid in (1, 2):
            theirs = bittensor.Metagraph(netuid, network=URL, lite=False, sync=False)
            theirs.sync(subtensor=subtensor, lite=False)
            compared(netuid, theirs, bt.metagraph(netuid, client=client), f"subnet {netuid} now")
            past = bt.metagraph(netuid, sync=False, client=client).sync(block=int(theirs.block))
            compared(netuid, theirs, past, f"subnet {netuid} at its block")
    print("all checks passed")


main()
