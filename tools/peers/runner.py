"""Runs ours and the peers in turn, and makes the table of what they took."""
import dataclasses
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import time

most_spread = 1.15  # of the two figures of ours around a peer's
most_tries = 3  # for each pair that is wanted


class Failed(Exception):
    """A peer, or ours, can't be run; the message says why."""


def last_line(log):
    with open(log, errors='replace') as file:
        lines = [line.strip() for line in file if line.strip()]
    return lines[-1][:200] if lines else 'it printed nothing'


class Program:
    """A process that answers each line on its standard input with a line, in order."""

    def __init__(self, command, log, threads, wait_s=1800):
        self.log, self.wait_s = log, wait_s
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false')
        with open(log, 'w') as errors:
            self.process = subprocess.Popen([str(word) for word in command], bufsize=0, stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors, env=environment)

    def read(self):
        """The next line as JSON."""
        ready, _, _ = select.select([self.process.stdout], [], [], self.wait_s)
        if not ready:
            self.close()
            raise Failed(f'no answer within {self.wait_s} s')
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            how = f'ended by {signal.Signals(-status).name}' if status < 0 else f'exit status {status}'
            raise Failed(f'{how}: {last_line(self.log)} ({self.log})')
        return json.loads(line)

    def ask(self, request):
        """Milliseconds from writing a request to its answer, and the answer."""
        ms, answers = self.ask_all([request])
        return ms, answers[0]

    def ask_all(self, requests):
        """Milliseconds from writing the first request to the last answer, and the answers."""
        start = time.perf_counter()
        try:
            self.process.stdin.write(''.join(json.dumps(request) + '\n' for request in requests).encode())
        except BrokenPipeError:
            pass  # reading says why
        answers = [self.read() for _ in requests]
        return 1e3 * (time.perf_counter() - start), answers

    def peak_bytes(self):
        with open(f'/proc/{self.process.pid}/status') as status:
            return 1024 * next(int(line.split()[1]) for line in status if line.startswith('VmHWM:'))

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Peer:
    """A program of tools/peers, which answers with {'ms': {name: milliseconds}, 'peak_bytes': …}."""

    def __init__(self, command, log, threads):
        self.program, self.peak = Program(command, log, threads), 0
        self.versions = self.program.read()['versions']

    def __call__(self, request):
        answer = self.program.ask(request)[1]
        self.peak = answer['peak_bytes']
        return answer['ms']

    def close(self):
        self.program.close()


@dataclasses.dataclass
class Result:
    """What one peer took for one piece of work, beside ours just before and after it."""
    work: str
    peer: str
    ours_ms: list = dataclasses.field(default_factory=list)
    peer_ms: list = dataclasses.field(default_factory=list)
    dropped: int = 0
    quiet: bool = True  # False: every pair was dropped, and these are all of them
    reason: str = ''  # why there are no figures
    peer_bytes: int = 0
    ours_bytes: int = 0
    versions: str = ''
    ours_dtype: str = ''  # where it is not that of the work

    @property
    def ratio(self):
        return statistics.median(b / a for a, b in zip(self.ours_ms, self.peer_ms)) if self.peer_ms else None


def run_pairs(work, ours, peers, rounds):
    """Runs ours, a peer, ours, the next peer, ours, … until each peer has as many pairs as `rounds`.

    `work` is the name, or the names, of what `ours()` and each of the `peers` ({name: function}) measure; with several names,
    they return {name: milliseconds}. A pair whose two figures of ours differ too much is dropped and repeated. A peer that fails
    gives the reason, and the others go on.
    """
    names = [work] if isinstance(work, str) else list(work)
    results = {(name, peer): Result(name, peer) for peer in peers for name in names}
    noisy = {key: ([], []) for key in results}

    def figures(function):
        values = function()
        return values if isinstance(values, dict) else {names[0]: values}

    def missing(peer):
        return [name for name in names if not results[name, peer].reason and len(results[name, peer].peer_ms) < rounds and
                len(results[name, peer].peer_ms) + results[name, peer].dropped < most_tries * rounds]

    def fail(peer, error):
        for name in names:
            results[name, peer].reason = str(error)
        print(f'{peer}: {error}', file=sys.stderr)

    for peer, function in peers.items():  # the first run of each is not timed
        try:
            function()
        except Failed as error:
            fail(peer, error)
    if any(missing(peer) for peer in peers):
        ours()
        before = figures(ours)
    while any(missing(peer) for peer in peers):
        for peer in [peer for peer in peers if missing(peer)]:
            try:
                theirs = figures(peers[peer])
            except Failed as error:
                fail(peer, error)
                continue
            after = figures(ours)
            for name in missing(peer):
                result, pair = results[name, peer], (before[name], after[name])
                quiet = max(pair) <= most_spread * min(pair)
                to = (result.ours_ms, result.peer_ms) if quiet else noisy[name, peer]
                to[0].append(sum(pair) / 2)
                to[1].append(theirs[name])
                result.dropped += not quiet
            before = after
    for key, result in results.items():
        if not result.reason and not result.peer_ms:
            (result.ours_ms, result.peer_ms), result.quiet = noisy[key], False
    return list(results.values())


def table(results):
    """A Markdown table with a line for each piece of work, and below it what could not be run."""
    peers = list(dict.fromkeys(result.peer for result in results))
    lines = ['| work | ours, ms | ' + ' | '.join(f'{peer}, ms' for peer in peers) + ' | fastest peer ÷ ours | pairs (dropped) |',
             '| --- ' * (len(peers) + 4) + '|']
    for work in dict.fromkeys(result.work for result in results):
        of = {result.peer: result for result in results if result.work == work}
        measured = [result for result in of.values() if result.peer_ms]
        ours = statistics.median(ms for result in measured for ms in result.ours_ms) if measured else None
        cells = [work, shown(ours)]
        for peer in peers:
            result = of.get(peer)
            cell = '–'
            if result and result.peer_ms:
                cell = f'{shown(statistics.median(result.peer_ms))} ({mark(result)}{result.ratio:.2f}×)'
            cells.append(cell)
        if measured:
            best = min(measured, key=lambda result: result.ratio)
            cells += [f'{mark(best)}{best.ratio:.2f}× ({best.peer})',
                      f'{sum(len(result.peer_ms) for result in measured if result.quiet)} '
                      f'({sum(result.dropped for result in measured)})']
        else:
            cells += ['–', '–']
        lines.append('| ' + ' | '.join(cells) + ' |')
    if any(not result.quiet for result in results):
        lines += ['', '~: our own figures before and after the peer differed by more than '
                  f'{100 * (most_spread - 1):.0f}% in every pair; the median of all of them.']
    reasons = list(dict.fromkeys(
        f'{result.peer}, {result.work.split(",")[0]}: {result.reason}' for result in results if result.reason))
    return '\n'.join(lines + ([''] if reasons else []) + reasons)


def memory_table(results):
    """A Markdown table of peak memory with a line for each dtype; empty where it was not measured."""
    peaks = {}
    for result in results:
        if result.ours_bytes and result.peer_bytes:
            of = peaks.setdefault(result.work.split(',')[0], {})
            for name, peak in [('ours', result.ours_bytes), (result.peer, result.peer_bytes)]:
                of[name] = max(of.get(name, 0), peak)
    if not peaks:
        return ''
    names = list(dict.fromkeys(name for of in peaks.values() for name in of))
    lines = ['| peak memory, GB | ' + ' | '.join(names) + ' |', '| --- ' * (len(names) + 1) + '|']
    for dtype, of in peaks.items():
        lines.append(f'| {dtype} | ' + ' | '.join(f'{of[name] / 1e9:.2f}' if name in of else '–' for name in names) + ' |')
    return '\n'.join(lines)


def mark(result):
    return '' if result.quiet else '~'


def shown(ms):
    return '–' if ms is None else f'{ms:,.0f}' if ms >= 100 else f'{ms:.3g}'
