"""bittensor 11 lives a life on the development chain: wallets on disk, the faucet, a subnet, stake, weights in the open and
hidden, epochs, and money moved.

Run with the interpreter of an environment that has bittensor 11, against a chain of its own whose block time is at
most a second: `python sdk11_life.py ws://127.0.0.1:9944`. Prints one line per check, fails on the first that does not
hold, and ends with what the client believes at the last block, as one line of JSON that begins with `FACTS `; the
chain is left standing still there (`dev_fault stallBlocks`), so that another reader can be held to it.
"""

import hashlib
import json
import os
import sys
import tempfile
from importlib.metadata import version

URL = sys.argv[1]
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

import bittensor
import faucet
from asked import Node, check
from bittensor import (
    AddStake, RegisterSubnet, RemoveStake, RevealWeights, SetHyperparameter, StartCall, Subtensor,
    SwapStake, Transfer, TransferStake, Wallet,
)
from bittensor.intents import normalize
from bittensor.keyfiles import Keypair

BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
CALLS = bittensor.calls.SubtensorModule
TEMPO = 360  # blocks between epochs of a new subnet
node = Node(URL)


class Keys:
    """A wallet whose keys are derived from a development phrase."""

    def __init__(self, coldkey, hotkey):
        self.name = coldkey
        self.coldkey = self.coldkeypub = Keypair.create_from_uri(coldkey)
        self.hotkey = self.hotkeypub = Keypair.create_from_uri(hotkey)


def wallet(name, hotkey):
    """A new wallet on disk without passwords, read back from there."""
    where = {"name": name, "hotkey": hotkey, "path": os.path.join(os.environ["HOME"], "wallets")}
    made = Wallet(**where)
    made.create_new_coldkey(use_password=False, suppress=True)
    made.create_new_hotkey(use_password=False, suppress=True)
    read = Wallet(**where)
    check(f"a wallet is made for the {name}", read.coldkeypub.ss58_address == made.coldkeypub.ss58_address, hotkey)
    return read


def committed(hotkey, netuid, uids, values, salt, version_key=0):
    """The hash that hides weights: of hotkey, subnet, weights, salt and version, SCALE-encoded one after the other."""
    def numbers(values):
        return bytes([len(values) << 2]) + b"".join(value.to_bytes(2, "little") for value in values)

    plain = hotkey.public_key + netuid.to_bytes(2, "little") + numbers(uids) + numbers(values) + numbers(salt)
    return "0x" + hashlib.blake2b(plain + version_key.to_bytes(8, "little"), digest_size=32).hexdigest()


print(f"bittensor {version('bittensor')} on {URL}")
chain = Subtensor(URL)
alice = Keys("//Alice", "//Alice")
# What miners of the subnet's owner earn is burned, so the miner is somebody else.
owner, miner = wallet("owner", "validator"), wallet("miner", "worker")
coldkey, validator_key, miner_key = owner.coldkey.ss58_address, owner.hotkey.ss58_address, miner.hotkey.ss58_address


def done(what, intent, wallet=owner):
    result = chain.execute(intent, wallet)
    check(what, result.success, "done" if result.success else result)
    return result


def raw(what, call, wallet, **how):
    """A call without its intent, where the intent reads storage of a newer runtime than this chain is held to."""
    result = chain.submit_call(call, wallet, **how)
    check(what, result.success, "done" if result.success else result)


def netuids():
    return [subnet.netuid for subnet in chain.subnets.all()]


def stake(hotkey, netuid, coldkey=coldkey):
    return chain.staking.get(coldkey, hotkey, netuid).rao


done("money arrives", Transfer(dest_ss58=coldkey, amount_tao=bittensor.tao(10_000)), alice)
done("and at the miner", Transfer(dest_ss58=miner.coldkey.ss58_address, amount_tao=bittensor.tao(100)), alice)
check("it is there", chain.balances.get(coldkey).rao == 10_000 * 10**9, chain.balances.get(coldkey))
# Nobody has sent this account anything: the faucet is free, and so admits it. The client's tables are of a network that
# has no faucet.
poor = wallet("poor", "poor")
with faucet.work_on(node, poor.coldkeypub.public_key) as work:
    asked = bittensor.calls.Call("SubtensorModule", "faucet", work)
    raw("the faucet is asked", asked, poor, wait_for_inclusion=False, wait_for_finalization=False)
given = faucet.arrives(lambda: chain.balances.get(poor.coldkeypub.ss58_address).rao)
check("a thousand arrived", given == faucet.GIVEN, given)

before = netuids()
done("a subnet is created", RegisterSubnet())
(netuid,) = set(netuids()) - set(before)
done("it is started", StartCall(netuid=netuid))
raw("a miner is registered", CALLS.burned_register(netuid=netuid, hotkey=miner_key), miner)
graph = chain.subnets.metagraph(netuid, commitments=False)
check("both have their uids", [n.hotkey for n in graph.neurons] == [validator_key, miner_key], len(graph.neurons))

done("stake is added", AddStake(hotkey_ss58=validator_key, netuid=netuid, amount_tao=bittensor.tao(100), rate_tolerance=0.9))
check("it is there", stake(validator_key, netuid) > 0, stake(validator_key, netuid))
done("hyperparameter: immunity", SetHyperparameter(netuid=netuid, name="immunity_period", value=77))
done("hyperparameter: weights", SetHyperparameter(netuid=netuid, name="commit_reveal_weights_enabled", value=0))
hyper = chain.read("subnet_hyperparameters", netuid=netuid)
seen = (hyper["immunity_period"], hyper["commit_reveal_weights_enabled"])
check("both are read back", seen == (77, False), seen)

node("dev_mine", TEMPO)
weigh = CALLS.set_weights(netuid=netuid, dests=[1], weights=[65535], version_key=0)
raw("weights are set", weigh, owner, signer="hotkey")
node("dev_mine", TEMPO)
graph = chain.subnets.metagraph(netuid, commitments=False)
paid = graph.neurons[1]
check("an epoch pays the miner", float(paid.incentive) > 0.99, paid.incentive)
earned = stake(miner_key, netuid, miner.coldkey.ss58_address)
check("and its stake grows", earned > 0, earned)

# Nothing may be set just before an epoch.
node.epoch(netuid)
done("hidden weights are switched on", SetHyperparameter(netuid=netuid, name="commit_reveal_weights_enabled", value=1))
wish, salt = ([0, 1], [0.25, 0.75]), [5, 6, 7, 8]
uids, values = normalize(*wish)
commit_hash = committed(owner.hotkeypub, netuid, uids, values, salt)
raw("weights are committed", CALLS.commit_weights(netuid=netuid, commit_hash=commit_hash), owner, signer="hotkey")
node.epoch(netuid)
done("weights are revealed", RevealWeights(netuid=netuid, uids=wish[0], weights=wish[1], salt=salt))
row = dict(chain.query(bittensor.storage.SubtensorModule.Weights, [netuid, 0]))
check("what was revealed counts", row == dict(zip(uids, values)), row)

held = stake(validator_key, netuid)
part = bittensor.Balance.from_rao(held // 8, netuid)
done("stake is removed", RemoveStake(hotkey_ss58=validator_key, netuid=netuid, amount_alpha=part, rate_tolerance=0.9))
check("as much is gone", held - stake(validator_key, netuid) >= held // 8 - 2, stake(validator_key, netuid))
done("stake is swapped to root", SwapStake(
    hotkey_ss58=validator_key, origin_netuid=netuid, dest_netuid=0, amount_alpha=part, rate_tolerance=0.9))
check("root has it", stake(validator_key, 0) > 0, stake(validator_key, 0))
done("stake is given away", TransferStake(
    dest_coldkey_ss58=BOB, hotkey_ss58=validator_key, origin_netuid=netuid, dest_netuid=netuid, amount_alpha=part))
check("the receiver has it", abs(stake(validator_key, netuid, BOB) - held // 8) <= 2, stake(validator_key, netuid, BOB))
done("money is sent", Transfer(dest_ss58=BOB, amount_tao=bittensor.tao(1)))

node("dev_fault", "stallBlocks")
graph = chain.subnets.metagraph(netuid, commitments=False)
hyper = chain.read("subnet_hyperparameters", netuid=netuid)
facts = {
    "coldkey": coldkey,
    "free": chain.balances.get(coldkey).rao,
    "netuid": netuid,
    "hotkeys": [neuron.hotkey for neuron in graph.neurons],
    "positions": [[n, validator_key, stake(validator_key, n)] for n in (0, netuid)],
    "hyperparameters": {
        name: hyper[name]
        for name in ("tempo", "immunity_period", "kappa", "max_validators", "weights_rate_limit", "serving_rate_limit", "alpha_high",
                     "min_allowed_weights", "commit_reveal_weights_enabled", "registration_allowed")
    },
    "incentive": [float(neuron.incentive) for neuron in graph.neurons],
    "emission": [neuron.emission.rao for neuron in graph.neurons],
}
chain.close()
print("all checks passed")
print("FACTS " + json.dumps(facts))
