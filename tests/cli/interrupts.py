#!/usr/bin/env python3
"""Ends flam's commands at random moments, with SIGINT, SIGTERM and SIGKILL: interrupts.py FLAM SOURCE_DIR [ROUNDS [SEED]]

After SIGINT or SIGTERM, a command must end soon (the longest time is printed; a second on an idle machine), with status 130
or 143 unless it had already ended, and leave no incomplete file. After SIGKILL of `flam train`, `flam infer --output` or
`flam evaluate --output`, the same command must continue: the weights, predictions and scores must equal those of an
uninterrupted run, and each picture must have one answer.
"""
import filecmp
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

FLAM, SOURCE = sys.argv[1], sys.argv[2]
ROUNDS = int(sys.argv[3]) if len(sys.argv) > 3 else 2
RANDOM = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1)
SCENE = f"{SOURCE}/docs/images/scene.png"
STAGE = f"{SOURCE}/configs/_base_/train/flamingo_mini_2_text.yaml"
found = []
longest_end = [0.0]


def start(arguments):
    return subprocess.Popen([FLAM] + arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def train(output, steps=30):
    settings = [f"train.output={output}", f"train.steps={steps}", "train.batch_size=2", "train.micro_batch_size=0",
                "train.checkpoint_every=1", "train.sample_every=0"]
    return ["train", STAGE, "--threads", "1"] + [part for setting in settings for part in ("--set", setting)]


def end_at_random(name, arguments, number, longest, folder, own_status=0):
    process = start(arguments)
    time.sleep(RANDOM.uniform(0, longest))
    process.send_signal(number)
    sent = time.monotonic()
    try:
        _, error = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        found.append(f"{name}: still there 30 s after {number.name}")
        return
    took = time.monotonic() - sent
    # A signal that arrives before main() kills the process directly.
    if process.returncode not in (own_status, 128 + number, -number):
        found.append(f"{name}: status {process.returncode} after {number.name}: {error.decode()[-200:]}")
    longest_end[0] = max(longest_end[0], took)
    for file in os.listdir(folder):
        if ".part-" in file:
            found.append(f"{name}: left {file} behind")
    receipt = os.path.join(folder, "receipt.json")
    if os.path.exists(receipt):
        with open(receipt, encoding="utf-8") as opened:
            json.load(opened)
        os.remove(receipt)


def kill_infer(folder):
    pictures, output = os.path.join(folder, "pictures"), os.path.join(folder, "answers.jsonl")
    os.mkdir(pictures)
    names = [os.path.join(pictures, f"{i:02}.png") for i in range(20)]
    for name in names:
        shutil.copyfile(SCENE, name)
    kills = 0
    while not os.path.exists(output):
        process = start(["infer", "flamingo_mini_caption", pictures, "--output", output, "--batch-size", "2"])
        try:
            process.communicate(timeout=RANDOM.uniform(0.3, 2.0) if kills < 6 else 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        kills += 1
    with open(output, encoding="utf-8") as opened:
        records = [json.loads(line) for line in opened]
    if [record["id"] for record in records] != names or len({record["pred_caption"] for record in records}) != 1:
        found.append(f"infer: ended with other records after {kills} kills")
    if os.path.exists(output + ".partial"):
        found.append("infer: left a partial file")


def kill_evaluate(folder):
    def arguments(output):
        return ["evaluate", "flamingo_mini_vqa", "--limit", "60", "--batch-size", "4", "--threads", "1", "--resamples", "20",
                "--swapped", "--shots", "1", "--set", "shots={dataset: {type: scenes, split: train, size: 50, seed: 9}}",
                "--output", output]

    whole, killed = os.path.join(folder, "whole"), os.path.join(folder, "killed")
    subprocess.run([FLAM] + arguments(whole), check=True, capture_output=True)
    kills = 0
    while not os.path.exists(os.path.join(killed, "scores.json")):
        process = start(arguments(killed))
        try:
            process.communicate(timeout=RANDOM.uniform(0.3, 2.0) if kills < 6 else 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        kills += 1
    for file in ("predictions.jsonl", "blind.jsonl", "swapped.jsonl", "scores.json"):
        if not filecmp.cmp(os.path.join(whole, file), os.path.join(killed, file), shallow=False):
            found.append(f"evaluate: killed {kills} times, ended with another {file}")
    if sorted(os.listdir(whole)) != sorted(file for file in os.listdir(killed) if ".part-" not in file):
        found.append(f"evaluate: left {os.listdir(killed)}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        kill_evaluate(folder)
    with tempfile.TemporaryDirectory() as folder:
        kill_infer(folder)
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "infer": (["infer", "flamingo_mini_caption"] + 20 * [SCENE] + ["--receipt", f"{folder}/receipt.json"], 2.0),
            "describe": (["describe", "flamingo_3rdparty-zeroshot_caption"], 0.6),
            "evaluate": (["evaluate", "flamingo_mini_vqa"], 3.0),
            "features": (["features", "flamingo_mini_caption"] + 200 * [SCENE] + ["--output", f"{folder}/features"], 2.0),
            "convert": (["convert", "flamingo_mini_caption", f"{folder}/converted.safetensors"], 0.5),
            "train": (train(f"{folder}/interrupted.safetensors", 10000), 3.0),
            "doctor": (["doctor"], 0.3),
            "list": (["list"], 0.2),
            "inspect": (["inspect", "perceiver"], 0.3),
            "config": (["config", "flamingo_mini_caption"], 0.2),
            # The dump is of another model. Finding that out takes as long as verifying the right one.
            "verify": (["verify", "flamingo_mini_caption", f"{SOURCE}/tests/golden/v1_tiny/caption_0shot"], 0.5),
        }
        for name, (arguments, longest) in commands.items():
            for _ in range(ROUNDS):
                for number in (signal.SIGINT, signal.SIGTERM):
                    end_at_random(name, arguments, number, longest, folder, 2 if name == "verify" else 0)
        for file in os.listdir(folder):
            os.remove(os.path.join(folder, file))

        subprocess.run([FLAM] + train(f"{folder}/whole.safetensors"), check=True, capture_output=True)
        for attempt in range(ROUNDS):
            output = f"{folder}/killed{attempt}.safetensors"
            kills = 0
            while not os.path.exists(output):
                process = start(train(output))
                time.sleep(RANDOM.uniform(0.3, 3.0) if kills < 4 else 60)
                process.kill()
                process.communicate()
                kills += 1
            if not filecmp.cmp(output, f"{folder}/whole.safetensors", shallow=False):
                found.append(f"train: killed {kills} times, ended with other weights")
            # A complete file gets its name in two steps. A kill between them leaves the file under its temporary name.
            for file in os.listdir(folder):
                if ".part-" in file:
                    os.remove(os.path.join(folder, file))
            outputs = ["whole.safetensors"] + [f"killed{i}.safetensors" for i in range(attempt + 1)]
            if sorted(os.listdir(folder)) != sorted(outputs + [f"{name}.metrics.jsonl" for name in outputs]):
                found.append(f"train: left {os.listdir(folder)}")
    print("\n".join(found) if found else f"{ROUNDS} rounds, no failures; at most {longest_end[0]:.2f} s to end")
    sys.exit(1 if found else 0)


main()
