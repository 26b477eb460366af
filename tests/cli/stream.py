"""stream.py FLAM ROOT: requests on standard input are answered one by one, in order, and in flat memory.

Each request is written only after the answer to the one before has been read, so an answer that is not flushed would
make the test wait. Between the first and the last few hundred requests, memory may grow by 5 MB.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

FIRST, ALL = 300, 2500
MOST_GROWTH = 5_000_000  # bytes; 2 KB for each request


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def main(flam, root):
    scene = str(Path(root, "docs/images/scene.png"))
    with tempfile.TemporaryDirectory() as folder:
        shots = Path(folder, "shots.jsonl")
        shots.write_text("".join(json.dumps({"image": scene, "caption": text}) + "\n" for text in ("a ring", "a disc")))
        command = [flam, "infer", "flamingo_mini_caption", "--request", "-", "--shots", str(shots), "--json",
                   "--max-new-tokens", "1", "--threads", "1"]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        settled = 0
        for number in range(ALL):
            if number % 50 == 49:  # a line that is not a request is answered in its turn as well
                process.stdin.write("no request\n")
                assert "error" in json.loads(process.stdout.readline()), number
                continue
            process.stdin.write(json.dumps({"parts": [{"image": scene}], "id": f"request {number}"}) + "\n")
            answer = json.loads(process.stdout.readline())
            assert answer["id"] == f"request {number}", (number, answer)
            assert "pred_caption" in answer, answer
            if number == FIRST:
                settled = resident(process.pid)
        grown = resident(process.pid) - settled
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.wait() == 1  # since some lines were no requests
    print(f"{settled / 1e6:.0f} MB after {FIRST} requests; {grown / 1e3:.0f} KB more after {ALL}")
    assert grown < MOST_GROWTH, grown


main(*sys.argv[1:])
