"""What real clients send through the MEV shield, which is the way that they go unless told not to.

`python shielded.py CLIENT ws://127.0.0.1:9944`, with the interpreter of an environment that has the client: `sdk10`,
`sdk11` or `cli9` (btcli lies beside its interpreter). The chain's blocks are a few seconds apart, because what is sealed
is for one of the next eight. Each stakes on root, behind //Alice, who has a place there; what came of it is read from the
chain: the sealed extrinsic that carries it, and the stake. Prints one line per check, and fails on the first that does
not hold.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from asked import Node, check

CLIENT, URL = sys.argv[1:3]
sys.argv = sys.argv[:1]
HOME = tempfile.mkdtemp()
os.environ["HOME"] = HOME
NETUID = 0
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
MOST_BLOCKS = 8
node = Node(URL)


def with_bittensor_10():
    import bittensor
    from bittensor_wallet import Wallet

    wallet = Wallet(name="alice", path=f"{HOME}/wallets")
    wallet.create_coldkey_from_uri("//Alice", use_password=False, suppress=True)
    chain = bittensor.Subtensor(network=URL)

    def stake():
        return chain.get_stake(ALICE, ALICE, NETUID).rao

    def add(amount):
        answer = chain.add_stake(
            wallet=wallet,
            netuid=NETUID,
            hotkey_ss58=ALICE,
            amount=bittensor.Balance.from_tao(amount),
            mev_protection=True,
            period=MOST_BLOCKS,
            wait_for_revealed_execution=True,
        )
        return answer.success, answer.message

    return stake, add


def with_bittensor_11():
    import bittensor
    from bittensor import AddStake, Subtensor
    from bittensor.keyfiles import Keypair

    class Wallet:
        """A wallet whose keys are derived from a public development phrase."""

        name = "alice"
        coldkey = coldkeypub = hotkey = hotkeypub = Keypair.create_from_uri("//Alice")

    chain = Subtensor(URL)

    def stake():
        return chain.staking.get(coldkey_ss58=ALICE, hotkey_ss58=ALICE, netuid=NETUID).rao

    def add(amount):
        sealed = chain.submit_shielded(
            AddStake(hotkey_ss58=ALICE, netuid=NETUID, amount_tao=bittensor.tao(amount)), Wallet(), period=MOST_BLOCKS
        )
        return sealed.success, sealed

    return stake, add


def with_btcli_9():
    btcli = pathlib.Path(sys.executable).parent / "btcli"
    environment = {**os.environ, "COLUMNS": "20000", "NO_COLOR": "1", "TERM": "dumb"}
    wallet = ("--wallet-path", f"{HOME}/wallets", "--wallet-name", "alice", "--hotkey", "default")

    def run(*words):
        done = subprocess.run(
            [btcli, *words, "--json-output"],
            capture_output=True,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        # Where there is nothing to list it says so in words.
        return json.loads(done.stdout[done.stdout.index("{") :]) if "{" in done.stdout else {}

    run("wallet", "create", *wallet, "--uri", "//Alice", "--no-use-password")

    def stake():
        listed = run("stake", "list", *wallet, "--network", URL, "--no-prompt").get("stake_info", {})
        rows = listed.get(ALICE, [])
        return sum(round(row["stake_value"] * 10**9) for row in rows if row["netuid"] == NETUID)

    def add(amount):
        terms = ("--netuid", str(NETUID), "--hotkey-ss58-address", ALICE, "--amount", str(amount), "--unsafe", "--no-prompt")
        answer = run("stake", "add", *wallet, "--network", URL, *terms)
        return answer.get("staking_success") not in (False, {}, None), answer

    return stake, add


stake, add = {"sdk10": with_bittensor_10, "sdk11": with_bittensor_11, "cli9": with_btcli_9}[CLIENT]()
before, first = stake(), node.head()
success, said = add(7)
check("it was staked through the shield", success, str(said)[:200])
# What is finalized is a block or two behind.
for _ in range(30):
    after = stake()
    if after > before:
        break
    time.sleep(1)
check("the stake is there", after > before, after - before)
# A signed extrinsic (its version byte stands behind two of its length) that is as long as an envelope: a key that is
# wrapped for the author has 1,088 bytes, and what it opens comes behind it.
carriers = []
for number in range(first + 1, node.head() + 1):
    block = node("chain_getBlock", node("chain_getBlockHash", number))["block"]
    carriers += [number for extrinsic in block["extrinsics"] if extrinsic[6:8] == "84" and len(extrinsic) > 2 * 1088]
check("it was sealed", len(carriers) == 1, carriers)
