"""What a read of the chain costs: `btctl subnets list` beside that of btcli 9 and btcli 11, on one development chain.

Run with an interpreter that has `xxhash`, such as that of the environment of btcli 9: `python read_cost.py --venvs DIRECTORY
--bin DIRECTORY`. All three must tell the same subnets. Prints one table: processor seconds (user and system, from start
to exit, of the command and its children) and seconds by the clock, the mean of a few runs after one that is not counted;
for btctl, what the daemon spent meanwhile is added. Fails where btctl takes more than `BOUND`, if its binary was built to
be released; any other may take a fifth of what btcli 9 takes.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

from world import World

# Processor seconds from start to exit.
BOUND = 0.010
# Of what btcli 9 takes, for a btctl that was not built to be released.
SHARE = 0.2

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--venvs", type=pathlib.Path, required=True)
parser.add_argument("--bin", type=pathlib.Path, required=True)
ARGUMENTS = parser.parse_args()
VENVS, BIN = ARGUMENTS.venvs.absolute(), ARGUMENTS.bin.absolute()
TICK = os.sysconf("SC_CLK_TCK")


def spent(pid):
    """Processor seconds of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def run(world, command, count):
    """The means of its own, the daemon's and the clock's seconds, and what it printed last."""
    rows = []
    for number in range(count + 1):
        before, start = spent(world.pid), time.monotonic()
        process = subprocess.Popen(
            list(map(str, command)), env=world.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0, f"{command}: {output.decode()}"
        if number:
            own = usage.ru_utime + usage.ru_stime
            rows.append((own, spent(world.pid) - before, time.monotonic() - start))
    return [statistics.mean(row[at] for row in rows) for at in range(3)], document(output)


def document(output):
    """The JSON of an answer. btcli 9 says on standard output too where it asks."""
    lines = output.decode().splitlines()
    begin = next(place for place, line in enumerate(lines) if line.startswith(("{", "[")))
    return json.loads("\n".join(lines[begin:]))


def netuids(told):
    """The subnets in any of the three forms."""
    if isinstance(told, dict):
        told = told["subnets"]
    return sorted(int(one) for one in told) if isinstance(told, dict) else sorted(one["netuid"] for one in told)


with World("read", BIN).running() as world:
    deadline = time.monotonic() + 60
    while world.btctl("status")["phase"] != "ready":
        assert time.monotonic() < deadline, "btd has not read its chain within a minute"
        time.sleep(0.05)
    # btcli 9 has nothing to say of a chain that has no block yet.
    world.btctl("devnet", "mine", "3")
    there, spent_by = None, {}
    print(f"{'command':38} {'CPU s':>6} {'+ daemon':>9} {'clock s':>8}")
    for name, command, count in [
        ("btctl subnets list", [BIN / "btctl", "--json", "subnets", "list"], 50),
        ("btcli 9.23.2 subnets list", [VENVS / "cli9/bin/btcli", "subnets", "list", "--network", world.url, "--json-output"], 3),
        ("btcli of bittensor 11.3.0 subnets list", [VENVS / "sdk11/bin/btcli", "subnets", "list", "--network", world.url, "--json"], 3),
    ]:
        (own, served, clock), told = run(world, command, count)
        ours = name.startswith("btctl")
        shown = f"{served:9.3f}" if ours else f"{'':9}"
        print(f"{name:38} {own:6.3f} {shown} {clock:8.3f}", flush=True)
        there = there or netuids(told)
        assert netuids(told) == there and there, f"{name} tells {netuids(told)}, and not {there}"
        spent_by[name] = own
ours, theirs = spent_by["btctl subnets list"], spent_by["btcli 9.23.2 subnets list"]
bound = BOUND if BIN.name == "release" else SHARE * theirs
assert ours <= bound, f"btctl took {ours:.4f} s of a processor, more than {bound:.4f}"
print(f"btctl is within its bound of {bound:.3f} s")
