"""What transformers makes of token ids: the loss of every token but the first, fp32, as a .npy of float32 for each
length. Also made the committed ids of tests/data/smollm2.
usage: smollm2_oracle.py MODEL_DIR IDS.npy LENGTH=OUT.npy ...
       smollm2_oracle.py MODEL_DIR TEXT IDS.npy          the first 8192 ids of a text

LENGTH:exact=OUT.npy gives transformers the rotary angles of its own longrope formula in float64. Its own are
position x frequency in float32, which at some thousands of radians is off by 1e-4 and more."""

import os
import sys

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def exact_longrope(config, length: int, scaling: float):
    """cos and sin as transformers' longrope defines them, [1, length, head_dim], from float64 angles."""
    rope = config.rope_parameters
    factors = rope["long_factor" if length > rope["original_max_position_embeddings"] else "short_factor"]
    powers = torch.arange(0, config.head_dim, 2, dtype=torch.float64) / config.head_dim
    frequencies = 1 / (torch.tensor(factors, dtype=torch.float64) * rope["rope_theta"] ** powers)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies
    angles = torch.cat([angles, angles], dim=-1)[None]
    return (angles.cos() * scaling).float(), (angles.sin() * scaling).float()


def losses(model_dir: str, ids: np.ndarray, exact: bool) -> np.ndarray:
    # A model of its own for each length: the frequencies of a longer one before it must not linger.
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)
    if exact:
        rotary = model.model.rotary_emb
        tables = exact_longrope(model.config, len(ids), rotary.attention_scaling)
        rotary.forward = lambda x, position_ids, *rest, **options: tables
    tokens = torch.from_numpy(ids.astype(np.int64))
    parts = []
    with torch.no_grad():
        hidden = model.model(input_ids=tokens[None], use_cache=False).last_hidden_state[0]
        for begin in range(0, len(tokens) - 1, 512):  # all logits at once would take 1.6 GB
            end = min(begin + 512, len(tokens) - 1)
            logits = model.lm_head(hidden[begin:end])
            # In float32 torch's sum over 49152 exponentials is off by 8e-6 on average, about what is allowed here.
            labels = tokens[begin + 1 : end + 1]
            parts.append(torch.nn.functional.cross_entropy(logits.double(), labels, reduction="none"))
    return torch.cat(parts).float().numpy()


if sys.argv[2].endswith(".npy"):
    all_ids = np.load(sys.argv[2])
    for job in sys.argv[3:]:
        length, out = job.split("=", 1)
        length, _, angles = length.partition(":")
        np.save(out, losses(sys.argv[1], all_ids[: int(length)], angles == "exact"))
else:
    text = open(sys.argv[2], encoding="utf-8").read()
    ids = AutoTokenizer.from_pretrained(sys.argv[1])(text)["input_ids"][:8192]
    np.save(sys.argv[3], np.array(ids, dtype=np.uint16))
