"""Greedy text of transformers across the original window, from exported directories as they are.
usage: greedy_oracle.py TEXT_FILE PLAIN GENERATION SCORING SET

PLAIN is an export with the original RoPE, GENERATION and SCORING are the two kinds of export of the same weights, SET is the
name of the long set in PLAIN's rope_factors.json. Prints a line each:
  generation  tokens of the continuation that equal those of the reference: one list from the first token on, put by hand into
              PLAIN's model
  scoring     tokens of the continuation, with a cache, that equal those without one, where the whole text is computed under the
              list of its length
  losses      mean loss of the last 64 tokens of either continuation under the reference, nats per token
"""

import json
import os
import sys

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPT, NEW, TAIL = 224, 128, 64  # tokens; the window is 256
torch.set_num_threads(1)
text, plain, generation, scoring, name = sys.argv[1:6]
ids = AutoTokenizer.from_pretrained(plain)(open(text, encoding="utf-8").read(), add_special_tokens=False)["input_ids"]
prompt = torch.tensor([ids[:PROMPT]])


def load(directory):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
    model.generation_config.eos_token_id = None
    return model


def with_one_list(directory):
    model = load(directory)
    sets = json.load(open(os.path.join(directory, "rope_factors.json")))["sets"]
    found = next(s for s in sets if s["name"] == name)
    rotary = model.model.rotary_emb
    pairs = len(found["factors"])
    turns = found["rope_theta"] ** (-torch.arange(pairs, dtype=torch.float64) / pairs)
    rotary.inv_freq = (turns / torch.tensor(found["factors"], dtype=torch.float64)).float()
    rotary.attention_scaling = found["attention_temperature"]
    return model


def cached(model):
    return model.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=NEW)[0, PROMPT:]


def without_cache(model):
    tokens = prompt
    for _ in range(NEW):
        tokens = torch.cat([tokens, model(tokens, use_cache=False).logits[:, -1:].argmax(-1)], dim=1)
    return tokens[0, PROMPT:]


def equal(a, b):
    different = (a != b).nonzero()
    return int(different[0]) if len(different) else NEW


def tail_loss(model, continuation):
    tokens = torch.cat([prompt, continuation[None]], dim=1)
    logits = model(tokens, use_cache=False).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits[-TAIL:], tokens[0, -TAIL:]).item()


with torch.no_grad():
    reference = with_one_list(plain)
    of_generation, of_scoring = cached(load(generation)), cached(load(scoring))
    print("generation", equal(of_generation, cached(reference)))
    print("scoring", equal(of_scoring, without_cache(load(scoring))))
    print("losses", tail_loss(reference, of_generation), tail_loss(reference, of_scoring))
