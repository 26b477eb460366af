#!/usr/bin/env python3
"""Runs `flam infer` again and again, each time with one failing call: an allocation, open, read, write or mmap.

torture.py FLAM SHIM [--count N] [--seed S] [--all] [-- ARGUMENTS of flam]

Each run must end by itself within the time limit, with status 0 and the same answer (the failure was harmless), or
with status 1 or 2 and a line that begins with "error:". It must leave no receipt or a complete one.
"""
import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile

# Some libraries don't check every pointer that they allocate or every file that they read: oneDNN and cpuinfo within
# libtorch, and GDAL, which Debian's OpenCV sets up with its codecs. Crashes in code that isn't ours are counted but are no
# failure.
ELSEWHERE = "crashed in another library"
KINDS = ["alloc", "open", "read", "write", "mmap"]


def run(command, shim, folder, **variables):
    receipt = os.path.join(folder, "receipt.json")
    if os.path.exists(receipt):
        os.remove(receipt)
    environment = dict(os.environ, LD_PRELOAD=shim, OMP_NUM_THREADS="1", **variables)
    ended = subprocess.run(command + ["--receipt", receipt], env=environment, capture_output=True, timeout=120, check=False)
    return ended, receipt


def crashed_elsewhere(ended, error, flam):
    """Whether a run was ended by a library that belongs to neither `flam`'s installation nor the C++ runtime."""
    crash = re.search(r"^crashed in (/.*)$", error, re.MULTILINE)
    if ended.returncode not in (128 + signal.SIGSEGV, 128 + signal.SIGABRT) or not crash:
        return False
    ours = os.path.dirname(os.path.dirname(os.path.realpath(flam)))
    library = os.path.realpath(crash.group(1))
    runtime = os.path.basename(library).startswith(("libc.so", "libstdc++", "libm.so", "ld-linux"))
    return not runtime and not library.startswith(ours + os.sep)


def problem_of(ended, receipt, folder, answer, flam):
    """The way in which a run with a failing call misbehaved; None if it did not."""
    error = ended.stderr.decode(errors="replace")
    if crashed_elsewhere(ended, error, flam):
        return ELSEWHERE
    if ended.returncode not in (0, 1, 2):
        return f"ended with {ended.returncode}: {error[:2000]}"
    if ended.returncode == 0 and ended.stdout != answer:
        return f"status 0 with another answer: {ended.stdout[-300:]!r}"
    if ended.returncode != 0 and not any(line.startswith("error:") for line in error.splitlines()):
        return f"status {ended.returncode} without an error: {error[-300:]!r}"
    if os.path.exists(receipt):
        try:
            with open(receipt, encoding="utf-8") as file:
                json.load(file)
        except ValueError as broken:
            return f"half a receipt: {broken}"
    left = set(os.listdir(folder)) - {"receipt.json", "count"}
    return f"left {sorted(left)} behind" if left else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flam")
    parser.add_argument("shim")
    parser.add_argument("--count", type=int, default=20, help="failures of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all", action="store_true", help="every call, once")
    parser.add_argument("arguments", nargs="+")
    options = parser.parse_args()
    command = [options.flam] + options.arguments
    randomness = random.Random(options.seed)
    found = []
    runs = elsewhere = 0
    with tempfile.TemporaryDirectory() as folder:
        count = os.path.join(folder, "count")
        ended, _ = run(command, options.shim, folder, FLAM_COUNT=count)
        if ended.returncode != 0:
            sys.exit(f"without any failure: {ended.stderr.decode()}")
        with open(count, encoding="utf-8") as file:
            totals = {line.split()[0]: int(line.split()[1]) for line in file}
        print("calls:", totals)
        answer = ended.stdout
        for kind in KINDS:
            total = totals[kind]
            if total == 0:
                sys.exit(f"not one call of {kind} was seen: the shim does not work")
            chosen = range(total) if options.all else randomness.sample(range(total), min(options.count, total))
            for number in sorted(chosen):
                runs += 1
                try:
                    ended, receipt = run(command, options.shim, folder, FLAM_FAIL=f"{kind} {number}")
                    problem = problem_of(ended, receipt, folder, answer, options.flam)
                except subprocess.TimeoutExpired:
                    problem = "did not end"
                if problem == ELSEWHERE:
                    elsewhere += 1
                elif problem:
                    found.append(f"{kind} {number}: {problem}")
                    print(found[-1], flush=True)
    print(f"{runs} runs, {len(found)} misbehaved, {elsewhere} crashed in other libraries")
    sys.exit(1 if found else 0)


main()
