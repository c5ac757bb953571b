"""Writes golden.safetensors beside this file: what transformers makes of the config.json files here (one model a family)
with weights that are a function of their names and places, so that only results are kept. For each FAMILY and length:
"FAMILY/LENGTH/logits" [LENGTH, V], and "FAMILY/LENGTH/gradient norms", one per weight in the order of sorted names, of the
mean loss. What the file has already stays as it is; without the file all is made. Tokens and labels are functions of their places too. family_golden_test.cc has the same functions.
usage: .venv/bin/python tests/data/families/make_golden.py   (transformers 5.23)"""

import json
import pathlib
import shutil
import sys
import tempfile

import numpy
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parents[1] / "parity"))
from checkpoint_names import checkpoint_weights

lengths = (20, 40)  # the original windows are 24


def mixed(count, seed):
    """Numbers in [0, 2^32) that look random: the finaliser of MurmurHash3 on place and seed."""
    h = (numpy.arange(count, dtype=numpy.uint64) * 2654435761 + seed * 2654435769) % 2**32
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> shift)) * factor % 2**32
    return h ^ (h >> 16)


def weight(name, shape, seed):
    centred = mixed(int(numpy.prod(shape)), seed).astype(numpy.float64) / 2**32 - 0.5
    if name.endswith(".bias"):
        values = 0.6 * centred
    elif len(shape) == 1:
        values = 1 + 0.6 * centred
    else:
        values = 4 * centred / numpy.sqrt(shape[1])
    return torch.from_numpy(values.astype(numpy.float32)).view(shape)


golden = load_file(here / "golden.safetensors") if (here / "golden.safetensors").exists() else {}
for file in sorted(here.glob("*.json")):
    family = json.loads(file.read_text())["model_type"]
    if f"{family}/{lengths[0]}/logits" in golden:
        continue
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(file, folder + "/config.json")
        config = AutoConfig.from_pretrained(folder)
    for length in lengths:
        model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float()
        weights = checkpoint_weights(model)
        with torch.no_grad():
            for seed, name in enumerate(sorted(weights)):
                weights[name].copy_(weight(name, weights[name].shape, seed))
        ids = lambda seed: torch.from_numpy((mixed(length, seed) % config.vocab_size).astype(numpy.int64))
        logits = model(input_ids=ids(1001)[None], use_cache=False).logits[0]
        torch.nn.functional.cross_entropy(logits, ids(1002)).backward()
        golden[f"{family}/{length}/logits"] = logits.detach().contiguous()
        gradients = checkpoint_weights(model, of=lambda parameter: parameter.grad)
        norms = torch.tensor([gradients[name].norm().item() for name in sorted(gradients)])
        golden[f"{family}/{length}/gradient norms"] = norms
save_file(golden, here / "golden.safetensors")
