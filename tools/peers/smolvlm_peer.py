"""SmolVLM-256M with random weights in transformers.

Stages are those of `flam bench`: the vision model on --images crops of 512 pixels, the connector, the prompt to the logits of
its last token, and one more token. The time of a decode step is the median of --new-tokens.
"""
import argparse
import statistics

import torch
import transformers
from transformers import Idefics3Config, Idefics3ForConditionalGeneration

from worker import serve, timed

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument('--images', type=int, required=True)
parser.add_argument('--prompt-tokens', type=int, required=True)
parser.add_argument('--dtype', required=True)
parser.add_argument('--threads', type=int, required=True)
parser.add_argument('--new-tokens', type=int, required=True)
args = parser.parse_args()
torch.set_num_threads(args.threads)

config = Idefics3Config(
    vision_config=dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072, image_size=512,
                       patch_size=16),
    text_config=dict(model_type='llama', hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3,
                     head_dim=64, intermediate_size=1536, vocab_size=49280, max_position_embeddings=8192, rms_norm_eps=1e-5,
                     rope_theta=100000.0, pad_token_id=2),
    image_token_id=49190, scale_factor=4, tie_word_embeddings=False, attn_implementation='sdpa')
dtype = getattr(torch, args.dtype)
model = Idefics3ForConditionalGeneration(config).to(dtype).eval()
decoder = model.model.text_model
pixels = torch.randn(args.images, 3, 512, 512, dtype=dtype)
mask = torch.ones(args.images, 32, 32, dtype=torch.bool)
ids = torch.randint(3, 40000, (1, args.prompt_tokens - args.images))


def run(cache=None, **inputs):
    out = decoder(past_key_values=cache, use_cache=True, **inputs)
    return out.past_key_values, model.lm_head(out.last_hidden_state[:, -1:]).argmax(-1)


@torch.inference_mode()
def answer(_):
    times, steps = {}, []
    times['vision'], features = timed(lambda: model.model.vision_model(pixel_values=pixels, patch_attention_mask=mask))
    times['resampler'], media = timed(lambda: model.model.connector(features.last_hidden_state))
    embedded = torch.cat([media.flatten(0, 1)[None], decoder.get_input_embeddings()(ids)], 1)
    times['prefill'], (cache, token) = timed(lambda: run(inputs_embeds=embedded))
    for _ in range(args.new_tokens):
        step, (cache, token) = timed(lambda: run(cache, input_ids=token))
        steps.append(step)
    times['decode_step'] = statistics.median(steps)
    return times


serve(f'transformers {transformers.__version__}, torch {torch.__version__}', answer)
