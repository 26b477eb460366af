"""The decoder in CTranslate2."""
import ctranslate2
import numpy
from ctranslate2.specs import common_spec, transformer_spec

from decoder_peer import (arguments, convert_with, float32_weights, num_heads, num_layers, rms_norm_eps, rope_theta,
                          serve_decoder, vocab_size)

args = arguments()
if args.dtype == 'int4':
    raise SystemExit('CTranslate2 has no int4 weights on a CPU')


def convert():
    weights = float32_weights(args.weights)
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        num_layers, num_heads, activation=common_spec.Activation.SWISH, pre_norm=True, ffn_glu=True, rms_norm=True, rotary_dim=0,
        rotary_interleave=False, rotary_base=rope_theta, num_heads_kv=num_heads)

    def array(name):
        return weights[name]
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = array('model.embed_tokens.weight')
    decoder.layer_norm.gamma = array('model.norm.weight')
    decoder.projection.weight = array('lm_head.weight')
    for number, layer in enumerate(decoder.layer):
        def of(name):
            return array(f'model.layers.{number}.{name}.weight')
        layer.self_attention.layer_norm.gamma = of('input_layernorm')
        layer.ffn.layer_norm.gamma = of('post_attention_layernorm')
        layer.self_attention.linear[0].weight = numpy.concatenate([of(f'self_attn.{name}_proj') for name in 'qkv'])
        layer.self_attention.linear[1].weight = of('self_attn.o_proj')
        layer.ffn.linear_0.weight = of('mlp.gate_proj')
        layer.ffn.linear_0_noact.weight = of('mlp.up_proj')
        layer.ffn.linear_1.weight = of('mlp.down_proj')
    spec.config.bos_token, spec.config.eos_token, spec.config.unk_token = '1', '2', '0'
    spec.config.layer_norm_epsilon = rms_norm_eps
    spec.register_vocabulary([str(number) for number in range(vocab_size)])
    spec.validate()
    spec.optimize(quantization=args.dtype)
    spec.save(args.folder)


convert_with(convert)
generator = ctranslate2.Generator(args.folder, device='cpu', compute_type=args.dtype, intra_threads=args.threads)
if generator.compute_type.split('_')[0] != args.dtype:
    raise SystemExit(f'CTranslate2 computes {generator.compute_type} in place of {args.dtype} on this processor')


def generate(ids, new_tokens, num_beams):
    result = generator.generate_batch([[str(number) for number in ids]], beam_size=num_beams, max_length=new_tokens,
                                      min_length=new_tokens, include_prompt_in_result=False)
    if len(result[0].sequences_ids[0]) != new_tokens:
        raise RuntimeError(f'{len(result[0].sequences_ids[0])} new tokens, not {new_tokens}')


serve_decoder(f'ctranslate2 {ctranslate2.__version__}, {generator.compute_type}', generate)
