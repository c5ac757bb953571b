"""The same as bench_tokenizer with PyPI tokenizers.      usage: pypi_tokenizers.py MODEL_DIR FILE IDS"""

import json
import pathlib
import resource
import sys
import time

import numpy
import tokenizers

tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
text = pathlib.Path(sys.argv[2]).read_bytes().decode()
began, cpu_began = time.perf_counter(), time.process_time()
encoding = tokenizer.encode(text)
seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
numpy.array(encoding.ids, numpy.int32).tofile(sys.argv[3])
megabytes = len(text.encode()) / 1e6
print(json.dumps({"megabytes_per_second": megabytes / seconds, "megabytes_per_cpu_second": megabytes / cpu_seconds,
                  "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
