"""Wallets written by btd opened by the Python wallets, and theirs by btd.

Run with the interpreter of an environment that has bittensor-wallet or bittensor 11:
`python wallets.py PATH/TO/wallet_fixture`. Prints one line per direction; fails on the first
difference. Nothing outside of a temporary directory is touched. The golden files are compared by
`key_vectors.py`.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

PASSWORD = "interop Pässword 1"
FIXTURE = sys.argv[1]
# The libraries read their arguments, and write a configuration into the home directory.
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

try:
    import bittensor_wallet
    from bittensor_wallet import Wallet

    PEER = f"bittensor-wallet {bittensor_wallet.__version__}"
except ImportError:
    from importlib.metadata import version

    from bittensor.wallet import Wallet

    PEER = f"bittensor {version('bittensor')}"


def fixture(*words, given=PASSWORD):
    done = subprocess.run([FIXTURE, *words], input=given.encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def hexed(private_key):
    if isinstance(private_key, (bytes, bytearray)):
        return bytes(private_key).hex()
    return str(private_key).removeprefix("0x")


def compare(where, ours, theirs):
    assert theirs.ss58_address == ours["address"], where
    assert theirs.crypto_type == {"ed25519": 0, "sr25519": 1}[ours["scheme"]], where
    private_key = getattr(theirs, "private_key", None)
    if private_key is not None:
        assert hexed(private_key) == ours["private_key"], where
    assert theirs.verify(b"interop", bytes.fromhex(ours["signature"])), where


def open_all(wallet, name, report, hotkey):
    cold, hot = report[f"{name}/coldkey"], report[f"{name}/hotkeys/{hotkey}"]
    compare(f"{name} coldkey", cold, wallet.get_coldkey(password=PASSWORD))
    compare(f"{name} hotkey", hot, wallet.hotkey)
    assert wallet.coldkeypub.ss58_address == cold["address"]
    assert wallet.hotkeypub.ss58_address == hot["address"]
    try:
        wallet.get_coldkey(password="not it")
    except Exception as error:  # The class differs from release to release.
        assert "password" in str(error).lower(), error
    else:
        raise AssertionError("a wrong password opened the coldkey")


with tempfile.TemporaryDirectory() as root:
    report = fixture("write", root)
    for name in ("sr", "ed"):
        open_all(Wallet(name=name, hotkey="Hot.Key", path=root), name, report, "Hot.Key")
    print(f"{PEER} opens the wallets of btd: {len(report)} keys")

with tempfile.TemporaryDirectory() as root:
    for name, scheme in (("sr", 1), ("ed", 0)):
        wallet = Wallet(name=name, hotkey="theirs", path=root)
        wallet.create_new_coldkey(
            n_words=18, use_password=True, suppress=True, coldkey_password=PASSWORD, crypto_type=scheme
        )
        wallet.create_new_hotkey(n_words=12, use_password=False, suppress=True, crypto_type=scheme)
    report = fixture("read", root)
    assert len(report) == 4, report
    for name in ("sr", "ed"):
        assert len(report[f"{name}/coldkey"]["mnemonic"].split()) == 18
        open_all(Wallet(name=name, hotkey="theirs", path=root), name, report, "theirs")
    print(f"btd opens the wallets of {PEER}: {len(report)} keys")


def opens(root):
    """Whether the Python package opens the coldkey there."""
    try:
        return Wallet(name="native", path=root).get_coldkey(password=PASSWORD) is not None
    except Exception:  # The class differs from release to release.
        return False


def native_is_refused():
    """What btd alone reads is an error elsewhere, and not another key."""
    with tempfile.TemporaryDirectory() as root:
        fixture("native", root)
        assert not opens(root)
        os.remove(pathlib.Path(root, "native/coldkeypub.txt"))
        assert not opens(root)
    print(f"{PEER} refuses the native encryption of btd")


native_is_refused()
