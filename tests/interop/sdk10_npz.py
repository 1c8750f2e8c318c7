"""A metagraph that btctl saved as .npz, opened by NumPy, beside what bittensor 10 reads at the same block: array by array.

Run with the interpreter of an environment that has bittensor 10: `python sdk10_npz.py ws://127.0.0.1:9944 FILE`, where FILE
is what `btctl subnets metagraph 1 --save FILE` wrote (`story.py` does). Every array in the file is compared, and so is which
arrays there are. Prints one line per array; fails on the first that differs.
"""

import json
import os
import pathlib
import sys
import tempfile
import zipfile

URL, FILE = sys.argv[1:]
# The library reads its arguments, and writes a configuration into the home directory.
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

import numpy
from asked import check
from bittensor import Subtensor

WHOLE = 65_535  # what a ratio is of
#: The package counts root stake at this share, and shows it so; the file has what is staked.
TAO_WEIGHT = 0.18


def alike(theirs, mine):
    """Equal, or equal to the digits that a float of 32 bits keeps."""
    theirs, mine = numpy.asarray(theirs), numpy.asarray(mine)
    if theirs.shape != mine.shape:
        return False
    if theirs.dtype.kind == "f" or mine.dtype.kind == "f":
        return bool(numpy.allclose(theirs.astype(float), mine.astype(float), rtol=1e-6, atol=0))
    return bool((theirs == mine).all())


def same(name, theirs, mine):
    odd = [(one, other) for one, other in zip(numpy.ravel(theirs), numpy.ravel(mine)) if not alike(one, other)]
    check(name, alike(theirs, mine), f"{odd[:3]}" if odd else f"{numpy.asarray(mine).dtype} {numpy.shape(mine)}")


# NumPy writes the same bytes where it saves these arrays itself: nothing of the form is read by leniency alone.
with numpy.load(FILE, allow_pickle=False) as opened:
    saved = {name: opened[name] for name in opened.files}
with zipfile.ZipFile(FILE) as archive:
    check("the archive is whole", archive.testzip() is None, f"{len(saved)} arrays")
    check("an array for each entry", sorted(archive.namelist()) == sorted(f"{name}.npy" for name in saved), "the same names")
again = pathlib.Path(tempfile.mkdtemp()) / "again.npz"
numpy.savez_compressed(again, **saved)
with zipfile.ZipFile(FILE) as ours, zipfile.ZipFile(again) as theirs:
    for name in ours.namelist():
        check(f"{name} is as NumPy writes it", ours.read(name) == theirs.read(name), f"{len(ours.read(name))} bytes")

with Subtensor(network=URL) as chain:
    netuid, block = int(saved["netuid"]), int(saved["block"])
    graph = chain.metagraph(netuid, lite=False, block=block)
    info = chain.get_metagraph_info(netuid, block=block)
    neurons = chain.neurons(netuid, block=block)
    block_hash = chain.get_block_hash(block)


def rao(amounts):
    return numpy.array([amount.rao for amount in amounts], dtype="u8")


def ratios(shares):
    return numpy.rint(numpy.asarray(shares, dtype=float) * WHOLE)


def rows(name):
    """What each validator has set, of which the package's own matrix tells but parts of the whole."""
    set_by = [dict(getattr(neuron, name)) for neuron in neurons]
    return [[row.get(uid, 0) for uid in range(len(neurons))] for row in set_by]


expected = {
    "netuid": netuid,
    "mechid": graph.mechid,
    "block": int(graph.block),
    "block_hash": block_hash,
    "uids": graph.uids,
    "hotkeys": graph.hotkeys,
    "coldkeys": graph.coldkeys,
    "active": graph.active.astype(bool),
    "validator_permit": graph.validator_permit,
    "last_update": graph.last_update,
    "block_at_registration": graph.block_at_registration,
    "pruning_score": graph.pruning_score,
    "dividends": ratios(graph.dividends),
    "incentives": ratios(graph.incentive),
    "consensus": ratios(graph.consensus),
    "validator_trust": ratios(graph.validator_trust),
    "trust": ratios(info.trust),
    "rank": ratios(info.rank),
    "emission": rao(info.emission),
    "alpha_stake": rao(info.alpha_stake),
    "total_stake": rao(info.total_stake),
    "tao_stake": rao(info.tao_stake) / TAO_WEIGHT,
    "axon_ip": [axon.ip for axon in graph.axons],
    "weights": rows("weights"),
    "bonds": rows("bonds"),
}
for field in ["port", "ip_type", "protocol", "version", "block"]:
    expected[f"axon_{field}"] = [axon[field] for axon in info.axons]
for field in ["name", "url", "github_repo", "image", "discord", "description", "additional"]:
    expected[f"identity_{field}"] = [identity[field] if identity else "" for identity in info.identities]
check("somebody has set weights", numpy.any(expected["weights"]), f"{len(neurons)} neurons")
check("somebody earns", numpy.any(expected["emission"]), int(expected["emission"].sum()))
for name, theirs in expected.items():
    same(name, theirs, saved.pop(name))
figures = json.loads(str(saved.pop("figures")))
told = {name: getattr(graph, name) for name in ["name", "symbol", "owner_coldkey", "owner_hotkey", "identity"]}
told |= {name: int(getattr(graph, name)) for name in ["tempo", "last_step", "num_uids", "max_uids", "network_registered_at"]}
told |= {name: round(float(amount) * 10**9) for name, amount in vars(graph.pool).items() if name != "moving_price"}
mine = {name: type(value)(figures[name]) if isinstance(value, int) else figures[name] for name, value in told.items()}
check("figures", told == mine, told if told == mine else f"{told}\n{mine}")
check("no array is left", not saved, sorted(saved) or f"{len(expected) + 1} arrays were compared")
print("all checks passed")
