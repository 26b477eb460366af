"""mmpretrain's Flamingo at the sizes of flamingo_mid, with random weights. Argument: the dtype."""
import pathlib
import shutil
import tempfile

import mmpretrain
import torch
from mmpretrain.registry import MODELS
from mmpretrain.utils import register_all_modules
from transformers import BatchEncoding, LlamaConfig

from flamingo_peer import decoder_sizes, end_of_chunk, image_token, serve_flamingo, vocab_size

# Its prompts are ids already, so any tokenizer will do.
tokenizer_model = pathlib.Path(__file__).resolve().parents[2] / 'configs/flamingo_mini/tokenizer.model'


def make(dtype):
    register_all_modules()
    with tempfile.TemporaryDirectory() as folder:
        LlamaConfig(**decoder_sizes, architectures=['LlamaForCausalLM']).save_pretrained(folder)
        shutil.copy(tokenizer_model, folder)
        model = MODELS.build(dict(
            type='Flamingo', tokenizer=dict(type='LlamaTokenizer', name_or_path=folder),
            vision_encoder=dict(type='VisionTransformer', arch='b', img_size=224, patch_size=16, pre_norm=True,
                                norm_cfg=dict(type='LN', eps=1e-5), layer_cfgs=dict(act_cfg=dict(type='QuickGELU')),
                                final_norm=False, out_type='raw'),
            lang_encoder=dict(
                base=dict(type='AutoModelForCausalLM', name_or_path=folder, local_files_only=True, load_pretrained=False),
                adapter=dict(type='FlamingoLMAdapter', vis_hidden_size=768, cross_attn_every_n_layers=4,
                             use_media_placement_augmentation=False)),
            task='caption', generation_cfg=dict(num_beams=1, max_new_tokens=20, length_penalty=-2.0)))
    model.lang_encoder.resize_token_embeddings(vocab_size)
    model.lang_encoder.media_token_id, model.eoc_token_id = image_token, end_of_chunk
    model.post_process = lambda outputs, samples: outputs
    model = model.to(dtype).eval()

    def generate(ids, pixels, num_beams, new_tokens):
        model.preprocess_text = lambda samples, device: BatchEncoding(dict(input_ids=ids, attention_mask=torch.ones_like(ids)))
        return model.predict(pixels if pixels.shape[1] > 1 else pixels[:, 0], None, num_beams=num_beams, max_new_tokens=new_tokens,
                             min_new_tokens=new_tokens)
    return generate, model.vision_encoder


serve_flamingo(f'mmpretrain {mmpretrain.__version__}, torch {torch.__version__}', make)
