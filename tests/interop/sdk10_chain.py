"""bittensor 10 against the development chain: reads, a registration and a transfer.

Run with the interpreter of an environment that has bittensor 10, against a chain whose block
time is at most a second: `python sdk10_chain.py ws://127.0.0.1:9944`. Prints one line per check;
fails on the first that does not hold. Uses the public development keys and a throw-away home.
"""

import os
import sys
import tempfile

URL = sys.argv[1]
# The library reads its arguments, and writes a configuration into the home directory.
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

import bittensor
from asked import check
from bittensor import Balance, Subtensor
from bittensor_wallet import Keypair, Wallet

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
EXISTENTIAL_DEPOSIT = 500  # rao


def wallet(uri, hotkey):
    """A wallet on disk whose coldkey and hotkey are development keys."""
    made = Wallet(name=uri.strip("/").lower(), path=tempfile.mkdtemp())
    made.set_coldkey(Keypair.create_from_uri(uri), encrypt=False, overwrite=True)
    made.set_coldkeypub(Keypair.create_from_uri(uri), overwrite=True)
    made.set_hotkey(Keypair.create_from_uri(hotkey), encrypt=False, overwrite=True)
    return made


print(f"bittensor {bittensor.__version__} on {URL}")
with Subtensor(network=URL) as chain:
    block = chain.block
    check("connects and sees blocks", block >= 0, block)
    check("names the chain", chain.substrate.chain == "Bittensor", chain.substrate.chain)
    decimals = chain.substrate.token_decimals
    check("knows the token", (decimals, chain.substrate.token_symbol) == (9, "TAO"), decimals)

    balances = chain.get_balances(ALICE, BOB)
    check("balances are prefunded", all(b.rao > 10**14 for b in balances.values()), balances)
    deposit = chain.get_existential_deposit()
    check("constants are read", deposit.rao == EXISTENTIAL_DEPOSIT, deposit)

    netuids = chain.get_all_subnets_netuid()
    check("subnets 0 and 1 exist", netuids[:2] == [0, 1], netuids)
    names = [subnet.subnet_name for subnet in chain.all_subnets()]
    check("every subnet is described", len(names) == len(netuids), names)
    subnet = chain.subnet(1)
    check("a subnet is described", (subnet.netuid, subnet.tempo) == (1, 100), subnet.subnet_name)

    hyper = chain.get_subnet_hyperparameters(1)
    seen = (hyper.tempo, hyper.kappa, hyper.immunity_period, hyper.max_validators)
    check("hyperparameters are read", seen[0] == 100 and all(v is not None for v in seen), seen)

    for lite in (True, False):
        graph = chain.metagraph(1, lite=lite)
        uids = [int(uid) for uid in graph.uids]
        check(f"a metagraph is read (lite={lite})", uids == list(range(len(uids))) and uids, graph)
    info = chain.get_metagraph_info(1)
    check("a metagraph is read in one piece", info.num_uids == len(uids), info.name)
    neurons = chain.neurons(1)
    check("neurons are read", [n.uid for n in neurons] == uids, len(neurons))

    alice = wallet("//Alice", "//Alice//interop-sdk10")
    amount = Balance.from_tao(12.5)
    fee = chain.get_transfer_fee(wallet=alice, destination_ss58=BOB, amount=amount)
    check("a fee is estimated", 0 < fee.rao < 10**7, fee)
    before = chain.get_balances(ALICE, BOB)
    sent = chain.transfer(alice, BOB, amount, wait_for_finalization=True)
    check("a transfer lands", sent.success, sent.message)
    after = chain.get_balances(ALICE, BOB)
    gained = after[BOB].rao - before[BOB].rao
    check("the receiver has it", gained == amount.rao, gained)
    spent = before[ALICE].rao - after[ALICE].rao
    check("the sender paid it and a fee", spent == amount.rao + sent.extrinsic_fee.rao, spent)

    everything = Balance.from_rao(before[ALICE].rao)
    refused = chain.transfer(alice, BOB, everything, wait_for_finalization=True)
    check("more than there is does not land", not refused.success, refused.message)

    hotkey = alice.hotkey.ss58_address
    if not chain.is_hotkey_registered(hotkey, netuid=1):
        cost = chain.recycle(1)
        registered = chain.burned_register(alice, 1, wait_for_finalization=True)
        check("a hotkey is registered by burn", registered.success, cost)
    uid = chain.get_uid_for_hotkey_on_subnet(hotkey, 1)
    graph = chain.metagraph(1)
    check("it stands in the metagraph", graph.hotkeys[uid] == hotkey, uid)

    start = chain.block
    chain.wait_for_block(start + 2)
    check("blocks can be waited for", chain.block >= start + 2, chain.block)
print("all checks passed")
