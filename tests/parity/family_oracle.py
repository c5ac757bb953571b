"""What transformers makes of model directories. FOLDER holds one folder a case: model/ (config.json and safetensors) and
batch_*.safetensors (tokens, labels [B, L] int64; labels not shifted further, -100 not scored). Beside each batch an
oracle_*.safetensors is written: logits [B, L, V] in fp32, the gradient of the mean loss with respect to every weight,
and, where the case has a file named bf16, logits computed in bf16 ("logits bf16").
usage: family_oracle.py FOLDER"""

import os
import pathlib
import sys

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
sys.path.insert(0, os.path.dirname(__file__))
import torch
from checkpoint_names import checkpoint_weights
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

torch.set_num_threads(1)


def load(case, dtype):
    model = AutoModelForCausalLM.from_pretrained(case / "model", dtype=dtype, attn_implementation="eager")
    # The class that the file names, and nothing missing: a weight it did not find would be random.
    assert type(model).__name__ == AutoConfig.from_pretrained(case / "model").architectures[0]
    return model


for file in sorted(pathlib.Path(sys.argv[1]).glob("*/batch_*.safetensors")):
    batch = load_file(file)
    # A model of its own for each batch: the frequencies of a longer one before it must not linger.
    model = load(file.parent, torch.float32)
    logits = model(input_ids=batch["tokens"], use_cache=False).logits
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten()).backward()
    result = {"logits": logits.detach().contiguous()}
    gradients = checkpoint_weights(model, of=lambda parameter: parameter.grad)
    result |= {"gradient of " + name: gradient.contiguous() for name, gradient in gradients.items()}
    if (file.parent / "bf16").exists():
        with torch.no_grad():
            rounded = load(file.parent, torch.bfloat16)(input_ids=batch["tokens"], use_cache=False).logits
        result["logits bf16"] = rounded.float().contiguous()
    save_file(result, file.with_name(file.name.replace("batch_", "oracle_")))
