"""A daemon with a development chain of its own, and how the storage of two such chains is compared.

Not run by itself: `same_story.py` starts two, `read_cost.py` one. Needs `xxhash`, which every Substrate client for Python brings along.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.request

import xxhash

PATIENCE = 300  # seconds for one command


class World:
    """One daemon with its chain, in a home of its own. The chain makes a block for each extrinsic, and none otherwise."""

    def __init__(self, name, binaries):
        self.binaries = pathlib.Path(binaries).absolute()
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"btd-{name}"))
        (self.home / "run").mkdir(mode=0o700)
        self.url = None
        self.pid = None
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "BTD_DEVNET__LISTEN": "127.0.0.1:0",
            # btcli wraps JSON like any text, within words too.
            "COLUMNS": "20000",
            "NO_COLOR": "1",
            "TERM": "dumb",
        }

    @contextlib.contextmanager
    def running(self):
        log = self.home / "btd.log"
        command = [self.binaries / "btd", "--network", "devnet", "--block-time", "instant"]
        with open(log, "w") as output:
            process = subprocess.Popen(command, env=self.environment, stdout=output, stderr=output)
        self.pid = process.pid
        try:
            deadline = time.monotonic() + 60
            while self.run(self.binaries / "btctl", "status").returncode != 0:
                assert process.poll() is None and time.monotonic() < deadline, "btd does not answer"
                time.sleep(0.05)
            self.url = f"ws://{self.btctl('status')['devnet'].removeprefix('ws://')}"
            yield self
        except BaseException:
            print(log.read_text()[-4000:], flush=True)
            raise
        finally:
            process.terminate()
            try:
                ended = process.wait(timeout=30)
            finally:
                process.kill()
            assert ended == 0, "btd did not stop cleanly"

    def run(self, *command):
        """One command; what became of it."""
        return subprocess.run(
            list(map(str, command)),
            capture_output=True,
            check=False,
            cwd=self.home,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=PATIENCE,
        )

    def btctl(self, *words):
        """What `btctl --json` answers."""
        done = self.run(self.binaries / "btctl", "--json", *words)
        assert done.returncode == 0, f"btctl {words}: {done.stderr}"
        return json.loads(done.stdout)

    def node(self, method, *params):
        """What the chain's own methods answer."""
        request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
        url = self.url.replace("ws://", "http://")
        request = urllib.request.Request(url, request, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            answer = json.load(reply)
        assert "error" not in answer, answer
        return answer["result"]

    def head(self):
        return int(self.node("chain_getHeader")["number"], 16)

    def signed(self, number):
        """The signed extrinsics of a block: whose each is, how many bytes it has, and which fee it paid."""
        raw = self.node("chain_getBlock", self.node("chain_getBlockHash", number))["block"]["extrinsics"]
        read = self.btctl("query", "block", number)["extrinsics"]
        # Before the signer there are the length in two bytes, the version, and the form of the address.
        return [
            {"signer": text[10:74], "length": len(text) // 2 - 1, "fee": int(known["fee"] or 0), "call": known["call"]}
            for text, known in zip(raw, read, strict=True)
            if known["signer"]
        ]

    def storage(self):
        """All storage at the newest block: value by key."""
        keys, last = [], None
        while page := self.node("state_getKeysPaged", "0x", 1000, last):
            keys += page
            last = page[-1]
        values = {}
        for start in range(0, len(keys), 500):
            (found,) = self.node("state_queryStorageAt", keys[start : start + 500])
            values |= dict(found["changes"])
        return values

    def items(self):
        """The storage items of the runtime, by the 32 bytes with which their keys begin."""
        hashed = {}
        for pallet in self.btctl("query", "metadata")["items"]:
            if pallet["kind"] != "pallet":
                continue
            for item in self.btctl("query", "metadata", pallet["name"])["items"]:
                if item["kind"] == "storage":
                    key = twox_128(pallet["name"]) + twox_128(item["name"])
                    hashed[key] = f"{pallet['name']}.{item['name']}"
        return hashed


def twox_128(text):
    """How Substrate hashes the names of pallets and storage items, in hexadecimal."""
    return b"".join(xxhash.xxh64_intdigest(text.encode(), seed).to_bytes(8, "little") for seed in (0, 1)).hex()


def difference(one, other):
    """What the storage of two worlds of one runtime differs in: by item the keys with both values, and how many are equal."""
    named = one.items()
    here, there = one.storage(), other.storage()
    found, equal = {}, 0
    for key in here.keys() | there.keys():
        values = (here.get(key), there.get(key))
        if values[0] == values[1]:
            equal += 1
            continue
        item = named.get(key[2:66], key)
        found.setdefault(item, []).append((key[66:], *values))
    return found, equal
