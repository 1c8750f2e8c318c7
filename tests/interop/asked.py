"""What the scripts beside this have in common: a check that is told, and a chain that is asked by its own methods.

Needs the standard library alone, whatever environment a script runs in.
"""

import json
import sys
import urllib.request

PATIENCE = 300  # seconds for one answer


def check(what, holds, seen):
    """Tells whether something holds, and what was seen; the first that does not hold is the end."""
    print(f"{'ok  ' if holds else 'FAIL'} {what}: {seen}", flush=True)
    if not holds:
        sys.exit(1)


class Node:
    """A node of the chain at a websocket's address, asked over HTTP at the same port."""

    def __init__(self, url):
        self.url = url.replace("ws://", "http://")

    def __call__(self, method, *params):
        """What one of its methods answers."""
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        request = urllib.request.Request(self.url, json.dumps(asked).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            answer = json.load(reply)
        assert "error" not in answer, answer
        return answer["result"]

    def head(self):
        """The number of the newest block."""
        return int(self("chain_getHeader")["number"], 16)

    def epoch(self, netuid):
        """Lets blocks pass up to the next epoch of a subnet, so that most of one is ahead."""
        asked = int(netuid).to_bytes(2, "little").hex()
        answer = self("state_call", "SubnetInfoRuntimeApi_get_next_epoch_start_block", f"0x{asked}")
        # An option of 64 bits: one byte, then the number.
        self("dev_mine", int.from_bytes(bytes.fromhex(answer[4:]), "little") - self.head())
