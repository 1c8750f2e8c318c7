"""The faucet of local networks: its proof of work, for clients that have no command for it.

`solve` finds what the call `SubtensorModule.faucet` asks for: a nonce whose seal, keccak256(sha256(nonce ++
keccak256(block hash ++ coldkey))), times the difficulty stays below 2^256 when read as a little-endian number. Its block
must be one of the last three, so let the chain stand still meanwhile. The hashes are hashlib's and pycryptodome's.
"""

import contextlib
import hashlib
import time

from Crypto.Hash import keccak

DIFFICULTY = 1_000_000
GIVEN = 1_000 * 10**9  # rao


def keccak256(data):
    return keccak.new(digest_bits=256, data=data).digest()


def seal(nonce, challenge):
    return keccak256(hashlib.sha256(nonce.to_bytes(8, "little") + challenge).digest())


def solve(block_hash, coldkey):
    """The nonce and the work for a coldkey of 32 bytes, by the hash of a block."""
    challenge = keccak256(block_hash + coldkey)
    nonce = 0
    while True:
        work = seal(nonce, challenge)
        # Most seals fail on their last two bytes.
        if work[31] == 0 and work[30] == 0 and int.from_bytes(work, "little") * DIFFICULTY < 1 << 256:
            return nonce, work
        nonce += 1


@contextlib.contextmanager
def work_on(node, coldkey):
    """The arguments of the call for a coldkey, on the head of a chain that stands still while they are found and sent.

    `node` calls the chain's own methods. The call must be sent, and not waited for, before the chain goes on.
    """
    node("dev_fault", "stallBlocks")
    head = node("chain_getHeader")
    number = int(head["number"], 16)
    block_hash = bytes.fromhex(node("chain_getBlockHash", number)[2:])
    nonce, work = solve(block_hash, coldkey)
    yield {"block_number": number, "nonce": nonce, "work": list(work)}
    node("dev_clearFaults")


def arrives(balance):
    """What `balance` tells once it tells of anything."""
    deadline = time.monotonic() + 60
    while not (found := balance()) and time.monotonic() < deadline:
        time.sleep(0.25)
    return found
