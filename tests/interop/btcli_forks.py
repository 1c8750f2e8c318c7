"""btcli 9 as somebody types it again and again, without reading its modules each time.

To start takes a third and more of what a command takes of a processor. Here one process reads the modules, and each
command is a fork of it, which goes on as the executable would, with the same words, input, environment and end.
`cli9_chain.py` and `shielded.py` type the executable itself.

Needs the interpreter of an environment that has btcli 9. Run by itself it is that process: it takes commands on its
standard input.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile

PATIENCE = 300  # seconds for one command


class Btcli:
    """A btcli with an environment of its own, and where it runs."""

    def __init__(self, environment, directory):
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, *words, answers=""):
        """One command, which finds `answers` on its standard input; what became of it."""
        words = list(map(str, words))
        print(json.dumps({"words": words, "answers": answers}), file=self.process.stdin, flush=True)
        became = self.process.stdout.readline()
        assert became, f"btcli {words}: the process that it is a fork of has ended"
        return subprocess.CompletedProcess(words, **json.loads(became))


def forks():
    """Lets a fork go on for each command, and tells what became of it. Comes back in the fork alone."""
    for line in sys.stdin:
        asked = json.loads(line)
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(asked["answers"].encode())
            given.seek(0)
            fork = os.fork()
            if fork == 0:
                signal.alarm(PATIENCE)
                for place, file in enumerate((given, out, err)):
                    os.dup2(file.fileno(), place)
                # What was read ahead here is not for a command.
                sys.stdin = sys.__stdin__ = open(0, closefd=False)
                sys.argv = ["btcli", *asked["words"]]
                return
            _, status = os.waitpid(fork, 0)
            became = {"returncode": os.waitstatus_to_exitcode(status)}
            for name, file in (("stdout", out), ("stderr", err)):
                file.seek(0)
                became[name] = file.read().decode()
        print(json.dumps(became), flush=True)
    sys.exit()


if __name__ == "__main__":
    # The executable does not see the scripts beside this file.
    sys.path.pop(0)
    from bittensor_cli.cli import main

    forks()
    sys.exit(main())
