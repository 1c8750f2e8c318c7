"""Every golden file about keys, read and written by btd and by the real Python packages.

`python3 key_vectors.py --venvs DIRECTORY --bin DIRECTORY`. Three parties answer the same questions:
btd, through the example `key_answers` of its crate, bittensor-wallet 4.1 and bittensor 11.3, both
through `key_answers.py` in their environments. Prints one table of files and parties. A cell counts
what came out as it must. Of reading: the golden item gave what its writer recorded, or was refused
where that is recorded. Of writing: what the party wrote was read by the others, btd's by both
packages, theirs by btd. Anything else is told below the table, and the script fails.
"""

import argparse
import pathlib
import sys
import tempfile

from key_table import Party, Row, show

HERE = pathlib.Path(__file__).resolve().parent
PUBLIC = ("ss58", "crypto_type")
FACTS = (*PUBLIC, "private_key", "secret_seed", "secret_phrase")
SCHEMES = {"ed25519": 0, "sr25519": 1}
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"


# --- key files


def wallets(row, root):
    """Key files as seven releases left them, and written again."""
    files = [
        (f"{wallet['id']}/{file['relpath']}", file) for wallet in row.golden["wallets"] for file in wallet["files"]
    ]

    def facts(path, file):
        return {name: file["expected"][name] for name in (PUBLIC if path.endswith("pub.txt") else FACTS)}

    def opening(directory, path, file):
        return {"ask": "open", "path": str(root / directory / path), "password": file["password"]}

    def writing(directory, path, file):
        fields = facts(path, file)
        question = {"ask": "write", "path": str(root / directory / path), "crypto_type": fields["crypto_type"]}
        question |= {"protection": file["encryption"], "password": file["password"]}
        sources = {"mnemonic": "secret_phrase", "seed": "secret_seed", "private_key": "private_key"}
        found = [{name: fields[field]} for name, field in sources.items() if fields.get(field)]
        return question | (
            {"key": found[0] | {"crypto_type": fields["crypto_type"]}} if found else {"ss58": fields["ss58"]}
        )

    for path, file in files:
        target = root / "golden" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(bytes.fromhex(file["data_hex"]))
    for party in PARTIES:
        items = []
        for path, file in files:
            opens = party is BTD or file["readers"][party.recorded] == "ok"
            if not opens:
                row.note(f"refuses {file['encryption']}, as recorded", "reads", parties=[party])
            items.append((path, opening("golden", path, file), facts(path, file) if opens else None))
        row.read(party, items)
        row.write(
            party,
            [
                (
                    path,
                    writing(party.title, path, file),
                    {},
                    lambda _, path=path, file=file, home=party.title: (opening(home, path, file), facts(path, file)),
                )
                for path, file in files
            ],
        )


def wallet_tolerance(row, root):
    """Odd files: each party does as recorded, and btd as SDK 11 does, with one exception."""
    for case in row.golden["cases"]:
        target = root / "odd" / case["id"] / "coldkey"
        target.parent.mkdir(parents=True)
        target.write_bytes(bytes.fromhex(case["data_hex"]))
    for party in PARTIES:
        items = []
        for case in row.golden["cases"]:
            verdict = case["readers"][PACKAGE_11.recorded if party is BTD else party.recorded]
            expected = {"ss58": verdict["ss58"]} if verdict["ok"] else None
            if case["id"] == "ss58-format-0" and party is BTD:
                expected = None
            path = str(root / "odd" / case["id"] / "coldkey")
            items.append((case["id"], {"ask": "open", "path": path, "password": case["password"]}, expected))
        row.read(party, items)
        opened = sum(expected is not None for _, _, expected in items)
        row.note(f"of these {opened} are keys and {len(items) - opened} refused, as recorded", "reads", parties=[party])
    row.note("a public key in the place of a secret one is refused, which bittensor 11 takes", "reads", parties=[BTD])
    row.note("malformed and unusual files, which nobody writes", "writes")


def keystore_json(row, _):
    """polkadot.js keystores."""
    for party in PARTIES:
        items = []
        for case in row.golden["cases"]:
            recorded = row.golden["readers"].get(party.recorded, {}).get(case["id"])
            opens = recorded is None or recorded["ok"]
            if not opens:
                row.note("panics at ed25519 keystores, as recorded", "reads", parties=[party])
            expected = {name: case["expected"][name] for name in (*PUBLIC, "private_key")} if opens else None
            question = {"ask": "keystore", "keystore": case["json"], "passphrase": case["passphrase"]}
            items += [
                (case["id"], question, expected),
                (f"{case['id']}, wrong", question | {"passphrase": "not it"}, None),
            ]
        row.read(party, items)
    row.write_by_all([("a keystore", {"ask": "export_keystore"}, {}, None)])


# --- keys and addresses


def key_derivation(row, _):
    """Mnemonics and secret URIs; what is written are new words, from which all derive the same key."""
    items = []
    for source in ("mnemonic", "uri"):
        for case in row.golden[f"{source}s"]:
            for name, scheme in SCHEMES.items():
                fields, key = case[name], {source: case[source], "crypto_type": scheme}
                # The second half of a private key is random below a soft junction.
                soft = "/" in case[source].replace("//", "")
                names = ["ss58", "public_key", "secret_seed"] + ([] if soft else ["private_key"])
                expected = None if "error" in fields else {name: fields[name] for name in names}
                items.append((f"{name} {case[source]}", {"ask": "derive", "key": key}, expected))
    row.read_by_all(items)
    lengths = [{"ask": "words", "count": count} for count in (12, 15, 18, 21, 24)]
    for party in PARTIES:
        writes = []
        for name, scheme in SCHEMES.items():
            for answer in party.ask(lengths):
                question = {"ask": "derive", "key": {**answer, "crypto_type": scheme}}
                what = f"{name}, {len(answer['mnemonic'].split())} words"
                writes.append((what, question, {}, lambda made, question=question: (question, made)))
        row.write(party, writes)
    row.note("new words of five lengths, in both schemes", "writes")


def ss58(row, _):
    """Addresses of eight formats, and odd texts."""
    for party in PARTIES:
        items = []
        for case in row.golden["encode"]:
            known = party is not PACKAGE_11 or case["format"] not in (64, 16383)
            expected = {"public_key": case["public_key"]} if known else None
            items.append((case["ss58"], {"ask": "decode", "text": case["ss58"]}, expected))
        for case in row.golden["decode"]:
            expected = {"public_key": case["keypair_public_key"]} if case["wallet_is_valid"] else None
            items.append((repr(case["text"]), {"ask": "decode", "text": case["text"]}, expected))
        row.read(party, items)
    row.note("refuses the formats 64 and 16383, which no network has, and writes them", "reads", parties=[PACKAGE_11])
    writes = []
    for case in row.golden["encode"]:
        question = {"ask": "encode", "public_key": case["public_key"], "format": case["format"]}
        read = {"ask": "decode", "text": case["ss58"]}, {"public_key": case["public_key"]}
        writes.append((case["ss58"], question, {"ss58": case["ss58"]}, lambda _, read=read: read))
    row.write_by_all(writes)


# --- signatures and messages


def signatures(row, _):
    """Signatures over bytes, over the wrapped text, and false ones."""
    items, writes = [], []
    for case in row.golden["cases"]:
        scheme = SCHEMES[case["scheme"]]
        for field, valid in case["verify"].items():
            under = 1 - scheme if field == "signature_under_other_scheme" else scheme
            signature = case.get(field, case["signature"]).removeprefix("0x")
            question = {"ask": "verify", "ss58": case["ss58"], "crypto_type": under, "message": case["message_hex"]}
            items.append((f"{field} of {case['message_hex']}", question | {"signature": signature}, {"valid": valid}))
        writes.append((case["message_hex"], *signing(case["uri"], scheme, case["ss58"], case["message_hex"])))
    row.read_by_all(items)
    row.write_by_all(writes)
    for party in (PACKAGE_4, PACKAGE_11):
        texts = []
        for case in row.golden["sign_of_python_str"]:
            text = case["text"]
            is_hex = case["accepted"] and case["is_signature_over_hex_decoded"]
            message = text.removeprefix("0x") if is_hex else text.encode().hex()
            _, _, verified = signing("//Alice", 1, ALICE, message)
            question = {"ask": "sign_text", "key": {"uri": "//Alice", "crypto_type": 1}, "text": text}
            texts.append((f"text {text}", question, {} if case["accepted"] else None, verified))
        row.write(party, texts)
    row.note("and texts, of which 0x is hex to Python alone", "writes", parties=[PACKAGE_4, PACKAGE_11])


def btcli_sign(row, _):
    """What both btcli signed."""
    items, writes = [], []
    for case in row.golden["cases"]:
        scheme, message = SCHEMES[case["scheme"]], case["message_utf8_hex"]
        for generation in ("btcli_9", "btcli_11"):
            told = case[generation]["json"]
            question = {"ask": "verify", "ss58": told["signer_address"], "crypto_type": scheme, "message": message}
            what = f"{generation}: {case['message']}"
            items.append((what, question | {"signature": told["signed_message"]}, {"valid": True}))
            items.append(
                (
                    f"{what}, changed",
                    question | {"message": message + "00", "signature": told["signed_message"]},
                    {"valid": False},
                )
            )
        writes.append(
            (case["message"], *signing(case["uri"], scheme, case["btcli_9"]["json"]["signer_address"], message))
        )
    row.read_by_all(items)
    row.write_by_all(writes)


def signing(uri, scheme, ss58, message):
    """The question for a signature, and how the others verify it."""
    verify = {"ask": "verify", "ss58": ss58, "crypto_type": scheme, "message": message}
    ask = {"ask": "sign", "key": {"uri": uri, "crypto_type": scheme}, "message": message}
    return ask, {}, lambda made: (verify | {"signature": made["signature"]}, {"valid": True})


def sealed_box(row, _):
    """Messages to an ed25519 key."""
    items, writes = [], []
    for case in row.golden["cases"]:
        key, plain = {"uri": case["uri"], "crypto_type": 0}, {"plain": case["plaintext_hex"]}
        items.append((case["uri"], {"ask": "unseal", "key": key, "sealed": case["ciphertext_hex"]}, plain))
        changed = case["ciphertext_hex"][:-2] + "00"
        items.append((f"{case['uri']}, changed", {"ask": "unseal", "key": key, "sealed": changed}, None))
        question = {"ask": "seal", "ss58": case["ed25519_ss58"], **plain}
        unseal = {"ask": "unseal", "key": key}
        writes.append((case["uri"], question, {}, lambda made, unseal=unseal, plain=plain: (unseal | made, plain)))
    row.read_by_all(items)
    row.write_by_all(writes)


def env_password(row, _):
    """Passwords in the environment."""
    items, writes = [], []
    for case in row.golden["cases"]:
        name, password = case["env_var_name"], case["password"]
        question = {"ask": "reveal", "name": name, "password": password}
        items.append((name, question | {"value": case["env_var_value"]}, {"password": password}))
        hide = {"ask": "hide", "path": case["keyfile_path"], "password": password}
        hidden = {"name": name, "value": case["env_var_value"]}
        read = question | hidden, {"password": password}
        writes.append((name, hide, hidden, lambda _, read=read: read))
    row.read_by_all(items)
    row.write_by_all(writes)
    row.note("BT_COLD_PW_ is of bittensor 6 alone, which btd reads in tests of its own", "reads")


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--venvs", type=pathlib.Path, required=True)
parser.add_argument("--bin", type=pathlib.Path, required=True)
ARGUMENTS = parser.parse_args()


def package(title, recorded, environment):
    return Party(title, recorded, ARGUMENTS.venvs.absolute() / environment / "bin/python", HERE / "key_answers.py")


BTD = Party("btd", "btd", ARGUMENTS.bin.absolute() / "examples/key_answers")
PACKAGE_4 = package("wallet 4.1", "bittensor-wallet 4.1.0", "sdk10")
PACKAGE_11 = package("bittensor 11.3", "bittensor-core 0.1.5", "sdk11")
PARTIES = [BTD, PACKAGE_4, PACKAGE_11]
FILES = [
    wallets,
    wallet_tolerance,
    keystore_json,
    key_derivation,
    ss58,
    signatures,
    btcli_sign,
    sealed_box,
    env_password,
]

made = []
for fill in FILES:
    with tempfile.TemporaryDirectory() as directory:
        made.append(Row(f"{fill.__name__}.json", PARTIES))
        fill(made[-1], pathlib.Path(directory))
sys.exit(0 if show(made) else 1)
