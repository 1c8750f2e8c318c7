"""bittensor 11's signed requests (`http_auth`) at our axon, and one of another's making at its own verifier.

Run with the interpreter of an environment that has bittensor 11:

    python sdk11_auth.py IP PORT HOTKEY [--uri //Bob]
        asks the axon of HOTKEY as the development key; prints one line per check and fails on the
        first that does not hold. The axon must admit that key, and answer `Prompt` of client_neuron.py.
"""

import argparse
import json
import os
import tempfile
import time
import types
import urllib.error
import urllib.request

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("ip")
parser.add_argument("port", type=int)
parser.add_argument("hotkey")
parser.add_argument("--uri", default="//Bob")
ARGUMENTS = parser.parse_args()
os.environ["HOME"] = tempfile.mkdtemp()

from asked import check
from bittensor import http_auth
from bittensor.keyfiles import Keypair


def post(path, body, headers):
    request = urllib.request.Request(f"http://{ARGUMENTS.ip}:{ARGUMENTS.port}{path}", body, headers, method="POST")
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


key = Keypair.create_from_uri(ARGUMENTS.uri)
wallet = types.SimpleNamespace(hotkey=key, coldkey=key, hotkeypub=key, coldkeypub=key)


def signed(path, body, **how):
    how.setdefault("receiver_ss58", ARGUMENTS.hotkey)
    return http_auth.sign(wallet, method="POST", path=path, body=body, **how)


body = json.dumps({"messages": [{"content": "hello from 11"}], "temperature": 0.5}).encode()
headers = signed("/Prompt", body)
status, reply = post("/Prompt", body, headers)
check("a signed request is answered", status == 200, (status, reply.get("axon", reply)))
said = f"hello from 11 @ 0.5 for {key.ss58_address}"
check("by the program behind the axon, which knows the sender", reply["completion"] == said, reply["completion"])
status, reply = post("/Prompt", body, headers)
check("once", status == 401, (status, reply))
status, reply = post("/Prompt", body + b" ", signed("/Prompt", body))
check("another body is refused", status == 401, (status, reply))
status, reply = post("/Synapse", b"{}", signed("/Prompt", b"{}"))
check("another path is refused", status == 401, (status, reply))
status, reply = post("/Prompt?x=1", body, signed("/Prompt?x=1", body))
check("a query that is signed passes", status == 200, (status, reply.get("axon", reply)))
status, reply = post("/Prompt?x=1", body, signed("/Prompt", body))
check("a query that is not is refused", status == 401, (status, reply))
status, reply = post("/Prompt", body, signed("/Prompt", body, receiver_ss58=key.ss58_address))
check("another receiver is refused", status == 401, (status, reply))
status, reply = post("/Prompt", body, signed("/Prompt", body, nonce_ns=time.time_ns() - 11 * 10**9))
check("an old request is refused", status == 401, (status, reply))
status, reply = post("/Synapse", b"{}", signed("/Synapse", b"{}"))
check("a ping is answered", status == 200, status)
print("all checks passed")
