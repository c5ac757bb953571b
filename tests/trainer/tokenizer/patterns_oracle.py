"""What PyPI tokenizers' Split makes of texts: patterns_oracle.py CASES OUT
CASES: JSON {"texts": [...], "cases": [{"pattern": {"Regex": ...} or {"String": ...}, "behavior": ..., "invert": ...}]}
OUT: JSON {"characters": a text with every character that tokenizers knows but those for private use; "older": those of
Unicode 14, which Python 3.11 knows; "cases": for each case the pieces of each text, or, where no texts are given, of
"characters" ("older" where the case says so); null where tokenizers does not take the pattern}"""

import json
import pathlib
import sys
import unicodedata

from tokenizers import Regex, pre_tokenizers

given = json.loads(pathlib.Path(sys.argv[1]).read_text())
scalars = "".join(chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000)
known = pre_tokenizers.Split(Regex(r"[\p{Cn}\p{Co}]"), "removed", False).pre_tokenize_str(scalars)
characters = "".join(piece for piece, _ in known)
older = "".join(c for c in characters if unicodedata.category(c) != "Cn" and c != "\U0001171E")
NAMES = {"MergedWithPrevious": "merged_with_previous", "MergedWithNext": "merged_with_next"}


def pieces(case):
    kind, text = next(iter(case["pattern"].items()))
    behavior = NAMES.get(case["behavior"], case["behavior"].lower())
    try:
        split = pre_tokenizers.Split(Regex(text) if kind == "Regex" else text, behavior, case["invert"])
    except Exception:  # of Oniguruma: it cannot be compiled
        return None
    texts = given["texts"] or [older if case.get("older") else characters]
    cut = [[piece for piece, _ in split.pre_tokenize_str(text)] for text in texts]
    return cut if given["texts"] else cut[0]


result = {"characters": characters, "older": older, "cases": [pieces(case) for case in given["cases"]]}
pathlib.Path(sys.argv[2]).write_text(json.dumps(result))
