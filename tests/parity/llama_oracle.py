"""What transformers' LlamaForCausalLM makes of a model directory: for each batch of batch_*.safetensors in a folder
(tokens, labels [B, L] int64; labels not shifted further, -100 not scored) the loss of every token, and the gradient of
their mean with respect to every weight, as oracle_*.safetensors beside it.
usage: llama_oracle.py MODEL_DIR FOLDER"""

import os
import pathlib
import sys

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaForCausalLM

torch.set_num_threads(1)
model_dir, folder = sys.argv[1], pathlib.Path(sys.argv[2])
for file in sorted(folder.glob("batch_*.safetensors")):
    # A model of its own for each batch: the frequencies of a longer one before it must not linger.
    model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32, attn_implementation="eager")
    assert isinstance(model, LlamaForCausalLM)
    batch = load_file(file)
    logits = model(input_ids=batch["tokens"], use_cache=False).logits
    nll = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten(), reduction="none")
    nll = nll.view(batch["labels"].shape)
    (nll.sum() / (batch["labels"] >= 0).sum()).backward()
    result = {"nll": nll.detach().contiguous(), "logits": logits.detach().contiguous()}
    result |= {"gradient of " + name: weight.grad for name, weight in model.named_parameters()}
    save_file(result, file.with_name(file.name.replace("batch_", "oracle_")))
