"""The decoder in llama.cpp, through llama-cpp-python. It has no beams here: their number is that of sequences in a batch.

8 and 4 bits are its Q8_0 and Q4_0, for all matrices.
"""
import ctypes
import pathlib

import llama_cpp
import numpy

from decoder_peer import (arguments, context_size, convert_with, float32_weights, hidden_size, in_child, intermediate_size,
                          num_heads, num_layers, rms_norm_eps, rope_theta, serve_decoder, vocab_size)

args = arguments()
file = pathlib.Path(args.folder) / 'model.gguf'
names = {'input_layernorm': 'attn_norm', 'post_attention_layernorm': 'ffn_norm', 'self_attn.q_proj': 'attn_q',
         'self_attn.k_proj': 'attn_k', 'self_attn.v_proj': 'attn_v', 'self_attn.o_proj': 'attn_output',
         'mlp.gate_proj': 'ffn_gate', 'mlp.up_proj': 'ffn_up', 'mlp.down_proj': 'ffn_down'}


def convert():
    import gguf
    kind = {'float32': gguf.GGMLQuantizationType.F32, 'bfloat16': gguf.GGMLQuantizationType.BF16,
            'int8': gguf.GGMLQuantizationType.Q8_0, 'int4': gguf.GGMLQuantizationType.Q4_0}[args.dtype]
    writer = gguf.GGUFWriter(file, 'llama')
    writer.add_context_length(context_size)
    writer.add_embedding_length(hidden_size)
    writer.add_block_count(num_layers)
    writer.add_feed_forward_length(intermediate_size)
    writer.add_head_count(num_heads)
    writer.add_layer_norm_rms_eps(rms_norm_eps)
    writer.add_rope_freq_base(rope_theta)
    writer.add_rope_dimension_count(hidden_size // num_heads)
    writer.add_vocab_size(vocab_size)
    writer.add_tokenizer_model('none')

    def add(name, array):
        if array.ndim == 1:
            writer.add_tensor(name, array)
        else:
            writer.add_tensor(name, gguf.quants.quantize(array, kind), raw_dtype=kind)

    def interleaved(array):  # llama.cpp rotates neighbours, transformers the two halves of a head
        return array.reshape(num_heads, 2, -1, array.shape[1]).swapaxes(1, 2).reshape(array.shape)
    weights = float32_weights(args.weights)
    add('token_embd.weight', weights['model.embed_tokens.weight'])
    add('output_norm.weight', weights['model.norm.weight'])
    add('output.weight', weights['lm_head.weight'])
    for number in range(num_layers):
        for name, short in names.items():
            array = weights[f'model.layers.{number}.{name}.weight']
            add(f'blk.{number}.{short}.weight', interleaved(array) if short in ('attn_q', 'attn_k') else array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


convert_with(convert)


def load(extra_buffers):
    """A context for three sequences. `extra_buffers` lets it rearrange weights for AMX and wide vectors."""
    llama_cpp.llama_backend_init()
    options = llama_cpp.llama_model_default_params()
    options.use_extra_bufts = extra_buffers
    model = llama_cpp.llama_model_load_from_file(str(file).encode(), options)
    if not model:
        raise SystemExit('llama.cpp can\'t load the converted weights')
    options = llama_cpp.llama_context_default_params()
    options.n_ctx, options.n_batch, options.n_ubatch, options.n_seq_max = context_size, context_size, 512, 3
    options.kv_unified = True  # the sequences share the prompt
    options.n_threads = options.n_threads_batch = args.threads
    return llama_cpp.llama_init_from_model(model, options)


def run(context, tokens):
    """Computes a list of (token, position, sequence, whether the logits are wanted)."""
    batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for number, (token, position, sequence, logits) in enumerate(tokens):
        batch.token[number], batch.pos[number], batch.logits[number] = token, position, logits
        batch.n_seq_id[number], batch.seq_id[number][0] = 1, sequence
    failed = llama_cpp.llama_decode(context, batch)
    llama_cpp.llama_batch_free(batch)
    if failed:
        raise RuntimeError('llama_decode failed')


def prompt_of(ids):
    return [(token, position, 0, position + 1 == len(ids)) for position, token in enumerate(ids)]


def best(number):
    logits = llama_cpp.llama_get_logits_ith(context, number)
    return int(numpy.ctypeslib.as_array(ctypes.cast(logits, ctypes.POINTER(ctypes.c_float)), (vocab_size,)).argmax())


def generate(ids, new_tokens, num_beams):
    memory = llama_cpp.llama_get_memory(context)
    llama_cpp.llama_memory_clear(memory, True)
    run(context, prompt_of(ids))
    tokens = [best(len(ids) - 1)] * num_beams
    for sequence in range(1, num_beams):
        llama_cpp.llama_memory_seq_cp(memory, 0, sequence, -1, -1)
    for position in range(len(ids), len(ids) + new_tokens - 1):
        run(context, [(token, position, sequence, True) for sequence, token in enumerate(tokens)])
        tokens = [best(sequence) for sequence in range(num_beams)]


# Its AMX path is known to crash on some machines; then without.
extra_buffers = in_child(lambda: run(load(True), prompt_of(list(range(64)))))
context = load(extra_buffers)
serve_decoder(f'llama-cpp-python {llama_cpp.__version__}' + ('' if extra_buffers else ', without rearranged weights'), generate)
