"""Writes ids and scores that Hugging Face's generate() gives for the scripted model of scripted_model.h.

    python dump_hf.py hf_4_31.json   # transformers 4.31.0
    python dump_hf.py hf_4_45.json   # transformers 4.45.2
"""
import json
import sys

import torch
import transformers
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

VOCABULARY, END, PAD = 23, 5, 0
PROMPTS = [[2, 2, 1, 7, 3], [1, 4, 7, 3, 8]]


def logit(a, b, v, seed):
    mask = 0xFFFFFFFF
    x = (a * 1000003 + b * 10007 + v * 7919 + seed * 104729 + 12345) & mask
    x ^= x >> 15
    x = x * 2246822519 & mask
    x ^= x >> 13
    x = x * 3266489917 & mask
    x ^= x >> 16
    return (x % 20001) / 2500.0 - 4.0


class Config(PretrainedConfig):
    model_type = "scripted"


class Scripted(PreTrainedModel, GenerationMixin):
    config_class = Config
    main_input_name = "input_ids"

    def __init__(self, config, seed, bonus):
        super().__init__(config)
        self.w = torch.nn.Parameter(torch.zeros(1))
        self.seed, self.bonus = seed, bonus

    def can_generate(self):
        return True

    def prepare_inputs_for_generation(self, input_ids, **_):
        return {"input_ids": input_ids}

    def forward(self, input_ids, **_):
        rows = [[logit(r[-2], r[-1], v, self.seed) + (self.bonus if v == END else 0) for v in range(VOCABULARY)]
                for r in input_ids.tolist()]
        logits = torch.tensor(rows, dtype=torch.float32)[:, None]
        return CausalLMOutput(logits=logits.expand(-1, input_ids.shape[1], -1))


OPTIONS = [
    {},
    {"num_beams": 2},
    {"num_beams": 3, "length_penalty": -2.0},
    {"num_beams": 3, "length_penalty": 2.0, "num_return_sequences": 3},
    {"num_beams": 4, "length_penalty": 0.0},
    {"num_beams": 5, "early_stopping": True, "num_return_sequences": 5},
    {"num_beams": 3, "early_stopping": True, "length_penalty": -1.0},
    {"num_beams": 3, "min_new_tokens": 6, "num_return_sequences": 2},
    {"num_beams": 3, "repetition_penalty": 1.7},
    {"repetition_penalty": 1.7},
    {"no_repeat_ngram_size": 2},
    {"num_beams": 4, "no_repeat_ngram_size": 2, "length_penalty": 1.0},
    {"num_beams": 2, "no_repeat_ngram_size": 1},
    {"num_beams": 3, "no_repeat_ngram_size": 3, "repetition_penalty": 0.6, "min_new_tokens": 3, "num_return_sequences": 3},
    {"num_beams": 3, "eos_token_id": [5, 9]},
    {"eos_token_id": [5, 9], "min_new_tokens": 4},
]


def main(path):
    newer = transformers.__version__ != "4.31.0"  # differs in beams only
    cases = []
    for i, options in enumerate(o for o in OPTIONS if not newer or o.get("num_beams", 1) > 1):
        for seed, bonus in ((1, 0.0), (2, 2.0), (3, 3.5)):
            model = Scripted(Config(vocab_size=VOCABULARY), seed + 10 * i, bonus)
            arguments = {"max_new_tokens": 12, "pad_token_id": PAD, "eos_token_id": END, "do_sample": False, **options}
            got = model.generate(torch.tensor(PROMPTS), return_dict_in_generate=True, output_scores=True, **arguments)
            end = arguments["eos_token_id"]
            case = {"seed": seed + 10 * i, "bonus": bonus, "options": {k: v for k, v in options.items() if k != "eos_token_id"},
                    "stop_ids": end if isinstance(end, list) else [end], "ids": got.sequences[:, len(PROMPTS[0]):].tolist()}
            if options.get("num_beams", 1) > 1:
                case["scores"] = got.sequences_scores.tolist()
            cases.append(case)
    with open(path, "w") as file:
        json.dump({"transformers": transformers.__version__, "vocabulary": VOCABULARY, "prompts": PROMPTS,
                   "max_new_tokens": 12, "cases": cases}, file)


if __name__ == "__main__":
    main(sys.argv[1])
