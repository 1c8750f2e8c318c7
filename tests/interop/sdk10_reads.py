"""The same reads by bittensor 10 and by btctl, at one block of a busy chain that stands still: field by field.

Run with the interpreter of an environment that has bittensor 10: `python sdk10_reads.py
ws://127.0.0.1:9944 OURS`, where OURS is a JSON file of what btctl answered (`story.py` writes it):
`metagraph` (metagraph_get of subnet 1), `hyperparameters`, `subnets` (the list), `block`, `balances`
by address, `costs`. Every attribute of the package's objects is compared, or named below with the
reason why it is not. Prints one line per object; fails on the first field that differs.
"""

import json
import os
import pathlib
import sys
import tempfile

URL, OURS = sys.argv[1:]
# The library reads its arguments, and writes a configuration into the home directory.
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

from bittensor import Subtensor

NETUID = 1
WHOLE = 65_535  # what a ratio is of
#: The package counts root stake at this share, and shows it so; btctl shows what is staked.
TAO_WEIGHT = 0.18
SAID = {
    # How it was asked, not what was answered.
    "lite", "should_sync", "network", "chain_endpoint", "subtensor", "version", "neurons", "netuid", "mechid",
    # Told by other reads of btctl: `subnets mechanisms`.
    "mechanism_count", "emissions_split",
}
ours = json.loads(pathlib.Path(OURS).read_text())
compared = 0


def same(what, theirs, mine):
    """Equal, or equal to the digits that a float of 32 bits keeps."""
    global compared
    compared += 1
    if isinstance(theirs, float) or isinstance(mine, float):
        equal = abs(float(theirs) - float(mine)) <= 1e-6 * max(abs(float(theirs)), abs(float(mine)))
    else:
        equal = theirs == mine
    if not equal:
        sys.exit(f"FAIL {what}: bittensor has {theirs!r}, btctl has {mine!r}")


def each(what, theirs, mine):
    """The same for rows of values."""
    theirs, mine = [value.item() if hasattr(value, "item") else value for value in theirs], list(mine)
    same(f"the number of {what}", len(theirs), len(mine))
    for uid, (one, other) in enumerate(zip(theirs, mine)):
        same(f"{what} of {uid}", one, other)


def told(what, before):
    print(f"ok   {what}: {compared - before} values are the same")


def matrix(rows, neurons):
    whole = [[0] * neurons for _ in range(neurons)]
    for uid, row in rows:
        for to, value in row:
            whole[uid][to] = value
    return whole


def metagraph(chain):
    before, graph, said = compared, chain.metagraph(NETUID, lite=False), ours["metagraph"]
    columns, figures = said["columns"], said["figures"]
    left = set(vars(graph)) - SAID

    def take(name):
        left.discard(name)
        return getattr(graph, name)

    same("n", int(take("n")), said["neurons"])
    same("the block", int(take("block")), said["at"]["number"])
    each("uids", take("uids"), range(said["neurons"]))
    for name, column in [("consensus", "consensus"), ("incentive", "incentives"), ("dividends", "dividends"),
                         ("validator_trust", "validator_trust")]:
        each(name, take(name), [value / WHOLE for value in columns[column]])
    each("active", take("active"), map(int, columns["active"]))
    each("permits", take("validator_permit"), columns["validator_permit"])
    each("last updates", take("last_update"), map(int, columns["last_update"]))
    each("registrations", take("block_at_registration"), map(int, columns["block_at_registration"]))
    each("pruning scores", take("pruning_score"), columns["pruning_score"])
    for name, column, share in [("emission", "emission", 1), ("alpha_stake", "alpha_stake", 1), ("stake", "total_stake", 1),
                                ("total_stake", "total_stake", 1), ("tao_stake", "tao_stake", TAO_WEIGHT)]:
        each(name, take(name), [int(value) * share / 10**9 for value in columns[column]])
    each("hotkeys", graph.hotkeys, columns["hotkeys"])
    each("coldkeys", graph.coldkeys, columns["coldkeys"])
    axons = take("axons")
    each("addresses", [axon.ip for axon in axons], columns["axon_ip"])
    each("ports", [axon.port for axon in axons], columns["axon_port"])
    each("axon versions", [axon.version for axon in axons], map(int, columns["axon_version"]))
    each("axon protocols", [axon.protocol for axon in axons], columns["axon_protocol"])
    names = [identity["name"] if identity else "" for identity in take("identities")]
    each("identities", names, columns["identity_name"])
    bonds, weights = matrix(said["bonds"], said["neurons"]), matrix(said["weights"], said["neurons"])
    for uid, (theirs, row) in enumerate(zip(take("weights"), weights)):
        # The package divides each row by its sum.
        each(f"weights from {uid}", theirs, [value / max(sum(row), 1) for value in row])
    for uid, (theirs, row) in enumerate(zip(take("bonds"), bonds)):
        each(f"bonds from {uid}", theirs, map(float, row))
    for name in ["name", "symbol", "owner_coldkey", "owner_hotkey", "identity"]:
        same(name, take(name), figures[name])
    for name in ["network_registered_at", "num_uids", "max_uids", "last_step", "tempo", "blocks_since_last_step"]:
        same(name, take(name), int(figures[name]))
    for name in ["tao_dividends_per_hotkey", "alpha_dividends_per_hotkey"]:
        theirs = {hotkey: round(amount * 10**9) for hotkey, amount in take(name)}
        same(name, theirs, {hotkey: int(amount) for hotkey, amount in figures[name].items()})
    told("metagraph", before)

    before = compared
    of_64_bits = {"adjustment_alpha", "difficulty", "min_difficulty", "max_difficulty", "bonds_moving_avg"}
    of_16_bits = {"alpha_high", "alpha_low", "max_weights_limit", "min_allowed_weights"}
    amounts = {"burn", "min_burn", "max_burn"}
    for name, theirs in vars(take("hparams")).items():
        mine = figures[name] if isinstance(figures[name], bool) else int(figures[name])
        divisor = {**dict.fromkeys(of_64_bits, 2**64 - 1), **dict.fromkeys(of_16_bits, WHOLE), **dict.fromkeys(amounts, 10**9)}
        same(name, theirs, mine / divisor[name] if name in divisor else mine)
    for name, theirs in {**vars(take("pool")), **vars(take("emissions"))}.items():
        same(name, theirs, int(figures["moving_price_bits"]) / 2**32 if name == "moving_price" else int(figures[name]) / 10**9)
    told("its hyperparameters, pool and emissions", before)
    if left:
        sys.exit(f"FAIL attributes of the metagraph that are not compared: {sorted(left)}")


def neurons(chain):
    before, columns = compared, ours["metagraph"]["columns"]
    weights, bonds = dict(ours["metagraph"]["weights"]), dict(ours["metagraph"]["bonds"])
    for uid, neuron in enumerate(chain.neurons(NETUID)):
        same(f"the hotkey of {uid}", neuron.hotkey, columns["hotkeys"][uid])
        same(f"the alpha of {uid}", neuron.total_stake.rao, int(columns["alpha_stake"][uid]))
        same(f"the emission of {uid}", round(neuron.emission * 10**9), int(columns["emission"][uid]))
        each(f"weights set by {uid}", [list(pair) for pair in neuron.weights], weights.get(uid, []))
        each(f"bonds held by {uid}", [list(pair) for pair in neuron.bonds], bonds.get(uid, []))
    told("neurons, one by one", before)


def hyperparameters(chain):
    before, said = compared, {entry["name"]: entry["value"] for entry in ours["hyperparameters"]["hyperparameters"]}
    theirs = dict(vars(chain.get_subnet_hyperparameters(NETUID)))
    theirs.update(theirs.pop("hyperparameters"))
    # Fields of the package that the newest list of the runtime has not are empty.
    theirs = {name: value for name, value in theirs.items() if value is not None}
    theirs.pop("max_weight_limit")  # `max_weights_limit` once more
    same("the names of hyperparameters", sorted(theirs), sorted(said))
    for name, value in theirs.items():
        same(name, value, said[name])
    told("hyperparameters", before)


def subnets(chain):
    before = compared
    for theirs, mine in zip(chain.all_subnets(), ours["subnets"]["subnets"], strict=True):
        netuid = theirs.netuid
        same("a netuid", netuid, mine["netuid"])
        for name, of in [("subnet_name", "name"), ("symbol", "symbol"), ("owner_coldkey", "owner"), ("tempo", "tempo"),
                         ("blocks_since_last_step", "blocks_since_epoch")]:
            same(f"{name} of {netuid}", getattr(theirs, name), mine[of])
        for name in ["price", "tao_in", "alpha_in", "alpha_out", "tao_in_emission"]:
            same(f"{name} of {netuid}", getattr(theirs, name).rao, int(mine[name]))
    told("subnets", before)


def single(chain):
    before = compared
    head = chain.substrate.get_block_number(chain.substrate.get_chain_finalised_head())
    same("the block", head, ours["block"]["number"])
    same("its hash", chain.get_block_hash(head), ours["block"]["hash"])
    same("its parent", chain.get_block_hash(head - 1), ours["block"]["parent"])
    same("its time", int(chain.get_timestamp(head).timestamp() * 1000), ours["block"]["timestamp_ms"])
    for address, free in ours["balances"].items():
        same(f"the balance of {address}", chain.get_balance(address).rao, int(free))
    same("the cost of a neuron", chain.recycle(NETUID).rao, int(ours["costs"]["burn"]))
    same("the cost of a subnet", chain.get_subnet_burn_cost().rao, int(ours["costs"]["lock"]))
    same("the deposit that keeps an account", chain.get_existential_deposit().rao, int(ours["costs"]["deposit"]))
    told("block, balances and costs", before)


with Subtensor(network=URL) as connected:
    for read in [metagraph, neurons, hyperparameters, subnets, single]:
        read(connected)
print(f"all {compared} values are the same")
