"""Processes that are started together, as launchers start them, for tests of commands in several processes."""
import os
import socket
import subprocess
import sys

found = []  # what was not as expected


def expect(condition, what):
    if not condition:
        found.append(what)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(command, rank, size, port):
    """One process of a group. An empty port is not set, and a group of one is started without a launcher."""
    place = {"RANK": str(rank), "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)} if size != 1 else {}
    return subprocess.Popen(command, env=os.environ | place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process, seconds=240):
    """The exit status, standard output and standard error."""
    try:
        out, error = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, error = process.communicate()
        found.append(f"a process had to be killed after {seconds} s: {error}")
    return process.returncode, out, error


def all_end(name, processes, status=0):
    """As ended(), of each process; all of them shall have this status."""
    ends = [ended(process) for process in processes]
    for rank, (code, _, error) in enumerate(ends):
        expect(code == status, f"{name}: process {rank} ended with {code}: {error}")
    return ends


def conclude():
    print("\n".join(found) if found else "no failures")
    sys.exit(1 if found else 0)
