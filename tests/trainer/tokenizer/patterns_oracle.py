"""What PyPI tokenizers' Split makes of texts: patterns_oracle.py CASES OUT
CASES: JSON {"texts": [...], "cases": [{"pattern": {"Regex": ...} or {"String": ...}, "behavior": ..., "invert": ...}]}
OUT: JSON {"characters": a text with every character that Python knows (Unicode 14 in Debian 12, as PCRE2) but U+1171E,
whose category has changed; "cases": for each case the pieces of each text, or of "characters" where no texts are given;
null where tokenizers does not take the pattern}"""

import json
import pathlib
import sys
import unicodedata

from tokenizers import Regex, pre_tokenizers

given = json.loads(pathlib.Path(sys.argv[1]).read_text())
characters = "".join(chr(code) for code in range(1, 0x110000)
                     if code != 0x1171E and unicodedata.category(chr(code)) not in ("Cn", "Cs", "Co"))
NAMES = {"MergedWithPrevious": "merged_with_previous", "MergedWithNext": "merged_with_next"}


def pieces(case):
    kind, text = next(iter(case["pattern"].items()))
    behavior = NAMES.get(case["behavior"], case["behavior"].lower())
    try:
        split = pre_tokenizers.Split(Regex(text) if kind == "Regex" else text, behavior, case["invert"])
    except Exception:  # of Oniguruma: it cannot be compiled
        return None
    cut = [[piece for piece, _ in split.pre_tokenize_str(text)] for text in given["texts"] or [characters]]
    return cut if given["texts"] else cut[0]


result = {"characters": characters, "cases": [pieces(case) for case in given["cases"]]}
pathlib.Path(sys.argv[2]).write_text(json.dumps(result))
