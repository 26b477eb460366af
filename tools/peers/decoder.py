"""The comparison of a decoder alone: a LLaMA of 374 million parameters, with the same random weights in every program."""
import pathlib
import tempfile

from peers.environments import python_of
from peers.flamingo import close_all, fails
from peers.runner import Failed, Peer, Program, run_pairs

here = pathlib.Path(__file__).resolve().parent
config = here / 'decoder_374m.yaml'
programs = {  # peer: (environment, program, arguments)
    'llama.cpp': ('llama_cpp', 'llama_cpp_decoder.py', []),
    'OpenVINO GenAI': ('openvino', 'openvino_decoder.py', []),
    'CTranslate2': ('ctranslate2', 'ctranslate2_decoder.py', []),
    'transformers': ('transformers', 'transformers_decoder.py', []),
    'torch.compile': ('transformers', 'transformers_decoder.py', ['--compile']),
}
dtypes = ['float32', 'bfloat16', 'int8', 'int4']
new_tokens = 20  # of which all but the first are decode steps
works = {  # name: (tokens of the prompt, beams, what is measured)
    'prefill of 64': (64, 1, 'prefill'),
    'prefill of 1,024': (1024, 1, 'prefill'),
    'decode, batch 1': (64, 1, 'decode_step'),
    'decode, 3 beams': (64, 3, 'decode_step'),
}
ours_options = {'float32': ['--dtype', 'float32'], 'bfloat16': ['--dtype', 'bfloat16'],
                'int8': ['--dtype', 'bfloat16', '--quantize', 'int8'], 'int4': ['--dtype', 'bfloat16', '--quantize', 'int4']}


def compare_decoders(run, names):
    with tempfile.TemporaryDirectory(dir=run.environments) as folder:
        weights = pathlib.Path(folder) / 'model.safetensors'
        run.run([run.flam, 'convert', config, weights, '--overwrite', '--weights', 'random', '--dtype', 'bfloat16', '--only', 'language_decoder.*',
                 '--naming', 'huggingface'])
        for dtype in run.dtypes:
            ours_peak, ours_dtype = our_peak_bytes(run, dtype)
            with tempfile.TemporaryDirectory(dir=folder) as converted:
                peers = start(run, names, dtype, weights, converted)
                for work, (prompt_tokens, num_beams, what) in works.items():
                    request = {'prompt_tokens': prompt_tokens, 'num_beams': num_beams, 'work': what, 'new_tokens': new_tokens}
                    results = run_pairs(
                        f'{dtype}, {work}', lambda: ours_ms(run, ours_dtype, request),
                        {name: (lambda peer=peer: peer(request)[what]) for name, peer in peers.items()}, run.rounds)
                    for result in results:
                        result.ours_dtype = ours_dtype
                    run.add(results, peers, ours_peak)
                close_all(peers)


def start(run, names, dtype, weights, folder):
    peers = {}
    for name in names:
        environment, program, arguments = programs[name]
        own = pathlib.Path(folder) / program
        own.mkdir(exist_ok=True)
        try:
            peers[name] = Peer([python_of(environment, run.environments), here / program, '--dtype', dtype, '--weights', weights,
                                '--folder', own, '--threads', run.threads, *arguments], run.folder / f'{name}.log', run.threads)
        except Failed as error:
            peers[name] = fails(error)
    return peers


def ours_ms(run, dtype, request):
    steps = request['new_tokens'] - 1 if request['work'] == 'decode_step' else 1
    command = [run.flam, 'bench', config, '--weights', 'random', '--json', *ours_options[dtype], '--threads', run.threads,
               '--images', 0, '--prompt-tokens', request['prompt_tokens'], '--num-beams', request['num_beams'],
               '--new-tokens', steps, '--repeat', 1]
    return run.json_of(command)['stages'][request['work']]['ms']


def our_peak_bytes(run, dtype):
    """The peak memory of `flam infer` with a prompt of about 1,024 tokens, and the dtype that it ran in.

    `flam bench` is not asked, because it reads a large buffer to measure the speed of the memory.
    """
    for name in [dtype, 'bfloat16']:
        program = Program([run.flam, 'infer', config, '--weights', 'random', '--request', '-', '--json', *ours_options[name],
                           '--threads', run.threads], run.folder / 'ours.log', run.threads)
        try:
            program.ask({'parts': [{'text': 1000 * 'a'}]})
            return program.peak_bytes(), name
        except Failed as error:
            if name == 'bfloat16':
                raise
            run.note(f'ours, {dtype}: {error}; bfloat16 in its place')
        finally:
            program.close()
