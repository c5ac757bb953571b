"""PyPI gguf and transformers as the independent opinion on GGUF files.
make FOLDER               writes random models, one per file: llama, mistral, phi3, qwen2, qwen3
compare GGUF DIR ...      transformers' own loading of each GGUF file against its loading of our imported directory
check DIR GGUF ...        files we wrote against the Llama directory they were made from"""

import json
import os
import sys

os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
import gguf
import numpy as np

TEXTS = [
    "The lines of a tokenizer: don't we'll 12345 and 3.14!",
    "two  blanks, a\ttab\nand lines\n\n\nthree of them   ",
    "naïve café ÅNGSTRÖM Привет 你好 🙂 e\u0301",
    "<|endoftext|> and <think> are tokens",
]
TRAINING = ["the quick brown fox jumps over the lazy dog and the other animals of the forest, don't they? " * 3] * 4


def byte_level_vocabulary():
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=310, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TRAINING, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return tokens, [" ".join(merge) for merge in model["merges"]]


def sentencepiece_vocabulary():
    """Pieces with scores as SentencePiece's BPE gives them: -0, -1, ... in the order of merging, then characters."""
    text = "▁".join(" ".join(TRAINING).split())
    words, pieces = [list("▁" + word) for word in text.split("▁")], []
    for _ in range(40):
        counts = {}
        for word in words:
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        best = max(sorted(counts), key=counts.get)
        if "".join(best) in pieces:
            break
        pieces.append("".join(best))
        for word in words:
            at = 0
            while at + 1 < len(word):
                if (word[at], word[at + 1]) == best:
                    word[at : at + 2] = ["".join(best)]
                at += 1
    characters = sorted(set(text) | {"▁"})
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + pieces + characters
    scores = [0.0] * 259 + [-float(i) for i in range(len(pieces) + len(characters))]
    types = [2, 3, 3] + [6] * 256 + [1] * (len(pieces) + len(characters))
    return tokens, scores, types


def add_byte_level(writer, pre, vocab):
    tokens, merges = byte_level_vocabulary()
    tokens = tokens + ["<|endoftext|>", "<think>"]
    types = [1] * (len(tokens) - 2) + [3, 4]
    padding = vocab - len(tokens)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens + [f"[PAD{len(tokens) + i}]" for i in range(padding)])
    writer.add_token_types(types + [5] * padding)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(len(types) - 2)
    writer.add_eos_token_id(len(types) - 2)
    writer.add_add_bos_token(pre == "llama-bpe")
    writer.add_chat_template("{% for m in messages %}{{ m.content }}{% endfor %}")


def make(folder):
    rng = np.random.default_rng(5)
    hidden, heads, kv, inner, vocab, layers = 64, 4, 2, 96, 352, 2
    for name, arch in [
        ("llama", "llama"),
        ("mistral", "llama"),
        ("phi3", "phi3"),
        ("qwen2", "qwen2"),
        ("qwen3", "qwen3"),
    ]:
        head_dim = 128 if name == "qwen3" else hidden // heads  # transformers' loader takes Qwen 3's default
        q, k = heads * head_dim, kv * head_dim
        writer = gguf.GGUFWriter(f"{folder}/{name}.gguf", arch)
        writer.add_block_count(layers)
        writer.add_context_length(256)
        writer.add_embedding_length(hidden)
        writer.add_feed_forward_length(inner)
        writer.add_head_count(heads)
        writer.add_head_count_kv(kv)
        writer.add_key_length(head_dim)
        writer.add_rope_freq_base(5000.0)
        writer.add_rope_dimension_count(head_dim)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_vocab_size(vocab)
        if name == "phi3":
            writer.add_pad_token_id(0)  # transformers' default, 32000, lies outside
        if name == "mistral":
            tokens, scores, types = sentencepiece_vocabulary()
            padding = vocab - len(tokens)
            writer.add_tokenizer_model("llama")
            writer.add_token_list(tokens + [f"[PAD{len(tokens) + i}]" for i in range(padding)])
            writer.add_token_scores(scores + [0.0] * padding)
            writer.add_token_types(types + [5] * padding)
            writer.add_bos_token_id(1)
            writer.add_eos_token_id(2)
            writer.add_unk_token_id(0)
        elif name in ("llama", "qwen2"):
            add_byte_level(writer, {"llama": "llama-bpe", "qwen2": "qwen2"}[name], vocab)
        types = [None, np.float16, gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_0]
        count = 0

        def add(tensor, *shape):
            nonlocal count
            values = (rng.standard_normal(shape) * 0.2).astype(np.float32)
            kind = types[count % 4] if len(shape) == 2 else None
            count += 1
            if len(shape) == 1:
                values += 1
            if isinstance(kind, gguf.GGMLQuantizationType):
                writer.add_tensor(tensor, gguf.quants.quantize(values, kind), raw_dtype=kind)
            else:
                writer.add_tensor(tensor, values if kind is None else values.astype(kind))

        add("token_embd.weight", vocab, hidden)
        for i in range(layers):
            add(f"blk.{i}.attn_norm.weight", hidden)
            if name == "phi3":
                add(f"blk.{i}.attn_qkv.weight", q + 2 * k, hidden)
                add(f"blk.{i}.ffn_up.weight", 2 * inner, hidden)
            else:
                for part, rows in (("q", q), ("k", k), ("v", k)):
                    add(f"blk.{i}.attn_{part}.weight", rows, hidden)
                    if name == "qwen2":
                        add(f"blk.{i}.attn_{part}.bias", rows)
                add(f"blk.{i}.ffn_gate.weight", inner, hidden)
                add(f"blk.{i}.ffn_up.weight", inner, hidden)
            if name == "qwen3":
                add(f"blk.{i}.attn_q_norm.weight", head_dim)
                add(f"blk.{i}.attn_k_norm.weight", head_dim)
            add(f"blk.{i}.attn_output.weight", hidden, q)
            add(f"blk.{i}.ffn_norm.weight", hidden)
            add(f"blk.{i}.ffn_down.weight", hidden, inner)
        add("output_norm.weight", hidden)
        if name != "llama":
            add("output.weight", vocab, hidden)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def compare(path, directory):
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, file = os.path.split(path)
    theirs = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
    ours = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32)
    assert theirs.config.tie_word_embeddings == ours.config.tie_word_embeddings
    left, right = theirs.state_dict(), ours.state_dict()
    assert left.keys() == right.keys(), left.keys() ^ right.keys()
    unequal = [name for name in left if not torch.equal(left[name], right[name])]
    ids = torch.arange(3, 60)[None] % ours.config.vocab_size
    with torch.no_grad():
        worst = (theirs(ids).logits - ours(ids).logits).abs().max().item()
    print(file, "unequal", len(unequal), "logits", worst, flush=True)
    tokenizer_json = f"{directory}/tokenizer.json"
    if not os.path.exists(tokenizer_json):
        return
    mine = Tokenizer.from_file(tokenizer_json)
    reference = AutoTokenizer.from_pretrained(folder, gguf_file=file)
    backend = reference.backend_tokenizer
    metadata = gguf.GGUFReader(path).fields
    pre = metadata["tokenizer.ggml.pre"].contents() if "tokenizer.ggml.pre" in metadata else ""
    from tokenizers import normalizers, pre_tokenizers

    if pre == "smollm":  # which transformers' table does not have: every digit by itself, then GPT-2's words
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    if pre == "qwen2":
        backend.normalizer = normalizers.NFC()
    if pre == "llama-bpe":
        backend.model.ignore_merges = True
    for text in TEXTS:
        wanted = reference(text)["input_ids"]
        found = mine.encode(text).ids
        print(file, "ids", int(found == wanted), len(found), flush=True)
        if found != wanted:
            print(found, wanted, file=sys.stderr)
        special = reference.bos_token if found and found[0] == reference.bos_token_id else ""
        assert special or mine.decode(found, skip_special_tokens=False) in (text, mine.normalizer.normalize_str(text) if mine.normalizer else text)


def check(path, directory):
    """Prints the metadata; asserts that every weight is there, in llama.cpp's row order, exactly as stored."""
    from safetensors.torch import load_file

    config = json.load(open(f"{directory}/config.json"))
    weights = load_file(f"{directory}/model.safetensors")
    reader = gguf.GGUFReader(path)
    for name, field in reader.fields.items():
        if not name.startswith("GGUF."):
            value = field.contents()
            print("key", name, json.dumps(value if not isinstance(value, list) else [len(value)] + value[:2]))
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, weight in weights.items():
        wanted = weight.float().numpy()
        if ".q_proj." in name or ".k_proj." in name:
            heads = config["num_attention_heads" if ".q_proj." in name else "num_key_value_heads"]
            split = wanted.reshape(heads, 2, wanted.shape[0] // heads // 2, *wanted.shape[1:])
            wanted = split.swapaxes(1, 2).reshape(wanted.shape)
        tensor = tensors.pop(names.get_name(name, try_suffixes=(".weight",)))
        assert list(tensor.shape[::-1]) == list(wanted.shape), (name, tensor.shape)
        kind = tensor.tensor_type
        assert kind == gguf.GGMLQuantizationType.F32 or wanted.ndim == 2, name
        stored = tensor.data.view(np.uint8).reshape(-1)
        assert (stored == gguf.quants.quantize(wanted, kind).view(np.uint8).reshape(-1)).all(), name
        print("tensor", name, kind.name)
    for name, tensor in tensors.items():
        print("table", name, tensor.tensor_type.name, *[float(value) for value in tensor.data.reshape(-1)])


if sys.argv[1] == "make":
    make(sys.argv[2])
elif sys.argv[1] == "compare":
    for at in range(2, len(sys.argv), 2):
        compare(sys.argv[at], sys.argv[at + 1])
else:
    for path in sys.argv[3:]:
        print("file", path)
        check(path, sys.argv[2])
