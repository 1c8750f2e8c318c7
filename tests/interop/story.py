"""Every interop script against the real binaries, the packages of others on the other side.

Run by `run`, which prepares the environments: `python story.py --venvs DIRECTORY --bin DIRECTORY
[--javascript DIRECTORY]`. What does not depend on one another is played two stages at a time (`stage.py`); what shares a
daemon stays in order. Stops at the first script that fails. Closes with a line that counts the scripts.
"""

import argparse
import http.client
import json
import pathlib
import shutil
import signal
import socket
import sys
import tempfile

from stage import PATIENCE, Playing

HERE = pathlib.Path(__file__).resolve().parent
LONG_PATIENCE = 1800  # seconds for a script that types some eighty commands of btcli, each of which takes seconds
AT_ONCE = 2  # stages: nearly all of them reckon on one processor, and take half a gigabyte for a password

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--venvs", type=pathlib.Path, required=True)
parser.add_argument("--bin", type=pathlib.Path, required=True)
parser.add_argument("--javascript", type=pathlib.Path, help="where polkadot-js and polkadot-api are installed")
ARGUMENTS = parser.parse_args()
VENVS = ARGUMENTS.venvs.absolute()
BIN = ARGUMENTS.bin.absolute()


def python(name):
    """The interpreter of an environment."""
    return VENVS / name / "bin/python"


def believed(stage, facts, seen):
    """What btd must believe too, at the block at which the chain stands still: balance, stake and neurons, what these
    earned, and the subnet's hyperparameters."""
    btctl = stage.btctl
    head = btctl("devnet", "status")["head"]["number"]
    # Neurons bear the block that last changed them, the subnet's figures the newest one.
    stage.until(
        "btd does not follow", lambda: btctl("subnets", "metagraph", str(facts["netuid"]))["subnet_at"]["number"] == head
    )
    row = btctl("wallet", "balance", "--address", facts["coldkey"])["rows"][0]
    ours = {(position["netuid"], position["hotkey"]): int(position["alpha"]) for position in row["positions"]}
    theirs = {(netuid, hotkey): stake for netuid, hotkey, stake in facts["positions"] if stake}
    # Some clients show tokens with fewer decimals than there are.
    slack = facts.get("slack", 0)
    assert abs(int(row["free"]) - facts["free"]) <= slack, (row["free"], facts["free"])
    assert ours.keys() == theirs.keys(), (ours, theirs)
    assert all(abs(ours[key] - theirs[key]) <= slack for key in ours), (ours, theirs)
    neurons = btctl("subnets", "metagraph", str(facts["netuid"]))["neurons"]
    assert [neuron["hotkey"] for neuron in neurons] == facts["hotkeys"], neurons
    # Incentives are shares of 65,535; some clients round them.
    earned = [(neuron["incentive"], int(neuron["emission"])) for neuron in neurons]
    claimed = list(zip(facts["incentive"], facts["emission"], strict=True))
    assert any(emission for _, emission in claimed), "somebody earns"
    for (incentive, emission), (their_incentive, their_emission) in zip(earned, claimed, strict=True):
        assert abs(incentive - their_incentive) <= 1 / 65_535, (earned, claimed)
        assert abs(emission - their_emission) <= slack, (earned, claimed)
    told = {one["name"]: one["value"] for one in btctl("subnets", "hyperparameters", str(facts["netuid"]))["hyperparameters"]}
    theirs = facts["hyperparameters"]
    assert {name: told[name] for name in theirs} == theirs, (told, theirs)
    print(
        f"ok   btd believes the same at block {head}: τ{facts['free'] / 10**9:.9f}, {len(ours)} positions, "
        f"{len(earned)} neurons, {len(theirs)} hyperparameters",
        file=seen,
    )


def life(title, *command, patience=PATIENCE):
    """A life that one package lives on a chain of its own. It ends with what it believes then."""

    def play(stage):
        with stage.scene(title) as seen, stage.daemon("--network", "devnet", "--block-time", "250ms") as url:
            with tempfile.TemporaryFile("w+", encoding="utf-8") as lived:
                try:
                    stage.run([*command, url], lived, patience)
                finally:
                    lived.seek(0)
                    lines = lived.read().splitlines()
                    print(*(line for line in lines if not line.startswith("FACTS ")), sep="\n", file=seen)
            (facts,) = [line for line in lines if line.startswith("FACTS ")]
            believed(stage, json.loads(facts.removeprefix("FACTS ")), seen)

    return play


def single(title, *command, patience=PATIENCE):
    """A stage of one script, which needs no daemon of the story's."""
    return lambda stage: stage.script(title, *command, patience=patience)


def costs(stage):
    """What is measured has the machine for itself."""
    places = ["--venvs", VENVS, "--bin", BIN]
    stage.script("what listing wallets costs beside both btcli", "python3", HERE / "list_cost.py", *places)
    stage.script("what a read of the chain costs beside both btcli", python("cli9"), HERE / "read_cost.py", *places)


def the_same_reads(stage):
    """One block of a busy chain that stands still, read by bittensor 10 and by btctl."""
    btctl = stage.btctl
    with stage.daemon("--network", "devnet", "--block-time", "instant", "--devnet-profile", "busy:3x24:7") as url:
        btctl("wallet", "create", "--wallet", "dave", "--uri", "//Dave")
        for order in [
            ["subnets", "register", "--netuid", "1"],
            ["axon", "set", "--netuid", "1", "--ip", "203.0.113.9", "--port", "8091"],
            ["wallet", "set-identity", "--display-name", "dave τ"],
            ["stake", "add", "--netuid", "1", "--amount", "25"],
            # This makes a delegate of the hotkey, beside the validators of the profile.
            ["root", "register"],
            ["stake", "add", "--netuid", "0", "--amount", "3"],
        ]:
            btctl(*order, "--wallet", "dave", "--yes")
        btctl("devnet", "mine", "120")
        head = btctl("devnet", "status")["head"]["number"]
        stage.until("btd does not follow", lambda: btctl("query", "block")["number"] == head)
        addresses = [row["coldkey"] for row in btctl("wallet", "balance", "--all")["rows"]]
        ours = {
            "metagraph": btctl("rpc", "metagraph_get", '{"netuid":1}'),
            "hyperparameters": btctl("subnets", "hyperparameters", "1"),
            "subnets": btctl("subnets", "list"),
            "neurons": btctl("subnets", "metagraph", "1")["neurons"],
            "prices": btctl("subnets", "price")["prices"],
            "infos": btctl("query", "runtime-api", "SubnetInfoRuntimeApi", "get_subnets_info_v2")["value"],
            "delegates": btctl("root", "list-delegates")["delegates"],
            "nominators": btctl("query", "runtime-api", "DelegateInfoRuntimeApi", "get_delegates")["value"],
            "stakes": {address: btctl("stake", "list", "--ss58", address)["positions"] for address in addresses},
            "mechanisms": btctl("query", "storage", "SubtensorModule", "MechanismCountCurrent", "1")["value"],
            "block": btctl("query", "block"),
            "balances": {address: btctl("wallet", "balance", address)["rows"][0]["free"] for address in addresses},
            "costs": {
                "burn": btctl("subnets", "show", "1")["subnet"]["burn"],
                "lock": btctl("subnets", "lock-cost")["cost"],
                "deposit": btctl("query", "constant", "Balances", "ExistentialDeposit")["value"],
            },
        }
        said = stage.home / "reads.json"
        said.write_text(json.dumps(ours))
        stage.script("the same reads by bittensor 10 and by btctl", python("sdk10"), HERE / "sdk10_reads.py", url, said)
        saved = stage.home / "metagraph.npz"
        btctl("subnets", "metagraph", "1", "--block", str(head), "--save", saved)
        stage.script("a metagraph saved for NumPy beside bittensor 10's", python("sdk10"), HERE / "sdk10_npz.py", url, saved)
        for name in ["sdk10", "sdk11"]:
            stage.script(f"every read of {name}", python(name), HERE / "every_read.py", url)
        beside = [python("sdk10"), HERE / "client_metagraph.py", stage.socket, url]
        stage.script("the metagraph of the Python module beside bittensor 10's", *beside)


def rpc_from_plain_python(stage):
    """JSON-RPC with the standard library alone, as the README shows it."""

    class Local(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(str(stage.socket))

    with stage.scene("JSON-RPC from plain Python") as seen:
        connection = Local("localhost")
        request = {"jsonrpc": "2.0", "id": 1, "method": "subnets_metagraph", "params": {"netuid": 1}}
        connection.request("POST", "/", json.dumps(request), {"content-type": "application/json"})
        reply = json.load(connection.getresponse())
        assert reply["result"]["neurons"], reply
        print(f"ok   subnets_metagraph: {len(reply['result']['neurons'])} neurons", file=seen)


def shield(stage):
    """What the packages seal for the author of a block."""
    with stage.daemon("--network", "devnet", "--block-time", "3s") as url:
        stage.btctl("wallet", "create", "--wallet", "alice", "--uri", "//Alice")
        stage.btctl("root", "register", "--wallet", "alice", "--yes")
        # The author announces the keys in its own first blocks.
        stage.until("no key is announced", lambda: stage.btctl("query", "storage", "MevShield", "NextKey")["value"])
        for client, name in {"sdk10": "bittensor 10", "sdk11": "bittensor 11", "cli9": "btcli 9"}.items():
            stage.script(f"what {name} sends through the shield", python(client), HERE / "shielded.py", client, url)


# Who waits behind whom, those with less stake first.
RISING = {"eve": 10, "ferdie": 20, "one": 30}
TURNS = ["--wallet", "charlie", "--holder", "//Bob", "--rising", *(f"//{name.capitalize()}" for name in RISING)]


def turns(stage):
    """The script about turns, once those who wait in it have their stake in the metagraph."""
    for name, stake in RISING.items():
        stage.btctl("wallet", "create", "--wallet", name, "--uri", f"//{name.capitalize()}")
        stage.btctl("subnets", "register", "--netuid", "1", "--wallet", name, "--yes")
        stage.btctl("stake", "add", "--netuid", "0", "--amount", str(stake), "--wallet", name, "--yes")
    keys = {wallet["name"]: wallet["hotkeys"][0]["address"] for wallet in stage.btctl("wallet", "list")["wallets"]}

    def rises():
        neurons = stage.btctl("subnets", "metagraph", "1")["neurons"]
        stakes = {neuron["hotkey"]: float(neuron["stake"]) for neuron in neurons}
        own = [stakes.get(keys[name], 0.0) for name in RISING]
        return 0.0 < own[0] < own[1] < own[2]

    stage.until("the stakes do not show in the metagraph", rises)
    return [python("sdk10"), HERE / "turns.py", stage.socket]


def one_chain(stage):
    """The packages as clients of one chain, and as neurons on it."""
    btctl = stage.btctl
    with stage.daemon("--network", "devnet", "--block-time", "250ms") as url:
        stage.script("bittensor 10 on the chain", python("sdk10"), HERE / "sdk10_chain.py", url)
        stage.script("btcli 9 on the chain", python("cli9"), HERE / "cli9_chain.py", VENVS / "cli9/bin/btcli", url)
        stage.script("bittensor 11 on the chain", python("sdk11"), HERE / "sdk11_chain.py", url)
        if ARGUMENTS.javascript:
            # Modules are looked for beside the script.
            copy = shutil.copy(HERE / "polkadot_js.mjs", ARGUMENTS.javascript)
            stage.script("polkadot-js and polkadot-api on the chain", "node", copy, url)
        rpc_from_plain_python(stage)

        # Neurons: our axon admits who is registered, so the Python dendrite asks as a registered key.
        btctl("wallet", "create", "--wallet", "bob", "--uri", "//Bob")
        btctl("wallet", "create", "--wallet", "charlie", "--uri", "//Charlie")
        btctl("subnets", "register", "--netuid", "1", "--wallet", "bob", "--yes")
        axon = btctl("axon", "start", "--wallet", "charlie", "--bind", "127.0.0.1:0")
        ip, port = axon["address"].rsplit(":", 1)
        ping = [python("sdk10"), HERE / "sdk10_axon.py", "ping", ip, port, axon["hotkey"], "--uri", "//Bob"]
        stage.script("the bittensor 10 dendrite asks our axon", *ping)

        serve = [python("sdk10"), HERE / "sdk10_axon.py", "serve", "--uri", "//Dave"]
        for how, packing in [("", []), (", which packs its replies", ["--gzip"])]:
            with stage.scene(f"our dendrite asks the bittensor 10 axon{how}") as seen:
                with stage.neuron(*serve, *packing) as theirs:
                    address = f"{theirs['ip']}:{theirs['port']}"
                    asked = ["dendrite", "ping", "--wallet", "bob", "--hotkey", theirs["hotkey"], "--address", address]
                    reply = btctl(*asked)["replies"][0]
                    assert reply["status_code"] == 200, reply
                    print(f"ok   {reply['status_code']} {reply['status_message']} over {reply['transport']}", file=seen)
                replies = [json.loads(line)["packed"] for line in theirs["later"] if line.startswith('{"packed"')]
                assert replies == [bool(packing)], f"replies, and whether each was packed: {replies}"

        # Synapses with fields, in both directions, through the Python module of this project.
        module = ["python3", HERE / "client_neuron.py"]
        serving = [*module, "serve", stage.socket, "--wallet", "charlie"]
        with stage.neuron(*serving):
            asking = [python("sdk10"), HERE / "sdk10_neuron.py", "ask", ip, port, axon["hotkey"], "--uri", "//Bob"]
            stage.script("the bittensor 10 dendrite asks a program behind our axon", *asking)
            asking = [python("sdk11"), HERE / "sdk11_auth.py", ip, port, axon["hotkey"], "--uri", "//Bob"]
            stage.script("bittensor 11's signed requests to a program behind our axon", *asking)
            asking = [*module, "ask", stage.socket, ip, port, axon["hotkey"], "--wallet", "bob"]
            stage.script("our dendrite asks a program behind our axon", *asking)
        stage.script("whose turn it is among bittensor 10 dendrites that wait", *turns(stage), ip, port, axon["hotkey"], *TURNS)
        for interpreter in ("python3", python("sdk10")):  # Without numpy and pydantic, and with them.
            stage.script("the synapse classes of the module", interpreter, HERE / "client_types.py")
        edges = ["python3", HERE / "client_edges.py", stage.socket, "--wallet", "charlie", "--asks", "bob"]
        stage.script("what goes wrong around a program behind our axon", *edges)
        for interpreter in ("python3", python("sdk10")):
            programs = [interpreter, HERE / "client_programs.py", stage.socket, ip, port, axon["hotkey"]]
            asked = ["--wallet", "charlie", "--asks", "bob"]
            stage.script("programs as bittensor's own introductions have them", *programs, *asked)
        losing = ["python3", HERE / "client_lost.py", stage.socket, "--wallet", "charlie", "--asks", "bob"]
        stage.script("what such a program holds when btd goes away", *losing)
        with stage.neuron(python("sdk10"), HERE / "sdk10_neuron.py", "serve", "--uri", "//Dave") as theirs:
            asking = [*module, "ask", stage.socket, theirs["ip"], theirs["port"], theirs["hotkey"]]
            stage.script("our dendrite asks the synapses of a bittensor 10 axon", *asking, "--wallet", "bob", "--peer", "sdk10")


STAGES = [
    # Those that take longest first, so that none is left to run alone at the end.
    single("every golden file about keys", "python3", HERE / "key_vectors.py", "--venvs", VENVS, "--bin", BIN),
    single("btcli 9 and btctl tell the same story", python("cli9"), HERE / "same_story.py", BIN, patience=LONG_PATIENCE),
    *(
        single(f"wallets with {name}", python(name), HERE / "wallets.py", BIN / "examples/wallet_fixture")
        for name in ("sdk11", "cli9", "sdk10")
    ),
    life("btcli 9 lives on a chain", python("cli9"), HERE / "cli9_life.py"),
    one_chain,
    life("bittensor 10 lives on a chain", python("sdk10"), HERE / "sdk10_life.py"),
    life("bittensor 11 lives on a chain", python("sdk11"), HERE / "sdk11_life.py"),
    shield,
    the_same_reads,
]

# A shell that starts this in the background has it ignore interrupts, and so whatever it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.default_int_handler)
playing = Playing(BIN)
if not (playing.on([costs]) and playing.on(STAGES, AT_ONCE)):
    sys.exit(1)
print(f"\n{playing.passed} passed, 0 failed")
