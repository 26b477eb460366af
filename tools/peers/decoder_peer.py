"""What the peers of the decoder share: arguments, prompts, and what is timed."""
import argparse
import os
import pathlib
import random
import sys

from worker import serve, timed

vocab_size, hidden_size, intermediate_size, num_layers, num_heads = 32000, 1024, 2816, 24, 16
context_size, rms_norm_eps, rope_theta = 2048, 1e-6, 10000.0


def arguments(*flags):
    parser = argparse.ArgumentParser()
    parser.add_argument('--dtype', choices=['float32', 'bfloat16', 'int8', 'int4'], required=True)
    parser.add_argument('--weights', required=True, help='safetensors with the names of transformers')
    parser.add_argument('--folder', required=True, help='empty, for what the program makes of them')
    parser.add_argument('--threads', type=int, required=True)
    for flag in flags:
        parser.add_argument(flag, action='store_true')
    return parser.parse_args()


def huggingface_folder(args):
    """A folder from which transformers loads the model."""
    from transformers import LlamaConfig
    folder = pathlib.Path(args.folder)
    LlamaConfig(vocab_size=vocab_size, hidden_size=hidden_size, intermediate_size=intermediate_size, num_hidden_layers=num_layers,
                num_attention_heads=num_heads, rms_norm_eps=rms_norm_eps, max_position_embeddings=context_size,
                tie_word_embeddings=False, bos_token_id=1, eos_token_id=2, pad_token_id=0,
                architectures=['LlamaForCausalLM']).save_pretrained(folder)
    (folder / 'model.safetensors').symlink_to(args.weights)
    return folder


def float32_weights(path):
    """name → float32 array"""
    from safetensors.torch import load_file
    return {name: tensor.float().numpy() for name, tensor in load_file(path).items()}


def in_child(function):
    """Whether a call succeeds in a process of its own, so that its memory does not count and its crash does no harm."""
    child = os.fork()
    if child == 0:
        try:
            function()
        except BaseException as error:
            print(f'{type(error).__name__}: {error}', file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def convert_with(function):
    if not in_child(function):
        sys.exit(1)  # the child has said why


def serve_decoder(versions, generate):
    """`generate(ids, new_tokens, num_beams)` makes exactly so many new tokens of a list of ids.

    The time of the prompt is that of one new token. The time of a decode step is what each further token adds.
    """
    draw = random.Random(0)

    def answer(request):
        ids = [draw.randrange(3, 31000) for _ in range(request['prompt_tokens'])]
        first = timed(lambda: generate(ids, 1, request['num_beams']))[0]
        if request['work'] == 'prefill':
            return {'prefill': first}
        whole = timed(lambda: generate(ids, request['new_tokens'], request['num_beams']))[0]
        return {'decode_step': (whole - first) / (request['new_tokens'] - 1)}
    serve(versions, answer)
