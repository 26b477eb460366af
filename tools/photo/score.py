#!/usr/bin/env python3
"""Scores a photo model on named photos (see tools/test_photos), against the classifier that it stands on.

    tools/photo/score.py PHOTOS TEXTURES FLAM OUT [flamingo_photo|flamingo_smollm2]

PHOTOS is the folder that tools/test_photos wrote, TEXTURES a folder with brick.png, grass.png and gravel.png (those of
scikit-image, in build/flamingo_photo/photos after tools/train_photo), FLAM the program, and OUT a folder for what is computed
on the way. Prints each measure with the number of cases and a 95 % interval (Wilson), ten random captions, and the most frequent
confusions. Needs the packages numpy and Pillow.
"""
import collections
import json
import math
import pathlib
import random
import re
import subprocess
import sys

import numpy as np
from PIL import Image

CATEGORIES = ("animals", "music", "things", "tools")  # photos of one thing; the classifier knows few monuments and fishes
# The models, with the prompts of their questions.
PROMPTS = {"flamingo_photo": "<image>Question: {question} Answer:",
           "flamingo_smollm2": "<empty_output>Question: {question}\nAnswer:\n"}


def read_safetensors(path, names):
    types = {"F32": np.float32, "F16": np.float16}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        start = file.tell()
        out = {}
        for name in names:
            first, last = header[name]["data_offsets"]
            file.seek(start + first)
            values = np.frombuffer(file.read(last - first), types[header[name]["dtype"]])
            out[name] = values.astype(np.float32).reshape(header[name]["shape"])
        return out, header.get("__metadata__", {})


def interval(hits, count):
    """Wilson's 95 % interval of a share, in percent."""
    if count == 0:
        return 0, 0
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return 100 * (middle - half), 100 * (middle + half)


def show(what, hits):
    hits = list(hits)
    low, high = interval(sum(hits), len(hits))
    print(f"| {what} | {100 * sum(hits) / max(1, len(hits)):.1f} % | {low:.0f}–{high:.0f} % | {len(hits)} |")


def run(flam, *arguments):
    done = subprocess.run([flam, *arguments], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{flam} {' '.join(arguments)} failed")
    return done.stdout


class Classifier:
    """What the classifier sees in each photo."""

    def __init__(self, flam, config, photos, classes, work):
        listed = work / "listed"
        listed.mkdir(exist_ok=True)
        for old in listed.iterdir():
            old.unlink()
        for i, photo in enumerate(photos):
            (listed / f"{i:05}{photo.suffix}").symlink_to(photo.resolve())
        run(flam, "features", config, str(listed), "--output", str(work / "features.safetensors"))
        tensors, _ = read_safetensors(work / "features.safetensors", ["features"])
        weights, _ = read_safetensors(pathlib.Path(config).parent / "flamingo_photo.safetensors",
                                      ["resampler.classifier.weight", "resampler.classifier.bias"])
        logits = tensors["features"].mean(1) @ weights["resampler.classifier.weight"].T
        logits += weights["resampler.classifier.bias"]
        self.order = np.argsort(-logits, axis=1)
        top = np.take_along_axis(logits, self.order, 1)
        self.confidence = 1 / np.exp(top - top[:, :1]).sum(1)
        self.names = [[classes[c][0] for c in row[:5]] for row in self.order]
        self.kinds = [classes[row[0]][1] for row in self.order]


def named(caption):
    """The first name of a caption: "perhaps an owl or a kite, some kind of bird" names an owl."""
    text = re.sub(r"^perhaps ", "", caption)
    text = re.split(r", (?:a|some) kind of | or an? | on the left| and an? ", text)[0]
    return re.sub(r"^an? ", "", text)


def with_article(noun):
    """As the dataset classifier_maps chooses the article."""
    vowel = noun[0] in "aeiouAEIOU" and not re.match("uni|eu|Eu", noun)
    return f"{'an' if vowel else 'a'} {noun}"


def kind_question(kinds, all_kinds, rng):
    yes = rng.random() < 0.5
    kind = rng.choice(kinds)
    while not yes and kind in kinds:
        kind = rng.choice(rng.choice(all_kinds))
    return f"is it {with_article(kind)}?", "yes" if yes else "no"


def write_annotations(path, records):
    with open(path, "w") as file:
        for image, question, answer in records:
            file.write(json.dumps({"image": str(image), "question": question, "references": [answer]}) + "\n")


def evaluate(what, flam, config, path, *settings):
    out = run(flam, "evaluate", config, "--json", "--set", "metrics=[{type: exact_match}]",
              "--set", "dataset={type: image_folder, folder: /, annotations: '" + str(path.resolve()) + "'}",
              *(part for setting in settings for part in ("--set", setting)))
    scores = json.loads(out.splitlines()[-1])
    n = scores["n"]
    blind = scores["controls"]["blind"]["exact"]
    show(f"{what}; without the picture {100 * blind:.1f} %", [i < round(n * scores["scores"]["exact"]) for i in range(n)])


def small(photo):
    picture = Image.open(photo).convert("RGB")
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side)).resize((112, 112))


def paste(photos, textures, folder, rng):
    """Photos made small, on the left or on the right of a texture: (picture, name, is on the left). Then pairs of them: (picture,
    name on the left, name on the right)."""
    folder.mkdir(exist_ok=True)

    def on_texture(file, *things):
        canvas = Image.open(rng.choice(textures)).convert("RGB").resize((256, 256))
        for photo, x in things:
            canvas.paste(small(photo), (x, rng.randint(20, 124)))
        canvas.save(folder / file)
        return (folder / file).resolve()

    single, pairs = [], []
    for i, (photo, name) in enumerate(photos):
        on_left = rng.random() < 0.5
        single.append((on_texture(f"{i:05}.png", (photo, 18 if on_left else 126)), name, on_left))
        other, other_name = photos[(i + len(photos) // 2) % len(photos)]
        pairs.append((on_texture(f"{i:05}-pair.png", (photo, 14), (other, 130)), name, other_name))
    return single, pairs


def main(photo_folder, texture_folder, flam, out, model="flamingo_photo"):
    rng = random.Random(0)
    work = pathlib.Path(out)
    work.mkdir(parents=True, exist_ok=True)
    textures = [pathlib.Path(texture_folder) / name for name in ("brick.png", "grass.png", "gravel.png")]
    configs = pathlib.Path(__file__).resolve().parents[2] / "configs"
    prompt = PROMPTS[model]
    choice = (f"task_head={{type: ranking, final_prompt: {json.dumps(prompt)}, shot_prompt: {json.dumps(prompt + '{answer}')}, "
              "candidates: [on the left, on the right]}")
    with open(configs / "flamingo_photo/classes.tsv") as lines:
        classes = [(name, kinds.split(", ")) for name, kinds in (line.rstrip("\n").split("\t") for line in lines)]
    folder = pathlib.Path(photo_folder)
    with open(folder / "photos.tsv") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    classifier_config = str(configs / "flamingo_photo/flamingo_photo_caption.yaml")
    caption_config, vqa_config = (str(configs / f"{model}/{model}_{task}.yaml") for task in ("caption", "vqa"))
    for category in CATEGORIES:
        photos = [folder / file for file, of, _ in rows if of == category]
        own_names = [name for _, of, name in rows if of == category]
        seen = Classifier(flam, classifier_config, photos, classes, work)
        answers = run(flam, "infer", caption_config, *map(str, photos), "--json", "--batch-size", "16")
        captions = [json.loads(line)["pred_caption"] for line in answers.splitlines()]
        names = [named(caption) for caption in captions]
        kind_of = dict(classes)
        print(f"\n## {category}\n\n| measure | value | 95 % interval | n |\n| --- | --- | --- | --- |")
        show("name equals the classifier's top-1", (a == b[0] for a, b in zip(names, seen.names)))
        show("name in the classifier's top-5", (a in b for a, b in zip(names, seen.names)))
        show("kind right", (kind_of.get(a, [""])[0] == b[0] for a, b in zip(names, seen.kinds)))
        show("says \"perhaps\" where the confidence is below 0.2",
             (caption.startswith("perhaps") == (c < 0.2) for caption, c in zip(captions, seen.confidence)))
        questions = [(photo.resolve(), *kind_question(kinds, [k for _, k in classes], rng))
                     for photo, kinds in zip(photos, seen.kinds) for _ in range(4)]
        write_annotations(work / "kinds.jsonl", questions)
        evaluate("yes/no questions about kinds", flam, vqa_config, work / "kinds.jsonl")
        certain = [(p, n[0]) for p, n, c in zip(photos, seen.names, seen.confidence) if c >= 0.2]
        single, pairs = paste(certain, textures, work / "pasted", rng)
        write_annotations(work / "where.jsonl", [(file, f"where is the {name}?", "on the left" if left else "on the right")
                                                 for file, name, left in single])
        where = "where is a pasted photo"
        evaluate(f"{where}: left, right or in the middle", flam, vqa_config, work / "where.jsonl")
        evaluate(f"{where}: left or right", flam, vqa_config, work / "where.jsonl", choice)
        write_annotations(work / "count.jsonl",
                          [(file, "how many things are there?", count)
                           for files, count in ((single, "one"), (pairs, "two")) for file, *_ in files])
        evaluate("one or two pasted photos", flam, vqa_config, work / "count.jsonl")
        write_annotations(work / "side.jsonl", [
            (file, f"what is on the {side}?", with_article(name))
            for file, *names_of in pairs for side, name in zip(("left", "right"), names_of)])
        evaluate("the name of each of two pasted photos", flam, vqa_config, work / "side.jsonl")
        print("\nten random examples:\n")
        for i in rng.sample(range(len(photos)), min(10, len(photos))):
            print(f"- {own_names[i]}: \"{captions[i]}\" (classifier: {seen.names[i][0]}, {seen.confidence[i]:.2f})")
        wrong = collections.Counter((b[0], a) for a, b in zip(names, seen.names) if a != b[0])
        print("\nconfusions (classifier → caption):",
              "; ".join(f"{a} → {b} ×{n}" for (a, b), n in wrong.most_common(20)) or "none")


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6) or sys.argv[5:] not in ([], *([name] for name in PROMPTS)):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
