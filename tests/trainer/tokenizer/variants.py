"""Real vocabularies (launch/fetch_vocabularies.sh) as they are, and with the steps of other families around them."""

import json
import pathlib
import shutil

import sentencepiece

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN = LLAMA3.replace("{1,3}", "")
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def save(folder, root):
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(root, ensure_ascii=False))


def with_steps(root, **steps):
    return {**root, **steps}


def split(pattern, behavior="Isolated"):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": False}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def template(before, after=()):
    tokens = {text: {"id": text, "ids": [id], "tokens": [text]} for text, id in [*before, *after]}
    parts = [{"SpecialToken": {"id": text, "type_id": 0}} for text, _ in before]
    parts.append({"Sequence": {"id": "A", "type_id": 0}})
    parts += [{"SpecialToken": {"id": text, "type_id": 0}} for text, _ in after]
    return {"type": "TemplateProcessing", "single": parts, "pair": parts + [{"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": tokens}


def added(id, content, special=True, **flags):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": special, **flags}


def llama2(model_file, legacy):
    """The tokenizer.json of a SentencePiece BPE model: a pair of tokens that is a token merges with its rank."""
    processor = sentencepiece.SentencePieceProcessor(model_file=str(model_file))
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    merges = []
    for i, piece in enumerate(pieces):
        if processor.is_control(i) or processor.is_byte(i) or processor.is_unknown(i):
            continue
        pairs = [(piece[:k], piece[k:]) for k in range(1, len(piece))]
        merges += sorted([(-processor.get_score(i), vocab[a], vocab[b], a, b) for a, b in pairs if a in vocab and b in vocab])
    merges = [[a, b] for _, _, _, a, b in sorted(merges, key=lambda merge: merge[0])]
    sharp = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first", "split": False}
    decoders = [{"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "}, {"type": "ByteFallback"},
                {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>", rstrip=not legacy)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]} if legacy else None,
        "pre_tokenizer": None if legacy else sharp,
        "post_processor": template([("<s>", 1)]),
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": vocab, "merges": merges}}


def train_sentencepiece(folder, text, kind):
    """A model with a compiled normal form, which those of Mistral do not have."""
    folder.mkdir()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text.splitlines()), model_prefix=str(folder / "tokenizer"), model_type=kind, vocab_size=1000,
        normalization_rule_name="nmt_nfkc_cf", byte_fallback=True, minloglevel=2, num_threads=1)


def make_variants(vocabularies, out):
    """OUT/NAME/tokenizer.json or tokenizer.model for every NAME."""
    neox = json.loads((vocabularies / "gpt_neox.json").read_text())
    for name in ("gpt_neox", "olmo"):
        save(out / name, json.loads((vocabularies / f"{name}.json").read_text()))
    smollm2 = json.loads((vocabularies / "smollm2.json").read_text())
    save(out / "smollm2", smollm2)
    save(out / "gpt2", with_steps(smollm2, pre_tokenizer={**BYTES, "use_regex": True, "add_prefix_space": True}))
    model = {**neox["model"], "ignore_merges": True}
    save(out / "llama3", with_steps(neox, model=model, normalizer=None, pre_tokenizer=sequence(split(LLAMA3), BYTES),
                              post_processor={"type": "Sequence", "processors": [
                                  {**BYTES}, template([("<|endoftext|>", 0)], [("<|padding|>", 1)])]}))
    save(out / "qwen2", with_steps(neox, pre_tokenizer=sequence(split(QWEN), BYTES)))
    # Without the runs of spaces: PyPI tokenizers panics where one begins in the space that another token took with it.
    # Ids behind the vocabulary without holes, or it renumbers them.
    vocab = neox["model"]["vocab"]
    strange = [token for token in neox["added_tokens"] if token["content"] in vocab]
    strange += [added(vocab["user"], "user", False, single_word=True),
                added(50254, "[a]", False, lstrip=True, rstrip=True, normalized=True),
                added(50255, "qqqq", False, normalized=True), added(50256, "<|im_end|>", lstrip=True)]
    save(out / "strange", with_steps(
        neox, added_tokens=strange,
        normalizer={"type": "Sequence", "normalizers": [
            {"type": "NFKC"}, {"type": "Lowercase"}, {"type": "Strip", "strip_left": True, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": "[qx]+"}, "content": "k"}, {"type": "NFD"}]},
        pre_tokenizer=sequence({"type": "Punctuation", "behavior": "MergedWithPrevious"},
                               {"type": "Digits", "individual_digits": False},
                               split(r"\p{Lu}+", "MergedWithNext"), split("z+", "Contiguous"), split("w", "Removed"),
                               {"type": "WhitespaceSplit"}, {**BYTES, "use_regex": True})))
    for version in ("v1", "v3"):
        (out / f"mistral_{version}").mkdir()
        shutil.copy(vocabularies / f"mistral_{version}.model", out / f"mistral_{version}" / "tokenizer.model")
    prose = (pathlib.Path(__file__).parents[2] / "data/prose.txt").read_text()
    for kind in ("bpe", "unigram"):
        train_sentencepiece(out / f"sentencepiece_{kind}", prose, kind)
    save(out / "llama2", llama2(vocabularies / "mistral_v1.model", True))
    save(out / "phi3", llama2(vocabularies / "mistral_v1.model", False))
