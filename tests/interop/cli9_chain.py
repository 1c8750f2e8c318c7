"""btcli 9 against the development chain: balances, subnets and hyperparameters.

Run with any Python 3: `python cli9_chain.py PATH/TO/btcli ws://127.0.0.1:9944`. Prints one line
per check; fails on the first that does not hold. The wallet and the home are throw-away.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

from asked import check

BTCLI, URL = sys.argv[1:3]
HOME = tempfile.mkdtemp()
WALLETS = os.path.join(HOME, "wallets")
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


def btcli(*arguments):
    """Standard output of one command that succeeds."""
    done = subprocess.run(
        [BTCLI, *arguments],
        capture_output=True,
        check=False,
        env={**os.environ, "HOME": HOME, "COLUMNS": "250", "NO_COLOR": "1", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=120,
    )
    if done.returncode != 0:
        check(f"btcli {' '.join(arguments)}", False, done.stdout + done.stderr)
    return done.stdout


def parsed(*arguments):
    return json.loads(btcli(*arguments, "--json-output"))


print(f"{btcli('--version').strip()} on {URL}")
network = ("--network", URL)
# A coldkey of which only the public half is known is all that reading takes.
where = ("--wallet-name", "alice", "--wallet-path", WALLETS)
btcli("wallet", "regen-coldkeypub", *where, "--ss58-address", ALICE)

text = btcli("wallet", "balance", *where, *network)
check("wallet balance", "alice" in text and re.search(r"\d[\d,]*\.\d{4}", text), "a table with alice")
balance = parsed("wallet", "balance", *where, *network)
free = balance["balances"]["alice"]["free"]
check("wallet balance --json-output", free > 100_000, free)

text = btcli("subnets", "list", *network)
check("subnets list", "root" in text and "apex" in text, "a table with root and apex")
listed = parsed("subnets", "list", *network)
check("subnets list --json-output", list(listed["subnets"])[:2] == ["0", "1"], listed["total_netuids"])

hyper = parsed("subnets", "hyperparameters", "--netuid", "1", *network)
names = {entry["hyperparameter"] for entry in hyper}
check("subnets hyperparameters --json-output", {"tempo", "kappa", "immunity_period"} <= names, len(hyper))
graph = parsed("subnets", "show", "--netuid", "1", *network, "--no-prompt")
check("subnets show --json-output", graph["netuid"] == 1 and graph["uids"], len(graph["uids"]))
print("all checks passed")
