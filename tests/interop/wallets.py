"""Wallets written by btd opened by the Python wallets, and theirs by btd.

Run with the interpreter of an environment that has bittensor-wallet or bittensor 11:
`python wallets.py PATH/TO/wallet_fixture [VECTORS]`. Prints one line per direction, and with the
golden wallets.json a table of its files; fails on the first difference. Nothing outside of a
temporary directory is touched.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

PASSWORD = "interop Pässword 1"
FIXTURE = sys.argv[1]
VECTORS = sys.argv[2] if len(sys.argv) > 2 else None
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


def opened(root, name, path, password):
    """The address of a key file as the Python package opens it, or None if it does not."""
    try:
        if path == "coldkey":
            return Wallet(name=name, path=root).get_coldkey(password=password).ss58_address
        if path == "coldkeypub.txt":
            return Wallet(name=name, path=root).coldkeypub.ss58_address
        hotkey = path.removeprefix("hotkeys/")
        if hotkey.endswith("pub.txt"):
            return Wallet(name=name, hotkey=hotkey.removesuffix("pub.txt"), path=root).hotkeypub.ss58_address
        return Wallet(name=name, hotkey=hotkey, path=root).get_hotkey(password=password).ss58_address
    except Exception:  # The class differs from release to release.
        return None


def golden_table(vectors):
    """Every golden file: read by us and by them, and, written again by us, read by them."""
    wallets = json.loads(pathlib.Path(vectors).read_text())["wallets"]
    with tempfile.TemporaryDirectory() as theirs, tempfile.TemporaryDirectory() as ours:
        passwords = {}
        for wallet in wallets:
            for file in wallet["files"]:
                path = pathlib.Path(theirs, wallet["id"], file["relpath"])
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(bytes.fromhex(file["data_hex"]))
                if file["password"] is not None:
                    passwords[f"{wallet['id']}/{file['relpath']}"] = file["password"]
        report = fixture("rewrite", theirs, ours, given=json.dumps(passwords))
        print(f"{'file':48} {'encryption':14} {'read by btd':12} {'read by them':13} written by btd, read by them")
        for wallet in wallets:
            for file in wallet["files"]:
                name, path, address = wallet["id"], file["relpath"], file["expected"]["ss58"]
                secret = report.get(f"{name}/{path}")
                assert secret in (address, None) and (secret or path.endswith("pub.txt")), f"{name}/{path}"
                read = opened(theirs, name, path, file["password"])
                assert read in (address, None), f"{name}/{path}"
                # The Rust wallets cannot read their own oldest format; what we write of it is current.
                assert read or file["encryption"] == "fernet", f"{name}/{path} is not read by {PEER}"
                assert opened(ours, name, path, file["password"]) == address, f"{name}/{path} of btd by {PEER}"
                says = ["yes" if read else "no", "yes"]
                print(f"{name + '/' + path:48} {file['encryption']:14} {'yes':12} {says[0]:13} {says[1]}")
    print(f"{PEER} and btd: {sum(len(wallet['files']) for wallet in wallets)} golden files, both ways")


def native_is_refused():
    """What btd alone reads is an error elsewhere, and not another key."""
    with tempfile.TemporaryDirectory() as root:
        fixture("native", root)
        assert opened(root, "native", "coldkey", PASSWORD) is None
        os.remove(pathlib.Path(root, "native/coldkeypub.txt"))
        assert opened(root, "native", "coldkey", PASSWORD) is None
    print(f"{PEER} refuses the native encryption of btd")


def sealed_boxes():
    """Messages to an ed25519 key, opened by the other."""
    try:
        from bittensor_wallet import Keypair
    except ImportError:
        print(f"{PEER}: sealed boxes are its command line's alone")
        return
    alice = Keypair.create_from_uri("//Alice", crypto_type=0)
    sealed = bytes(Keypair.encrypt_for(alice.ss58_address, b"interop"))
    report = fixture("box", "//Alice", given=sealed.hex())
    assert bytes.fromhex(report["opened"]) == b"interop"
    assert bytes(alice.decrypt(bytes.fromhex(report["sealed"]))) == b"interop"
    print(f"{PEER} and btd open each other's sealed boxes")


native_is_refused()
sealed_boxes()
if VECTORS:
    golden_table(VECTORS)
