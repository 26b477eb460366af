"""Writes beside this file: random blocks of each type of tensor (blocks.gguf) and their values (blocks.safetensors), and
the tokenizer of ../tokenizer/llama_small.model as a GGUF file (llama_small.gguf).

    python dump_gguf.py   # gguf 0.19.0, numpy 2.4, safetensors 0.8, sentencepiece 0.2

The values are those of gguf.dequantize(), or the tensor itself where it is not quantised. Every bit pattern of a block may
occur, except scales that are infinite or not a number.
"""
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import TokenType
from safetensors.numpy import save_file
from sentencepiece import SentencePieceProcessor

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


def main():
    folder = Path(__file__).parent
    write_blocks(folder)
    write_tokenizer(folder)


if __name__ == '__main__':
    main()
