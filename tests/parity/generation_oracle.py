"""Greedy tokens of transformers. FOLDER holds one folder a case: model/ and generation.json ({"prompt": ids, "new": n}). Beside
it expected.json is written:
  fresh     each token from a pass without a cache over all tokens before it, so that a model with two lists of factors takes
            the one for their number
  cached    generate() with its cache, which does not go back to tokens that were read under another list
usage: generation_oracle.py FOLDER"""

import json
import os
import pathlib
import sys

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
import torch
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)


def fresh(model, tokens, new):
    for _ in range(new):
        tokens = torch.cat([tokens, model(tokens, use_cache=False).logits[:, -1:].argmax(-1)], dim=1)
    return tokens


def cached(model, tokens, new):
    model.generation_config.eos_token_id = None
    return model.generate(tokens, attention_mask=torch.ones_like(tokens), do_sample=False, max_new_tokens=new)


with torch.no_grad():
    for case in sorted(pathlib.Path(sys.argv[1]).iterdir()):
        asked = json.loads((case / "generation.json").read_text())
        model = AutoModelForCausalLM.from_pretrained(case / "model", dtype=torch.float32, attn_implementation="eager")
        prompt, new = torch.tensor([asked["prompt"]]), asked["new"]
        made = {f.__name__: f(model, prompt, new)[0, prompt.shape[1] :].tolist() for f in (fresh, cached)}
        (case / "expected.json").write_text(json.dumps(made))
