"""llama.cpp's log-probability of the next token after some prefixes, against a .npy of ropeway's losses.
usage: llama_cpp_losses.py MODEL.gguf IDS.npy LENGTH OURS.npy CONTEXT    CONTEXT: tokens llama.cpp allocates"""

import sys

import numpy as np
import xllamacpp

path, ids_path, length, ours_path, context = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
ids = np.load(ids_path)[:length].astype(int).tolist()
ours = np.load(ours_path).reshape(-1)
params = xllamacpp.CommonParams()
params.model.path = path
params.n_ctx, params.n_parallel, params.n_batch, params.n_ubatch = context, 1, 256, 256
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
params.warmup = False
params.cpuparams.n_threads = 1
params.fit_params = False
# Flash attention moves single losses by up to 1e-2 nats.
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
server = xllamacpp.Server(params)
worst = 0.0
for count in sorted({length // 8, length // 4, length // 2, 3 * length // 4, length - 1}):
    answer = server.handle_completions({"prompt": ids[:count], "max_tokens": 1, "logprobs": 60000, "temperature": 0})
    top = answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    loss = -next(entry["logprob"] for entry in top if entry["id"] == ids[count])
    worst = max(worst, abs(loss - float(ours[count - 1])))
    print(f"  after {count} tokens: llama.cpp {loss:.5f} nats, ropeway {ours[count - 1]:.5f}")
print(f"{length} tokens, context {context}: at most {worst:.1e} apart")
