"""The same reads by bittensor 10 and by btctl, at one block of a busy chain that stands still: field by field.

Run with the interpreter of an environment that has bittensor 10: `python sdk10_reads.py
ws://127.0.0.1:9944 OURS`, where OURS is a JSON file of what btctl answered (`story.py` writes it):
`metagraph` (metagraph_get of subnet 1), `neurons` (of `subnets metagraph 1`), `hyperparameters`,
`subnets` (the list), `prices`, `infos` (of every subnet), `delegates`, `nominators`, `stakes` and
`balances` by address, `mechanisms`, `block`, `costs`. Every attribute of the package's objects is compared, or named below with the
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


def fields(what, theirs, **mine):
    """Every field of an object, by its own names; a field without a value of ours is named as None."""
    same(f"the fields of {what}", sorted(vars(theirs)), sorted(mine))
    for name, value in mine.items():
        if value is not None:
            same(f"{name} of {what}", getattr(theirs, name), value)


def lite_neurons(chain):
    before, columns = compared, ours["metagraph"]["columns"]
    neurons = chain.neurons_lite(NETUID)
    same("the number of neurons", len(neurons), len(ours["neurons"]))
    for theirs, mine in zip(neurons, ours["neurons"]):
        uid = mine["uid"]
        fields(
            f"neuron {uid}", theirs, uid=uid, netuid=NETUID, is_null=False,
            **{name: mine[name] for name in ["hotkey", "coldkey", "active", "validator_permit", "last_update",
                                             "incentive", "consensus", "dividends", "validator_trust"]},
            emission=int(mine["emission"]) / 10**9,
            # As `NeuronInfoLite` sums it up: alpha alone, and of its owner alone; the same number twice more.
            stake=None, total_stake=None, stake_dict=None,
            # Compared below, and of no use to anybody.
            axon_info=None, prometheus_info=None,
        )
        axon = mine["axon"] or {"ip": "0.0.0.0", "port": 0, "version": 0}
        for name in ["ip", "port", "version"]:
            same(f"the axon's {name} of {uid}", getattr(theirs.axon_info, name), axon[name])
        same(f"rank and trust of {uid}, which the runtime does not compute", (mine["rank"], mine["trust"]), (None, None))
        one = chain.get_neuron_for_pubkey_and_subnet(mine["hotkey"], NETUID)
        same(f"the uid of {mine['hotkey']}", one.uid, uid)
        same(f"the registration of {uid}", int(columns["block_at_registration"][uid]), mine["registered_at"])
    told("lite neurons", before)


def subnet_infos(chain):
    before = compared
    infos = chain.get_all_subnets_info()
    same("the number of subnets", len(infos), len(ours["infos"]))
    for theirs, mine in zip(infos, ours["infos"]):
        netuid, number = mine["netuid"], lambda name: int(mine[name])
        for info in [theirs, chain.get_subnet_info(netuid)]:
            fields(
                f"subnet {netuid}", info, netuid=netuid, modality=number("network_modality"), owner_ss58=mine["owner"],
                subnetwork_n=number("subnetwork_n"), max_n=number("max_allowed_uids"), tempo=number("tempo"),
                blocks_since_epoch=number("blocks_since_last_step"), emission_value=number("emission_value"),
                max_weight_limit=number("max_weights_limit"), difficulty=number("difficulty"), rho=number("rho"),
                kappa=number("kappa"), immunity_period=number("immunity_period"),
                max_allowed_validators=number("max_allowed_validators"), scaling_law_power=number("scaling_law_power"),
                min_allowed_weights=number("min_allowed_weights"), burn=None,
                connection_requirements={str(to): share / WHOLE for to, share in mine["network_connect"]},
            )
            same(f"burn of {netuid}", info.burn.rao, number("burn"))
        listed = ours["subnets"]["subnets"][netuid]
        same(f"the neurons of {netuid}", theirs.subnetwork_n, listed["neurons"])
        same(f"the most neurons of {netuid}", theirs.max_n, listed["max_neurons"])
    prices = {netuid: price.rao for netuid, price in chain.get_subnet_prices().items()}
    same("prices", prices, {one["netuid"]: int(one["price"]) for one in ours["prices"]})
    same("the number of subnets", chain.get_total_subnets(), len(ours["infos"]))
    same("the number of mechanisms", chain.get_mechanism_count(NETUID), ours["mechanisms"])
    told("subnets by the older read, prices", before)


def delegates(chain):
    before = compared
    theirs = {delegate.hotkey_ss58: delegate for delegate in chain.get_delegates()}
    nominators = {one["delegate_ss58"]: one for one in ours["nominators"]}
    same("the delegates", sorted(theirs), sorted(one["hotkey"] for one in ours["delegates"]))
    for mine in ours["delegates"]:
        hotkey, raw = mine["hotkey"], nominators[mine["hotkey"]]
        stakes = {who: {netuid: int(amount) for netuid, amount in rows} for who, rows in raw["nominators"]}
        totals = {}
        for rows in stakes.values():
            for netuid, amount in rows.items():
                totals[netuid] = totals.get(netuid, 0) + amount
        for delegate in [theirs[hotkey], chain.get_delegate_by_hotkey(hotkey)]:
            fields(
                f"delegate {hotkey}", delegate, hotkey_ss58=hotkey, owner_ss58=mine["owner"], take=float(mine["take"]),
                validator_permits=mine["validator_permits"], registrations=mine["registrations"],
                return_per_1000=None, total_stake=None, nominators=None,
            )
            same(f"the return of {hotkey}", delegate.return_per_1000.rao, int(raw["return_per_1000"]))
            rao = {netuid: stake.rao for netuid, stake in delegate.total_stake.items()}
            same(f"the stake of {hotkey}", rao, totals)
            rao = {who: {netuid: stake.rao for netuid, stake in rows.items()} for who, rows in delegate.nominators.items()}
            same(f"the nominators of {hotkey}", rao, stakes)
        same(f"how many nominate {hotkey}", len(stakes), mine["nominators"])
    told("delegates", before)


def stakes(chain):
    before = compared
    for coldkey, positions in ours["stakes"].items():
        mine = {(one["netuid"], one["hotkey"]): one for one in positions if int(one["stake"])}
        rows = chain.get_stake_info_for_coldkey(coldkey) or []
        same(f"where {coldkey} has stake", sorted((row.netuid, row.hotkey_ss58) for row in rows), sorted(mine))
        for row in rows:
            one, place = mine[row.netuid, row.hotkey_ss58], f"{coldkey} on {row.netuid}"
            fields(
                f"the stake of {place}", row, hotkey_ss58=one["hotkey"], coldkey_ss58=coldkey, netuid=one["netuid"],
                is_registered=one["registered"], stake=None, locked=None, emission=None,
                # The runtime answers 0, always.
                drain=0,
            )
            for name in ["stake", "locked", "emission"]:
                same(f"the {name} of {place}", getattr(row, name).rao, int(one[name]))
    told("stake of every coldkey", before)


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
    for read in [metagraph, neurons, lite_neurons, hyperparameters, subnets, subnet_infos, delegates, stakes, single]:
        read(connected)
print(f"all {compared} values are the same")
