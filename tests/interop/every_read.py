"""Every read that a package of bittensor offers, asked of a busy development chain: each is answered.

Run with the interpreter of an environment that has bittensor 10 or 11: `python every_read.py
ws://127.0.0.1:9944`. What the answers say is compared elsewhere; here it counts that the package could
ask, and decode what it got. A read that cannot be answered stands in `UNANSWERED` with the reason and
what the package says; one that is answered after all fails too. A read whose arguments are not known
here fails, so that none is passed over in silence.
"""

import asyncio
import inspect
import os
import sys
import tempfile
import warnings
from importlib.metadata import version

URL = sys.argv[1]
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()
warnings.simplefilter("ignore")

import bittensor

MAJOR = int(version("bittensor").split(".")[0])
PATIENCE = 60  # seconds for one read
NEWER = "the package reads what runtimes after 425 have"
#: Name of a read: why it has no answer on this runtime, and a part of what the package says.
UNANSWERED = {
    10: {
        "get_ema_tao_inflow": ("the package unpacks an entry that a chain of price shares never writes", "cannot unpack"),
        "get_max_epochs_per_block": ("425 keeps it in storage, the package wants a constant", "MaxEpochsPerBlock"),
    },
    11: {
        **{
            name: (NEWER, "BetaBasketRuntimeApi")
            for name in (
                "basket_position", "basket_trading_status", "root_basket_owed", "root_basket_owed_breakdown",
                "root_basket_portfolio", "root_basket_total_nav", "root_baskets", "validator_basket",
                "validator_basket_nav", "validator_basket_summary",
            )
        },
        "childkey_threshold_suspended": (NEWER, "ChildkeyThresholdSuspended"),
        "collateral_policy": (NEWER, "CollateralLockShare"),
        "miner_collateral": (NEWER, "MinerCollateral"),
        "subnet_collateral": (NEWER, "MinerCollateral"),
        "total_alpha_staked": (NEWER, "TotalAlphaStaked"),
    },
}[MAJOR]
#: Methods of the class that read nothing.
NO_READS = {"close", "wait_for_block", "config", "setup_config", "validate_extrinsic_params", "compose_call"}
NOTHING_HAS_THIS_HASH = "0x" + "00" * 32


def arguments(hotkey, coldkey, amount, block):
    """What a parameter of each name is given."""
    return {
        "netuid": 1, "netuids": [1], "origin_netuid": 1, "destination_netuid": 2, "all_netuids": [0, 1],
        "filter_for_netuids": [1], "all_hotkeys": [], "uid": 0, "mechid": 0, "mecid": 0, "block": block,
        "hotkey_ss58": hotkey, "hotkey": hotkey, "hotkey_ss58s": [hotkey], "parent": hotkey, "child": hotkey,
        "coldkey_ss58": coldkey, "coldkey": coldkey, "coldkey_ss58s": [coldkey], "address": coldkey,
        "addresses": [coldkey], "account": coldkey, "account_ss58": coldkey, "who": coldkey, "real": coldkey,
        "real_ss58": coldkey, "real_account_ss58": coldkey, "delegate": coldkey, "delegate_ss58": coldkey,
        "delegate_account_ss58": coldkey, "amount": amount, "amount_tao": 1.0, "amount_alpha": 1.0,
        "crowdloan_id": 0, "lease_id": 0, "call_hash": NOTHING_HAS_THIS_HASH, "proposal_hash": NOTHING_HAS_THIS_HASH,
        "evm_address": "0x" + "11" * 20, "param_name": "Tempo", "constant_name": "InitialTempo",
        "module": "SubtensorModule", "module_name": "SubtensorModule", "method": "SubnetInfoRuntimeApi_get_subnets_info_v2",
        "data": "", "runtime_api": "SubnetInfoRuntimeApi",
    }  # fmt: skip


#: Reads by names take the names of things that fit together.
FITTING = {
    "query_subtensor": {"name": "Tempo", "params": [1]},
    "query_map_subtensor": {"name": "Tempo"},
    "query_map": {"module": "SubtensorModule", "name": "Tempo"},
    "query_module": {"module": "SubtensorModule", "name": "Tempo", "params": [1]},
    "query_runtime_api": {"runtime_api": "SubnetInfoRuntimeApi", "method": "get_subnet_hyperparams", "params": [1]},
}


def fit(name, function, known):
    """The arguments of a call by name, and those by place."""
    if name in FITTING:
        return FITTING[name], []
    named, placed = {}, []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_POSITIONAL:
            placed = [known["address"]]
        elif parameter.kind is parameter.VAR_KEYWORD:
            continue
        # A subnet is named even where the package's signature leaves it open: some reads want it all the same.
        elif parameter.default is parameter.empty or parameter.name == "netuid":
            if parameter.name not in known:
                sys.exit(f"FAIL {name}: no argument is known for {parameter.name}")
            named[parameter.name] = known[parameter.name]
    return named, placed


class Tally:
    def __init__(self):
        self.answered = 0

    def take(self, name, error):
        reason, words = UNANSWERED.get(name, (None, None))
        if error is None and reason is None:
            self.answered += 1
        elif error is None:
            sys.exit(f"FAIL {name} is answered, though {reason}: take it off the list")
        elif reason is None or words not in str(error):
            sys.exit(f"FAIL {name}: {type(error).__name__}: {error}")

    def told(self):
        print(f"ok   bittensor {version('bittensor')}: {self.answered} reads are answered, {len(UNANSWERED)} cannot be:")
        for name, (reason, _) in UNANSWERED.items():
            print(f"     {name}: {reason}")


def ten():
    from bittensor.utils.balance import Balance

    chain, tally = bittensor.Subtensor(URL), Tally()
    neuron = chain.neurons(1)[0]
    known = arguments(neuron.hotkey, neuron.coldkey, Balance.from_tao(1), chain.get_current_block())
    for name, function in inspect.getmembers(bittensor.Subtensor, inspect.isfunction):
        taken = inspect.signature(function).parameters
        # What takes a wallet, or a call to be paid for, acts; the lives on the chain do that.
        if name.startswith("_") or name in NO_READS or {"wallet", "call", "axon"} & set(taken):
            continue
        named, placed = fit(name, function, known)
        try:
            getattr(chain, name)(*placed, **named)
            error = None
        except Exception as said:
            error = said
        tally.take(name, error)
    chain.close()
    tally.told()


async def eleven():
    from bittensor import reads

    tally = Tally()
    async with bittensor.Client(URL) as chain:
        neuron = (await chain.read("neurons", netuid=1))[0]
        known = arguments(neuron.hotkey, neuron.coldkey, bittensor.tao(1), (await chain.block_info()).number)
        for name, read in sorted(reads.REGISTRY.items()):
            named, _ = fit(name, read.fetch, known)
            try:
                await asyncio.wait_for(chain.read(name, **named), PATIENCE)
                error = None
            except Exception as said:
                error = said
            tally.take(name, error)
    tally.told()


ten() if MAJOR == 10 else asyncio.run(eleven())
print("all checks passed")
