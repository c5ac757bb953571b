"""Writes tests/fuzz/seeds: small, good files of every kind that a target reads, and a few that are refused for one
reason. Run once from the repository's root with the Python of .venv (numpy, gguf); the result is committed. found-* are what
fuzzing found, and stay."""
import bz2
import gzip
import json
import lzma
import struct
import subprocess
from pathlib import Path

import gguf
import numpy

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "tests/fuzz/seeds"
DATA = ROOT / "tests/data"


def write(target, name, content):
    folder = SEEDS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def safetensors():
    header = {"__metadata__": {"format": "pt"}, "model.embed_tokens.weight": {"dtype": "F32", "shape": [4, 2],
                                                                              "data_offsets": [0, 32]},
              "model.norm.weight": {"dtype": "BF16", "shape": [4], "data_offsets": [32, 40]}}
    text = json.dumps(header).encode()
    write("safetensors_header", "two_tensors", text)
    write("safetensors_header", "no_tensors", "{}")
    write("safetensors_file", "two_tensors", struct.pack("<Q", len(text)) + text + bytes(range(40)))


def configs():
    for path in sorted((DATA / "families").glob("*.json")):
        write("hf_config", path.stem, json.dumps(json.loads(path.read_text()), separators=(",", ":")))
    llama = json.loads((DATA / "families/llama.json").read_text())
    half = llama.get("head_dim", llama["hidden_size"] // llama["num_attention_heads"]) // 2
    window = llama["max_position_embeddings"]
    kinds = {
        "linear": {"rope_type": "linear", "factor": 4.0},
        "dynamic": {"rope_type": "dynamic", "factor": 4.0},
        "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": window},
        "longrope": {"rope_type": "longrope", "short_factor": [1.0] * half, "long_factor": [4.0] * half,
                     "original_max_position_embeddings": window // 4, "factor": 4.0},
        "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                   "original_max_position_embeddings": window // 2},
    }
    for name, scaling in kinds.items():
        write("hf_config", name, json.dumps({**llama, "rope_scaling": scaling}, separators=(",", ":")))


def tokenizers():
    write("tokenizer", "bytes", (DATA / "tiny_base/tokenizer.json").read_bytes())
    vocabulary = {character: i for i, character in enumerate(["<unk>", "<s>", "a", "b", "ab", "Ġ", "▁"])}
    added = [{"id": 1, "content": "<s>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True}]
    model = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
             "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
             "vocab": vocabulary, "merges": ["a b"]}
    split = {"type": "Split", "pattern": {"Regex": r"\p{L}+|\p{N}{1,3}|\s+(?!\S)|."}, "behavior": "Isolated",
             "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    write("tokenizer", "bpe", json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]}, "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": model}))
    write("tokenizer", "metaspace", json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
        "pre_tokenizer": None, "post_processor": None,
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": model}))


def gguf_files():
    path = SEEDS / "gguf/llama"
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(2)
    writer.add_head_count_kv(1)
    writer.add_rope_dimension_count(16)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(4)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a", "b", "ab", "<s>"])
    writer.add_token_types([1, 1, 1, 3])
    writer.add_token_merges(["a b"])
    writer.add_tensor("token_embd.weight", numpy.zeros((4, 32), dtype=numpy.float32))
    writer.add_tensor("output_norm.weight", numpy.ones(32, dtype=numpy.float32))
    writer.add_tensor("blk.0.attn_q.weight", numpy.zeros((32, 34), dtype=numpy.uint8),
                      raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def token_ids():
    import io
    for kind in ("uint16", "int32", ">i8"):
        buffer = io.BytesIO()
        numpy.save(buffer, numpy.arange(20).astype(kind))
        write("npy", kind.replace(">", "big_endian_"), buffer.getvalue())
    for path in sorted((DATA / "megatron").glob("*.idx")):
        write("megatron_index", path.stem, path.read_bytes())


def texts():
    lines = "\n".join([
        '{"text": "one \\ud83d\\ude00 document", "meta": {"score": NaN, "a": [1, {"b": null}]}}',
        '{"prompt": "Two?", "completion": "Yes."}',
        '{"input_ids": [1, 2, 3], "labels": [-100, 2, 3]}',
        '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}',
        '{"text": null}', ""])
    write("json_lines", "records", lines)
    document = '{"text": "a document"}\n{"text": "another"}\n'
    plain = "Plain text, ä and 漢字.\nA second line.\n"
    write("text_file", "lines.jsonl", document)
    write("text_file", "array.json", '[{"text": "a"}, {"text": "b"}]')
    write("text_file", "plain", plain)
    write("text_file", "utf16", b"\xff\xfe" + plain.encode("utf-16-le"))
    write("text_file", "lines.gz", gzip.compress(document.encode(), mtime=0))
    write("text_file", "lines.bz2", bz2.compress(document.encode()))
    write("text_file", "lines.xz", lzma.compress(document.encode()))
    packed = subprocess.run(["zstd", "-c"], input=document.encode(), stdout=subprocess.PIPE, check=True).stdout
    write("text_file", "lines.zst", packed)
    write("text_file", "parquet", b"PAR1" + bytes(40) + b"PAR1")


def recipes():
    write("recipe", "tiny", (ROOT / "tests/e2e/tiny.yaml").read_bytes())
    write("recipe", "anchors", "name: a\nmodel: {path: &p models/x}\ndata: {train: [*p], test: [*p]}\n"
                               "stages:\n  - {name: s, kind: evaluate, lengths: [4K, 256K], factors: [none]}\n")


def our_own():
    digest = "0123456789abcdef" * 4
    write("manifest", "two_shards", json.dumps({
        "format": "ropeway-checkpoint", "version": 1, "uuid": "0" * 32, "step": 3, "world_size": 2,
        "recipe_sha256": digest, "optimizer_total": 10,
        "files": [{"name": name, "bytes": 5, "sha256": digest} for name in
                  ("weights.safetensors", "state.json", "optimizer-0.safetensors", "optimizer-1.safetensors")],
        "optimizer_shards": [{"file": "optimizer-0.safetensors", "begin": 0, "end": 5},
                             {"file": "optimizer-1.safetensors", "begin": 5, "end": 10}]}))
    for folder in ("tiny_base", "version_1/model", "demo_run/model"):
        write("factor_file", folder.split("/")[0], (DATA / folder / "rope_factors.json").read_bytes())


for earlier in SEEDS.rglob("*"):
    if earlier.is_file() and not earlier.name.startswith("found-"):
        earlier.unlink()
for part in (safetensors, configs, tokenizers, gguf_files, token_ids, texts, recipes, our_own):
    part()
