#!/usr/bin/env python3
"""processes.py FLAM CONFIG: `flam train` in several processes, started as launchers start them."""
import array
import json
import os
import pathlib
import signal
import struct
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from launched import all_end, conclude, ended, expect, free_port, start  # noqa: E402

FLAM, CONFIG = sys.argv[1:]
STEPS = 12


def arguments(output, *sets, timeout=30):
    settings = (f"output={output}", f"steps={STEPS}", "batch_size=6", "micro_batch_size=2", "warmup_steps=2", "init_from=[]", "log_every=1",
                "checkpoint_every=2", "ema_decay=0.9", "seed=5", "validate_every=6", "validation_records=5",
                "validation_dataset={type: scenes, split: test, size: 20, seed: 3}", *sets)
    return [FLAM, "train", CONFIG, "--threads", "1", "--dist-timeout", str(timeout)] + [f"--set=train.{setting}" for setting in settings]


def start_all(size, output, *sets, timeout=30):
    port = free_port()
    return [start(arguments(output, *sets, timeout=timeout), rank, size, port) for rank in range(size)]


def metrics(output):
    try:
        with open(output + ".metrics.jsonl", encoding="utf-8") as file:
            return [json.loads(line) for line in file if line.endswith("\n")]
    except FileNotFoundError:
        return []


def tensors(file):
    """The float32 tensors of a safetensors file by name."""
    with open(file, "rb") as opened:
        size, = struct.unpack("<Q", opened.read(8))
        header = json.loads(opened.read(size))
        content = opened.read()
    out = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            out[name] = array.array("f", content[begin:end])
    return out


def same_run(name, one, other):
    """The losses agree within 1e-5, and what the run wrote at the end agrees, too."""
    lines, others = metrics(one), metrics(other)
    expect(len(lines) == STEPS + 2, f"{name}: {len(lines)} lines of numbers in the run of one process")
    expect([line["step"] for line in lines] == [line["step"] for line in others], f"{name}: other steps")
    for line, other_line in zip(lines, others):
        expect(line.keys() == other_line.keys(), f"{name}: {other_line}")
        for key in line.keys() - {"seconds"}:
            limit = 1e-5 if "loss/" in key or "validation/" in key else 1e-4
            expect(abs(line[key] - other_line.get(key, 1e9)) <= limit * max(1, abs(line[key])),
                   f"{name}: {key} of step {line['step']} is {other_line.get(key)} and not {line[key]}")
    for suffix in ("", ".best"):
        weights, other_weights = (tensors(output.replace(".safetensors", suffix + ".safetensors")) for output in (one, other))
        expect(weights and weights.keys() == other_weights.keys(), f"{name}: other tensors")
        worst = max(abs(a - b) for key, values in weights.items() for a, b in zip(values, other_weights.get(key, [])))
        expect(worst < 1e-3, f"{name}: weights differ by {worst}")
    expect(not os.path.exists(other + ".checkpoint"), f"{name}: the checkpoint was left")


def wait_for_steps(output, steps, process):
    while len(metrics(output)) < steps and process.poll() is None:
        time.sleep(0.01)


def test_equal_to_one_process(folder, whole):
    for size in (2, 3):  # two processes share three micro-batches unevenly
        output = os.path.join(folder, f"of_{size}.safetensors")
        errors = [error for _, _, error in all_end(f"{size} processes", start_all(size, output), 0)]
        same_run(f"{size} processes", whole, output)
        expect("step 12/12" in errors[0] and "step 12/12" not in "".join(errors[1:]), f"printed {errors}")
    files = {name for name in os.listdir(folder) if name.startswith("of_2")}
    expect(files == {"of_2.safetensors", "of_2.best.safetensors", "of_2.safetensors.metrics.jsonl"}, f"files {files}")


def test_resume_with_another_number(folder, whole):
    output = os.path.join(folder, "resumed.safetensors")
    processes = start_all(2, output)
    wait_for_steps(output, 3, processes[0])
    processes[1].send_signal(signal.SIGINT)  # one process is told, and all stop after the same step
    errors = [error for _, _, error in all_end("interrupted", processes, 130)]
    expect("the same command continues" in errors[0] and "the same command" not in errors[1], f"printed {errors}")
    expect(os.path.exists(output + ".checkpoint"), "no checkpoint was written")
    done = len(metrics(output))
    expect(3 <= done < STEPS, f"{done} steps were taken before the interruption")
    all_end("resumed", start_all(3, output), 0)
    same_run("resumed", whole, output)


def test_a_process_dies(folder, whole):
    output = os.path.join(folder, "killed.safetensors")
    processes = start_all(3, output, timeout=10)
    wait_for_steps(output, 3, processes[0])
    processes[1].kill()
    ended(processes[1])
    first, _, last = [ended(process) for process in processes]
    expect(first[0] == 1 and "rank 1 has ended without a message" in first[2], f"rank 0 of a dead process: {first}")
    expect(last[0] == 1 and "error: rank 2: " in last[2], f"rank 2 of a dead process: {last}")
    expect(not os.path.exists(output), "an output was written")
    all_end("one process continues", start_all(1, output), 0)
    same_run("one process continues", whole, output)


def test_a_process_hangs(folder):
    output = os.path.join(folder, "hangs.safetensors")
    processes = start_all(2, output, timeout=3)
    wait_for_steps(output, 2, processes[0])
    processes[1].send_signal(signal.SIGSTOP)
    first = ended(processes[0], 60)
    processes[1].kill()
    ended(processes[1])
    expect(first[0] == 1 and "rank 1 has given no sign of life for 3 s" in first[2], f"rank 0 of a process that hangs: {first}")


def test_refusals(folder):
    output = os.path.join(folder, "refused.safetensors")

    def refused(name, processes, *texts):
        errors = [error for _, _, error in all_end(name, processes, 2)]
        for text in texts:
            expect(any(text in error for error in errors), f"{name}: no {text!r} in {errors}")
        expect(not any("terminate called" in error or "frame #" in error for error in errors), f"{name}: {errors}")

    port = free_port()
    refused("other settings", [start(arguments(output, *more), rank, 2, port) for rank, more in enumerate(((), ("seed=6",)))],
            "rank 1: the processes were not started alike: train.seed is 5 for rank 0 and 6 for rank 1")
    refused("too few micro-batches", start_all(2, output, "micro_batch_size=0"),
            "a step has 1 micro-batch (`train.batch_size` 6, `train.micro_batch_size` 0), fewer than the 2 processes", "set train.micro_batch_size to 3")
    refused("too small a batch", start_all(3, output, "batch_size=2"), "start at most 2 processes")
    expect(os.listdir(folder) == [], f"files were written: {os.listdir(folder)}")
    with open(output, "wb") as file:
        file.write(b"mine")
    refused("other content", start_all(2, output), "refused.safetensors")
    with open(output, "rb") as file:
        expect(file.read() == b"mine", "a file of the user was replaced")


def main():
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as empty:
        whole = os.path.join(folder, "whole.safetensors")
        all_end("one process", start_all(1, whole), 0)
        for test, given in ((test_equal_to_one_process, (folder, whole)), (test_resume_with_another_number, (folder, whole)),
                            (test_a_process_dies, (folder, whole)), (test_a_process_hangs, (folder,)), (test_refusals, (empty,))):
            begin = time.monotonic()
            test(*given)
            print(f"{test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
    conclude()


main()
