"""bittensor 11 against the development chain: reads, transfers, also as its hardware wallets sign them, multisigs and a
crowdloan with a long purpose.

Run with the interpreter of an environment that has bittensor 11, against a chain whose block
time is at most a second: `python sdk11_chain.py ws://127.0.0.1:9944`. Prints one line per check;
fails on the first that does not hold. Uses the public development keys and a throw-away home.
"""

import os
import sys
import tempfile
from importlib.metadata import version

URL = sys.argv[1]
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp()

import bittensor
import bittensor_core
from asked import check
from bittensor import Balance, CreateCrowdloan, MultisigExecute, MultisigThreshold1, Subtensor, Transfer
from bittensor.keyfiles import Keypair

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
BOB = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
CHARLIE = "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y"
EXISTENTIAL_DEPOSIT = 500  # rao


class DevelopmentWallet:
    """A wallet whose keys are derived from a public development phrase."""

    def __init__(self, uri):
        self.name = uri
        self.coldkey = self.coldkeypub = Keypair.create_from_uri(uri)
        self.hotkey = self.hotkeypub = Keypair.create_from_uri(f"{uri}//interop-sdk11")


class HardwareSigner:
    """Signs as the package's Ledger and Vault do: over the digest of the metadata, which a `flaw` makes differ."""

    def __init__(self, keypair, flaw=0):
        self.keypair, self.flaw = keypair, flaw
        self.ss58_address, self.public_key = keypair.ss58_address, keypair.public_key
        self.crypto_type, self.ss58_format = keypair.crypto_type, keypair.ss58_format
        self.digests = []

    def sign(self, payload):
        return self.keypair.sign(payload)

    def metadata_digest(self, context):
        digest = bytes(bittensor_core.metadata_digest(
            context.metadata_bytes, context.spec_version, context.spec_name, context.ss58_format, 9, "TAO"))
        self.digests.append(bytes([digest[0] ^ self.flaw]) + digest[1:])
        return self.digests[-1]


print(f"bittensor {version('bittensor')} on {URL}")
chain = Subtensor(URL)
block = chain.block_info().number
check("connects and sees blocks", block >= 0, block)

balances = chain.balances.get_many([ALICE, BOB])
check("balances are prefunded", all(b.rao > 10**14 for b in balances.values()), balances)
check("one balance is read", chain.balances.get(ALICE).rao == balances[ALICE].rao, balances[ALICE])
deposit = chain.balances.existential_deposit()
check("constants are read", deposit.rao == EXISTENTIAL_DEPOSIT, deposit)
pace = chain.read("block_time")
check("the time between blocks is told", 0 < pace <= 1 and chain.is_fast_blocks() == (pace == 0.25), pace)

subnets = chain.subnets.all()
check("subnets 0 and 1 exist", [s.netuid for s in subnets][:2] == [0, 1], len(subnets))
subnet = chain.subnets.info(1)
check("a subnet is described", (subnet.netuid, subnet.tempo) == (1, 100), subnet)

hyper = chain.read("subnet_hyperparameters", netuid=1)
check("hyperparameters are read", hyper["tempo"] == 100 and "kappa" in hyper, len(hyper))

graph = chain.subnets.metagraph(1)
uids = [neuron.uid for neuron in graph.neurons]
check("a metagraph is read", uids == list(range(len(uids))) and uids, len(uids))

alice = DevelopmentWallet("//Alice")
amount = bittensor.tao(7.25)
plan = chain.plan(Transfer(dest_ss58=BOB, amount_tao=amount), alice)
check("a transfer is planned with its fee", 0 < plan.fee.rao < 10**7, plan.fee)
before = chain.balances.get_many([ALICE, BOB])
sent = chain.execute(Transfer(dest_ss58=BOB, amount_tao=amount), alice)
check("a transfer lands", sent.success, sent.block_hash)
after = chain.balances.get_many([ALICE, BOB])
gained = after[BOB].rao - before[BOB].rao
check("the receiver has it", gained == amount.rao, gained)
spent = before[ALICE].rao - after[ALICE].rao
check("the sender paid it and a fee", amount.rao < spent < amount.rao + 10**7, spent)

check("amounts have a unit", isinstance(after[BOB], Balance), after[BOB])

had = chain.balances.get(CHARLIE).rao
# A digest of other metadata is another payload than the chain's, so that its signature is of nothing.
for flaw in (1, 0):
    hardware = HardwareSigner(alice.coldkey, flaw)
    sent = chain.execute(Transfer(dest_ss58=CHARLIE, amount_tao=bittensor.tao(2)), hardware)
    check("the digest of the metadata is signed", len(hardware.digests) == 1, hardware.digests[0].hex())
    if flaw:
        check("another digest is refused", sent.error is not None and sent.error.name == "BadProof", sent.message)
        check("nothing was sent", chain.balances.get(CHARLIE).rao == had, chain.balances.get(CHARLIE))
    else:
        check("a transfer signed over it lands", sent.success, sent.message)
        gained = chain.balances.get(CHARLIE).rao - had
        check("it has arrived", gained == bittensor.tao(2).rao, gained)

# This client takes a call inside another one only where its type is that of all calls.
bob, call = DevelopmentWallet("//Bob"), {"op": "transfer", "dest_ss58": CHARLIE, "amount_tao": 1.5}
for threshold in (1, 2):
    account = chain.multisig([ALICE, BOB], threshold).address
    check("a multisig has an account", account not in (ALICE, BOB), account)
    paid = chain.execute(Transfer(dest_ss58=account, amount_tao=bittensor.tao(5)), alice)
    check("it is given money", paid.success, paid.block_hash)
    had = chain.balances.get(CHARLIE).rao
    if threshold == 1:
        moved = chain.execute(MultisigThreshold1(other_signatories=[BOB], call=call), alice)
    else:
        opened = chain.execute(MultisigExecute(threshold=2, other_signatories=[BOB], call=call), alice)
        check("one of two opens it", opened.success and chain.balances.get(CHARLIE).rao == had, opened.message)
        pending = chain.read("multisig", account_ss58=account, call_hash=opened.data["multisig_call_hash"])
        check("it is pending", pending["approvals"] == [ALICE], pending)
        moved = chain.execute(
            MultisigExecute(threshold=2, other_signatories=[ALICE], call=call, timepoint=pending["timepoint"]), bob
        )
    check(f"{threshold} of 2 move money", moved.success, moved.message)
    check("it is there", chain.balances.get(CHARLIE).rao - had == bittensor.tao(1.5).rao, chain.balances.get(CHARLIE))

purpose = {"op": "set_identity", "name": "n" * 100, "description": "d" * 100}
begun = chain.execute(CreateCrowdloan(
    deposit_tao=bittensor.tao(10), min_contribution_tao=bittensor.tao(1), cap_tao=bittensor.tao(20),
    end=chain.block_info().number + 60_000, call=purpose), alice)
check("a crowdloan is opened for a call of 200 bytes", begun.success, begun.message)
chain.close()
print("all checks passed")
