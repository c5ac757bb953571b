"""The same model and work as bench_engine, in Hugging Face transformers + torch: prints the same JSON object.
Attention is scaled_dot_product_attention, the best it has on a CPU, and on a GPU cuDNN's or, where that does not serve the
shape, FlashAttention 2; AdamW is torch's fused one. On a GPU (device=cuda) blocks are computed again in backward (gradient
checkpointing), as a user would have it at long lengths. Ends with 80 where the GPU's memory is not enough."""
import contextlib
import json
import os
import resource
import sys
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")
import torch
from transformers import LlamaConfig, LlamaForCausalLM

settings = dict(layers=4, hidden=192, heads=3, kv_heads=3, head_dim=64, vocab=258, intermediate=512, length=2048, batch=1,
                threads=1, dtype="fp32", steps=5, what="train", device="cpu")
for argument in sys.argv[1:]:
    key, value = argument.split("=")
    settings[key] = type(settings[key])(value)
torch.set_num_threads(settings["threads"])
torch.manual_seed(1)
config = LlamaConfig(num_hidden_layers=settings["layers"], hidden_size=settings["hidden"],
                     num_attention_heads=settings["heads"], num_key_value_heads=settings["kv_heads"],
                     head_dim=settings["head_dim"], intermediate_size=settings["intermediate"],
                     vocab_size=settings["vocab"], max_position_embeddings=settings["length"],
                     tie_word_embeddings=True, attn_implementation="sdpa", use_cache=False)
on_gpu = settings["device"] == "cuda"
with torch.device(settings["device"]):
    model = LlamaForCausalLM(config).to(torch.bfloat16 if settings["dtype"] == "bf16" else torch.float32)
if on_gpu:
    model.train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
ids = torch.randint(0, settings["vocab"], (settings["batch"], settings["length"]), device=settings["device"])
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
attention = contextlib.nullcontext()
if on_gpu:
    from torch.nn.attention import SDPBackend, sdpa_kernel
    attention = sdpa_kernel([SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION], set_priority=True)


def train():
    loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


@torch.no_grad()
def evaluate():
    model(input_ids=ids, labels=ids).loss.item()


work = train if settings["what"] == "train" else evaluate
seconds, cpu_seconds = [], []
try:
    with attention:
        for step in range(settings["steps"] + 1):
            begin, cpu_begin = time.perf_counter(), time.process_time()
            work()
            if on_gpu:
                torch.cuda.synchronize()
            if step:
                seconds.append(time.perf_counter() - begin)
                cpu_seconds.append(time.process_time() - cpu_begin)
except torch.OutOfMemoryError as error:
    sys.exit(print(f"transformers_engine: {str(error).splitlines()[0]}", file=sys.stderr) or 80)
tokens = settings["batch"] * settings["length"]
median, cpu_median = (sorted(values)[len(values) // 2] for values in (seconds, cpu_seconds))
print(json.dumps({"program": "transformers", "what": settings["what"], "length": settings["length"],
                  "batch": settings["batch"], "seconds": round(median, 4),
                  "tokens_per_second": round(tokens / median, 1), "tokens_per_cpu_second": round(tokens / cpu_median, 1),
                  "peak_memory_bytes": torch.cuda.max_memory_allocated() if on_gpu
                  else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
