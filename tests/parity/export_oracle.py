"""What transformers makes of exported directories, loaded as they are: for each line "DIRECTORY LENGTH OUT.safetensors"
on standard input the text of the first argument is encoded by AutoTokenizer, and the loss of every token of its first
LENGTH tokens under AutoModelForCausalLM in fp32 is written to OUT (nll [LENGTH - 1], tokens [LENGTH]).
usage: export_oracle.py TEXT_FILE < jobs"""

import os
import sys

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(1)
text = open(sys.argv[1], encoding="utf-8").read()
for line in sys.stdin:
    directory, length, out = line.split()
    tokens = AutoTokenizer.from_pretrained(directory)(text, add_special_tokens=False)["input_ids"][: int(length)]
    # A model of its own for each length: the frequencies of a longer one before it must not linger.
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
    tokens = torch.tensor([tokens])
    with torch.no_grad():
        logits = model(input_ids=tokens, use_cache=False).logits[0, :-1]
    nll = torch.nn.functional.cross_entropy(logits, tokens[0, 1:], reduction="none")
    save_file({"nll": nll.contiguous(), "tokens": tokens[0].contiguous()}, out)
