"""Writes tests/data/chat: conversations as transformers' apply_chat_template renders and encodes them.

usage: chat_oracle.py TEMPLATES OUT

TEMPLATES holds published chat templates as FORMAT.jinja or FORMAT.MODEL.jinja; they stay where they are, and
only their hashes and what they render is kept. The tokenizer is a small BPE of our own whose special tokens are
those of all formats. A token is scored when it holds a character of what the assistant says or of the token
that ends its turn, by the offsets that the tokenizer reports.
"""
import hashlib
import json
import pathlib
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
           "<|user|>", "<|system|>", "<|assistant|>", "<|end|>", "<start_of_turn>", "<end_of_turn>"]
END = {"chatml": "<|im_end|>", "qwen2": "<|im_end|>", "qwen2.5": "<|im_end|>", "smollm2": "<|im_end|>",
       "llama2": "</s>", "mistral": "</s>", "zephyr": "</s>", "llama3": "<|eot_id|>", "llama3.1": "<|eot_id|>",
       "phi3": "<|end|>", "phi3.5": "<|end|>", "gemma": "<end_of_turn>", "gemma3": "<end_of_turn>"}
SYSTEM = {"role": "system", "content": " Answer in one line.\n"}
TURNS = [{"role": "user", "content": "  How long is the window?\n"},
         {"role": "assistant", "content": "\nTwo million tokens, \u00fcber alles.  "},
         {"role": "user", "content": "And before?"},
         {"role": "assistant", "content": "Four thousand"}]
LATE = TURNS[:2] + [{"role": "system", "content": "Be brief."}] + TURNS[2:]


def small_tokenizer(prose):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=SPECIAL,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([prose], trainer)
    return tokenizer


def spans_of(text, turns, end_token):
    spans, at = [], 0
    for turn in turns:
        if turn["role"] != "assistant":
            continue
        said = turn["content"] if turn["content"] in text else turn["content"].strip()
        begin = text.index(said, at)
        at = text.index(end_token, begin) + len(end_token)
        spans.append((begin, at))
    return spans


def render(tokenizer, format_name, turns):
    text = tokenizer.apply_chat_template(turns, tokenize=False)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = tokenizer.apply_chat_template(turns, tokenize=True, return_dict=False)
    assert ids == encoded["input_ids"]
    spans = spans_of(text, turns, END[format_name])
    scored = [int(any(a < end and b > begin for begin, end in spans)) for a, b in encoded["offset_mapping"]]
    return {"turns": turns, "text": text, "ids": ids, "scored": scored}


def main(templates, out):
    root = pathlib.Path(__file__).resolve().parents[3]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    small = small_tokenizer((root / "tests/data/prose.txt").read_text())
    small.save(str(out / "tokenizer.json"), pretty=False)
    (out / "tokenizer_config.json").write_text('{"bos_token": "<s>", "eos_token": "</s>"}\n')
    entries = []
    for file in sorted(pathlib.Path(templates).glob("*.jinja")):
        format_name = next(name for name in sorted(END, key=len, reverse=True)
                           if file.stem == name or file.stem.startswith(name + "."))
        text = file.read_text()
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=small, bos_token="<s>", eos_token="</s>",
                                            chat_template=text)
        normal = text.replace("\\n", "\n").rstrip()
        entry = {"format": format_name, "template_sha256": hashlib.sha256(normal.encode()).hexdigest(),
                 "conversations": [], "refused": []}
        for turns in ([SYSTEM] + TURNS, TURNS, TURNS[:1], LATE, TURNS[:1] + TURNS):
            try:
                entry["conversations"].append(render(tokenizer, format_name, turns))
            except Exception as error:
                print(format_name, "refuses:", error)
                entry["refused"].append({"turns": turns})
        entries.append(entry)
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    (out / "rendered.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
