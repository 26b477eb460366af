#!/usr/bin/env python3
"""Writes added_tokens.json: ids that the package `tokenizers` gives for texts with added tokens of every kind.

    tests/golden/added_tokens/dump_added_tokens.py [NUMBER_OF_TEXTS]

Each set of added tokens replaces that of ../bpe/gpt2/tokenizer.json. Needs `pip install tokenizers==0.23.3`.
"""
import itertools
import json
import random
import sys
from pathlib import Path

from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
FLAGS = ('lstrip', 'rstrip', 'single_word', 'normalized')
SPACES = [' ', '  ', '\n', '\t', '\u00a0', '\u3000', '\u2028', '\x1c', '\u200b']
WORDS = ['a', '_', '7', '\u00e9', 'e\u0301', '\u0301', '\u200d', '\u4e2d', '\u00b2', '\u24b6', '\U0001f642', '-', '.', 'cat', 'q', 'z', 'x']


def sets():
    """Names, contents with flags, and whether the normalizer is NFC."""
    yield 'each flag', [(f'<{flag}>', [flag]) for flag in FLAGS] + [('<plain>', [])], False
    every = [flags for n in range(len(FLAGS) + 1) for flags in itertools.combinations(FLAGS, n)]
    yield 'all combinations', [(f'<{i}>', flags) for i, flags in enumerate(every)], True
    yield 'prefixes', [('qz', ['single_word']), ('qzx', ['lstrip']), ('zx', ['rstrip']), ('xq', ['single_word', 'rstrip'])], False
    yield 'spaces', [(' ', []), ('<r>', ['rstrip']), ('<l>', ['lstrip']), (' <l>', ['lstrip']), ('\n\n', ['rstrip'])], False
    yield 'composed', [('caf\u00e9', ['normalized']), ('cafe\u0301', []), ('e\u0301', ['normalized', 'single_word']),
                       ('\u212bx', ['normalized']), ('\u00c5x', ['normalized'])], True


def whole(base, tokens, nfc):
    out = dict(base, normalizer={'type': 'NFC'} if nfc else None)
    added = [{'id': 0, 'content': '<|endoftext|>', 'special': True, 'normalized': False, 'lstrip': False, 'rstrip': False,
              'single_word': False}]
    for i, (content, flags) in enumerate(tokens):
        added.append({'id': 700 + i, 'content': content, 'special': i % 2 == 0} | {flag: flag in flags for flag in FLAGS})
    out['added_tokens'] = added
    return out


def texts(tokens, count):
    draw = random.Random(1)
    contents = [content for content, _ in tokens] + ['<|endoftext|>']
    yield from ('', *contents)
    for _ in range(count):
        yield ''.join(draw.choice(draw.choice([contents, SPACES, WORDS])) for _ in range(draw.randint(2, 9)))


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    base = json.loads((HERE.parent / 'bpe/gpt2/tokenizer.json').read_text())
    out = []
    for name, tokens, nfc in sets():
        json_of_set = whole(base, tokens, nfc)
        tokenizer = Tokenizer.from_str(json.dumps(json_of_set))
        ids_of = {token['content']: token['id'] for token in json_of_set['added_tokens']}
        assert all(tokenizer.token_to_id(content) == id for content, id in ids_of.items()), ids_of
        cases = [{'text': text, 'ids': tokenizer.encode(text, add_special_tokens=False).ids} for text in texts(tokens, count)]
        out.append({'name': name, 'added_tokens': json_of_set['added_tokens'], 'normalizer': json_of_set['normalizer'],
                    'cases': cases})
    texts_of_sets = []
    for one in out:
        cases = ',\n'.join(f'   {json.dumps(case)}' for case in one.pop('cases'))
        texts_of_sets.append(json.dumps(one)[:-1] + f', "cases": [\n{cases}\n ]}}')
    (HERE / 'added_tokens.json').write_text('[\n ' + ',\n '.join(texts_of_sets) + '\n]\n')


if __name__ == '__main__':
    main()
