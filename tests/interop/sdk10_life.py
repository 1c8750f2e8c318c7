"""bittensor 10 lives a life on the development chain: a wallet, the faucet, a subnet, stake, weights, an epoch, and money
moved.

Run with the interpreter of an environment that has bittensor 10, against a chain of its own whose block time is at
most a second: `python sdk10_life.py ws://127.0.0.1:9944`. Prints one line per check, fails on the first that does not
hold, and ends with what the client believes at the last block, as one line of JSON that begins with `FACTS `; the
chain is left standing still there (`dev_fault stallBlocks`), so that another reader can be held to it.
"""

import json
import os
import sys
import tempfile

URL = sys.argv[1]
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

import bittensor
import faucet
from asked import Node, check
from bittensor import Balance, Subtensor
from bittensor_wallet import Keypair, Wallet

BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
TEMPO = 360  # blocks between epochs of a new subnet
node = Node(URL)


def wallet(name, hotkey):
    """A new wallet on disk without passwords, in the layout of the ecosystem."""
    made = Wallet(name=name, hotkey=hotkey, path=os.path.join(os.environ["HOME"], "wallets"))
    made.create_if_non_existent(coldkey_use_password=False, hotkey_use_password=False, suppress=True)
    return made


def done(what, response):
    check(what, response.success, response.message if not response.success else "done")
    return response


print(f"bittensor {bittensor.__version__} on {URL}")
owner = wallet("owner", "validator")
# What miners of a subnet's owner earn is burned, so the miner is somebody else.
miner = wallet("miner", "miner")
validator_key, miner_key = owner.hotkey.ss58_address, miner.hotkey.ss58_address
coldkey, miner_coldkey = owner.coldkeypub.ss58_address, miner.coldkeypub.ss58_address
check("wallets are made", coldkey != miner_coldkey, coldkey)
alice = Wallet(name="alice", path=os.path.join(os.environ["HOME"], "wallets"))
alice.set_coldkey(Keypair.create_from_uri("//Alice"), encrypt=False, overwrite=True)
alice.set_coldkeypub(Keypair.create_from_uri("//Alice"), overwrite=True)

with Subtensor(network=URL) as chain:

    def owner_call(function, **arguments):
        """A hyperparameter, as its subnet's owner sets it."""
        call = chain.compose_call("AdminUtils", function, arguments)
        return chain.sign_and_send_extrinsic(call=call, wallet=owner)

    def stake(hotkey, netuid, coldkey=coldkey):
        return chain.get_stake(coldkey, hotkey, netuid).rao

    done("money arrives at the miner", chain.transfer(alice, miner_coldkey, Balance.from_tao(100), wait_for_finalization=True))
    done("money arrives", chain.transfer(alice, coldkey, Balance.from_tao(10_000), wait_for_finalization=True))
    check("it is there", chain.get_balance(coldkey).tao == 10_000, chain.get_balance(coldkey))

    # Nobody has sent this account anything: the faucet is free, and so admits it.
    poor = wallet("poor", "poor")
    with faucet.work_on(node, poor.coldkeypub.public_key) as work:
        asked = chain.compose_call("SubtensorModule", "faucet", work)
        sent = chain.sign_and_send_extrinsic(call=asked, wallet=poor, wait_for_inclusion=False, wait_for_finalization=False)
    done("the faucet is asked", sent)
    given = faucet.arrives(lambda: chain.get_balance(poor.coldkeypub.ss58_address).rao)
    check("a thousand arrived", given == faucet.GIVEN, given)

    before = chain.get_all_subnets_netuid()
    cost = chain.get_subnet_burn_cost()
    done("a subnet is created", chain.register_subnet(owner))
    (netuid,) = set(chain.get_all_subnets_netuid()) - set(before)
    locked = 10_000 * 10**9 - chain.get_balance(coldkey).rao
    # The price falls a little with every block.
    check("its price was paid", 0.99 * cost.rao < locked < cost.rao + 10**8, locked)
    subnet = chain.subnet(netuid)
    check("it is the owner's", (subnet.owner_coldkey, subnet.owner_hotkey) == (coldkey, validator_key), netuid)
    done("it is started", chain.start_call(owner, netuid, wait_for_finalization=True))
    check("it is active", chain.is_subnet_active(netuid), netuid)
    done("a miner is registered", chain.burned_register(miner, netuid))
    check("it has a uid", chain.get_uid_for_hotkey_on_subnet(miner_key, netuid) == 1, 1)

    done("stake is added", chain.add_stake(owner, netuid, validator_key, Balance.from_tao(500)))
    check("it is there", stake(validator_key, netuid) > 0, stake(validator_key, netuid))

    # Weights of a new subnet are hidden, and who has just registered has to wait with them. What is sealed to drand's
    # beacon stays sealed here, and is dropped two epochs later.
    node("dev_mine", chain.weights_rate_limit(netuid) + 1)
    hidden = done("weights are sealed", chain.set_weights(owner, netuid, uids=[1], weights=[1.0]))
    commits = [(hotkey, opens) for hotkey, _, _, opens in chain.get_timelocked_weight_commits(netuid)]
    check("they are listed", commits == [(validator_key, hidden.data["reveal_round"])], commits)

    # Nothing may be set just before an epoch.
    node.epoch(netuid)
    done("hyperparameter: immunity", owner_call("sudo_set_immunity_period", netuid=netuid, immunity_period=77))
    done("hyperparameter: weights", owner_call("sudo_set_commit_reveal_weights_enabled", netuid=netuid, enabled=False))
    hyper = chain.get_subnet_hyperparameters(netuid)
    seen = (hyper.immunity_period, hyper.commit_reveal_weights_enabled)
    check("both are read back", seen == (77, False), seen)

    # An epoch gives the permit to set weights about others.
    node("dev_mine", TEMPO)
    graph = chain.metagraph(netuid, lite=False)
    check("the validator has a permit", bool(graph.validator_permit[0]), list(graph.validator_permit))
    done("weights are set", chain.set_weights(owner, netuid, uids=[1], weights=[1.0]))
    graph = chain.metagraph(netuid, lite=False)
    check("weights are read back", graph.W[0][1] > 0, graph.W.tolist())
    node("dev_mine", TEMPO)
    graph = chain.metagraph(netuid, lite=False)
    check("an epoch pays the miner", graph.I[1] > 0.99 and graph.E[1] > 0, (graph.I.tolist(), graph.E.tolist()))
    earned = stake(miner_key, netuid, miner_coldkey)
    check("and its stake grows", earned > 0, earned)

    # Nothing may be set just before an epoch.
    node.epoch(netuid)
    done("hidden weights are switched on", owner_call("sudo_set_commit_reveal_weights_enabled", netuid=netuid, enabled=True))
    # This client normalises weights when it reveals, and not when it commits: only normal ones fit both.
    salt = [1, 2, 3, 4]
    terms = {"netuid": netuid, "uids": [0, 1], "weights": [21845, 65535], "salt": salt, "version_key": 0}
    done("weights are committed", chain.commit_weights(owner, **terms, wait_for_inclusion=True, wait_for_finalization=True))
    node.epoch(netuid)
    done("weights are revealed", chain.reveal_weights(owner, **terms))
    graph = chain.metagraph(netuid, lite=False)
    check("what was revealed counts", 0 < graph.W[0][0] < graph.W[0][1], graph.W.tolist())

    held = stake(validator_key, netuid)
    done("stake is removed", chain.unstake(owner, netuid, validator_key, Balance.from_rao(held // 4, netuid)))
    check("as much is gone", held - stake(validator_key, netuid) >= held // 4 - 2, stake(validator_key, netuid))
    part = Balance.from_rao(held // 8, netuid)
    done("stake is swapped to root", chain.swap_stake(owner, validator_key, netuid, 0, part))
    check("root has it", stake(validator_key, 0) > 0, stake(validator_key, 0))
    done("stake is given away", chain.transfer_stake(owner, BOB, validator_key, netuid, netuid, part))
    given = chain.get_stake(BOB, validator_key, netuid)
    check("the receiver has it", abs(given.rao - part.rao) <= 2, given)
    free = chain.get_balance(coldkey).rao
    sent = done("money is sent", chain.transfer(owner, BOB, Balance.from_tao(1), wait_for_finalization=True))
    check("it is paid with a fee", free - chain.get_balance(coldkey).rao == 10**9 + sent.extrinsic_fee.rao, sent.extrinsic_fee)

    node("dev_fault", "stallBlocks")
    graph = chain.metagraph(netuid, lite=False)
    hyper = chain.get_subnet_hyperparameters(netuid)
    facts = {
        "coldkey": coldkey,
        "free": chain.get_balance(coldkey).rao,
        "netuid": netuid,
        "hotkeys": list(graph.hotkeys),
        "positions": [[n, validator_key, stake(validator_key, n)] for n in (0, netuid)],
        "hyperparameters": {
            name: getattr(hyper, name)
            for name in ("tempo", "immunity_period", "kappa", "max_validators", "weights_rate_limit", "serving_rate_limit", "alpha_high",
                         "min_allowed_weights", "commit_reveal_weights_enabled", "registration_allowed")
        },
        "incentive": [float(share) for share in graph.I],
        # This client shows emission as a fraction of a token.
        "emission": [round(neuron.emission * 10**9) for neuron in chain.neurons(netuid)],
    }
print("all checks passed")
print("FACTS " + json.dumps(facts))
