"""open-flamingo at the sizes of flamingo_mid, with random weights. Argument: the dtype."""
import open_clip
import torch
from open_flamingo.src.flamingo import Flamingo
from open_flamingo.src.flamingo_lm import FlamingoLMMixin
from open_flamingo.src.utils import extend_instance
from transformers import LlamaConfig, LlamaForCausalLM

from flamingo_peer import decoder_sizes, end_of_chunk, image_token, serve_flamingo, vocab_size


def make(dtype):
    clip = open_clip.create_model('ViT-B-16')
    clip.visual.output_tokens = True
    decoder = LlamaForCausalLM(LlamaConfig(**decoder_sizes))
    extend_instance(decoder, FlamingoLMMixin)
    decoder.set_decoder_layers_attr_name('model.layers')
    decoder.resize_token_embeddings(vocab_size)
    model = Flamingo(clip, decoder, end_of_chunk, image_token, vis_dim=768, cross_attn_every_n_layers=4).to(dtype).eval()

    def generate(ids, pixels, num_beams, new_tokens):
        return model.generate(pixels[:, :, None], ids, torch.ones_like(ids), num_beams=num_beams, max_new_tokens=new_tokens,
                              min_new_tokens=new_tokens, do_sample=False, pad_token_id=0)
    return generate, model.vision_encoder


serve_flamingo(f'open-flamingo 2.0.1, torch {torch.__version__}', make)
