"""Generates from a prompt of so many tokens of tests/data/prose.txt, greedily, and prints a JSON object: tokens per second after
the first new one, which comes from the pass over the prompt. The time of that pass is that of a run for one token.
usage: generate_once.py ropeway|transformers MODEL PROMPT_TOKENS NEW_TOKENS TEXT_OUT"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
program, model, prompt_tokens, new_tokens, out = sys.argv[1:]
prompt_tokens, new_tokens = int(prompt_tokens), int(new_tokens)
from transformers import AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(model)
text = open("tests/data/prose.txt", encoding="utf-8").read()
prompt = tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"][:prompt_tokens])


def ropeway(count):
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(prompt)
        file.flush()
        run = subprocess.run(["build/release/bin/ropeway", "generate", model, "--prompt-file", file.name, "--factors", "none",
                              "--max-new-tokens", str(count)], check=True, capture_output=True)
    return run.stdout.decode()[:-1]


def make_transformers():
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    loaded.generation_config.eos_token_id = None
    inputs = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)

    def generate(count):
        made = loaded.generate(**inputs, do_sample=False, max_new_tokens=count)[0, inputs["input_ids"].shape[1] :]
        return tokenizer.decode(made, skip_special_tokens=True)

    return generate


def cpu_seconds():
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in usage)


def timed(count):
    begin, cpu = time.perf_counter(), cpu_seconds()
    made = generate(count)
    return made, time.perf_counter() - begin, cpu_seconds() - cpu


generate = ropeway if program == "ropeway" else make_transformers()
_, first_seconds, first_cpu = timed(1)
made, seconds, cpu = timed(new_tokens)
open(out, "w", encoding="utf-8").write(made)
memory = resource.getrusage(resource.RUSAGE_CHILDREN if program == "ropeway" else resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"program": program, "tokens_per_second": (new_tokens - 1) / (seconds - first_seconds),
                  "tokens_per_cpu_second": (new_tokens - 1) / (cpu - first_cpu), "peak_memory_bytes": memory * 1024}))
