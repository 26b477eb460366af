"""What the peers of flamingo_mid share: its sizes, prompts and pictures, and how they are asked."""
import os
import random
import sys

import torch

from worker import serve, timed

decoder_sizes = dict(vocab_size=32000, hidden_size=1024, intermediate_size=2816, num_hidden_layers=24, num_attention_heads=16,
                     rms_norm_eps=1e-6, max_position_embeddings=2048, bos_token_id=1, eos_token_id=2, pad_token_id=0)
vocab_size, end_of_chunk, image_token = 32003, 32000, 32001
tokens_per_picture = 32  # of the prompt
mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
std = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]


def pixels(path):
    """A picture file as CLIP's preprocessing makes it, float32 [3, 224, 224]."""
    import numpy
    from PIL import Image
    picture = Image.open(path).convert('RGB').resize((224, 224), Image.BICUBIC)
    return (torch.from_numpy(numpy.array(picture)).permute(2, 0, 1).float() / 255 - mean) / std


def prompt(pictures):
    """Ids [1, 32 · pictures], in which each 32 begin with a picture, after the start of the text."""
    draw = random.Random(0)
    ids = torch.tensor([[draw.randrange(3, 32000) for _ in range(tokens_per_picture * pictures)]])
    ids[0, ::tokens_per_picture] = image_token
    ids[0, 0], ids[0, 1] = 1, image_token
    return ids


def serve_flamingo(versions, make):
    """`make(dtype)` returns generate(ids, pixels, num_beams, new_tokens) → ids [batch, …] and vision(pixels [pictures, 3, 224, 224]).

    Those of generate() have a prompt in each row: ids [batch, L] and pixels [batch, pictures, 3, 224, 224].
    """
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    torch.manual_seed(0)
    dtype = getattr(torch, sys.argv[1])
    generate, vision = make(dtype)

    @torch.no_grad()
    def answer(request):
        def whole():
            pictures = torch.stack([torch.stack([pixels(path) for path in row]) for row in request['images']]).to(dtype)
            ids = prompt(pictures.shape[1]).repeat(len(pictures), 1)
            return generate(ids, pictures, request['num_beams'], request['new_tokens'])
        if request['work'] == 'vision':
            pictures = torch.stack([pixels(path) for path in request['images']]).to(dtype)
            return {'vision': timed(lambda: vision(pictures))[0]}
        ms, ids = timed(whole)
        # Some return the prompt as well.
        if ids.shape[1] not in (request['new_tokens'], request['new_tokens'] + tokens_per_picture * len(request['images'][0])):
            raise RuntimeError(f'{ids.shape[1]} tokens came back, not {request["new_tokens"]}')
        if len(ids) != len(request['images']):
            raise RuntimeError(f'{len(ids)} answers came back, not {len(request["images"])}')
        return {'answer': ms}
    serve(versions, answer)
