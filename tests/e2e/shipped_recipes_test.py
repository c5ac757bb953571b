"""The recipes that users copy for 7B models, from their first stage to their last, on two ranks: a random model of the
family with a few thousand weights, all lengths divided by 64, few steps, and a made-up corpus of short and long
documents. What is checked: every stage ends, every set that the recipe names is in the published model, and every
length it evaluates has a finite score."""
import json
import math
import re
import struct
import sys

from harness import ROOT, Run, seeded

SHRINK = 64
SMALL = {  # at most this, where a stage has the key
    "steps": 2, "batch_sequences": 2, "warmup_steps": 1, "documents": 1, "finalist_documents": 1, "population": 4,
    "parents": 2, "mutations": 1, "crossovers": 1, "iterations": 1, "windows": 1, "passkey_depths": 2,
}
SHAPE = {
    "vocab_size": 258, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "initializer_range": 0.02, "tie_word_embeddings": False,
    "hidden_act": "silu", "torch_dtype": "float32", "bos_token_id": None, "eos_token_id": None,
}
FAMILIES = {
    "llama2_7b_2048k": {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_key_value_heads": 2,
                        "max_position_embeddings": 4096 // SHRINK},
    "llama2_7b_2048k_far": {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_key_value_heads": 2,
                            "max_position_embeddings": 4096 // SHRINK},
    "mistral_7b_2048k": {"model_type": "mistral", "architectures": ["MistralForCausalLM"], "num_key_value_heads": 1,
                         "max_position_embeddings": 32768 // SHRINK, "sliding_window": 4096 // SHRINK},
    "phi3_mini_128k": {"model_type": "phi3", "architectures": ["Phi3ForCausalLM"], "num_key_value_heads": 2,
                       "max_position_embeddings": 4096 // SHRINK, "sliding_window": 2048 // SHRINK,
                       "original_max_position_embeddings": 4096 // SHRINK, "pad_token_id": None},
}


def weights_of(config):
    """Names and shapes of the family's tensors in a Hugging Face directory."""
    hidden, mlp, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    key_rows = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    yield "model.embed_tokens.weight", (vocabulary, hidden)
    for layer in range(config["num_hidden_layers"]):
        block = f"model.layers.{layer}."
        if config["model_type"] == "phi3":
            yield block + "self_attn.qkv_proj.weight", (hidden + 2 * key_rows, hidden)
            yield block + "mlp.gate_up_proj.weight", (2 * mlp, hidden)
        else:
            yield block + "self_attn.q_proj.weight", (hidden, hidden)
            yield block + "self_attn.k_proj.weight", (key_rows, hidden)
            yield block + "self_attn.v_proj.weight", (key_rows, hidden)
            yield block + "mlp.gate_proj.weight", (mlp, hidden)
            yield block + "mlp.up_proj.weight", (mlp, hidden)
        yield block + "self_attn.o_proj.weight", (hidden, hidden)
        yield block + "mlp.down_proj.weight", (hidden, mlp)
        yield block + "input_layernorm.weight", (hidden,)
        yield block + "post_attention_layernorm.weight", (hidden,)
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (vocabulary, hidden)


def write_model(folder, config):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_bytes((ROOT / "tests/data/tiny_base/tokenizer.json").read_bytes())
    random, header, data = seeded("weights"), {}, b""
    for name, shape in weights_of(config):
        count = math.prod(shape)
        values = [1.0] * count if len(shape) == 1 else [random.gauss(0, 0.1) for _ in range(count)]
        begin = len(data)
        data += struct.pack(f"<{count}f", *values)
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_corpus(folder, longest):
    """Forty short documents per split. Searches and evaluations find two that hold the longest sequence as well;
    training has to join the short ones."""
    prose = (ROOT / "tests/data/prose.txt").read_text()
    random = seeded("corpus")
    for split in ("train", "validation", "test"):
        (folder / split).mkdir(parents=True)
        for number in range(40):
            begin = random.randrange(len(prose) // 2)
            (folder / split / f"short_{number}.txt").write_text(prose[begin:begin + random.randrange(50, 900)])
        for number in range(0 if split == "train" else 2):
            begin = random.randrange(len(prose) // 2)
            text = prose[begin:] + prose
            text *= longest // len(text) + 2
            (folder / split / f"long_{number}.txt").write_text(text[:longest + longest // 8])


def tokens(word):
    return int(word.rstrip("KM")) * {"K": 1024, "M": 1024 ** 2}.get(word[-1], 1)


def shrunk(recipe):
    """The recipe's stages as (name, settings that make them small)."""
    stages, name = [], None
    for line in recipe.read_text().splitlines():
        if found := re.match(r"  - name: (\w+)", line):
            stages.append((found[1], {}))
        elif stages and (found := re.match(r"    (\w+): ([^#]+)", line)):
            key, value = found[1], found[2].strip()
            if key == "length":
                stages[-1][1][key] = tokens(value) // SHRINK
            elif key == "lengths":
                stages[-1][1][key] = "[%s]" % ", ".join(str(tokens(word) // SHRINK)
                                                        for word in value.strip("[]").split(", "))
            elif key in SMALL:
                stages[-1][1][key] = min(int(value), SMALL[key])
            elif key == "tasks":
                stages[-1][1][key] = "[perplexity]"  # a passkey's needle and question are 105 bytes, the window 64
            elif key in ("from", "makes", "kind"):
                stages[-1][1]["#" + key] = value
    for _, settings in stages:  # what a stage leaves to its default is made small as well
        if settings["#kind"] in ("search", "readjust"):
            for key in ("documents", "finalist_documents", "population", "parents", "mutations", "crossovers", "iterations"):
                settings[key] = SMALL[key]
    return stages


def run_shipped(name):
    recipe = ROOT / f"configs/{name}.yaml"
    stages = shrunk(recipe)
    lengths = [length for _, settings in stages for length in json.loads(settings.get("lengths", "[]"))]
    longest = max(lengths + [settings.get("length", 0) for _, settings in stages])
    run = Run(name, recipe=recipe)
    write_model(run.folder / "model", {**SHAPE, **FAMILIES[name]})
    write_corpus(run.folder / "text", longest)
    run.sets += ["device=cpu", "dtype=fp32", f"model.path={run.folder / 'model'}"]
    run.sets += [f"data.{split}=[{run.folder}/text/{split}/*.txt]" for split in ("train", "validation", "test")]
    run.sets += [f"stages.{stage}.{key}={value}" for stage, settings in stages for key, value in settings.items()
                 if not key.startswith("#")]
    run.finish()
    made = {settings["#makes"] for _, settings in stages if "#makes" in settings}
    assert made <= run.factors().keys(), f"{name}: sets {made - run.factors().keys()} are missing"
    report = json.loads((run.run_dir / "report.json").read_text())
    scored = {entry["length"] for entry in report["evaluations"] if math.isfinite(entry["bits_per_byte"])}
    assert set(lengths) <= scored, f"{name}: lengths {set(lengths) - scored} have no score"
    print(f"{name}: {len(stages)} stages to {longest} tokens, {len(made)} sets, scores at {sorted(scored)}")
    run.remove()


for shipped in sys.argv[1:] or FAMILIES:
    run_shipped(shipped)
