"""Vocabularies and texts of tests/bench/tokenizer.sh.      usage: tokenizer_cases.py VOCABULARIES CORPUS OUT"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "trainer/tokenizer"))
from mixed_text import ROOT, mixed_text
from variants import make_variants

vocabularies, corpus, out = map(pathlib.Path, sys.argv[1:4])
make_variants(vocabularies, out)
(out / "prose").write_bytes((corpus / "test/austen_emma.txt").read_bytes())
code = b"".join(path.read_bytes() for folder in ("kernels", "trainer", "parallel", "tests")
                for path in sorted((ROOT / folder).rglob("*.cc")))
(out / "code").write_bytes(code)
(out / "mixed").write_bytes(mixed_text().decode("utf-8", "replace").encode())
(out / "line").write_bytes((b"no spaces and no line feeds in ten megabytes".replace(b" ", b"") * 300000)[:10_000_000])
