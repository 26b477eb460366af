#!/usr/bin/env python3
"""Makes the tokenizer of the photo models: a SentencePiece model in which each class and kind is one token.

    tools/photo/tokenizer.py CLASSES OUT.model

Needs the packages sentencepiece and protobuf. A name is a single token, so that no answer mixes two names. It is a unigram
model, whose encoding has the smallest sum of costs: every name and word costs 1 and a single character 10, so the longest
names are preferred.
"""
import io
import sys

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

# Words of prompts, captions, questions and answers, in lower case; each is also there with a capital.
WORDS = """a an and any animal answer are at caption can contain describe do does how in is it kind left many middle name no
object of on one or output perhaps photo picture question right see short show shows some something thing things this that
the there two what what's where which yes you""".split()
MARKS = list("?,.:!'-")


def fail(message):
    print(message, file=sys.stderr)
    sys.exit(2)


def read_classes(path):
    """The rows (name, kinds) of a file of classes."""
    rows = []
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            row = line.rstrip("\r\n").split("\t")
            if len(row) != 2 or not row[0].strip() or not row[1].strip():
                fail(f"{path}:{number}: expected a name, a tab and at least one kind, found {line.rstrip()!r}")
            if row[0] in (name for name, _ in rows):
                fail(f"{path}:{number}: {row[0]!r} is already the name of another class")
            rows.append(row)
    if not rows:
        fail(f"{path} has no classes")
    return rows


def main(classes_file, out):
    rows = read_classes(classes_file)
    names = [name for name, _ in rows]
    kinds = sorted({kind for _, of in rows for kind in of.split(", ")})
    words = [form for word in WORDS for form in (word, word.capitalize())]

    # Trained only for its normalisation rules.
    trained = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(names + kinds), model_writer=trained, vocab_size=400, hard_vocab_limit=False,
        byte_fallback=True, normalization_rule_name="nmt_nfkc", bos_id=1, eos_id=2, unk_id=0, pad_id=-1,
        num_threads=1, minloglevel=2)
    model = sentencepiece_model_pb2.ModelProto.FromString(trained.getvalue())
    kind_of = sentencepiece_model_pb2.ModelProto.SentencePiece
    special = [piece for piece in model.pieces if piece.type in (kind_of.UNKNOWN, kind_of.CONTROL, kind_of.BYTE)]
    pieces = dict.fromkeys(["\u2581" + text.replace(" ", "\u2581") for text in names + kinds + words], -1.0)
    # After an added token, a word has no space before it.
    pieces.update(dict.fromkeys(["Output", "Question", *MARKS], -1.0))
    for character in ["\u2581", *map(chr, range(33, 127))]:
        pieces.setdefault(character, -10.0)
    del model.pieces[:]
    model.pieces.extend(special)
    for text, score in pieces.items():
        model.pieces.add(piece=text, score=score)
    model.trainer_spec.vocab_size = len(model.pieces)
    model.trainer_spec.ClearField("input")
    tokenizer = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
    for name in names + kinds:
        if len(tokenizer.encode(name)) != 1:
            fail(f"{classes_file}: {name!r} can't be made one token, because the tokenizer reads it as "
                 f"{tokenizer.decode(tokenizer.encode(name))!r}; rename it (plain letters, single spaces)")
    with open(out, "wb") as file:
        file.write(model.SerializeToString())
    print(len(model.pieces))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
