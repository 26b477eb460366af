"""The decoder in transformers; with --compile, decode steps go through torch.compile (the prompt is computed without it)."""
import torch
import transformers
from transformers import LlamaForCausalLM, StaticCache

from decoder_peer import arguments, context_size, huggingface_folder, serve_decoder

args = arguments('--compile')
if args.dtype not in ('float32', 'bfloat16'):
    raise SystemExit(f'transformers has no {args.dtype} weights for a CPU without further packages')
torch.set_num_threads(args.threads)
model = LlamaForCausalLM.from_pretrained(huggingface_folder(args), dtype=getattr(torch, args.dtype)).eval()
step = torch.compile(model) if args.compile else model


@torch.no_grad()
def generate(ids, new_tokens, num_beams):
    if not args.compile:
        model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), num_beams=num_beams,
                       max_new_tokens=new_tokens, min_new_tokens=new_tokens, do_sample=False, pad_token_id=0)
        return
    # Beams can't be compiled, so their number is that of rows. A cache of fixed size is what makes a step worth compiling.
    rows = torch.tensor([ids]).expand(num_beams, -1)
    cache = StaticCache(config=model.config, max_cache_len=min(context_size, len(ids) + 32))
    token = model(rows, past_key_values=cache, cache_position=torch.arange(len(ids)), logits_to_keep=1).logits[:, -1:].argmax(-1)
    for position in range(len(ids), len(ids) + new_tokens - 1):
        out = step(token, past_key_values=cache, cache_position=torch.tensor([position]), position_ids=torch.tensor([[position]]))
        token = out.logits[:, -1:].argmax(-1)


serve_decoder(f'transformers {transformers.__version__}, torch {torch.__version__}', generate)
