"""btcli 9 lives a life on the development chain: a wallet, a subnet, stake, weights, an epoch, and money moved.

It does not ask the faucet as the other two clients' lives do: btcli 9 has no command for it, nor one for any other proof
of work. Its money comes from the keys that have some at the start.

Run with the interpreter of an environment that has btcli 9, against a chain of its own whose block time is at most a
second: `python cli9_life.py ws://127.0.0.1:9944`. Prints one line per check, fails on the first that does not hold, and
ends with what the client believes at the last block, as one line of JSON that begins with `FACTS `; the chain is left
standing still there (`dev_fault stallBlocks`), so that another reader can be held to it.
"""

import asyncio
import json
import os
import sys
import tempfile

URL = sys.argv[1]
HOME = tempfile.mkdtemp()
WALLETS = os.path.join(HOME, "wallets")
os.environ["HOME"] = HOME

from asked import Node, check
from btcli_forks import Btcli
from bittensor_cli.src.bittensor.extrinsics.root import convert_weights_and_uids_for_emit
from bittensor_cli.src.bittensor.subtensor_interface import SubtensorInterface
from bittensor_cli.src.commands.weights import SetWeightsExtrinsic
from bittensor_cli.version import __version_as_int__
from bittensor_wallet import Wallet

# JSON is wrapped like any text, within words too.
ENVIRONMENT = {**os.environ, "COLUMNS": "20000", "NO_COLOR": "1", "TERM": "dumb"}
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
node = Node(URL)
run = Btcli(ENVIRONMENT, HOME)


def btcli(*arguments):
    """What one command that succeeds prints as JSON."""
    done = run(*arguments, "--json-output")
    text = done.stdout.strip()
    # Some commands say a sentence before their JSON.
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    if done.returncode != 0 or not starts:
        check(f"btcli {' '.join(arguments)}", False, done.stdout + done.stderr)
    return json.loads(text[min(starts) :])


def done(what, *arguments):
    """One command that changes something."""
    answer = btcli(*arguments, *network, "--no-prompt")
    # An object, one for each position, or objects by subnet and hotkey.
    flat = json.dumps(answer)
    check(what, "true" in flat and '"success": false' not in flat, flat[:200])
    return answer


network = ("--network", URL)
owner = ("--wallet-path", WALLETS, "--wallet-name", "owner", "--hotkey", "validator")
miner = ("--wallet-path", WALLETS, "--wallet-name", "miner", "--hotkey", "miner")
alice = ("--wallet-path", WALLETS, "--wallet-name", "alice", "--hotkey", "default")
plain = ("--no-mev-protection",)

addresses = {}
for name, where in {"owner": owner, "miner": miner}.items():
    made = btcli("wallet", "create", *where, "--n-words", "12", "--no-use-password")
    check(f"a wallet is made for the {name}", made["success"], where[3])
    listed = btcli("wallet", "list", "--wallet-path", WALLETS)["wallets"]
    (entry,) = [entry for entry in listed if entry["name"] == name]
    addresses[name] = (entry["ss58_address"], entry["hotkeys"][0]["ss58_address"])
btcli("wallet", "create", *alice, "--uri", "//Alice", "--no-use-password")
coldkey, validator_key = addresses["owner"]
miner_coldkey, miner_key = addresses["miner"]


def free(address):
    balances = btcli("wallet", "balance", "--wallet-path", WALLETS, "--ss58", address, *network)["balances"]
    return next(iter(balances.values()))["free"]


done("money is sent", "wallet", "transfer", *alice, "--dest", coldkey, "--amount", "10000")
done("and to the miner", "wallet", "transfer", *alice, "--dest", miner_coldkey, "--amount", "100")
arrived = free(coldkey)
check("it is there", arrived == 10_000, arrived)

before = set(btcli("subnets", "list", *network)["subnets"])
# What is not said is asked for, even without prompts.
site = "https://life.example"
about = {"github-repo": "https://github.com/life/life", "subnet-contact": "ops@life.example", "subnet-url": site, "discord": "life",
         "description": "A life", "logo-url": f"{site}/logo.png", "additional-info": "none"}
identity = [part for name, value in about.items() for part in (f"--{name}", value)]
done("a subnet is created", "subnets", "create", *owner, "--subnet-name", "life", *identity, *plain)
(netuid,) = set(btcli("subnets", "list", *network)["subnets"]) - before
subnet = ("--netuid", netuid)
# The one command that has no JSON.
started = run("subnets", "start", *owner, *subnet, *network, "--no-prompt")
check("it is started", started.returncode == 0 and "uccess" in started.stdout, started.stdout.strip()[-200:])
done("a miner is registered", "subnets", "register", *miner, *subnet)

add = ("stake", "add", *owner, *subnet, "--amount", "500", "--unsafe", *plain)
done("stake is added", *add)


def positions():
    """Stake of the owner: rao by netuid."""
    listed = btcli("stake", "list", *owner, *network, "--no-prompt")["stake_info"]
    rows = [row for rows in listed.values() for row in rows]
    return {str(row["netuid"]): round(row["stake_value"] * 10**9) for row in rows}


async def commit():
    """What `weights commit` does once it knows that weights are hidden.

    The command itself ends before, without a word: it asks for storage named `get_commit_reveal_weights_enabled`, which
    no chain has.
    """
    signer = Wallet(name="owner", hotkey="validator", path=WALLETS)
    async with SubtensorInterface(URL) as chain:
        sent = SetWeightsExtrinsic(
            chain, signer, int(netuid), None, uids, weights, salt, __version_as_int__, wait_for_inclusion=True
        )
        return await sent.commit_weights(*convert_weights_and_uids_for_emit(uids, weights))


held = positions()[netuid]
check("it is there", held > 10**9, held)

# Nothing may be set just before an epoch. This one also gives the permit to set weights about others.
node.epoch(netuid)
done("hyperparameter: immunity", "sudo", "set", *owner, *subnet, "--param", "immunity_period", "--value", "77")
done("hyperparameter: weights", "sudo", "set", *owner, *subnet, "--param", "commit_reveal_weights_enabled", "--value", "true")
hyper = {row["hyperparameter"]: row["value"] for row in btcli("subnets", "hyperparameters", *subnet, *network)}
seen = (hyper["immunity_period"], hyper["commit_reveal_weights_enabled"])
check("both are read back", seen == (77, True), seen)

uids, weights, salt = [0, 1], [0.25, 0.75], [163, 241, 217, 11, 161, 142, 147, 189]
success, message, _ = asyncio.run(commit())
check("weights are committed", success, message)
node.epoch(netuid)
weigh = {"--uids": uids, "--weights": weights, "--salt": salt}
weigh = [part for option, values in weigh.items() for part in (option, ",".join(map(str, values)))]
done("weights are revealed", "weights", "reveal", *owner, *subnet, *weigh)
node.epoch(netuid)
shown = btcli("subnets", "show", *subnet, *network, "--no-prompt")
(row,) = [row for row in shown["uids"] if row["uid"] == 1]
check("an epoch pays the miner", row["incentive"] > 0.5 and row["emissions"] > 0, row)

held = positions()[netuid]
part = f"{held / 8 / 10**9:.4f}"
done("stake is removed", "stake", "remove", *owner, *subnet, "--amount", part, "--unsafe", *plain)
left = positions()
check("as much is gone", left[netuid] < held, left)
swap = ("--origin-netuid", netuid, "--dest-netuid", "0", "--amount", part, "--unsafe", *plain)
done("stake is swapped to root", "stake", "swap", *owner, *swap)
left = positions()
check("root has it", left.get("0", 0) > 0, left)
give = ("--origin-netuid", netuid, "--dest-netuid", netuid, "--dest", BOB, "--amount", part, *plain)
done("stake is given away", "stake", "transfer", *owner, *give)
done("money is sent", "wallet", "transfer", *owner, "--dest", BOB, "--amount", "1")

node("dev_fault", "stallBlocks")
shown = btcli("subnets", "show", *subnet, *network, "--no-prompt")
rows = sorted(shown["uids"], key=lambda row: row["uid"])
hyper = {row["hyperparameter"]: row["value"] for row in btcli("subnets", "hyperparameters", *subnet, *network)}
facts = {
    "coldkey": coldkey,
    "free": round(free(coldkey) * 10**9),
    "netuid": int(netuid),
    "hotkeys": [row["hotkey"] for row in rows],
    "positions": [[int(n), validator_key, rao] for n, rao in positions().items()],
    "hyperparameters": {
        name: hyper[name]
        for name in ("tempo", "immunity_period", "max_validators", "weights_rate_limit", "serving_rate_limit",
                     "min_allowed_weights", "commit_reveal_weights_enabled", "registration_allowed")
    },
    "incentive": [row["incentive"] for row in rows],
    # The command gives tokens, as fractions.
    "emission": [round(row["emissions"] * 10**9) for row in rows],
    "slack": 1,
}
print("all checks passed")
print("FACTS " + json.dumps(facts))
