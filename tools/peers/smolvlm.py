"""The comparison of SmolVLM's stages."""
import pathlib

from peers.environments import python_of
from peers.runner import Peer, run_pairs

here = pathlib.Path(__file__).resolve().parent
stages = ['vision', 'resampler', 'prefill', 'decode_step']


def compare_stages(run, names):
    images, prompt_tokens = run.args.images, run.args.prompt_tokens + run.args.images  # a picture counts as one token
    for dtype in run.dtypes:
        same = ['--dtype', dtype, '--threads', run.threads, '--new-tokens', run.args.new_tokens, '--images', images,
                '--prompt-tokens', prompt_tokens]
        title = f'{dtype}, {images} crop{"s" if images > 1 else ""}, '

        def ours():
            measured = run.json_of([run.flam, 'bench', here / 'smolvlm_256m.yaml', '--weights', 'random', '--json', '--repeat', 1,
                                    *same])['stages']
            return {title + stage: measured[stage]['ms'] for stage in stages}

        def theirs():
            return {title + stage: ms for stage, ms in peer({}).items()}
        peer = Peer([python_of('transformers', run.environments), here / 'smolvlm_peer.py', *same], run.folder / 'smolvlm.log',
                    run.threads)
        results = run_pairs([title + stage for stage in stages], ours, {'transformers': theirs}, run.rounds)
        run.add(results, {'transformers': peer}, 0)
        peer.close()
