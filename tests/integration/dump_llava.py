"""Writes tests/golden/llava_tiny: what Hugging Face's LLaVA computes with small random weights.

    python dump_llava.py ../golden/llava_tiny   # transformers 5.24.0, torch 2.11.0

Tensors have the names of the published files (llava-hf/llava-1.5-7b-hf). Ids are those of tokenizer 'placeholder'.
"""
import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

END, IMAGE, PAD = 260, 261, 262
ROWS = [("<image>What is it?", 1), ("A<image>and<image><image>here: ", 3), ("No picture at all. And", 0)]
SIZE, STEPS = 28, 8
out = pathlib.Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(5)
rng = np.random.default_rng(5)

vision = CLIPVisionConfig(hidden_size=32, intermediate_size=64, num_hidden_layers=3, num_attention_heads=4,
                          image_size=SIZE, patch_size=14)
text = LlamaConfig(vocab_size=263, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
                   num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-6, bos_token_id=1,
                   eos_token_id=END, pad_token_id=PAD)
model = LlavaForConditionalGeneration(LlavaConfig(vision_config=vision, text_config=text, image_token_index=IMAGE,
                                                  vision_feature_layer=-2)).eval().float()
with torch.no_grad():
    for name, value in model.named_parameters():
        scale = 0.3 if value.dim() > 1 else 0.1
        value.copy_(torch.randn_like(value) * scale + (1.0 if "norm" in name and name.endswith("weight") else 0.0))

renamed = {}
for name, value in model.state_dict().items():
    name = name.replace("model.vision_tower.", "vision_tower.vision_model.", 1)
    name = name.replace("model.multi_modal_projector.", "multi_modal_projector.", 1)
    name = name.replace("model.language_model.", "language_model.model.", 1)
    renamed["language_model.lm_head.weight" if name == "lm_head.weight" else name] = value.clone()
save_file(renamed, out / "model.safetensors")

pictures, names = [], []
for number in range(sum(count for _, count in ROWS)):
    picture = rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    names.append(f"picture{number}.png")
    Image.fromarray(picture).save(out / names[-1])
    pictures.append(torch.from_numpy(picture).permute(2, 0, 1).float().sub(127.5).div(127.5))


def encode(prompt):
    ids = [1]
    for i, piece in enumerate(prompt.split("<image>")):
        ids += ([IMAGE] if i else []) + [byte + 3 for byte in piece.encode()]
    return ids


def padded(rows):
    length = max(map(len, rows))
    ids = torch.tensor([[PAD] * (length - len(row)) + row for row in rows])
    return ids, torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])


per_picture = (SIZE // 14) ** 2
rows = [encode(prompt) for prompt, _ in ROWS]
ids, mask = padded(rows)
wide_ids, wide_mask = padded([[i for id in row for i in [id] * (per_picture if id == IMAGE else 1)] for row in rows])
most = max(count for _, count in ROWS)
images = torch.zeros(len(ROWS), most, 3, SIZE, SIZE)
index, shown = [], 0
for row, (_, count) in enumerate(ROWS):
    for t in range(count):
        images[row, t] = pictures[shown]
        shown += 1

with torch.no_grad():
    tower = model.model.vision_tower(images.flatten(0, 1), output_hidden_states=True)
    patches = tower.hidden_states[-2][:, 1:]
    media = model.model.multi_modal_projector(patches).unflatten(0, (len(ROWS), most))
    inputs = dict(input_ids=wide_ids, attention_mask=wide_mask, pixel_values=torch.stack(pictures))
    embedded = []
    hook = model.model.language_model.layers[0].register_forward_pre_hook(
        lambda _, args, kwargs: embedded.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True)
    layers = []
    hooks = [layer.register_forward_hook(lambda _, __, result: layers.append(
        result[0] if isinstance(result, tuple) else result)) for layer in model.model.language_model.layers]
    normed = []
    hooks.append(model.model.language_model.norm.register_forward_hook(lambda _, __, result: normed.append(result)))
    logits = model(**inputs).logits
    for each in [hook, *hooks]:
        each.remove()
    settings = dict(max_new_tokens=STEPS, do_sample=False, pad_token_id=PAD, eos_token_id=END)
    greedy = model.generate(**inputs, **settings)[:, wide_ids.shape[1]:]
    beams = model.generate(**inputs, **settings, num_beams=3, length_penalty=1.0)[:, wide_ids.shape[1]:]
    longer = torch.cat([wide_ids, greedy], 1)
    steps = model(input_ids=longer, attention_mask=torch.cat([wide_mask, torch.ones_like(greedy)], 1),
                  pixel_values=inputs["pixel_values"]).logits[:, wide_ids.shape[1]:-1]

stages = dict(images=images, input_ids=ids, attention_mask=mask, vision_features=patches, media_tokens=media,
              embed=embedded[0], final_norm=normed[0], logits=logits, greedy_step_logits=steps, greedy_ids=greedy,
              beam3_lp1_ids=beams, **{f"hidden_layer{i}": value for i, value in enumerate(layers)})
save_file({name: value.contiguous() for name, value in stages.items()}, out / "llava.safetensors")
shown = iter(names)
(out / "llava.json").write_text(json.dumps({
    "task": "none",
    "prompts": [prompt for prompt, _ in ROWS],
    "images": [[next(shown) for _ in range(count)] for _, count in ROWS],
    "max_new_tokens": STEPS,
}, indent=1) + "\n")
print(greedy.tolist(), beams.tolist())
