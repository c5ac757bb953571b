"""Writes the files beside it with Megatron's own writer: the IndexedDatasetBuilder of PyPI's megatron-core 0.16.1.

usage: make.py FOLDER     (pip download --no-deps megatron-core==0.16.1, unpacked there: a wheel is a zip)

Only its megatron/core/datasets/indexed_dataset.py is loaded; the modules it imports for logging and object
storage are replaced by empty ones. Documents: [7 0 100], none, [5 6 | 99], [1 .. 60]; of the multimodal set with
the modes 0 and 1. ids.json holds what was written.
"""
import importlib.util
import json
import pathlib
import sys
import types

import numpy
import torch

DOCUMENTS = [[[7, 0, 100]], [[]], [[5, 6], [99]], [list(range(1, 61))]]
KINDS = ["uint8", "int8", "int16", "int32", "int64", "uint16", "float32", "float64"]


def writer(folder):
    for name, attributes in {
        "megatron": {}, "megatron.core": {}, "megatron.core.datasets": {},
        "megatron.core.datasets.object_storage_utils": dict.fromkeys(
            ["S3Config", "ObjectStorageConfig", "cache_index_file", "dataset_exists", "get_index_cache_path",
             "get_object_storage_access", "is_object_storage_path", "parse_s3_path"]),
        "megatron.core.msc_utils": {"MultiStorageClientFeature": types.SimpleNamespace(is_enabled=lambda: False)},
        "megatron.core.utils": {"log_single_rank": lambda *_: None},
    }.items():
        module = types.ModuleType(name)
        vars(module).update(attributes)
        sys.modules[name] = module
    file = pathlib.Path(folder) / "megatron/core/datasets/indexed_dataset.py"
    spec = importlib.util.spec_from_file_location("indexed_dataset", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.IndexedDatasetBuilder


def main(folder):
    here = pathlib.Path(__file__).resolve().parent
    builder = writer(folder)
    for kind in KINDS + ["multimodal"]:
        is_multimodal = kind == "multimodal"
        made = builder(str(here / f"{kind}.bin"), dtype=numpy.dtype("int32" if is_multimodal else kind).type,
                       multimodal=is_multimodal)
        for sequences in DOCUMENTS:
            for i, ids in enumerate(sequences):
                made.add_item(torch.tensor(ids, dtype=torch.int64), mode=i % 2)
            made.end_document()
        made.finalize(str(here / f"{kind}.idx"))
    (here / "ids.json").write_text(json.dumps([sum(sequences, []) for sequences in DOCUMENTS]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
