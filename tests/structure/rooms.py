#!/usr/bin/env python3
"""rooms.py SOURCE_DIR: checks the includes of framework/ and apps/ against the table of folders in docs/architecture.md.

A room may include itself, the rooms that its row names, and whatever those may include. ATen stands for the headers of
libtorch. A cell may name one header of a room (nn/kv_cache.h) instead of the whole room.
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
problems = []


def read_table():
    """{room: what its row says that it may include}, rooms named as below framework/ ("commands/infer", "apps/flam")."""
    rows = {}
    for line in (root / 'docs/architecture.md').read_text().splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if len(cells) == 3 and re.match(r'(framework|apps)/', cells[0]):
            rows[cells[0].removeprefix('framework/')] = [name.strip() for name in cells[2].split(',')]
    return rows


def reach(room, table, inside=()):
    """All names that the room may include: rooms, single headers, ATen."""
    if room in inside:
        problems.append('docs/architecture.md: rooms include one another: ' + ' → '.join([*inside, room]))
        return set()
    allowed = {room}
    for name in table[room]:
        if name == 'everything':
            allowed |= {*table, 'ATen'}
        elif name in table:
            allowed |= reach(name, table, (*inside, room))
        elif name.endswith('.h') and (root / 'framework' / name).is_file() or name in ('ATen', 'the standard library'):
            allowed.add(name)
        else:
            problems.append(f'docs/architecture.md: the row of {room} names "{name}", which is neither a room nor a header')
    return allowed


def room_of(path, table):
    """The room that a file below framework/ or apps/ lies in: the longest row that is a folder above it."""
    name = path.removeprefix('framework/')
    above = [room for room in table if name.startswith(room + '/')]
    return max(above, key=len, default=None)


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if found := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line):
            yield number, found[1]


table = read_table()
if len(table) < 20:
    sys.exit('docs/architecture.md: the table of rooms can not be read')
for room in table:
    if not any((root / folder / room).is_dir() for folder in ('framework', '.')):
        problems.append(f'docs/architecture.md: there is no folder for the room {room}')
allowed = {room: reach(room, table) for room in table}
for path in sorted([*root.glob('framework/**/*.h'), *root.glob('framework/**/*.cpp'), *root.glob('apps/**/*.h'), *root.glob('apps/**/*.cpp')]):
    name = path.relative_to(root).as_posix()
    room = room_of(name, table)
    if name == 'framework/sdk.h':  # what plugins include: held by tests/plugin/borders.sh
        continue
    if room is None:
        problems.append(f'{name}: lies in no room of docs/architecture.md')
        continue
    for number, header in includes(path):
        if header.startswith(('ATen/', 'c10/', 'torch/', 'caffe2/')):
            fits = 'ATen' in allowed[room]
        elif header.startswith(('framework/', 'apps/')):
            other = room_of(header, table)
            if header == 'apps/flam/completion/scripts.h':  # generated
                other = 'apps/flam'
            fits = other in allowed[room] or header.removeprefix('framework/') in allowed[room]
        else:
            continue
        if not fits:
            problems.append(f'{name}:{number}: {room} may not include "{header}" (docs/architecture.md: {", ".join(table[room])})')
print('\n'.join(problems) or f'{len(table)} rooms hold')
sys.exit(bool(problems))
