"""Runs flam once and measures it, for tools/bench_memory and tools/bench_growth."""
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import zlib
import time

FLAM = pathlib.Path(__file__).resolve().parent / 'flam'


def png(width, height):
    """A picture of one colour. What follows its end is ignored, but makes it another file."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    row = b'\0' + bytes((90, 140, 200)) * width
    pixels = zlib.compressobj(1)
    data = b''.join([*(pixels.compress(row) for _ in range(height)), pixels.flush()])
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', data) + chunk(b'IEND', b'')


def write_pictures(folder, count, width, height):
    picture = png(width, height)
    paths = [pathlib.Path(folder) / f'{i:06}.png' for i in range(count)]
    for i, path in enumerate(paths):
        path.write_bytes(picture + b'%d' % i)
    return paths


class Failed(SystemExit):
    """A command failed. The text is what it wrote to standard error."""


def run(command):
    """The seconds and the peak resident bytes of a command. Its standard output is dropped. Failed: it failed."""
    begin = time.monotonic()
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise Failed(f'{" ".join(map(str, command))} failed:\n{errors}')
    return time.monotonic() - begin, usage.ru_maxrss * 1024


def infer(flam, config, requests, arguments):
    """The receipt of `flam infer` on requests, lists of parts, and the peak resident bytes of the process."""
    with tempfile.TemporaryDirectory() as folder:
        file, receipt = pathlib.Path(folder) / 'requests.jsonl', pathlib.Path(folder) / 'receipt.json'
        file.write_text(''.join(json.dumps({'parts': parts}) + '\n' for parts in requests))
        _, peak = run([flam, 'infer', config, '--request', file, '--receipt', receipt, *arguments])
        return json.loads(receipt.read_text()), peak


def describe(flam, config, arguments):
    """What `flam describe` predicts of a run's memory."""
    words = [str(word) for word in (flam, 'describe', config, '--json', *arguments)]
    return json.loads(subprocess.run(words, check=True, capture_output=True).stdout)['memory']
