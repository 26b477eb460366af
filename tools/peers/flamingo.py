"""The comparisons of flamingo_mid with other Flamingos: whole answers, and queries after the same shots."""
import json
import pathlib
import statistics
import tempfile

from peers.environments import python_of
from peers.pictures import png
from peers.runner import Failed, Peer, Program, run_pairs

here = pathlib.Path(__file__).resolve().parent
programs = {  # peer: (environment, program)
    'mmpretrain': ('torch_2.2', 'mmpretrain_peer.py'),
    'open-flamingo': ('torch_2.2', 'open_flamingo_peer.py'),
    'idefics': ('transformers', 'idefics_peer.py'),
}
# With them, prompts have 32 tokens for each picture, as the peers' have: the tokenizer of flamingo_mid encodes bytes.
zeroshot_prompt = 23 * 'b'


def shot_text(number):
    return (29 if number else 28) * 'a'


class Ours:
    """`flam infer`, which reads requests from a pipe and answers each when it comes."""

    def __init__(self, run, dtype, num_beams, new_tokens, *more):
        self.program = Program(
            [run.flam, 'infer', 'flamingo_mid', '--weights', 'random', '--request', '-', '--json', '--threads', run.threads,
             '--dtype', dtype, '--num-beams', num_beams, '--max-new-tokens', new_tokens,
             '--set', f'generation.min_new_tokens={new_tokens}', '--set', f'task_head.zeroshot_prompt={zeroshot_prompt}', *more],
            run.folder / 'ours.log', run.threads)

    def __call__(self, prompts):
        """Milliseconds from the first request to the last text. The last image of each prompt is the query's."""
        requests = []
        for images in prompts:
            parts = []
            for number, image in enumerate(images):
                parts.append({'image': image})
                if number + 1 < len(images):
                    parts.append({'text': shot_text(number)})
            requests.append({'parts': parts})
        ms, answers = self.program.ask_all(requests)
        for answer in answers:
            if 'error' in answer:
                raise Failed(f'flam infer: {answer["error"]}')
        return ms

    def close(self):
        self.program.close()


def start_peers(run, names, dtype):
    """The peers that can be started, and for the others a function that says why not."""
    peers = {}
    for name in names:
        try:
            environment, program = programs[name]
            peers[name] = Peer([python_of(environment, run.environments), here / program, dtype], run.folder / f'{name}.log',
                               run.threads)
        except Failed as error:
            peers[name] = fails(error)
    return peers


def fails(error):
    def function(*_):
        raise error
    return function


def close_all(peers):
    for peer in peers.values():
        if isinstance(peer, Peer):
            peer.close()


class NewPictures:
    """Files of pictures that were never asked about before: a session keeps the features of those that it has seen."""

    def __init__(self, folder):
        self.folder, self.count = pathlib.Path(folder), 0

    def __call__(self, count):
        self.count += count
        return [png(self.folder / f'{number % 64}.png', number) for number in range(self.count - count, self.count)]


def compare_answers(run, names):
    """Whole answers, from picture files to text, and the vision part alone."""
    for dtype in run.dtypes:
        peers = start_peers(run, names, dtype)
        with tempfile.TemporaryDirectory() as folder:
            pictures = NewPictures(folder)
            for num_beams in (1, 3):
                ours = Ours(run, dtype, num_beams, new_tokens=20)
                for count in (1, 5):
                    work = f'{dtype}, {"1 picture" if count == 1 else "4 shots"}, {"greedy" if num_beams == 1 else "beam 3"}'

                    def theirs(peer):
                        return lambda: answer_ms(peer, [pictures(count)], num_beams, new_tokens=20)
                    results = run_pairs(work, lambda: ours([pictures(count)]), {name: theirs(peers[name]) for name in peers},
                                        run.rounds)
                    run.add(results, peers, ours.program.peak_bytes())
                ours.close()

            def vision(peer):
                return lambda: statistics.median(peer({'work': 'vision', 'images': pictures(5)})['vision'] for _ in range(3))
            run.add(run_pairs(f'{dtype}, vision of 5 pictures', lambda: our_vision(run, dtype),
                              {name: vision(peers[name]) for name in peers}, run.rounds), peers, 0)
        close_all(peers)


def answer_ms(peer, prompts, num_beams, new_tokens):
    """`prompts`: the images of each, which a peer answers as one batch."""
    return peer({'work': 'answer', 'images': prompts, 'num_beams': num_beams, 'new_tokens': new_tokens})['answer']


def our_vision(run, dtype):
    command = [run.flam, 'bench', 'flamingo_mid', '--weights', 'random', '--json', '--dtype', dtype, '--threads', run.threads,
               '--images', 5, '--prompt-tokens', 8, '--new-tokens', 1, '--repeat', 3]
    return run.json_of(command)['stages']['vision']['ms']


def compare_contexts(run, names):
    """Queries after four shots: ours keep the shots as a context, the peers are given all five pictures each time.

    The figures are milliseconds for each query, asked one at a time and in batches of eight. One at a time, ours answers ten
    queries for each one of a peer.
    """
    block = 10
    for dtype in run.dtypes:
        peers = start_peers(run, names, dtype)
        with tempfile.TemporaryDirectory() as folder:
            pictures, folder = NewPictures(folder), pathlib.Path(folder)
            context = folder / 'context.safetensors'
            shots = [png(folder / f'shot_{number}.png', f'shot {number}') for number in range(4)]
            (folder / 'shots.json').write_text(json.dumps(
                [{'image': image, 'caption': shot_text(number)} for number, image in enumerate(shots)]))
            run.run([run.flam, 'infer', 'flamingo_mid', '--weights', 'random', '--dtype', dtype, '--threads', run.threads,
                     '--shots', folder / 'shots.json', '--save-context', context])
            for new_tokens in (20, 1):
                for batch in (1, 8):
                    ours = Ours(run, dtype, 3, new_tokens, '--load-context', context, '--batch-size', batch)

                    def our_ms():
                        calls = block if batch == 1 else 1
                        return statistics.mean(ours([[picture] for picture in pictures(batch)]) for _ in range(calls)) / batch

                    def theirs(peer):
                        return lambda: answer_ms(peer, [[*shots, picture] for picture in pictures(batch)], 3, new_tokens) / batch
                    work = f'{dtype}, beam 3, {new_tokens} new token{"s" if new_tokens > 1 else ""}, {batch} at a time'
                    rounds = run.rounds if batch == 1 else min(run.rounds, 2)  # a peer takes a minute for eight
                    results = run_pairs(work, our_ms, {name: theirs(peers[name]) for name in peers}, rounds)
                    run.add(results, peers, ours.program.peak_bytes())
                    ours.close()
        close_all(peers)
