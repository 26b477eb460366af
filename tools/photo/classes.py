#!/usr/bin/env python3
"""Writes the names and kinds of the ImageNet classes, from WordNet 3.0.

    tools/photo/classes.py SYNSETS DATA_NOUN KINDS OUT

SYNSETS lists the classes' WordNet ids (n01440764), a line each, in the classifier's order; DATA_NOUN is WordNet's file of
that name; KINDS maps ids of more general nouns to a common word, and names in a third column a kind whose members it leaves
out (to WordNet, a car is a container). OUT gets a line for each class: its name, a tab, and the words of all kinds above it,
the nearest first.
"""
import collections
import sys


def read_wordnet(path):
    """Maps the id of each noun to its words and to the ids of the nouns above it (man page wndb(5WN))."""
    nouns = {}
    with open(path, encoding="latin1") as lines:
        for line in lines:
            if line.startswith("  "):
                continue  # the licence
            fields = line.partition("|")[0].split()
            count = int(fields[3], 16)
            words = [fields[4 + 2 * i].replace("_", " ") for i in range(count)]
            pointers = 5 + 2 * count
            above = [fields[at + 1] for at in range(pointers, pointers + 4 * int(fields[pointers - 1]), 4)
                     if fields[at] in ("@", "@i") and fields[at + 2] == "n"]
            nouns[fields[0]] = (words, above)
    return nouns


def nouns_above(nouns, noun):
    """All nouns above one, itself first, then the nearest."""
    found, waiting = [], [noun]
    while waiting:
        noun = waiting.pop(0)
        if noun not in found:
            found.append(noun)
            waiting += nouns[noun][1]
    return found


def main(synsets, data_noun, kinds_file, out):
    nouns = read_wordnet(data_noun)
    with open(kinds_file) as lines:
        kinds = {noun: (word, unless) for noun, word, *unless in (line.rstrip("\n").split("\t") for line in lines)}
    with open(synsets) as lines:
        classes = [line.strip()[1:] for line in lines if line.strip()]
    rows = []
    for noun in classes:
        found = [kinds[above] for above in nouns_above(nouns, noun) if above in kinds]
        words = [word for word, _ in found]
        rows.append((nouns[noun][0], [word for word, unless in found if not set(unless) & set(words)] or ["thing"]))
    first = collections.Counter(words[0] for words, _ in rows)
    with open(out, "w") as file:
        for words, of in rows:
            name = words[0]
            if first[name] > 1:  # the bird and the machine are both called crane
                name = next((word for word in words[1:] if first[word] == 0), f"{name} ({of[0]})")
            file.write(f"{name}\t{', '.join(of)}\n")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
