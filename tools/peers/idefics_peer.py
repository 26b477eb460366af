"""transformers' IDEFICS at the sizes of flamingo_mid, with random weights. Argument: the dtype.

The gated layers have 16 heads of 64 (those of flamingo_mid 8) and three matrices in their feed-forward part (two), and the
resampler also reads the class token, so this is somewhat more work.
"""
import torch
import transformers
from transformers import IdeficsConfig, IdeficsForVisionText2Text

from flamingo_peer import decoder_sizes, image_token, serve_flamingo


def make(dtype):
    sizes = {name: value for name, value in decoder_sizes.items() if name != 'max_position_embeddings'}
    model = IdeficsForVisionText2Text(IdeficsConfig(
        **sizes, additional_vocab_size=3, cross_layer_interval=4, qk_layer_norms=True, use_resampler=True,
        alpha_initializer='ones',
        vision_config=dict(embed_dim=768, image_size=224, patch_size=16, num_hidden_layers=12, num_attention_heads=12,
                           intermediate_size=3072, hidden_act='quick_gelu'),
        perceiver_config=dict(use_resampler=True, resampler_n_latents=64, resampler_depth=6, resampler_n_heads=8,
                              resampler_head_dim=64, qk_layer_norms_perceiver=True))).to(dtype).eval()

    def generate(ids, pixels, num_beams, new_tokens):
        # Each token sees the last picture before it, as IDEFICS' processor masks.
        last = (ids[0] == image_token).cumsum(0)
        seen = (last[:, None] == torch.arange(1, pixels.shape[1] + 1)).long().expand(len(ids), -1, -1)
        return model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels,
                              image_attention_mask=seen, num_beams=num_beams, max_new_tokens=new_tokens,
                              min_new_tokens=new_tokens, do_sample=False, pad_token_id=0)
    return generate, lambda pixels: model.model.vision_model(pixel_values=pixels)


serve_flamingo(f'transformers {transformers.__version__}, torch {torch.__version__}', make)
