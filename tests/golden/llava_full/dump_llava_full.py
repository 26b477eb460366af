#!/usr/bin/env python3
"""Writes full.json and full.safetensors beside this file: the model of ../llava_tiny/model as transformers runs it with
`vision_feature_select_strategy: full`, which keeps the class token as a media token.

    tests/golden/llava_full/dump_llava_full.py      # torch 2.11, transformers 5.24, safetensors 0.8, pillow 12
"""
import json
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoConfig, AutoProcessor, LlavaForConditionalGeneration

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / 'llava_tiny/model'
PROMPTS = ['USER: <image>\nDescribe. ASSISTANT:', 'USER: <image>\n<image>\nCompare the two pictures. ASSISTANT:']
IMAGES = [['img3_97x50.png'], ['img2_40x83.png', 'img0_61x44.png']]


def main():
    config = AutoConfig.from_pretrained(MODEL)
    config.vision_feature_select_strategy = 'full'
    model = LlavaForConditionalGeneration.from_pretrained(MODEL, config=config, dtype=torch.float32).eval()
    processor = AutoProcessor.from_pretrained(MODEL, backend='pil')
    processor.vision_feature_select_strategy = 'full'
    pictures = [[Image.open(HERE.parent / 'llava_tiny/images' / name).convert('RGB') for name in names] for names in IMAGES]
    inputs = processor(images=pictures, text=PROMPTS, return_tensors='pt', padding=True)
    with torch.no_grad():
        media = model.model.get_image_features(inputs['pixel_values'], vision_feature_select_strategy='full')
        logits = model(**inputs).logits
        ids = model.generate(**inputs, max_new_tokens=12, do_sample=False)
    media = getattr(media, 'pooler_output', media)
    save_file({'input_ids': inputs['input_ids'], 'attention_mask': inputs['attention_mask'],
               'pixel_values': inputs['pixel_values'].contiguous(), 'perceiver_out': torch.stack(list(media)).contiguous(),
               'logits_last8': logits[:, -8:].contiguous(), 'greedy_ids': ids[:, inputs['input_ids'].shape[1]:].contiguous()},
              HERE / 'full.safetensors')
    case = {'case': 'full', 'prompts': PROMPTS, 'images': [[f'../llava_tiny/images/{name}' for name in names] for names in IMAGES],
            'max_new_tokens': 12}
    (HERE / 'full.json').write_text(json.dumps(case, indent=1) + '\n')


if __name__ == '__main__':
    main()
