"""Every interop script against the real binaries: one daemon, one chain, the packages of others.

Run by `run`, which prepares the environments: `python story.py --venvs DIRECTORY --bin DIRECTORY
[--javascript DIRECTORY]`.
Stops at the first script that fails. Closes with a line that counts the scripts.
"""

import argparse
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PATIENCE = 1200  # seconds for one script: the golden files take some sixty key derivations
LONG_PATIENCE = 1800  # and for one that types some eighty commands of btcli, each of which takes seconds to start

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--venvs", type=pathlib.Path, required=True)
parser.add_argument("--bin", type=pathlib.Path, required=True)
parser.add_argument("--javascript", type=pathlib.Path, help="where polkadot-js and polkadot-api are installed")
ARGUMENTS = parser.parse_args()
VENVS = ARGUMENTS.venvs.absolute()
BIN = ARGUMENTS.bin.absolute()
HOME = pathlib.Path(tempfile.mkdtemp(prefix="btd-interop"))
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": str(HOME),
    "XDG_RUNTIME_DIR": str(HOME / "run"),
    "XDG_STATE_HOME": str(HOME / "state"),
    "XDG_CACHE_HOME": str(HOME / "cache"),
    "BTD_DEVNET__LISTEN": "127.0.0.1:0",
    # One dendrite asks 256 times at once, and may be long in signing.
    "BTD_AXON__HEADER_TIMEOUT_MS": "60000",
    "BTD_AXON__MAX_CONNECTIONS_PER_IP": "512",
    "BTD_AXON__MAX_IN_FLIGHT": "512",
    "BTD_AXON__MAX_IN_FLIGHT_PER_HOTKEY": "512",
    "BTD_AXON__RATE_BURST": "1000",
    "BTD_AXON__HOTKEY_RATE_BURST": "1000",
}
passed = 0


def script(title, *command, patience=PATIENCE):
    """One script that must succeed."""
    global passed
    print(f"\n-- {title}", flush=True)
    subprocess.run([str(part) for part in command], check=True, stdin=subprocess.DEVNULL, timeout=patience)
    passed += 1


def btctl(*arguments):
    """What `btctl --json` answers."""
    command = [BIN / "btctl", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, env=ENVIRONMENT, timeout=PATIENCE)
    assert done.returncode == 0, f"btctl {arguments}: {done.stderr.decode()}"
    return json.loads(done.stdout)


@contextlib.contextmanager
def daemon(*arguments):
    """A running btd, stopped at the end."""
    (HOME / "run").mkdir(mode=0o700, exist_ok=True)
    with open(HOME / "btd.log", "a") as log:
        process = subprocess.Popen([BIN / "btd", *arguments], env=ENVIRONMENT, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while subprocess.run([BIN / "btctl", "status"], env=ENVIRONMENT, capture_output=True).returncode != 0:
            assert process.poll() is None and time.monotonic() < deadline, (HOME / "btd.log").read_text()
            time.sleep(0.05)
        yield
    except BaseException:
        print((HOME / "btd.log").read_text()[-4000:])
        raise
    finally:
        process.terminate()
        assert process.wait(timeout=10) == 0, "btd did not stop cleanly"


@contextlib.contextmanager
def neuron(*command):
    """A program that answers synapses until its input ends: what it says of itself, and under `later`, once it has ended,
    the lines that followed."""
    later = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout:
                if line.startswith("{"):
                    yield {**json.loads(line), "later": later}
                    return
            raise AssertionError(f"{command} did not start")
        finally:
            process.stdin.close()
            later.extend(process.stdout)
            process.wait(timeout=60)


def believed(facts):
    """What btd must believe too, at the block at which the chain stands still: balance, stake and neurons, what these
    earned, and the subnet's hyperparameters."""
    head = btctl("devnet", "status")["head"]["number"]
    deadline = time.monotonic() + 60
    # Neurons bear the block that last changed them, the subnet's figures the newest one.
    while btctl("subnets", "metagraph", str(facts["netuid"]))["subnet_at"]["number"] != head:
        assert time.monotonic() < deadline, "btd does not follow"
        time.sleep(0.2)
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
        f"{len(earned)} neurons, {len(theirs)} hyperparameters"
    )


def life(title, *command):
    """A life that one package lives on a chain of its own. Its last line is what it believes at the end."""
    global passed
    print(f"\n-- {title}", flush=True)
    with daemon("--network", "devnet", "--block-time", "250ms"):
        command = [str(part) for part in [*command, btctl("status")["devnet"]]]
        lines = []
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                lines.append(line)
                if not line.startswith("FACTS "):
                    print(line, end="", flush=True)
        assert process.returncode == 0, title
        believed(json.loads(lines[-1].removeprefix("FACTS ")))
    passed += 1


def the_same_reads():
    """One block of a busy chain that stands still, read by bittensor 10 and by btctl."""
    with daemon("--network", "devnet", "--block-time", "instant", "--devnet-profile", "busy:3x24:7"):
        btctl("wallet", "create", "--wallet", "dave", "--uri", "//Dave")
        for order in [
            ["subnets", "register", "--netuid", "1"],
            ["axon", "set", "--netuid", "1", "--ip", "203.0.113.9", "--port", "8091"],
            ["wallet", "set-identity", "--display-name", "dave τ"],
            ["stake", "add", "--netuid", "1", "--amount", "25"],
            # This makes a delegate of the hotkey.
            ["root", "register"],
            ["stake", "add", "--netuid", "0", "--amount", "3"],
        ]:
            btctl(*order, "--wallet", "dave", "--yes")
        btctl("devnet", "mine", "120")
        head = btctl("devnet", "status")["head"]["number"]
        deadline = time.monotonic() + 60
        while btctl("query", "block")["number"] != head:
            assert time.monotonic() < deadline, "btd does not follow"
            time.sleep(0.2)
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
        said = HOME / "reads.json"
        said.write_text(json.dumps(ours))
        url = btctl("status")["devnet"]
        script("the same reads by bittensor 10 and by btctl", VENVS / "sdk10/bin/python", HERE / "sdk10_reads.py", url, said)
        saved = HOME / "metagraph.npz"
        btctl("subnets", "metagraph", "1", "--block", str(head), "--save", saved)
        script("a metagraph saved for NumPy beside bittensor 10's", VENVS / "sdk10/bin/python", HERE / "sdk10_npz.py", url, saved)
        for name in ["sdk10", "sdk11"]:
            script(f"every read of {name}", VENVS / name / "bin/python", HERE / "every_read.py", url)
        beside = [VENVS / "sdk10/bin/python", HERE / "client_metagraph.py", HOME / "run/btd/btd.sock", url]
        script("the metagraph of the Python module beside bittensor 10's", *beside)


def rpc_from_plain_python():
    """JSON-RPC with the standard library alone, as the README shows it."""
    global passed
    print("\n-- JSON-RPC from plain Python", flush=True)

    class Local(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(str(HOME / "run/btd/btd.sock"))

    connection = Local("localhost")
    request = {"jsonrpc": "2.0", "id": 1, "method": "subnets_metagraph", "params": {"netuid": 1}}
    connection.request("POST", "/", json.dumps(request), {"content-type": "application/json"})
    reply = json.load(connection.getresponse())
    assert reply["result"]["neurons"], reply
    print(f"ok   subnets_metagraph: {len(reply['result']['neurons'])} neurons")
    passed += 1


for name in ["sdk10", "cli9", "sdk11"]:
    fixture = BIN / "examples/wallet_fixture"
    script(f"wallets with {name}", VENVS / name / "bin/python", HERE / "wallets.py", fixture)

script("every golden file about keys", "python3", HERE / "key_vectors.py", "--venvs", VENVS, "--bin", BIN)

script("what listing wallets costs beside both btcli", "python3", HERE / "list_cost.py", "--venvs", VENVS, "--bin", BIN)
script("what a read of the chain costs beside both btcli", VENVS / "cli9/bin/python", HERE / "read_cost.py", "--venvs", VENVS,
       "--bin", BIN)

the_same_reads()

with daemon("--network", "devnet", "--block-time", "3s"):
    url = f"ws://{btctl('status')['devnet'].removeprefix('ws://')}"
    btctl("wallet", "create", "--wallet", "alice", "--uri", "//Alice")
    btctl("root", "register", "--wallet", "alice", "--yes")
    # The author announces the keys in its own first blocks.
    deadline = time.monotonic() + 60
    while not btctl("query", "storage", "MevShield", "NextKey")["value"]:
        assert time.monotonic() < deadline, "no key is announced"
        time.sleep(0.5)
    for client, name in {"sdk10": "bittensor 10", "sdk11": "bittensor 11", "cli9": "btcli 9"}.items():
        script(f"what {name} sends through the shield", VENVS / f"{client}/bin/python", HERE / "shielded.py", client, url)

with daemon("--network", "devnet", "--block-time", "250ms"):
    url = f"ws://{btctl('status')['devnet'].removeprefix('ws://')}"
    script("bittensor 10 on the chain", VENVS / "sdk10/bin/python", HERE / "sdk10_chain.py", url)
    script("btcli 9 on the chain", VENVS / "cli9/bin/python", HERE / "cli9_chain.py", VENVS / "cli9/bin/btcli", url)
    script("bittensor 11 on the chain", VENVS / "sdk11/bin/python", HERE / "sdk11_chain.py", url)
    if ARGUMENTS.javascript:
        # Modules are looked for beside the script.
        copy = shutil.copy(HERE / "polkadot_js.mjs", ARGUMENTS.javascript)
        script("polkadot-js and polkadot-api on the chain", "node", copy, url)
    rpc_from_plain_python()

    # Neurons: our axon admits who is registered, so the Python dendrite asks as a registered key.
    btctl("wallet", "create", "--wallet", "bob", "--uri", "//Bob")
    btctl("wallet", "create", "--wallet", "charlie", "--uri", "//Charlie")
    btctl("subnets", "register", "--netuid", "1", "--wallet", "bob", "--yes")
    axon = btctl("axon", "start", "--wallet", "charlie", "--bind", "127.0.0.1:0")
    ip, port = axon["address"].rsplit(":", 1)
    ping = [VENVS / "sdk10/bin/python", HERE / "sdk10_axon.py", "ping", ip, port, axon["hotkey"], "--uri", "//Bob"]
    script("the bittensor 10 dendrite asks our axon", *ping)

    serve = [VENVS / "sdk10/bin/python", HERE / "sdk10_axon.py", "serve", "--uri", "//Dave"]
    for how, packing in [("", []), (", which packs its replies", ["--gzip"])]:
        print(f"\n-- our dendrite asks the bittensor 10 axon{how}", flush=True)
        with neuron(*serve, *packing) as theirs:
            address = f"{theirs['ip']}:{theirs['port']}"
            asked = ["dendrite", "ping", "--wallet", "bob", "--hotkey", theirs["hotkey"], "--address", address]
            reply = btctl(*asked)["replies"][0]
            assert reply["status_code"] == 200, reply
            print(f"ok   {reply['status_code']} {reply['status_message']} over {reply['transport']}")
        replies = [json.loads(line)["packed"] for line in theirs["later"] if line.startswith('{"packed"')]
        assert replies == [bool(packing)], f"replies, and whether each was packed: {replies}"
        passed += 1

    # Synapses with fields, in both directions, through the Python module of this project.
    module = ["python3", HERE / "client_neuron.py"]
    sockets = HOME / "run/btd/btd.sock"
    serving = [*module, "serve", sockets, "--wallet", "charlie"]
    with neuron(*map(str, serving)):
        asking = [VENVS / "sdk10/bin/python", HERE / "sdk10_neuron.py", "ask", ip, port, axon["hotkey"], "--uri", "//Bob"]
        script("the bittensor 10 dendrite asks a program behind our axon", *asking)
        asking = [VENVS / "sdk11/bin/python", HERE / "sdk11_auth.py", ip, port, axon["hotkey"], "--uri", "//Bob"]
        script("bittensor 11's signed requests to a program behind our axon", *asking)
        asking = [*module, "ask", sockets, ip, port, axon["hotkey"], "--wallet", "bob"]
        script("our dendrite asks a program behind our axon", *asking)
    for python in ("python3", VENVS / "sdk10/bin/python"):  # Without numpy and pydantic, and with them.
        script("the synapse classes of the module", python, HERE / "client_types.py")
    edges = ["python3", HERE / "client_edges.py", sockets, "--wallet", "charlie", "--asks", "bob"]
    script("what goes wrong around a program behind our axon", *edges)
    for python in ("python3", VENVS / "sdk10/bin/python"):
        programs = [python, HERE / "client_programs.py", sockets, ip, port, axon["hotkey"], "--wallet", "charlie", "--asks", "bob"]
        script("programs as bittensor's own introductions have them", *programs)
    losing = ["python3", HERE / "client_lost.py", sockets, "--wallet", "charlie", "--asks", "bob"]
    script("what such a program holds when btd goes away", *losing)
    with neuron(VENVS / "sdk10/bin/python", HERE / "sdk10_neuron.py", "serve", "--uri", "//Dave") as theirs:
        asking = [*module, "ask", sockets, theirs["ip"], theirs["port"], theirs["hotkey"], "--wallet", "bob", "--peer", "sdk10"]
        script("our dendrite asks the synapses of a bittensor 10 axon", *asking)

life("bittensor 10 lives on a chain", VENVS / "sdk10/bin/python", HERE / "sdk10_life.py")
life("btcli 9 lives on a chain", VENVS / "cli9/bin/python", HERE / "cli9_life.py", VENVS / "cli9/bin/btcli")
life("bittensor 11 lives on a chain", VENVS / "sdk11/bin/python", HERE / "sdk11_life.py")

script("btcli 9 and btctl tell the same story", VENVS / "cli9/bin/python", HERE / "same_story.py", VENVS / "cli9/bin/btcli",
       BIN, patience=LONG_PATIENCE)

print(f"\n{passed} passed, 0 failed")
