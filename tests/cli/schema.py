#!/usr/bin/env python3
"""Compares `flam schema` with an independent validator and with flam itself: schema.py FLAM SOURCE_DIR

Every shipped config must be valid, both as written and resolved; invalid configs must be refused by the schema and by flam.
Exit status 77: jsonschema or PyYAML is missing.
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing} (Debian: python3-jsonschema and python3-yaml)")
    sys.exit(77)

FLAM, SOURCE = sys.argv[1], sys.argv[2]
failures = []


def flam(*arguments):
    return subprocess.run([FLAM, *arguments], capture_output=True, text=True)


def validator_of(*options):
    schema = json.loads(flam("schema", *options).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read(path):
    with open(path, encoding="utf-8") as opened:
        return yaml.safe_load(opened)


def shipped():
    for folder, _, files in os.walk(f"{SOURCE}/configs"):
        for name in sorted(files):
            if name.endswith(".yaml"):
                yield os.path.join(folder, name)


def expect_valid(validator, tree, name):
    for error in validator.iter_errors(tree):
        failures.append(f"{name}: {list(error.absolute_path)}: {error.message[:300]}")


files, whole, experiments = validator_of(), validator_of("--whole"), validator_of("--experiment")
count = 0
for path in shipped():
    count += 1
    if "/experiments/" in path:
        expect_valid(experiments, read(path), path)
        continue
    expect_valid(files, read(path), path)
    resolved = flam("config", path, "--json")
    if resolved.returncode == 0:  # parts without a model don't stand alone
        expect_valid(whole, json.loads(resolved.stdout), path + ", resolved")
if count < 15:
    failures.append(f"only {count} configs found")

BASE = "_base_: BASE/flamingo_mini/flamingo_mini_vqa.yaml\n"
WRONG = {
    "unknown key": BASE + "modell: {}",
    "unknown part": BASE + "model: {resampeler: {type: perceiver}}",
    "unknown type": BASE + "model: {resampler: {type: perceiverr}}",
    "unknown parameter": BASE + "model: {resampler: {num_latent: 4}}",
    "unknown parameter of a named type": BASE + "model: {resampler: {type: perceiver, num_latent: 4}}",
    "text for a number": BASE + "model: {resampler: {num_latents: many}}",
    "fraction for an integer": BASE + "model: {resampler: {num_latents: 2.5}}",
    "number for text": BASE + "model: {tokenizer: {model: 3}}",
    "out of range": BASE + "model: {resampler: {num_latents: 0}}",
    "not among the choices": BASE + "model: {adapter: {text_sees: everything}}",
    "list for a map": BASE + "model: []",
    "map for a list": BASE + "transforms: {type: resize_edge, edge: 80}",
    "transform without type": BASE + "transforms: [{edge: 80}]",
    "background of two numbers": BASE + "pictures: {background: [0, 0]}",
    "background out of range": BASE + "pictures: {background: [0, 0, 256]}",
    "unknown orientation": BASE + "pictures: {orientation: upright}",
    "wrong generation": BASE + "generation: {num_beams: 0}",
    "unknown generation": BASE + "generation: {beams: 3}",
    "unknown key of weights": BASE + "weights: {folder: x}",
    "weights file without path": BASE + "weights: {files: [{layout: []}]}",
    "layout rule without slot": BASE + "weights: {files: [{path: x, layout: [{prefix: y}]}]}",
    "learning rate of 0": BASE + "train: {trained: {'*': 0}, output: x}",
    "unknown objective": BASE + "train: {objectives: [images], trained: {'*': 1}, output: x}",
    "unknown task head": BASE + "train: {task_heads: [{type: vqaa}], trained: {'*': 1}, output: x}",
    "unknown selection of shots": BASE + "shots: {dataset: {type: scenes}, selection: furthest}",
    "unknown dataset of shots": BASE + "shots: {dataset: {type: sceness}}",
    "base that is a number": "_base_: 3",
}
with tempfile.TemporaryDirectory() as folder:
    for name, text in WRONG.items():
        path = os.path.join(folder, "wrong.yaml")
        text = text.replace("BASE", f"{SOURCE}/configs")
        with open(path, "w", encoding="utf-8") as opened:
            opened.write(text + "\n")
        if files.is_valid(yaml.safe_load(text)):
            failures.append(f"the schema takes a config with {name}")
        refused = flam("config", path)
        if refused.returncode != 2:
            failures.append(f"flam takes a config with {name}: status {refused.returncode} {refused.stderr}")

good = json.loads(flam("config", "flamingo_mini_vqa", "--json").stdout)
for name in ["model", "model.resampler", "model.resampler.type", "model.tokenizer.model", "weights.files.0.path"]:
    tree = json.loads(json.dumps(good))
    at, steps = tree, name.split(".")
    for step in steps[:-1]:
        at = at[int(step)] if step.isdigit() else at[step]
    del at[steps[-1]]
    if whole.is_valid(tree):
        failures.append(f"the schema of whole configs takes one without {name}")
for name, tree in {
    "no base": {"variants": []},
    "a variant without name": {"base": "x", "variants": [{}]},
    "an unknown key": {"base": "x", "variant": []},
    "no seeds": {"base": "x", "seeds": []},
    "an empty axis": {"base": "x", "grid": {"model.resampler.depth": []}},
}.items():
    if experiments.is_valid(tree):
        failures.append(f"the schema of experiments takes one with {name}")

print("\n".join(failures) if failures else f"{count} configs valid, {len(WRONG)} wrong ones refused")
sys.exit(1 if failures else 0)
