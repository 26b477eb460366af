#!/usr/bin/env python3
"""processes.py FLAM: `flam evaluate` in several processes, started as launchers start them."""
import filecmp
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from launched import all_end, conclude, ended, expect, free_port, start  # noqa: E402

FLAM = sys.argv[1]
FILES = ("predictions.jsonl", "blind.jsonl", "swapped.jsonl", "scores.json")
LIMIT = 100  # enough that a process is killed before it has answered all


def arguments(output, *more, timeout=20, limit=LIMIT):
    return [FLAM, "evaluate", "flamingo_mini_vqa", "--limit", str(limit), "--batch-size", "2", "--threads", "1", "--resamples", "20",
            "--swapped", "--shots", "1", "--set", "shots={dataset: {type: scenes, split: train, size: 50, seed: 9}}",
            "--output", output, "--dist-timeout", str(timeout), *more]


def start_all(output, size, port, *more, timeout=20):
    return [start(arguments(output, *more, timeout=timeout), rank, size, port) for rank in range(size)]


def same_results(name, whole, output):
    for file in FILES:
        there = os.path.exists(os.path.join(output, file))
        expect(there and filecmp.cmp(os.path.join(whole, file), os.path.join(output, file), shallow=False), f"{name}: {file} differs")
    expect(sorted(os.listdir(whole)) == sorted(os.listdir(output)), f"{name}: the folder has {sorted(os.listdir(output))}")


def lines(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().count("\n")
    except FileNotFoundError:
        return 0


def wait_for_lines(path, count, process):
    """Until a file has so many lines, or the process has ended."""
    while lines(path) < count and process.poll() is None:
        time.sleep(0.01)


def answered_before(output):
    with open(os.path.join(output, "receipt.json"), encoding="utf-8") as file:
        return json.load(file)["evaluation"]["answered_before"]


def test_equal_to_one_process(folder, whole):
    output = os.path.join(folder, "equal")
    ends = all_end("4 processes", start_all(output, 4, free_port()))
    same_results("4 processes", whole, output)
    expect(f"{LIMIT} records" in ends[0][2] and "exact" in ends[0][1], f"rank 0 printed {ends[0]}")
    for rank in range(1, 4):
        expect(ends[rank][1] == "" and ends[rank][2].startswith(f"rank {rank} has answered "), f"rank {rank} printed {ends[rank]}")
    expect(answered_before(output) == 0, "answers of other processes count as answered before")
    # Nothing is left to do, and one process continues what several did.
    all_end("again", start_all(output, 2, free_port()))
    same_results("again", whole, output)
    expect(answered_before(output) == LIMIT, f"answered before: {answered_before(output)}")
    expect(subprocess.run(arguments(output), capture_output=True, check=False).returncode == 0, "one process after several")
    same_results("one process after several", whole, output)


def test_the_group_starts_again(folder, whole):
    """As torchrun: a worker dies, the others are ended, and all start again. Here, rank 0 serves the store of each start."""
    output = os.path.join(folder, "restarted")
    processes = start_all(output, 3, free_port(), "--overwrite")
    partial = os.path.join(output, "predictions.jsonl.partial.1")
    wait_for_lines(partial, 6, processes[1])
    processes[1].kill()
    for process in processes:
        process.terminate()
    ends = [ended(process) for process in processes]
    expect(ends[1][0] == -signal.SIGKILL, f"the killed process ended with {ends[1]}")
    kept = sum(lines(os.path.join(output, file)) for file in os.listdir(output) if file.startswith("predictions.jsonl.partial"))
    expect(6 <= kept < LIMIT, f"{kept} predictions were kept")
    expect(not os.path.exists(os.path.join(output, "scores.json")), "there are scores of an unfinished run")
    all_end("restarted", start_all(output, 2, free_port()))  # with fewer processes
    same_results("restarted", whole, output)
    expect(0 < answered_before(output) <= kept, f"{kept} were kept, {answered_before(output)} used")


def test_one_worker_starts_again(folder, whole):
    output = os.path.join(folder, "worker")
    port = free_port()
    processes = start_all(output, 3, port)
    wait_for_lines(os.path.join(output, "predictions.jsonl.partial.2"), 2, processes[2])
    processes[2].kill()
    ended(processes[2])
    processes[2] = start(arguments(output), 2, 3, port)
    all_end("restarted worker", processes)
    same_results("restarted worker", whole, output)


def test_a_worker_dies(folder, whole):
    """Nobody starts it again: the others take over what it leaves."""
    output = os.path.join(folder, "dead")
    processes = start_all(output, 3, free_port(), timeout=5)
    wait_for_lines(os.path.join(output, "predictions.jsonl.partial.1"), 2, processes[1])
    processes[1].kill()
    ended(processes[1])
    all_end("dead worker", [processes[0], processes[2]])
    same_results("dead worker", whole, output)


def refused(name, process, status, *texts):
    code, _, error = ended(process)
    expect(code == status, f"{name}: status {code}: {error}")
    for text in texts:
        expect(text in error, f"{name}: no {text!r} in {error!r}")
    expect("terminate called" not in error and "frame #" not in error, f"{name}: {error}")


def test_processes_that_differ(folder):
    output = os.path.join(folder, "differ")
    port = free_port()
    first = start(arguments(output), 0, 2, port)
    second = start(arguments(output, "--no-blind", "--set", "generation.max_new_tokens=3"), 1, 2, port)
    refused("other options", second, 2, "error: rank 1: the processes were not started alike: ", "blind is true for rank 0 and false for rank 1",
            "generation.max_new_tokens is 8 for rank 0 and 3 for rank 1")
    refused("other options, rank 0", first, 2, "error: rank 1: the processes were not started alike")

    port = free_port()
    first = start(arguments(output, timeout=3, limit=5000), 0, 2, port)
    second = start(arguments(output + "_other", timeout=3, limit=5000), 1, 2, port)
    refused("another folder", second, 2, "error: rank 1: the folder", "is not the one that rank 0 writes to", "--output must name a folder")
    ended(first)
    expect(not os.path.exists(output + "_other"), "a folder was made that nobody writes to")
    expect(not any(name.startswith(".shared") for name in os.listdir(output)), "the mark was left")


def test_errors_before_the_run(folder):
    output = os.path.join(folder, "none")
    cases = (
        ("rank too large", start(arguments(output), 2, 2, 4000), 2, "RANK is 2 and WORLD_SIZE is 2"),
        ("no port", start(arguments(output), 0, 2, ""), 2, "MASTER_PORT is not set"),
        ("no number", start(arguments(output), 0, "many", 4000), 2, "WORLD_SIZE is 'many'"),
        ("nobody there", start(arguments(output, timeout=1), 1, 2, free_port()), 1,
         "error: rank 1 can't reach the store of rank 0 at 127.0.0.1", "within 1 s"),
        ("no output", start([FLAM, "evaluate", "flamingo_mini_vqa", "--limit", "2"], 0, 2, 4000), 2, "name it with --output"),
        ("infer", start([FLAM, "infer", "flamingo_mini_caption", "x.png", "--output", "y.jsonl"], 1, 2, 4000), 2,
         "`flam infer --output` runs in one process"))
    for case in cases:
        refused(*case)
    expect(not os.path.exists(output), "a folder was made although nothing ran")


def main():
    with tempfile.TemporaryDirectory() as folder:
        whole = os.path.join(folder, "whole")
        subprocess.run(arguments(whole), check=True, capture_output=True)
        for test in (test_equal_to_one_process, test_the_group_starts_again, test_one_worker_starts_again, test_a_worker_dies):
            begin = time.monotonic()
            test(folder, whole)
            print(f"{test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
        for test in (test_processes_that_differ, test_errors_before_the_run):
            begin = time.monotonic()
            test(folder)
            print(f"{test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
    conclude()


main()
