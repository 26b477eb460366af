#!/usr/bin/env python3
"""Tests how tools/bench_peers measures in pairs: what it drops and repeats, and what it says of a peer that fails."""
import itertools
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'tools'))
from peers.runner import Failed, Peer, Program, Result, memory_table, run_pairs, table


def takes(*milliseconds):
    times = itertools.cycle(milliseconds)
    return lambda: next(times)


class Pairs(unittest.TestCase):
    def test_ratio_is_to_the_mean_of_ours_before_and_after(self):
        result, = run_pairs('work', takes(7, 100, 110), {'peer': takes(1, 210)}, rounds=1)
        self.assertEqual((result.ours_ms, result.peer_ms, result.dropped), ([105], [210], 0))
        self.assertEqual(result.ratio, 2)

    def test_a_pair_in_noise_is_dropped_and_repeated(self):
        result, = run_pairs('work', takes(100, 100, 130, 130, 130), {'peer': takes(200)}, rounds=2)
        self.assertEqual((result.ours_ms, result.dropped, result.quiet), ([130, 130], 1, True))

    def test_noise_without_end_is_marked(self):
        results = run_pairs('work', takes(100, 200), {'peer': takes(300)}, rounds=2)
        self.assertEqual((results[0].dropped, results[0].quiet, len(results[0].peer_ms)), (6, False, 6))
        self.assertIn('| ~2.00× (peer) | 0 (6) |', table(results))

    def test_each_of_several_works_counts_its_own_pairs(self):
        ours, peer = takes({'a': 10, 'b': 10}, {'a': 10, 'b': 20}), takes({'a': 20, 'b': 20})
        a, b = run_pairs(['a', 'b'], ours, {'peer': peer}, rounds=2)
        self.assertEqual((len(a.peer_ms), a.dropped, b.dropped), (2, 0, 6))

    def test_a_peer_that_fails_does_not_stop_the_others(self):
        def breaks():
            raise Failed('ended by SIGSEGV')
        results = run_pairs('float32, work', takes(100), {'bad': breaks, 'good': takes(150)}, rounds=1)
        self.assertEqual([result.reason for result in results], ['ended by SIGSEGV', ''])
        lines = table(results).splitlines()
        self.assertEqual(lines[2], '| float32, work | 100 | – | 150 (1.50×) | 1.50× (good) | 1 (0) |')
        self.assertEqual(lines[-1], 'bad, float32: ended by SIGSEGV')


class Memory(unittest.TestCase):
    def test_peaks_are_those_of_each_dtype(self):
        results = [Result('float32, a', 'x', ours_bytes=2 * 10**9, peer_bytes=10**9),
                   Result('float32, b', 'x', ours_bytes=2 * 10**9, peer_bytes=3 * 10**9),
                   Result('int8, a', 'y', ours_bytes=10**9, peer_bytes=5 * 10**8)]
        self.assertEqual(memory_table(results).splitlines()[2:], ['| float32 | 2.00 | 3.00 | – |', '| int8 | 1.00 | – | 0.50 |'])

    def test_nothing_is_shown_where_nothing_was_measured(self):
        self.assertEqual(memory_table([Result('float32, a', 'x')]), '')


class Programs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.log = pathlib.Path(self.folder.name) / 'log'

    def tearDown(self):
        self.folder.cleanup()

    def start(self, code, kind=Program, **options):
        return kind([sys.executable, '-c', code], self.log, 1, **options)

    def test_an_answer_is_timed(self):
        program = self.start('import sys, time\nfor line in sys.stdin: time.sleep(0.02); print(line, end="", flush=True)')
        ms, answer = program.ask({'x': 1})
        self.assertEqual(answer, {'x': 1})
        self.assertGreaterEqual(ms, 20)
        self.assertGreater(program.peak_bytes(), 1 << 20)
        program.close()

    def test_the_reason_is_the_last_line_of_the_log(self):
        program = self.start('import sys; print("no such kernel", file=sys.stderr); sys.exit(3)')
        with self.assertRaisesRegex(Failed, 'exit status 3: no such kernel'):
            program.ask({})
        program.close()

    def test_a_crash_is_named(self):
        program = self.start('import os; os.abort()')
        with self.assertRaisesRegex(Failed, 'ended by SIGABRT: it printed nothing'):
            program.ask({})
        program.close()

    def test_a_program_that_hangs_is_ended(self):
        program = self.start('import time; time.sleep(60)', wait_s=0.1)
        with self.assertRaisesRegex(Failed, 'no answer within 0.1 s'):
            program.ask({})
        self.assertIsNotNone(program.process.poll())

    def test_a_peer_that_fails_again_gives_the_same_reason(self):
        peer = self.start('print(\'{"versions": "1"}\', flush=True); input(); raise SystemExit("broken")', Peer)
        for _ in range(2):
            with self.assertRaisesRegex(Failed, 'broken'):
                peer({})
        peer.close()


if __name__ == '__main__':
    unittest.main()
