"""The decoder in OpenVINO GenAI, exported by optimum-intel; 8 and 4 bits by nncf, symmetric, the latter in groups of 64."""
import numpy
import openvino
import openvino_genai

from decoder_peer import arguments, convert_with, huggingface_folder, serve_decoder

args = arguments()
bits = {'int8': 8, 'int4': 4}.get(args.dtype)


def convert():
    from optimum.intel import OVModelForCausalLM, OVWeightQuantizationConfig
    folder = huggingface_folder(args)
    quantization = OVWeightQuantizationConfig(bits=bits, sym=True, group_size=64 if bits == 4 else -1, ratio=1.0,
                                              all_layers=True if bits == 4 else None) if bits else None
    import torch
    OVModelForCausalLM.from_pretrained(
        folder, export=True, compile=False, load_in_8bit=False if bits is None else None, quantization_config=quantization,
        dtype=torch.bfloat16 if args.dtype == 'bfloat16' else torch.float32).save_pretrained(folder / 'openvino')


convert_with(convert)
# With 8 and 4 bits, the rest is computed as OpenVINO chooses for the processor.
properties = {'INFERENCE_NUM_THREADS': args.threads}
if bits is None:
    properties['INFERENCE_PRECISION_HINT'] = 'bf16' if args.dtype == 'bfloat16' else 'f32'
pipeline = openvino_genai.LLMPipeline(f'{args.folder}/openvino', 'CPU', **properties)


def generate(ids, new_tokens, num_beams):
    options = openvino_genai.GenerationConfig(max_new_tokens=new_tokens, min_new_tokens=new_tokens, ignore_eos=True,
                                              num_beams=num_beams, do_sample=False)
    tokens = pipeline.generate(openvino.Tensor(numpy.array([ids], numpy.int64)), options).tokens[0]
    if len(tokens) != new_tokens:
        raise RuntimeError(f'{len(tokens)} new tokens, not {new_tokens}')


serve_decoder(f'openvino-genai {openvino_genai.__version__}', generate)
