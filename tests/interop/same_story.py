"""The same story told by btcli 9 and by btctl ends in the same state of the chain.

Two daemons, each with a development chain of its own that makes a block for each extrinsic, begin at the same block 0.
Every operation is done on one of them by btcli and on the other by btctl, with the very same words wherever btcli's
serve; both must take as many blocks for it. In the end all storage of both chains is read and compared, key by key:
whatever differs is named, and must be among what `EXCLUDED` gives a reason for, or differ by just as much as `NEAR` says.
A command of btcli that has no part in the story stands in `UNTOLD` with the reason.

Run with the interpreter of an environment that has btcli 9: `python same_story.py DIRECTORY`, the directory being that
of btd and btctl. Prints one line per operation, fails on the first that one of them cannot do.
"""

import asyncio
import json
import os
import re
import sys
import time

import typer
from btcli_forks import Btcli
from world import World, difference, twox_128

BINARIES = sys.argv[1]
theirs, ours = World("btcli", BINARIES), World("btctl", BINARIES)
btcli = Btcli(theirs.environment, theirs.home)
# btcli's own modules look for their files at home.
os.environ["HOME"] = str(theirs.home)

from bittensor_cli.cli import CLIManager
from bittensor_cli.src.bittensor.extrinsics.root import convert_weights_and_uids_for_emit
from bittensor_cli.src.bittensor.subtensor_interface import SubtensorInterface
from bittensor_cli.src.commands.weights import SetWeightsExtrinsic
from bittensor_cli.version import __version_as_int__
from bittensor_wallet import Wallet

BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
CHARLIE = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
NETUID = 2
# btcli gives its own version as that of the weights.
VERSION = ("--version-key", str(__version_as_int__))
JSON, QUIET = "--json-output", "--no-prompt"
UIDS, WEIGHTS, SALT = [0, 1], [0.25, 0.75], [163, 241, 217, 11, 161, 142, 147, 189]

# Storage that may differ, and why. Everything else must be equal to the last bit.
BLOCK = "describes the newest block itself, and no two signatures are the same"
CLOCK = "tells the time at which a block was made, and the two take turns"
EXCLUDED = {
    "System.ParentHash": BLOCK,
    "System.BlockHash": BLOCK,
    "System.Digest": BLOCK,
    "Timestamp.Now": CLOCK,
    "Aura.CurrentSlot": CLOCK,
}
# Numbers within a value that differ: where they stand, by how much for the key, in the chain of btctl, and why.
AXON_VERSION = 10_005_000
NEAR = {
    "SubtensorModule.Axons": (
        slice(8, 12),
        lambda _: AXON_VERSION,
        "holds the version that the endpoint speaks, which only btctl publishes",
    ),
    "System.Account": (
        slice(16, 24),
        lambda key: apart.get(key[-64:], 0),
        "pays, or is paid, a rao for a byte, and btcli signs some extrinsics without an era, which is one byte less",
    ),
    "Crowdloan.Crowdloans": (
        slice(48, 52),
        lambda _: 1,
        "counts its blocks from the next one, and by btcli from the newest",
    ),
}
# Commands of btcli that are not told, and why.
READS = "only reads"
ALONE = "is about what lies on this host, and asks no chain for anything"
UNTOLD = {
    **{
        f"config {verb}": ALONE
        for verb in ("add-proxy", "clear", "clear-proxies", "get", "proxies", "remove-proxy", "set", "update-proxy")
    },
    **{
        f"wallet {verb}": ALONE
        for verb in (
            "decrypt", "encrypt", "list", "regen-coldkey", "regen-coldkeypub", "regen-hotkey", "regen-hotkeypub", "sign", "verify",
        )
    },
    **{
        command: READS
        for command in (
            "crowd contributors", "crowd info", "crowd list", "lock list", "lock show", "stake auto", "stake child get", "stake list",
            "subnets burn-cost", "subnets check-start", "subnets conviction", "subnets get-identity", "subnets hyperparameters",
            "subnets list", "subnets mechanisms count", "subnets mechanisms emissions", "subnets price", "subnets show", "sudo get",
            "sudo get-take", "sudo proposals", "sudo senate", "utils convert", "utils latency", "view dashboard", "wallet balance",
            "wallet get-identity", "wallet overview", "wallet swap-check", "wallet swap-coldkey check",
        )
    },
    "stake process-claim": "asks what is owed first, and root earns nothing of a subnet whose emission nobody has switched on",
    "stake wizard": "asks, and does what other commands do",
    "sudo senate-vote": "needs a senate, which this runtime has not",
    "proxy execute": "takes the call from what either program has written down of announcements in its own way",
    "proxy kill": "ends an account that each would first have to find in what the other command says in its own words",
}
# What has been told.
TOLD = set()
# By how much the balances of accounts differ, because of bytes that were paid for.
apart = {}
# Who gets the fees on the development chain.
FEE_RECIPIENT = "ac859f8a216eeb1b320b4c76d118da3d7407fa523484d0a980126d3b4d0d220a"


def check(what, holds, seen):
    print(f"{'ok  ' if holds else 'FAIL'} {what}: {seen}", flush=True)
    if not holds:
        sys.exit(1)


def flat(text):
    """Without the lines that boxes are drawn with."""
    return " ".join(re.sub("[─│╭╮╰╯]", " ", text).split())[-2000:]


def commands(command, words=()):
    """The commands that btcli shows, each by all its words."""
    below = getattr(command, "commands", {})
    if words == ("wallet", "swap-coldkey"):
        yield from (" ".join((*words, action)) for action in ("announce", "check", "clear", "dispute", "execute"))
    elif not below:
        yield " ".join(words)
    for name, one in below.items():
        if not one.hidden:
            yield from commands(one, (*words, name))


SHOWN = set(commands(typer.main.get_command(CLIManager().app)))


def tell(words):
    """Notes the command that the words begin with."""
    TOLD.update(" ".join(words[:length]) for length in (2, 3))


def by_btcli(*words, answers=None):
    """Whether btcli could do it, which it tells in one way or another, and what it said."""
    done = btcli(*words, answers=answers or "")
    text = done.stdout + done.stderr
    failed = done.returncode != 0 or "❌" in text or re.search(r'"success": *(false|null)', text)
    return not failed, flat(text)


def by_btctl(*words):
    done = ours.run(ours.binaries / "btctl", "--json", "--yes", *words)
    return done.returncode == 0, flat(done.stdout + done.stderr)


def both(*words, btcli_also=(), btctl_also=(), btctl=None, lacks=(), answers=None):
    """The same words for both. `..._also` is what only one of them wants said; `btctl` stands in for words that only
    btcli has; `lacks` are the options that this one command of btcli does not have, `answers` what it asks for all the same."""
    tell(words)
    what = " ".join(word for word in words[:3] if not word.startswith("-"))
    before = (theirs.head(), ours.head())
    options = [word for word in (JSON, QUIET) if word not in lacks]
    done, said = by_btcli(*words, *btcli_also, *btcli_chain(), *options, answers=answers)
    if not done:
        check(f"{what}, by btcli", False, said)
    done, said = by_btctl(*(btctl or words), *btctl_also)
    if not done:
        check(f"{what}, by btctl", False, said)
    blocks = took(before)
    # Some commands of btcli do not wait for the block.
    deadline = time.monotonic() + 30
    while blocks[0] != blocks[1] and time.monotonic() < deadline:
        time.sleep(0.2)
        blocks = took(before)
    check(what, blocks[0] == blocks[1], f"{blocks[0]} and {blocks[1]} blocks")
    for number in range(1, blocks[0] + 1):
        compare_fees(what, *(world.signed(block + number) for world, block in zip((theirs, ours), before)))


def compare_fees(what, by_them, by_us):
    """What was signed costs the same, but for the bytes that one of them has more."""
    if len(by_them) != len(by_us):
        check(f"{what}, extrinsics in a block", False, f"{by_them} and {by_us}")
    for one, other in zip(by_them, by_us):
        more = other["fee"] - one["fee"]
        bytes_more = other["length"] - one["length"] if other["fee"] else 0
        if more != bytes_more:
            check(f"{what}, fees", False, f"{one} and {other}")
        apart[other["signer"]] = apart.get(other["signer"], 0) - more
        apart[FEE_RECIPIENT] = apart.get(FEE_RECIPIENT, 0) + more


def took(before):
    return tuple(world.head() - block for world, block in zip((theirs, ours), before))


def btcli_chain():
    return ("--wallet-path", theirs.home / ".bittensor/wallets", "--network", theirs.url)


def made(*words):
    """A key that both make from the same secret."""
    words = ("wallet", *words)
    tell(words)
    path = ("--wallet-path", theirs.home / ".bittensor/wallets", "--no-use-password", "--json-output")
    done, said = by_btcli(*words, *path)
    check(f"{' '.join(words[:2])}, by btcli", done, "done" if done else said)
    done, said = by_btctl(*words)
    check(f"{' '.join(words[:2])}, by btctl", done, "done" if done else said)


def address(wallet, hotkey=None):
    """The address of a key, which both have."""
    place = f".bittensor/wallets/{wallet}/" + (f"hotkeys/{hotkey}" if hotkey else "coldkeypub.txt")
    found = {json.loads((world.home / place).read_text())["ss58Address"] for world in (theirs, ours)}
    check(f"address of {wallet} {hotkey or ''}", len(found) == 1, found)
    return found.pop()


def account(wallet):
    """The account of a coldkey, in hexadecimal."""
    kept = json.loads((theirs.home / f".bittensor/wallets/{wallet}/coldkeypub.txt").read_text())
    return kept["accountId"].removeprefix("0x")


def set_number(item, number):
    """Sets a number of 32 bits in the storage of the pallet that Bittensor is."""
    key = f"0x{twox_128('SubtensorModule')}{twox_128(item)}"
    for world in (theirs, ours):
        world.node("dev_setStorage", [[key, f"0x{number.to_bytes(4, 'little').hex()}"]])


def mine(count):
    for world in (theirs, ours):
        world.node("dev_mine", count)


def epoch():
    """Lets blocks pass up to the subnet's next epoch, just before which nothing may be set."""
    asked = NETUID.to_bytes(2, "little").hex()
    answer = theirs.node("state_call", "SubnetInfoRuntimeApi_get_next_epoch_start_block", f"0x{asked}")
    # An option of 64 bits: one byte, then the number.
    mine(int.from_bytes(bytes.fromhex(answer[4:]), "little") - theirs.head())


async def weigh(act):
    """What `weights commit` does once it knows whether weights are hidden.

    The command itself ends before, without a word: it asks for storage named `get_commit_reveal_weights_enabled`, which
    no chain has.
    """
    signer = Wallet(name="owner", hotkey="validator", path=str(theirs.home / ".bittensor/wallets"))
    async with SubtensorInterface(theirs.url) as chain:
        sent = SetWeightsExtrinsic(chain, signer, NETUID, None, UIDS, WEIGHTS, SALT, __version_as_int__, wait_for_inclusion=True)
        return await act(sent, *convert_weights_and_uids_for_emit(UIDS, WEIGHTS))


def weights(what, act, *more):
    success, message, _ = asyncio.run(weigh(act))
    check(f"weights {what}, by btcli", success, message)
    listed = ("--uids", ",".join(map(str, UIDS)), "--weights", ",".join(map(str, WEIGHTS)), *VERSION, *more)
    done, said = by_btctl("weights", what, "--netuid", str(NETUID), "--wallet", "owner", "--hotkey", "validator", *listed)
    check(f"weights {what}, by btctl", done, "done" if done else said)


def told():
    owner = ("--wallet-name", "owner", "--hotkey", "validator")
    assistant = ("--wallet-name", "owner", "--hotkey", "second")
    miner = ("--wallet-name", "miner", "--hotkey", "miner")
    alice = ("--wallet-name", "alice", "--hotkey", "default")
    subnet = ("--netuid", str(NETUID))
    open_order = ("--no-mev-protection",)

    made("create", *alice, "--uri", "//Alice")
    for name in ("owner", "miner"):
        made("new-coldkey", "--wallet-name", name, "--uri", f"//{name.capitalize()}")
    more = [("--wallet-name", "miner", "--hotkey", hotkey) for hotkey in ("heir", "next")]
    for words in (owner, assistant, miner, *more):
        made("new-hotkey", *words, "--uri", f"//{(words[1] + words[3]).capitalize()}")
    coldkey, validator = address("owner"), address("owner", "validator")
    second, miner_key, heir = address("owner", "second"), address("miner", "miner"), address("miner", "heir")
    miner_coldkey = address("miner")

    # A subnet begins.
    both("wallet", "transfer", *alice, "--dest", coldkey, "--amount", "20000")
    both("wallet", "transfer", *alice, "--dest", miner_coldkey, "--amount", "100")
    site = "https://life.example"
    about = ("--subnet-name", "life", "--github-repo", "https://github.com/life/life", "--subnet-contact", "ops@life.example",
             "--subnet-url", site, "--discord", "life", "--description", "A life", "--logo-url", f"{site}/logo.png",
             "--additional-info", "none")
    both("subnets", "create", *owner, *about, *open_order)
    both("subnets", "start", *owner, *subnet, lacks=(JSON,))
    both("subnets", "register", *miner, *subnet)
    both("subnets", "register", *assistant, *subnet, btcli_also=("--safe", "--tolerance", "0.5"))
    both("subnets", "register", *owner, "--netuid", "0")

    # Stake comes.
    both("stake", "add", *owner, *subnet, "--amount", "500", "--unsafe", *open_order)
    both("stake", "add", *owner, *subnet, "--amount", "5", "--safe", "--tolerance", "0.5", *open_order)
    both("stake", "add", *miner, *subnet, "--amount", "20", "--safe", "--tolerance", "0.01", "--partial", *open_order)
    both("stake", "add", *owner, "--netuid", "0", "--amount", "40", "--unsafe", *open_order)
    # The hotkey that is named, and not the wallet's own as well.
    both("stake", "add", *owner, *subnet, "--include-hotkeys", miner_key, "--amount", "10", "--unsafe", *open_order)

    # Nothing may be set just before an epoch. This one also gives the permit to set weights about others.
    epoch()
    for name, value in {
        "immunity_period": "77", "min_burn": "1000000", "serving_rate_limit": "3", "bonds_moving_avg": "800000",
        "commit_reveal_weights_enabled": "false", "liquid_alpha_enabled": "true", "min_allowed_weights": "1",
        "weights_version": "0", "commit_reveal_period": "1", "transfers_enabled": "true", "yuma3_enabled": "true",
        # By the chain's own name, as btcli takes what its table lacks.
        "sudo_set_bonds_penalty": "0.5",
    }.items():
        both("sudo", "set", *owner, *subnet, "--param", name, "--value", value)
    both("sudo", "set-take", *owner, "--take", "0.1", lacks=(QUIET,))
    both("subnets", "set-symbol", *owner, *subnet, "ب")
    both("subnets", "set-identity", *owner, *subnet, *about[:-2], "--additional-info", "more")
    both("wallet", "set-identity", *owner, "--id-name", "Owner", "--web-url", site, "--image-url", f"{site}/me.png",
         "--discord", "owner", "--description", "Who owns it", "--additional", "nothing", "--github", "https://github.com/life")
    both("wallet", "associate-hotkey", "--wallet-name", "miner", "--hotkey", "heir", lacks=(JSON,))
    both("axon", "set", *miner, *subnet, "--ip", "8.8.8.8", "--port", "8091", lacks=(JSON,))
    both("axon", "reset", *assistant, *subnet, lacks=(JSON,))

    # Weights, open and hidden.
    weights("set", SetWeightsExtrinsic._set_weights_without_commit_reveal)
    # Where weights are hidden the chain moves no epoch.
    both("sudo", "trigger-epoch", *owner, *subnet)
    # A hyperparameter can be set again after two tempos.
    mine(721)
    epoch()
    both("sudo", "set", *owner, *subnet, "--param", "commit_reveal_weights_enabled", "--value", "true")
    mine(100)
    weights("commit", SetWeightsExtrinsic.commit_weights, "--salt", ",".join(map(str, SALT)))
    epoch()
    listed = ("--uids", "0,1", "--weights", "0.25,0.75", "--salt", ",".join(map(str, SALT)))
    both("weights", "reveal", *owner, *subnet, *listed, btctl_also=VERSION)
    epoch()

    # Heirs, helpers and what is done by itself.
    both("stake", "child", "set", *owner, *subnet, "--children", heir, "--proportions", "0.5")
    both("stake", "child", "set", *assistant, *subnet, "--children", heir, "--proportions", "0.25")
    both("stake", "child", "take", *owner, *subnet, "--take", "0.1")
    both("stake", "set-auto", "--wallet-name", "owner", *subnet, btctl_also=("--hotkey", validator), answers=f"{validator}\n")
    both("stake", "set-claim", "keep", *owner)
    both("proxy", "add", *owner, "--delegate", BOB, "--proxy-type", "Staking", "--delay", "5")
    both("proxy", "add", *owner, "--delegate", miner_coldkey, "--proxy-type", "Any", "--delay", "0")
    both("proxy", "remove", *owner, "--delegate", BOB, "--proxy-type", "Staking", "--delay", "5")
    both("wallet", "transfer", *miner, "--dest", BOB, "--amount", "2", "--proxy", coldkey)
    both("wallet", "transfer", *miner, "--dest", BOB, "--amount", "3", "--proxy", coldkey, "--announce-only")
    both("proxy", "create", *owner, "--proxy-type", "Any", "--delay", "0")

    # Stake goes.
    both("stake", "remove", *owner, *subnet, "--amount", "10", "--unsafe", *open_order)
    both("stake", "remove", *owner, *subnet, "--amount", "10", "--safe", "--tolerance", "0.5", *open_order)
    both("stake", "remove", *owner, *subnet, "--hotkey-ss58-address", miner_key, "--amount", "2", "--unsafe", *open_order)
    both("stake", "remove", *owner, *subnet, "--include-hotkeys", miner_key, "--amount", "2", "--unsafe", *open_order)
    both("stake", "swap", *owner, "--origin-netuid", str(NETUID), "--dest-netuid", "0", "--amount", "10", "--unsafe", *open_order)
    both("stake", "move", "--wallet-name", "owner", "--from", validator, "--to", miner_key, "--origin-netuid", str(NETUID),
         "--dest-netuid", str(NETUID), "--amount", "10", *open_order)
    both("stake", "transfer", *owner, "--origin-netuid", str(NETUID), "--dest-netuid", str(NETUID), "--dest", BOB, "--amount", "10",
         *open_order)
    both("sudo", "stake-burn", *owner, *subnet, "--amount", "1", "--unsafe", *open_order)
    # Children are set once in 150 blocks.
    mine(150)
    both("stake", "child", "revoke", *assistant, *subnet)

    # What stays is locked.
    locker = ("--wallet-name", "owner", *subnet)
    both("lock", "add", *locker, "--hotkey", miner_key, "--amount", "3")
    both("lock", "mode", *locker, "--mode", "perpetual")
    both("lock", "move", *locker, "--destination-hotkey", validator)

    # A crowd, another hotkey, another coldkey to come.
    crowdloan = ("crowd", "create", *owner, "--deposit", "10", "--min-contribution", "1", "--cap", "100", "--duration", "60000",
                 "--target", BOB)
    both(*crowdloan, btcli_also=("--fundraising",))
    both("crowd", "contribute", *miner, "--id", "0", "--amount", "5")
    both("crowd", "update", *owner, "--id", "0", "--cap", "90")
    both("crowd", "withdraw", *miner, "--id", "0")
    # Its creator gave ten.
    both("crowd", "contribute", *alice, "--id", "0", "--amount", "80")
    both("crowd", "finalize", *owner, "--id", "0")
    both(*crowdloan, btcli_also=("--fundraising",))
    both("crowd", "contribute", *miner, "--id", "1", "--amount", "5")
    both("crowd", "refund", *owner, "--id", "1")
    both("crowd", "dissolve", *owner, "--id", "1")
    # To fewer places than it has, and to more than that.
    both("sudo", "trim", *owner, *subnet, "--max", "64")
    both("sudo", "set", *owner, *subnet, "--param", "max_allowed_uids", "--value", "128")
    both("subnets", "mechanisms", "set", *owner, *subnet, "--count", "2", answers="y\n")
    both("subnets", "mechanisms", "split-emissions", *owner, *subnet, "--split", "60,40")
    both("wallet", "swap-hotkey", *miner, "next", "--all-netuids")
    both("wallet", "swap-coldkey", "announce", *miner, "--new-coldkey", CHARLIE, lacks=(JSON,), btcli_also=open_order)
    both("wallet", "swap-coldkey", "dispute", *miner, lacks=(JSON,), btcli_also=open_order)
    exchange()
    epoch()


def exchange():
    """A coldkey takes its announcement back, announces again, and is exchanged."""
    swap, quietly = ("wallet", "swap-coldkey"), {"lacks": (JSON,), "btcli_also": ("--no-mev-protection",)}
    leaver = ("--wallet-name", "leaver")
    for name in ("leaver", "newcomer"):
        made("new-coldkey", "--wallet-name", name, "--uri", f"//{name.capitalize()}")
    newcomer = ("--new-coldkey", address("newcomer"))
    both("wallet", "transfer", "--wallet-name", "alice", "--hotkey", "default", "--dest", address("leaver"), "--amount", "2")
    # Five days, and one more for whoever thinks better of it.
    set_number("ColdkeySwapAnnouncementDelay", 3)
    set_number("ColdkeySwapReannouncementDelay", 3)
    both(*swap, "announce", *leaver, *newcomer, **quietly)
    mine(6)
    both(*swap, "clear", *leaver, **quietly)
    both(*swap, "announce", *leaver, *newcomer, **quietly)
    mine(3)
    both(*swap, "execute", *leaver, *newcomer, **quietly)
    # What one of them had paid less goes along with all the rest.
    old, new = account("leaver"), account("newcomer")
    apart[new] = apart.get(new, 0) + apart.pop(old, 0)


def is_near(item, key, one, other):
    """Whether two values differ only in the number that may, and by just as much as it must."""
    where, apart, _ = NEAR[item]
    one, other = (bytearray.fromhex((value or "0x")[2:]) for value in (one, other))
    numbers = [int.from_bytes(value[where], "little") for value in (one, other)]
    one[where] = other[where] = b""
    return one == other and numbers[1] - numbers[0] == apart(key)


with theirs.running(), ours.running():
    told()
    missing, idle = SHOWN - TOLD - UNTOLD.keys(), UNTOLD.keys() - SHOWN | UNTOLD.keys() & TOLD
    check("each command is told, or has a reason not to be", not missing and not idle, f"{sorted(missing)}, {sorted(idle)}")
    found, equal = difference(theirs, ours)
    excused = {}
    for item, keys in list(found.items()):
        if item in EXCLUDED:
            excused[item] = EXCLUDED[item]
        elif item in NEAR and all(is_near(item, *values) for values in keys):
            excused[item] = NEAR[item][2]

strange = {item: keys for item, keys in found.items() if item not in excused}
for item, reason in sorted(excused.items()):
    print(f"     {item}: {len(found[item])} differ; it {reason}")
for item, keys in strange.items():
    for key, *values in keys[:5]:
        print(f"FAIL {item} at {key or '-'}: {values[0]} by btcli, {values[1]} by btctl")
check("the chains are in the same state", not strange, f"{equal} keys equal, {sum(map(len, found.values()))} not")
print("all checks passed")
