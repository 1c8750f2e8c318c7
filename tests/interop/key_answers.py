"""Answers questions about keys with the Python package of this environment.

Run with the interpreter of an environment that has bittensor-wallet or bittensor 11:
`python key_answers.py`. A JSON array of questions on standard input, an array of answers on
standard output, as the example `key_answers` of btd-keys gives them: an object, or `{"error": …}`
where the package refuses, or `{"absent": …}` where it has no function for it. `key_vectors.py`
asks both. Test keys only: this prints secrets.
"""

import ctypes
import json
import os
import pathlib
import sys
import tempfile

QUESTIONS = json.load(sys.stdin)
# The packages write on standard output, read their arguments, ask at standard input, and write a
# configuration into the home directory.
ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

try:
    from bittensor_wallet import Keyfile, Keypair, keyfile as files

    core = None
except ImportError:
    import bittensor_core as core
    import bittensor_core as files
    from bittensor.keyfiles import Keyfile, Keypair


class Absent(Exception):
    """The package has no such function."""


def hexed(data):
    return "0x" + bytes(data).hex()


def key_of(source):
    scheme = source["crypto_type"]
    if "mnemonic" in source:
        return Keypair.create_from_mnemonic(source["mnemonic"], scheme)
    if "uri" in source:
        return Keypair.create_from_uri(source["uri"], scheme)
    if "seed" in source:
        seed = source["seed"]
        return Keypair.create_from_seed(bytes.fromhex(seed.removeprefix("0x")) if core else seed, scheme)
    if "private_key" in source:
        return Keypair.create_from_private_key(source["private_key"], scheme)
    return Keypair(ss58_address=source["ss58"], crypto_type=scheme)


def facts(keypair):
    """Everything that a key file of this key tells."""
    fields = json.loads(bytes(files.serialized_keypair_to_keyfile_data(keypair)))
    return {
        "ss58": fields["ss58Address"],
        "crypto_type": fields["cryptoType"],
        "public_key": hexed(keypair.public_key),
        "private_key": fields.get("privateKey"),
        "secret_seed": fields.get("secretSeed"),
        "secret_phrase": fields.get("secretPhrase"),
    }


def open_file(path, password=None):
    return facts(Keyfile(path=path, name="key").get_keypair(password=password))


def write(path, crypto_type, protection, key=None, ss58=None, password=None):
    keypair = key_of(key or {"ss58": ss58, "crypto_type": crypto_type})
    file = Keyfile(path=path, name="key")
    if protection in ("none", "nacl"):
        file.set_keypair(keypair, encrypt=protection == "nacl", overwrite=False, password=password)
        return {}
    writers = {"ansible-vault": "legacy_encrypt_keyfile_data"}
    if not hasattr(files, writers.get(protection, "")):
        raise Absent(f"no function writes {protection}")
    data = bytes(files.serialized_keypair_to_keyfile_data(keypair))
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pathlib.Path(path).write_bytes(bytes(files.legacy_encrypt_keyfile_data(data, password)))
    return {}


def decode(text):
    return {"public_key": hexed(core.ss58_decode(text) if core else Keypair(ss58_address=text).public_key)}


def encode(public_key, format):
    if core:
        return {"ss58": core.ss58_encode(bytes.fromhex(public_key.removeprefix("0x")), format)}
    if format != 42:
        # Keypair takes a format and does not use it.
        raise Absent("Keypair has addresses of format 42 only")
    return {"ss58": Keypair(public_key=public_key, ss58_format=format).ss58_address}


def environment(name):
    """A variable as the process has it: os.environ does not see what the packages set."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    value = getenv(name.encode())
    return value and value.decode()


def hide(path, password):
    file = Keyfile(path=path, name="key")
    file.save_password_to_env(password)
    name = file.env_var_name()
    return {"name": name, "value": environment(name) or os.environ[name]}


def reveal(name, value, password):
    del password  # What it should be.
    os.environ[name] = value
    return {"password": files.get_password_from_environment(name)}


def export_keystore():
    """Whether the package can write what it imports."""
    names = [name for name in dir(Keypair) if "json" in name.lower() or "export" in name.lower()]
    assert names == ["create_from_encrypted_json"], names
    raise Absent("keystores are imported only")


ANSWERERS = {
    "open": open_file,
    "write": write,
    "derive": lambda key: facts(key_of(key)),
    "words": lambda count: {"mnemonic": Keypair.generate_mnemonic(count)},
    "keystore": lambda keystore, passphrase: facts(
        Keypair.create_from_encrypted_json(json.dumps(keystore), passphrase)
    ),
    "export_keystore": export_keystore,
    "sign": lambda key, message: {"signature": bytes(key_of(key).sign(bytes.fromhex(message))).hex()},
    "sign_text": lambda key, text: {"signature": bytes(key_of(key).sign(text)).hex()},
    "verify": lambda ss58, crypto_type, message, signature: {
        "valid": key_of({"ss58": ss58, "crypto_type": crypto_type}).verify(
            bytes.fromhex(message), bytes.fromhex(signature)
        )
    },
    "seal": lambda ss58, plain: {"sealed": bytes(Keypair.encrypt_for(ss58, bytes.fromhex(plain), 0)).hex()},
    "unseal": lambda key, sealed: {"plain": bytes(key_of(key).decrypt(bytes.fromhex(sealed))).hex()},
    "decode": decode,
    "encode": encode,
    "hide": hide,
    "reveal": reveal,
}


def answer(question):
    name = question.pop("ask")
    question = {word: value for word, value in question.items() if value is not None}
    try:
        return ANSWERERS[name](**question)
    except Absent as reason:
        return {"absent": str(reason)}
    except (KeyboardInterrupt, AssertionError, KeyError, TypeError):
        # Those are ours.
        raise
    except BaseException as error:  # Panics of the Rust packages are no Exceptions.
        return {"error": f"{type(error).__name__}: {error}"}


json.dump([answer(question) for question in QUESTIONS], ANSWERS)
ANSWERS.flush()
