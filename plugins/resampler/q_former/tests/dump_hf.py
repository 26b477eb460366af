"""Writes what Hugging Face's Blip2QFormerModel and the projection after it give for small random weights.

    python dump_hf.py tests/golden/blip2_tiny/q_former.safetensors   # transformers 5.24.0
"""
import sys

import torch
from safetensors.torch import save_file
from transformers import Blip2QFormerConfig, Blip2QFormerModel

WIDTH, HIDDEN, MEDIA, QUERIES, PATCHES = 32, 24, 20, 5, 10
CASES = {"a": (2, 1, 1), "b": (1, 2, 3)}  # batch, images, frames


def main(path):
    torch.manual_seed(1)
    config = Blip2QFormerConfig(hidden_size=HIDDEN, num_hidden_layers=3, num_attention_heads=3, intermediate_size=40,
                                encoder_hidden_size=WIDTH, cross_attention_frequency=2)
    qformer = Blip2QFormerModel(config).eval()
    projection = torch.nn.Linear(HIDDEN, MEDIA)
    queries = torch.randn(1, QUERIES, HIDDEN)
    with torch.no_grad():
        for parameter in [*qformer.parameters(), *projection.parameters()]:
            parameter.copy_(torch.randn_like(parameter) * 0.4)
        out = {"query_tokens": queries}
        out |= {f"qformer.{k}": v for k, v in qformer.state_dict().items()}
        out |= {f"language_projection.{k}": v for k, v in projection.state_dict().items()}
        for name, (batch, images, frames) in CASES.items():
            x = torch.randn(batch, images, frames, PATCHES, WIDTH)
            rows = x.flatten(2, 3).flatten(0, 1)
            hidden = qformer(query_embeds=queries.expand(len(rows), -1, -1), encoder_hidden_states=rows)[0]
            out[f"x_{name}"] = x
            out[f"hidden_{name}"] = hidden.unflatten(0, (batch, images))
            out[f"out_{name}"] = projection(hidden).unflatten(0, (batch, images))
    save_file({k: v.clone().contiguous() for k, v in out.items()}, path)


if __name__ == "__main__":
    main(sys.argv[1])
