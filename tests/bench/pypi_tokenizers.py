"""The same as bench_tokenizer with PyPI tokenizers.      usage: pypi_tokenizers.py MODEL_DIR FILE IDS"""

import json
import pathlib
import sys
import time

import numpy
import tokenizers

tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1] + "/tokenizer.json")
text = pathlib.Path(sys.argv[2]).read_bytes().decode()
begin = time.process_time()
encoding = tokenizer.encode(text)
seconds = time.process_time() - begin
numpy.array(encoding.ids, numpy.int32).tofile(sys.argv[3])
print(json.dumps({"megabytes_per_second": len(text.encode()) / 1e6 / seconds}))
