#!/usr/bin/env python3
"""Compares this program's transform with that of Meta's Python and Node SDKs, on the same rows and in one run.

    python3 benches/compare/compare.py [--rows N] [--rounds N]

Needs Linux, Python 3.9 or newer, Node 18 or newer with npm, and a network on the first run: it installs
facebook_business (pip, into a virtual environment) and facebook-nodejs-business-sdk (npm) below target/compare and
nothing elsewhere. Nothing is sent to Meta.

Three processes hold the rows in memory, as values of their language. In turn each makes JSON bodies of 1,000 events
of all of them, once to warm up and then once a round; what is compared is the processor time, user and system, of
all its threads. Cells for which an SDK throws are emptied for that SDK beforehand, and the time of that does not count.
"""

import argparse
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

PYTHON_SDK = ("facebook_business", "26.0.3")
NODE_SDK = ("facebook-nodejs-business-sdk", "24.0.1")

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
FOLDER = REPOSITORY / "target" / "compare"
OURS = "fbcapi"

# What may differ where both send a key, and why; of the other keys every value must agree.
WHY = {
    "ph": "the SDKs only strip symbols: no country code is added, and a trunk zero in brackets or an extension stays",
    "fn": "the SDKs keep punctuation and inner spaces",
    "ln": "the SDKs keep punctuation and inner spaces",
}
MUST_AGREE = ("em", "db", "external_id", "fbc")


class Worker:
    """A process that makes request bodies when it is told to."""

    def __init__(self, name, command, environment=None):
        self.name = name
        self.nanoseconds = []
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        ready = self.answer()
        self.refused = ready["refused"]
        # The process that was started may have started the one that works.
        self.id = ready["process"]
        clock = ctypes.c_int()
        if ctypes.CDLL(None).clock_getcpuclockid(self.id, ctypes.byref(clock)) != 0:
            sys.exit(f"the processor time of {name} cannot be read")
        self.clock = clock.value

    def answer(self):
        """Reads a line of JSON."""
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended before it answered")
        return json.loads(line)

    def tell(self, command):
        """Gives a command and waits for what comes of it."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def round(self):
        """Makes all bodies once and tells how many nanoseconds of processor time an event took."""
        before = time.clock_gettime_ns(self.clock)
        self.done = self.tell("round")
        return (time.clock_gettime_ns(self.clock) - before) / self.done["events"]

    def peak_mebibytes(self):
        """The most memory that the process has held."""
        status = Path(f"/proc/{self.id}/status").read_text(encoding="ascii", errors="replace")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) // 1024

    def end(self):
        """Lets the process end."""
        self.process.stdin.close()
        self.process.wait()


def run(command, **options):
    """Runs a command that must succeed; what it prints goes to stderr."""
    subprocess.run([str(part) for part in command], check=True, stdout=sys.stderr, **options)


def install():
    """Installs the SDKs unless they are there."""
    for program in ("cargo", "node", "npm"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not installed")
    python, node = FOLDER / f"python-{PYTHON_SDK[1]}", FOLDER / f"node-{NODE_SDK[1]}"
    if not (python / "done").exists():
        print(f"installing {'=='.join(PYTHON_SDK)} into {python.relative_to(REPOSITORY)}", file=sys.stderr)
        run([sys.executable, "-m", "venv", "--clear", python])
        run([python / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "==".join(PYTHON_SDK)])
        (python / "done").touch()
    if not (node / "done").exists():
        print(f"installing {'@'.join(NODE_SDK)} into {node.relative_to(REPOSITORY)}", file=sys.stderr)
        node.mkdir(parents=True, exist_ok=True)
        run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", node, "@".join(NODE_SDK)])
        (node / "done").touch()
    return python / "bin" / "python", node / "node_modules"


def measure(workers, rounds):
    """Lets all work in turn, each round in another order."""
    for worker in workers:
        worker.round()
    for number in range(rounds):
        turn = number % len(workers)
        for worker in workers[turn:] + workers[:turn]:
            worker.nanoseconds.append(worker.round())
            print(f"round {number + 1}: {worker.name} {worker.nanoseconds[-1]:,.0f} ns/event", file=sys.stderr)


def show_table(workers):
    """Prints who took how long."""
    ours = statistics.median(next(worker for worker in workers if worker.name == OURS).nanoseconds)
    print("| | CPU ns/event, median (min-max) | events / CPU-s | times ours | peak RSS | bytes/event |")
    print("|---|---|---|---|---|---|")
    for worker in workers:
        middle = statistics.median(worker.nanoseconds)
        spread = f"{min(worker.nanoseconds):,.0f}-{max(worker.nanoseconds):,.0f}"
        size = worker.done["bytes"] / worker.done["events"]
        print(
            f"| {worker.name} | {middle:,.0f} ({spread}) | {1e9 / middle:,.0f} | {middle / ours:.1f} "
            f"| {worker.peak_mebibytes()} MiB | {size:.0f} |"
        )


def values(event, key):
    """The values that an event gives for a key, in order."""
    given = event["user_data"].get(key)
    return sorted(given) if isinstance(given, list) else [] if given is None else [given]


def cross_check(ours, theirs):
    """Compares what the first body of each says; tells whether all agree that must."""
    is_right = True
    bodies = {worker.name: worker.tell("body")["data"] for worker in [ours, *theirs]}
    expected = bodies.pop(OURS)
    for name, events in bodies.items():
        same = all(
            one[key] == other[key]
            for one, other in zip(expected, events)
            for key in ("event_id", "event_name", "event_time", "action_source")
        )
        same = same and all(one["custom_data"].get("value") == other["custom_data"].get("value")
                            for one, other in zip(expected, events))
        is_right = is_right and same and len(events) == len(expected)
        print(f"\nThe first {len(events):,} events against {name}; ids, names, times and values "
              f"{'all agree' if same else 'DIFFER'}:")
        for key in ("em", "ph", "fn", "ln", "db", "external_id", "fbc"):
            pairs = [(values(one, key), values(other, key)) for one, other in zip(expected, events)]
            both = [(one, other) for one, other in pairs if one and other]
            agreeing = sum(one == other for one, other in both)
            alone = sum(bool(one) and not other for one, other in pairs)
            their_own = sum(bool(other) and not one for one, other in pairs)
            differing = len(both) - agreeing
            why = f": {WHY.get(key, 'THIS MUST NOT BE')}" if differing else ""
            print(f"  {key:<12} both send it {len(both):>4}, agree {agreeing:>4}, differ {differing}{why}; "
                  f"only {OURS} {alone}, only the SDK {their_own}")
            is_right = is_right and not (key in MUST_AGREE and differing)
    return is_right


def processor():
    """The name of the processor."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="how many rows are made (default: 100000)")
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds count (default: 5)")
    options = parser.parse_args()
    if options.rows < 1 or options.rounds < 1:
        parser.error("at least one row and one round are needed")
    python, modules = install()
    run(["cargo", "bench", "--bench", "compare", "--no-run"], cwd=REPOSITORY)
    rows = FOLDER / "rows.ndjson"
    environment = {"BENCH_EXPORT": str(rows), "BENCH_ROWS": str(options.rows)}
    ours = Worker(OURS, ["cargo", "bench", "--quiet", "--bench", "compare"], environment)
    theirs = [
        Worker(" ".join(PYTHON_SDK), [python, HERE / "sdk_python.py", rows]),
        Worker(" ".join(NODE_SDK), ["node", HERE / "sdk_node.js", rows, modules]),
    ]
    load = os.getloadavg()[0]
    measure([*theirs, ours], options.rounds)
    print(f"{options.rows:,} rows, {options.rounds} rounds in turn after one to warm up; "
          f"{os.cpu_count()} x {processor()}; load {load:.2f} before, {os.getloadavg()[0]:.2f} after\n")
    show_table([*theirs, ours])
    print()
    for worker in theirs:
        emptied = ", ".join(f"{count:,} {column}s" for column, count in worker.refused.items())
        print(f"{worker.name} throws on {emptied}, which were emptied for it beforehand.")
    is_right = cross_check(ours, theirs)
    for worker in [ours, *theirs]:
        worker.end()
    sys.exit(0 if is_right else 1)


main()
