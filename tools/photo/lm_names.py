#!/usr/bin/env python3
"""Writes the initial values of a photo model with a language model as its decoder, which make it spell names.

    tools/photo/lm_names.py DECODER.gguf CLASSES LAYERS SIDE OUT.safetensors

DECODER is a LLaMA model with byte-level BPE, LAYERS the decoder layers with a gated layer in front of them ("9,19,29"), and SIDE the
number of rows and columns of the feature map. The embedding of a class has six parts: four for the tokens of its name, one for its
nearest kind and one for all its kinds. The part of a token also holds the token before it, so that a gated layer can look for the
token that the text has just reached and find the next one:

- to_q is the linear map that best tells the current token from the hidden state; it is fitted on captions of all classes.
- to_kv passes the parts on. The keys of the last gated layer are the tokens before, those of the other layers the tokens themselves.
- to_out of the last gated layer is the linear map from a part to the change of the hidden state that favours its token most over all
  others (Fisher's discriminant of the output embeddings).

Needs the packages numpy, gguf and tokenizers.
"""
import sys

import gguf
import numpy as np
import tokenizers
from names import write_safetensors
from tokenizer import fail, read_classes

IMAGE_TOKEN = "<empty_output>"  # image_token of the config
PARTS = 6  # of a class: tokens_per_class of the config
NAME_PARTS = 4  # of them; a longer name has its last tokens in one part
PLACE_SCALE = 0.3  # of the word for a place, relative to a token
SHARPNESS = 24.0  # length of a query whose token is certain
LAST_SHARPNESS = 72.0  # the same in the last gated layer
PASSED_ON = {"first": 0.3, "middle": 0.5}  # factor on the parts in the gated layers before the last one
PUSH = 400.0  # length of the change in the last gated layer
KEY_NOISE = 0.02


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def shifted(vectors):
    """Where a part holds the token before its own: an embedding rotated by half of its width."""
    return np.roll(vectors, vectors.shape[-1] // 2, axis=-1)


def ridge(inputs, outputs, strength):
    return np.linalg.solve(inputs.T @ inputs + strength * np.eye(inputs.shape[1]), inputs.T @ outputs)


class Decoder:
    """The tokenizer and the layers of a LLaMA model in a GGUF file, in float32."""

    def __init__(self, file):
        reader = gguf.GGUFReader(file)
        value = {name: field.contents() for name, field in reader.fields.items()}
        if value.get("general.architecture") != "llama" or value.get("tokenizer.ggml.pre") != "smollm":
            fail(f"{file}: expected a LLaMA model with the tokenizer of SmolLM")
        self.weights = {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
                        for tensor in reader.tensors}
        self.heads = value["llama.attention.head_count"]
        self.kv_heads = value["llama.attention.head_count_kv"]
        self.theta = value["llama.rope.freq_base"]
        self.epsilon = value["llama.attention.layer_norm_rms_epsilon"]
        self.tokens = value["tokenizer.ggml.tokens"]
        self.end = value["tokenizer.ggml.eos_token_id"]
        merges = [tuple(merge.split(" ")) for merge in value["tokenizer.ggml.merges"]]
        self.bpe = tokenizers.Tokenizer(tokenizers.models.BPE({text: i for i, text in enumerate(self.tokens)}, merges))
        self.bpe.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
            [tokenizers.pre_tokenizers.Digits(individual_digits=True), tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)])

    def encode(self, text):
        return self.bpe.encode(text).ids

    def norm(self, x, name):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.epsilon) * self.weights[name + ".weight"]

    def rotated(self, x):
        """Rotary positions of [heads, tokens, width]; GGUF files keep the two numbers of a pair side by side."""
        width = x.shape[2]
        angles = np.arange(x.shape[1])[:, None] * self.theta ** (-np.arange(0, width, 2) / width)
        turned = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
        return np.stack([turned.real, turned.imag], -1).reshape(x.shape).astype(np.float32)

    def attention(self, q, k, v):
        """One text: queries, keys and values [tokens, heads · width]."""
        count = len(q)
        q = self.rotated(q.reshape(count, self.heads, -1).swapaxes(0, 1))
        k = self.rotated(k.reshape(count, self.kv_heads, -1).swapaxes(0, 1))
        k, v = (np.repeat(x, self.heads // self.kv_heads, 0) for x in (k, v.reshape(count, self.kv_heads, -1).swapaxes(0, 1)))
        scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2]) + np.triu(np.full((count, count), -1e9, np.float32), 1)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        return (scores / scores.sum(-1, keepdims=True) @ v).swapaxes(0, 1).reshape(count, -1)

    def states(self, texts, layers):
        """The hidden states in front of these layers, of all tokens of the texts one after another."""
        ends = np.cumsum([0] + [len(text) for text in texts])
        x = self.weights["token_embd.weight"][np.concatenate(texts)]
        out = {}
        for layer in range(max(layers) + 1):
            if layer in layers:
                out[layer] = x

            def linear(name, x, layer=layer):
                return x @ self.weights[f"blk.{layer}.{name}.weight"].T

            h = self.norm(x, f"blk.{layer}.attn_norm")
            qkv = [linear(name, h) for name in ("attn_q", "attn_k", "attn_v")]
            seen = [self.attention(*(part[a:b] for part in qkv)) for a, b in zip(ends, ends[1:])]
            x = x + linear("attn_output", np.concatenate(seen))
            h = self.norm(x, f"blk.{layer}.ffn_norm")
            gate = linear("ffn_gate", h)
            x = x + linear("ffn_down", gate / (1 + np.exp(-gate)) * linear("ffn_up", h))
        return out


class Names:
    """The parts of the classes."""

    def __init__(self, decoder, table):
        self.decoder, self.table = decoder, table
        embeddings = decoder.weights["token_embd.weight"]
        self.rows = unit(embeddings - embeddings.mean(0))
        self.scale = np.sqrt(self.rows.shape[1] / 2)  # a part is the sum of two unit vectors
        self.known = ([], [])  # parts, and a token that each of them holds

    def text(self, *texts):
        return unit(sum(self.rows[token] for text in texts for token in self.decoder.encode(text)))

    def parts(self):
        article = unit(sum(self.text(text) for text in (" a", " an", "a", "an")))
        end = unit(self.text(",") + self.rows[self.decoder.end])
        kind_mark = unit(np.random.default_rng(0).normal(size=self.rows.shape[1]))
        out = np.zeros((len(self.table), PARTS, self.rows.shape[1]), np.float32)
        for parts, (name, kinds) in zip(out, self.table):
            tokens = self.decoder.encode(" " + name)
            spelled = [self.rows[token] for token in tokens]
            if len(spelled) > NAME_PARTS:
                spelled[NAME_PARTS - 1:] = [unit(sum(spelled[NAME_PARTS - 1:]))]
            for i, (before, own) in enumerate(zip([article] + spelled, (spelled + [end])[:NAME_PARTS])):
                parts[i] = self.scale * (own + shifted(before))
            kinds = kinds.split(", ")
            parts[NAME_PARTS] = self.scale * (self.text(" " + kinds[0]) + shifted(self.text(" of")))
            parts[NAME_PARTS + 1] = self.scale * (unit(sum(self.text(" " + kind) for kind in kinds)) + kind_mark)
            single = tokens if len(tokens) <= NAME_PARTS else tokens[:NAME_PARTS - 1]
            pairs = list(zip(parts, single)) + [(parts[NAME_PARTS], token) for token in self.decoder.encode(" " + kinds[0])]
            for part, token in pairs:
                self.known[0].append(part)
                self.known[1].append(token)
        return out

    def places(self, side):
        """The position embeddings: none for the mean over all places, and the words for left, middle and right."""
        left, middle, right = (self.text(" " + word) for word in ("left", "middle", "right"))
        x = (np.arange(side * side) % side + 0.5)[:, None] / side
        off_middle = np.clip((abs(x - 0.5) - 0.07) / 0.14, 0, 1)
        words = (1 - off_middle) * middle + off_middle * np.where(x < 0.5, left, right)
        return np.concatenate([np.zeros((1, words.shape[1])), PLACE_SCALE * self.scale * words])

    def captions(self):
        image = [self.decoder.tokens.index(IMAGE_TOKEN)]
        return [image + self.decoder.encode(f"Output:\n{'an' if name[0] in 'aeiou' else 'a'} {name}, a kind of {kinds.split(', ')[0]}")
                for name, kinds in self.table]


def queries(names, layers):
    """For each layer, the map from the hidden state, normalised, to the embedding of the current token."""
    texts = names.captions()
    answer = np.concatenate([np.arange(len(text)) >= 4 for text in texts])
    wanted = names.rows[np.concatenate(texts)][answer]
    for layer, x in names.decoder.states(texts, layers).items():
        x = x[answer] - x[answer].mean(-1, keepdims=True)
        yield layer, ridge(x / x.std(-1, keepdims=True), wanted, 1000)


def push(names):
    """The map from a part to the direction of the last hidden state that favours its token most."""
    outputs = names.decoder.weights["token_embd.weight"] * names.decoder.weights["output_norm.weight"]
    outputs = outputs - outputs.mean(0)
    spread = outputs.T @ outputs / len(outputs)
    spread += 0.1 * np.trace(spread) / len(spread) * np.eye(len(spread))
    parts, tokens = names.known
    return ridge(np.array(parts), unit(np.linalg.solve(spread, outputs[tokens].T).T), 100)


def main(decoder_file, classes_file, layers, side, out):
    names = Names(Decoder(decoder_file), read_classes(classes_file))
    parts = names.parts()
    width = parts.shape[2]
    tensors = {"resampler.class_embedding.weight": parts.reshape(len(parts), -1),
               "resampler.position_embedding": names.places(side)}
    rng = np.random.default_rng(1)
    for layer, query in queries(names, layers):
        last = layer == layers[-1]
        own = np.eye(width)
        before = np.roll(own, width // 2, axis=1)  # undoes shifted()
        key = (before if last else own) + KEY_NOISE * rng.normal(size=own.shape)
        factor = PASSED_ON["first" if layer == layers[0] else "middle"]
        tensors.update({
            f"adapter.layers.{layer}.attn.to_q.weight": (LAST_SHARPNESS if last else SHARPNESS) * query.T,
            f"adapter.layers.{layer}.attn.to_kv.weight": np.concatenate([key, own]),
            f"adapter.layers.{layer}.attn.to_out.weight": PUSH * push(names).T if last else factor * own})
    write_safetensors(out, {name: (list(values.shape), np.float32(values).ravel()) for name, values in tensors.items()})


if __name__ == "__main__":
    if len(sys.argv) != 6:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if not sys.argv[4].isdecimal() or not all(layer.isdecimal() for layer in sys.argv[3].split(",")):
        fail(f"LAYERS are whole numbers separated by commas and SIDE is one, found {sys.argv[3]} {sys.argv[4]}")
    main(sys.argv[1], sys.argv[2], sorted(map(int, sys.argv[3].split(","))), int(sys.argv[4]), sys.argv[5])
