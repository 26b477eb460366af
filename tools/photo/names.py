#!/usr/bin/env python3
"""Writes the initial values of a photo model that make it copy names from its media tokens.

    tools/photo/names.py TOKENIZER CLASSES WIDTH ADDED LAYER SIDE OUT.safetensors

WIDTH is that of the decoder, ADDED the number of tokens that the config adds to those of TOKENIZER, and SIDE the number of
rows and columns of the feature map. The embedding of a class is the sum of those of its name and, weaker, of its kinds, each of
which is one token. The embedding of a position is that of the word for its place: left, middle or right. So the media tokens
begin in the decoder's space. The gated layer before the decoder's layer LAYER begins by passing them on as they are. Needs the
packages sentencepiece and protobuf.
"""
import array
import json
import random
import struct
import sys

import sentencepiece
from tokenizer import fail, read_classes

TOKEN_NORM = 1.0  # expected length of a token's embedding
NAME_SCALE = 8.0  # of the name in a class's embedding, relative to the name's token
KIND_SCALE = 3.0  # the same for each of its kinds
PLACE_SCALE = 3.0  # the same for the word for a place
PASSED_ON = 0.5  # factor on the media tokens in the gated layer


def write_safetensors(path, tensors):
    """`tensors` maps names to (shape, array of floats)."""
    header, at = {}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + 4 * len(values)]}
        at += 4 * len(values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            file.write(values.tobytes())


def diagonal(width, value):
    return array.array("f", (value if row == column else 0.0 for row in range(width) for column in range(width)))


def main(tokenizer_file, classes_file, width, added, layer, side, out):
    tokenizer = sentencepiece.SentencePieceProcessor(tokenizer_file)
    table = read_classes(classes_file)
    rows = tokenizer.vocab_size() + added
    rng = random.Random(0)
    tokens = array.array("f", (rng.gauss(0, TOKEN_NORM / width ** 0.5) for _ in range(rows * width)))

    def embedding(text):
        token, *others = tokenizer.encode(text)
        if others:
            fail(f"{classes_file}: {text!r} is not one token of {tokenizer_file}; make that file again with "
                 "tools/photo/tokenizer.py")
        return tokens[token * width:(token + 1) * width]

    classes = array.array("f")
    for name, kinds in table:
        parts = [(NAME_SCALE, embedding(name))] + [(KIND_SCALE, embedding(kind)) for kind in kinds.split(", ")]
        classes.extend(sum(scale * values[i] for scale, values in parts) for i in range(width))
    # A column between two places is a mixture of both. The first token, the mean over all places, has none.
    places = array.array("f", [0.0] * width)
    left, middle, right = (embedding(word) for word in ("left", "middle", "right"))
    for cell in range(side * side):
        x = (cell % side + 0.5) / side
        off_middle = min(1, max(0, (abs(x - 0.5) - 0.07) / 0.14))
        word = left if x < 0.5 else right
        places.extend(PLACE_SCALE * ((1 - off_middle) * middle[i] + off_middle * word[i]) for i in range(width))
    keys = array.array("f", (rng.gauss(0, 0.02) for _ in range(width * width)))
    write_safetensors(out, {
        f"adapter.layers.{layer}.attn.to_kv.weight": ([2 * width, width], keys + diagonal(width, 1.0)),
        f"adapter.layers.{layer}.attn.to_out.weight": ([width, width], diagonal(width, PASSED_ON)),
        "language_decoder.model.embed_tokens.weight": ([rows, width], tokens),
        "resampler.class_embedding.weight": ([len(table), width], classes),
        "resampler.position_embedding": ([1 + side * side, width], places)})


if __name__ == "__main__":
    if len(sys.argv) != 8:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if not all(number.isdecimal() for number in sys.argv[3:7]):
        fail(f"WIDTH, ADDED, LAYER and SIDE are whole numbers, found {' '.join(sys.argv[3:7])}")
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7]), sys.argv[7])
