"""Where the scripts of the story run: stages, each in a home of its own, with a daemon when one is wanted; some at a time.

Not run by itself: `story.py` says what is played. What a script prints is kept until it has ended, and printed whole with
the seconds that it took. The first that fails ends everything: what the other stages run is interrupted, and what is told
last is what the failed one printed, and the end of its daemon's log.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import traceback

PATIENCE = 1200  # seconds for one script: the golden files take some sixty key derivations
GRACE = 20  # and for one to end that is interrupted


class Ended(Exception):
    """Another stage has failed: this one goes no further."""


class Playing:
    """What all stages share: which scripts run, how many have passed, and whether one has failed."""

    def __init__(self, binaries):
        self.binaries = binaries
        self.passed = 0
        self.over = False
        self.running = set()
        self.lock = threading.Lock()

    def on(self, stages, at_once=1):
        """Plays stages, the first of them first, and so many at the same time. Whether all came to their end."""
        with concurrent.futures.ThreadPoolExecutor(at_once) as lanes:
            played = [lanes.submit(self.one, play) for play in stages]
            try:
                for stage in played:
                    stage.result()
            except BaseException:
                self.end()
                raise
        return not self.over

    def one(self, play):
        """One stage. If it is the first to fail, this is told."""
        if self.over:
            return
        stage = Stage(self)
        try:
            play(stage)
        except Ended:
            pass
        except BaseException:
            if self.end():
                failed = traceback.format_exc()
                log = stage.log.read_text(errors="replace")[-4000:] if stage.log.exists() else ""
                self.tell(f"\n-- {stage.title}\n{stage.kept}{log}{failed}FAIL {stage.title}")

    def begin(self, command, **how):
        """A script that is interrupted once a stage has failed."""
        with self.lock:
            if self.over:
                raise Ended
            process = subprocess.Popen([str(part) for part in command], **how)
            self.running.add(process)
        return process

    def gone(self, process):
        """A script that has ended."""
        with self.lock:
            self.running.discard(process)

    def end(self):
        """Lets nothing begin any more, and ends what runs. Whether nobody had said so before."""
        with self.lock:
            first, self.over = not self.over, True
            running = list(self.running)
        for process in running:
            interrupt(process)
        return first

    def tell(self, text, passed=0):
        """Prints what belongs together, and counts."""
        with self.lock:
            self.passed += passed
            print(text, flush=True)


class Stage:
    """A home in which scripts run one after the other, and the daemon there."""

    def __init__(self, playing):
        self.playing = playing
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="btd-interop"))
        self.log = self.home / "btd.log"
        self.socket = self.home / "run/btd/btd.sock"
        self.title, self.kept = "before the first script", ""
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "BTD_DEVNET__LISTEN": "127.0.0.1:0",
            # One dendrite asks 256 times at once, and may be long in signing.
            "BTD_AXON__HEADER_TIMEOUT_MS": "60000",
            "BTD_AXON__MAX_CONNECTIONS_PER_IP": "512",
            "BTD_AXON__MAX_IN_FLIGHT": "512",
            "BTD_AXON__MAX_IN_FLIGHT_PER_HOTKEY": "512",
            "BTD_AXON__RATE_BURST": "1000",
            "BTD_AXON__HOTKEY_RATE_BURST": "1000",
        }

    @contextlib.contextmanager
    def scene(self, title):
        """Something that must succeed: where it is to be printed what is seen, which is told at the end."""
        self.title, self.kept = title, ""
        self.playing.tell(f".. {title}")
        began = time.monotonic()
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as seen:
            try:
                yield seen
            finally:
                seen.seek(0)
                self.kept = "".join(f"{line}\n" for line in seen.read().splitlines())
        self.playing.tell(f"\n-- {title}\n{self.kept}-- {title}: {time.monotonic() - began:.0f} s", passed=1)
        self.title, self.kept = f"after {title}", ""

    def script(self, title, *command, patience=PATIENCE):
        """One script that must succeed."""
        with self.scene(title) as seen:
            self.run(command, seen, patience)

    def run(self, command, seen, patience=PATIENCE):
        """A command that must succeed, and what it prints."""
        # What is printed before an end by force is not lost.
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = self.playing.begin(command, env=environment, stdin=subprocess.DEVNULL, stdout=seen, stderr=seen)
        try:
            assert process.wait(timeout=patience) == 0, f"ended with {process.returncode}: {' '.join(map(str, command))}"
        finally:
            interrupt(process)
            self.playing.gone(process)

    def btctl(self, *arguments):
        """What `btctl --json` answers."""
        if self.playing.over:
            raise Ended
        command = [self.playing.binaries / "btctl", "--json", *arguments]
        done = subprocess.run(command, capture_output=True, check=False, env=self.environment, timeout=PATIENCE)
        assert done.returncode == 0, f"btctl {arguments}: {done.stderr.decode()}"
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def daemon(self, *arguments):
        """A running btd, stopped at the end: where its chain is."""
        (self.home / "run").mkdir(mode=0o700, exist_ok=True)
        with open(self.log, "a") as log:
            command = [self.playing.binaries / "btd", *arguments]
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 60
            status = [self.playing.binaries / "btctl", "status"]
            while subprocess.run(status, env=self.environment, capture_output=True).returncode != 0:
                assert process.poll() is None and time.monotonic() < deadline, "btd does not answer"
                time.sleep(0.05)
            yield f"ws://{self.btctl('status')['devnet'].removeprefix('ws://')}"
        finally:
            process.terminate()
            try:
                ended = process.wait(timeout=30)
            finally:
                process.kill()
            assert ended == 0, "btd did not stop cleanly"

    @contextlib.contextmanager
    def neuron(self, *command):
        """A program that answers synapses until its input ends: what it says of itself, and under `later`, once it has ended,
        the lines that followed. Of what goes wrong it tells in the log."""
        later = []
        command = [str(part) for part in command]
        with (
            open(self.log, "a") as log,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True) as process,
        ):
            try:
                for line in process.stdout:
                    if line.startswith("{"):
                        yield {**json.loads(line), "later": later}
                        return
                raise AssertionError(f"{command} did not start")
            finally:
                process.stdin.close()
                # What does not end then would be waited for without end.
                overdue = threading.Timer(60, process.kill)
                overdue.start()
                later.extend(process.stdout)
                process.wait()
                overdue.cancel()

    def until(self, what, holds):
        """Waits until something holds, a minute at most."""
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, what
            time.sleep(0.2)


def interrupt(process):
    """Ends a script that still runs. Interrupted, it ends the daemons that it has started."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
