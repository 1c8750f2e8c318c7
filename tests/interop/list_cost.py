"""What listing wallets costs: `btctl wallet list` beside `btcli wallet list`, on one directory.

`python list_cost.py --venvs DIRECTORY --bin DIRECTORY [--wallets N] [--hotkeys N]`. Prints one table:
processor seconds (user and system, of the command and its children) and seconds by the clock, the
mean of a few runs after one that is not counted. For btctl, what the daemon and its signer spent on
the answer is added. Nothing outside of a temporary directory is touched.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--venvs", type=pathlib.Path, required=True)
parser.add_argument("--bin", type=pathlib.Path, required=True)
parser.add_argument("--wallets", type=int, default=5)
parser.add_argument("--hotkeys", type=int, default=20)
ARGUMENTS = parser.parse_args()
VENVS, BIN = ARGUMENTS.venvs.absolute(), ARGUMENTS.bin.absolute()
HOME = pathlib.Path(tempfile.mkdtemp(prefix="btd-list"))
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": str(HOME),
    "XDG_RUNTIME_DIR": str(HOME / "run"),
    "XDG_STATE_HOME": str(HOME / "state"),
    "XDG_CACHE_HOME": str(HOME / "cache"),
    "BTD_DEVNET__LISTEN": "127.0.0.1:0",
}
TICK = os.sysconf("SC_CLK_TCK")


def spent(pids):
    """Processor seconds of processes so far."""
    total = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def run(command, count, servers=()):
    """The means of its own, the servers' and the clock's seconds."""
    rows = []
    for number in range(count + 1):
        before, start = spent(servers), time.monotonic()
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0 and b"h0" in output, output.decode()
        if number:
            own = usage.ru_utime + usage.ru_stime
            rows.append((own, spent(servers) - before, time.monotonic() - start))
    return [statistics.mean(row[at] for row in rows) for at in range(3)]


(HOME / "run").mkdir(mode=0o700)
with open(HOME / "btd.log", "w") as log:
    daemon = subprocess.Popen([BIN / "btd", "--network", "ws://127.0.0.1:9"], env=ENVIRONMENT, stdout=log, stderr=log)
try:
    deadline = time.monotonic() + 60
    while subprocess.run([BIN / "btctl", "status"], env=ENVIRONMENT, capture_output=True).returncode != 0:
        assert daemon.poll() is None and time.monotonic() < deadline, (HOME / "btd.log").read_text()
        time.sleep(0.05)
    make = [BIN / "btctl", "--json", "wallet"]
    for wallet in range(ARGUMENTS.wallets):
        words = ["-w", f"w{wallet}", "--no-password", "--show-mnemonic"]
        subprocess.run([*make, "new-coldkey", *words], env=ENVIRONMENT, check=True, capture_output=True)
        for hotkey in range(ARGUMENTS.hotkeys):
            words = ["-w", f"w{wallet}", "-H", f"h{hotkey}", "--show-mnemonic"]
            subprocess.run([*make, "new-hotkey", *words], env=ENVIRONMENT, check=True, capture_output=True)
    servers = [daemon.pid]
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "status").read_text()
            except OSError:
                continue
            if f"\nPPid:\t{daemon.pid}\n" in status:
                servers.append(int(entry.name))
    print(f"{ARGUMENTS.wallets} wallets with {ARGUMENTS.hotkeys} hotkeys each")
    print(f"{'command':36} {'CPU s':>8} {'+ daemon':>9} {'clock s':>8}")
    for name, command, count, pids in [
        ("btctl wallet list", [BIN / "btctl", "wallet", "list"], 50, servers),
        ("btcli 9.23.2 wallet list", [VENVS / "cli9/bin/btcli", "wallet", "list"], 3, ()),
        ("btcli of bittensor 11.3.0 wallet list", [VENVS / "sdk11/bin/btcli", "wallet", "list"], 3, ()),
    ]:
        own, served, clock = run(command, count, pids)
        print(f"{name:36} {own:8.3f} {served:9.3f} {clock:8.3f}", flush=True)
finally:
    daemon.terminate()
    daemon.wait(timeout=10)
