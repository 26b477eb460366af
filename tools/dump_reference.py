#!/usr/bin/env python3
"""Runs mmpretrain's Flamingo with your own weights and writes a dump that `flam verify CONFIG DUMP` reads.

Needs an environment with mmpretrain 1.2.0, transformers 4.31.0 and safetensors (other versions of transformers score beams
differently). Runs in float32 on the CPU; the 9B model takes about 33 GB of memory.

  python tools/dump_reference.py MMPRETRAIN/configs/flamingo/flamingo_zeroshot_caption.py \\
      --checkpoint openflamingo-9b-adapter_20230505-554310c8.pth --vit vit-large-p14_clip-openai-pre_….pth \\
      --llama llama-7b-hf --image cat-dog.png --out dumps/cat_dog

writes dumps/cat_dog.safetensors and dumps/cat_dog.json. Several --image make a batch. With --shot, every image gets the same
shots: --shot a.png="A cat." for captions, --shot a.png="What is it?=>A cat." for questions.
"""
import argparse
import json
import os
import warnings
from pathlib import Path

import mmcv
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from safetensors.torch import save_file

from mmpretrain.registry import MODELS, TRANSFORMS
from mmpretrain.structures import DataSample
from mmpretrain.utils import register_all_modules


def build_model(args):
    """The config's model with the weights named on the command line."""
    cfg = Config.fromfile(args.config)
    model_cfg = cfg.model
    model_cfg.data_preprocessor = {'type': 'MultiModalDataPreprocessor', **cfg.data_preprocessor}
    model_cfg.vision_encoder.pretrained = args.vit
    model_cfg.tokenizer.name_or_path = args.llama
    model_cfg.lang_encoder.base.name_or_path = args.llama
    model = MODELS.build(model_cfg).float().eval()
    for checkpoint in args.checkpoint:
        load_checkpoint(model, checkpoint, map_location='cpu', strict=False)
    pipeline = cfg.val_dataloader.dataset.pipeline
    if pipeline[0]['type'] == 'ApplyToList':
        pipeline = pipeline[0]['transforms']
    steps = [t for t in pipeline if t['type'] not in ('LoadImageFromFile', 'PackInputs')]
    return model, Compose([TRANSFORMS.build(t) for t in steps])


def load_pixels(model, pipeline, rows):
    """Lists of picture files -> normalised pixels [B,T,3,S,S]."""
    pictures = []
    for path in (path for row in rows for path in row):
        image = mmcv.imread(path)
        if image is None:
            raise SystemExit(f'cannot read the picture {path}')
        image = pipeline({'img': image, 'img_shape': image.shape[:2], 'ori_shape': image.shape[:2]})['img']
        pictures.append(torch.from_numpy(image.copy()).permute(2, 0, 1))
    pixels = model.data_preprocessor({'inputs': torch.stack(pictures), 'data_samples': None})['images']
    return pixels.view(len(rows), -1, *pixels.shape[1:])


def record(model, pixels, text):
    """One uncached forward over the prompt -> every stage under its name."""
    stages, hooks = {}, []

    def keep(name, module, pick=lambda out: out):
        hooks.append(module.register_forward_hook(lambda _m, _i, out: stages.__setitem__(name, pick(out).detach().clone())))

    language = model.lang_encoder
    keep('vision_features', model.vision_encoder, lambda out: out[-1][:, 1:])
    keep('media_tokens', model.perceiver)
    keep('embed', language.get_input_embeddings())
    for index, layer in enumerate(language._get_decoder_layers()):
        keep(f'hidden_layer{index}', layer, lambda out: out[0])
        if layer.gated_cross_attn_layer is not None:
            keep(f'xattn_out_layer{index}', layer.gated_cross_attn_layer)
    keep('final_norm', language.model.norm)
    condition(model, model.extract_vision_feats(pixels))
    stages['logits'] = language(input_ids=text.input_ids, attention_mask=text.attention_mask, use_cache=False).logits
    for hook in hooks:
        hook.remove()
    return stages


def condition(model, vision):
    for layer in model.lang_encoder._get_decoder_layers():
        layer.condition_vis_x(vision)


def generate(model, vision, text, **options):
    """New ids [B,n] as mmpretrain's predict() makes them, and the logits of each step."""
    options = {**model.generation_cfg, **options}
    condition(model, vision.repeat_interleave(options['num_beams'], dim=0))
    out = model.lang_encoder.generate(
        text.input_ids, attention_mask=text.attention_mask, eos_token_id=model.eoc_token_id,
        output_scores=True, return_dict_in_generate=True, **options)
    return out.sequences[:, text.input_ids.shape[1]:], out.scores


def describe(model, ids):
    answers = model.post_process(ids, None)
    field = 'pred_caption' if model.task == 'caption' else 'pred_answer'
    return {
        'ids': ids.tolist(),
        'text': model.tokenizer.batch_decode(ids, skip_special_tokens=True),
        'answer': [answer.get(field) for answer in answers],
    }


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help="a config of mmpretrain's configs/flamingo")
    parser.add_argument('--checkpoint', action='append', required=True, help='adapter file; repeatable, later ones win')
    parser.add_argument('--vit', required=True, help="the ViT in mmpretrain's naming")
    parser.add_argument('--llama', required=True, help='Hugging Face folder of the language model and its tokenizer')
    parser.add_argument('--image', action='append', required=True, help='repeatable: one row of the batch each')
    parser.add_argument('--question', action='append', default=[], help='for questions: one for each --image')
    parser.add_argument('--shot', action='append', default=[], help='IMAGE=CAPTION or IMAGE=QUESTION=>ANSWER; repeatable')
    parser.add_argument('--out', required=True, help='name of the dump without a suffix')
    return parser.parse_args()


def parse_shot(task, shot):
    image, text = shot.split('=', 1)
    if task == 'caption':
        return image, {'caption': text}
    question, answer = text.split('=>', 1)
    return image, {'question': question, 'answer': answer}


@torch.no_grad()
def main():
    args = parse_arguments()
    register_all_modules(init_default_scope=True)
    model, pipeline = build_model(args)
    if model.task == 'vqa' and len(args.question) != len(args.image):
        raise SystemExit('one --question for each --image is needed')

    shots = [parse_shot(model.task, shot) for shot in args.shot]
    rows = [[image for image, _ in shots] + [query] for query in args.image]
    samples = [DataSample() for _ in rows]
    for index, sample in enumerate(samples):
        if shots:
            sample.set_field([fields for _, fields in shots], 'shots')
        if args.question:
            sample.set_field(args.question[index], 'question')
    pixels = load_pixels(model, pipeline, rows)
    text = model.preprocess_text(samples, device=pixels.device)

    tensors = record(model, pixels, text)
    tensors['images'] = pixels if shots else pixels.squeeze(1)
    tensors['input_ids'], tensors['attention_mask'] = text.input_ids, text.attention_mask
    vision = model.extract_vision_feats(pixels)
    tensors['greedy_ids'], scores = generate(model, vision, text, num_beams=1)
    if len(scores) > 1:
        tensors['greedy_step_logits'] = torch.stack(scores[1:], dim=1)
    tensors['beam3_ids'], _ = generate(model, vision, text, num_beams=3, length_penalty=-2.0)
    tensors['beam3_lp1_ids'], _ = generate(model, vision, text, num_beams=3, length_penalty=1.0)

    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    relative = [[os.path.relpath(path, out.parent) for path in row] for row in rows]
    side = {
        'case': out.name,
        'task': model.task,
        'notes': 'written by tools/dump_reference.py',
        'prompts': [('' .join(model.shot_prompt_tmpl.format(**fields) for _, fields in shots) if shots else model.zeroshot_prompt) +
                    model.final_prompt_tmpl.format(**sample.to_dict()) for sample in samples],
        'max_new_tokens': model.generation_cfg['max_new_tokens'],
        'images': relative if shots else [row[0] for row in relative],
        'shots': [[fields for _, fields in shots] or None for _ in rows],
        'greedy': describe(model, tensors['greedy_ids']),
        'beam3_length_penalty_minus2': describe(model, tensors['beam3_ids']),
        'beam3_length_penalty_1': describe(model, tensors['beam3_lp1_ids']),
    }
    save_file({name: tensor.contiguous().clone() for name, tensor in tensors.items()}, f'{out}.safetensors')
    Path(f'{out}.json').write_text(json.dumps(side, indent=1))
    print(f'{out}.safetensors: {len(tensors)} tensors, prompts of {text.input_ids.shape[1]} tokens')


if __name__ == '__main__':
    warnings.filterwarnings('ignore', category=FutureWarning)
    main()
