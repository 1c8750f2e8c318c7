"""What the bench `metagraph` measures, by the bittensor 10 or 11 of this interpreter, from the same chain.

    python metagraph_peer.py ENDPOINT

Prints the time of this process's processor for each: the median of five.
"""

import os
import statistics
import sys
import tempfile
import time
from importlib.metadata import version

ENDPOINT = sys.argv[1]
# bittensor 10 reads the command line, and saves below the home directory.
sys.argv = sys.argv[:1]
os.environ["HOME"] = tempfile.mkdtemp(prefix="btd-bench")

import bittensor

MAJOR = version("bittensor").split(".")[0]


def timed(what, work):
    work()
    times = []
    for _ in range(5):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    print(f"{f'bittensor {MAJOR}: {what}':44} {statistics.median(times) * 1000:>10.3f}ms")


chain = bittensor.Subtensor(ENDPOINT)
if MAJOR == "10":
    timed("neurons_lite", lambda: chain.neurons_lite(1))
    timed("metagraph", lambda: chain.metagraph(1))
    graph = chain.metagraph(1)
    timed("save to a file", graph.save)
    timed("load of a file", graph.load)
else:
    timed("metagraph", lambda: chain.subnets.metagraph(1))
    print(f"{f'bittensor {MAJOR}: save, load':44} {'none':>12}")
