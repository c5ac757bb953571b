"""What PyPI tokenizers and sentencepiece make of a text, for every vocabulary in a folder (launch/fetch_vocabularies.sh)
and for variants of them with the steps of other families: OUT/NAME/ holds tokenizer.json or tokenizer.model and
  ids          with the tokenizer's own special tokens, special tokens read in the text
  plain.ids    without both
  decoded      the text of plain.ids
and OUT/text the text.       usage: oracle.py VOCABULARIES OUT"""

import pathlib
import sys

import numpy
import sentencepiece
import tokenizers

from mixed_text import mixed_text
from variants import make_variants

vocabularies, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
raw = mixed_text()
text = raw.decode("utf-8", "replace")  # what our reading of ill-formed text is defined by
(out / "text").write_bytes(raw)


def write_ids(file, ids):
    numpy.array(ids, numpy.int32).tofile(file)


make_variants(vocabularies, out)
for folder in sorted(path for path in out.iterdir() if path.is_dir()):
    if (folder / "tokenizer.json").exists():
        tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        write_ids(folder / "ids", tokenizer.encode(text).ids)
        tokenizer.encode_special_tokens = True
        plain = tokenizer.encode(text, add_special_tokens=False).ids
        decoded = tokenizer.decode(plain, skip_special_tokens=False)
    else:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
        plain = processor.encode(text)
        write_ids(folder / "ids", [processor.bos_id()] + plain)
        decoded = processor.decode(plain)
    write_ids(folder / "plain.ids", plain)
    (folder / "decoded").write_text(decoded, newline="")
