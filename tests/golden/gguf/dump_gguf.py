"""Writes beside this file: random blocks of each type of tensor (blocks.gguf) and their values (blocks.safetensors), the
tokenizer of ../tokenizer/llama_small.model as a GGUF file (llama_small.gguf), and small random models (llama.gguf,
qwen2.gguf) with the logits that transformers gives when it reads these files (llama.safetensors, qwen2.safetensors).

    python dump_gguf.py   # gguf 0.19.0, numpy 2.4, safetensors 0.8, sentencepiece 0.2, torch 2.15, transformers 5.24

The values are those of gguf.dequantize(), or the tensor itself where it is not quantised. Every bit pattern of a block may
occur, except scales that are infinite or not a number.
"""
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf import TokenType
from safetensors.numpy import save_file
from sentencepiece import SentencePieceProcessor
from transformers import (AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, Qwen2Config,
                          Qwen2ForCausalLM)

SHAPE = (3, 256)
# The places of the float16 scales in a block.
SCALES = {Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
          Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208]}


def random_blocks(kind, random):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (SHAPE[0] * SHAPE[1] // elements, size), dtype=np.uint8)
    for place in SCALES[kind]:
        scales = random.normal(0, 0.05, (len(blocks), 1)).astype(np.float16)
        scales[0] = 6e-8  # a subnormal number
        blocks[:, place:place + 2] = scales.view(np.uint8)
    return blocks.reshape(SHAPE[0], -1)


def write_blocks(folder):
    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(folder / 'blocks.gguf', 'llama')
    writer.add_name('blocks')
    values = {}
    for kind in SCALES:
        blocks = random_blocks(kind, random)
        writer.add_tensor(kind.name, blocks, raw_dtype=kind)
        values[kind.name] = gguf.dequantize(blocks, kind)
        assert values[kind.name].shape == SHAPE and np.isfinite(values[kind.name]).all()
    plain = random.normal(0, 1, (2, 3, 5)).astype(np.float32)
    writer.add_tensor('F32', plain)
    writer.add_tensor('F16', plain.astype(np.float16))
    bfloat16 = (plain.view(np.uint32) >> 16).astype(np.uint16)
    writer.add_tensor('BF16', bfloat16.view(np.uint8), raw_dtype=Type.BF16)
    values['F32'] = plain
    values['F16'] = plain.astype(np.float16)
    values['BF16'] = (bfloat16.astype(np.uint32) << 16).view(np.float32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(values, folder / 'blocks.safetensors')


def write_tokenizer(folder):
    """As convert_hf_to_gguf.py does it (_create_vocab_sentencepiece)."""
    model = SentencePieceProcessor(model_file=str(folder / '../tokenizer/llama_small.model'))
    writer = gguf.GGUFWriter(folder / 'llama_small.gguf', 'llama')
    writer.add_tokenizer_model('llama')
    ids = range(model.vocab_size())
    writer.add_token_list([model.id_to_piece(i).encode() for i in ids])
    writer.add_token_scores([model.get_score(i) for i in ids])
    kinds = [(model.is_unknown, TokenType.UNKNOWN), (model.is_control, TokenType.CONTROL),
             (model.is_unused, TokenType.UNUSED), (model.is_byte, TokenType.BYTE)]
    writer.add_token_types([next((kind for test, kind in kinds if test(i)), TokenType.NORMAL) for i in ids])
    writer.add_bos_token_id(model.bos_id())
    writer.add_eos_token_id(model.eos_id())
    writer.add_unk_token_id(model.unk_id())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def interleaved(rows, heads):
    """LlamaModel.permute of convert_hf_to_gguf.py."""
    shape = rows.shape
    return rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def write_model(folder, name, architecture, model):
    config = model.config
    writer = gguf.GGUFWriter(folder / f'{name}.gguf', name)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(500.0)
    writer.add_vocab_size(config.vocab_size)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    for key, tensor in model.state_dict().items():
        values = tensor.numpy()
        heads = {'q': config.num_attention_heads, 'k': config.num_key_value_heads}.get(key.split('_proj')[0][-1])
        if name == 'llama' and 'attn' in key and heads:
            values = interleaved(values, heads)
        values = np.ascontiguousarray(values)
        kind = Type.F32 if values.ndim == 1 else Type.Q4_1 if 'mlp' in key else Type.Q8_0
        writer.add_tensor(names.get_name(key, ('.weight', '.bias')), gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reference = AutoModelForCausalLM.from_pretrained(folder, gguf_file=f'{name}.gguf', dtype=torch.float32).eval()
    ids = torch.randint(config.vocab_size, (2, 7), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        logits = reference(ids).logits
    save_file({'ids': ids.numpy(), 'logits': logits.numpy()}, folder / f'{name}.safetensors')


def write_models(folder):
    torch.manual_seed(1)
    sizes = dict(vocab_size=40, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, max_position_embeddings=64, rms_norm_eps=1e-5)
    for name, config, kind, architecture in [
            ('llama', LlamaConfig(**sizes, tie_word_embeddings=True), LlamaForCausalLM, gguf.MODEL_ARCH.LLAMA),
            ('qwen2', Qwen2Config(**sizes, tie_word_embeddings=False), Qwen2ForCausalLM, gguf.MODEL_ARCH.QWEN2)]:
        model = kind(config).eval()
        for key, value in model.named_parameters():
            value.data.normal_(1.0 if 'norm' in key else 0.0, 0.2)
        if config.tie_word_embeddings:
            del model.lm_head
        write_model(folder, name, architecture, model)


def main():
    folder = Path(__file__).parent
    write_blocks(folder)
    write_tokenizer(folder)
    write_models(folder)


if __name__ == '__main__':
    main()
