#!/usr/bin/env python3
"""Decode unpacked Debian packages into the project's text corpus.

The packages (see CORPORA) hold English texts in the formats of the programs
they were made for; those of the standard corpus are in the public domain. This script turns them into plain UTF-8 files,
one per document, split by whole documents into train, validation and test:

    OUT/{train,validation,test}/NAME.txt     the documents
    OUT/SOURCES.txt                          where each one came from

With --long they are three documents of 10 to 41 MB instead, for stages at 512K
and 2M tokens. Not all of those are in the public domain: see SOURCES.txt.

Every decoded document is compared with a list of SHA-256 sums before any file
is put in place, so everybody who runs this works on the same bytes, whatever
revision of a package the mirror serves. The list is in sha256sum's format:
`cd data/corpus && sha256sum -c ../../launch/corpus.sha256` checks it by hand.

Normally started by fetch_corpus.sh, which downloads and unpacks the packages.
Needs nothing but the standard library.

A caveat for anybody who reads results on this split: the commentaries quote
scripture, so n-grams of the World English Bible (train) recur, in another
translation, in the held-out parts of the Treasury of David.

Exit status: 0 done, 64 wrong usage, 65 a decoded document is not the one in the
list, 66 an input is missing or cannot be decoded.
"""

import argparse
import gzip
import hashlib
import html
import os
import re
import shutil
import struct
import sys
import tempfile
import zlib
from pathlib import Path

EX_USAGE, EX_DATAERR, EX_NOINPUT = 64, 65, 66

HELD_OUT_BYTES = 1_000_000  # of the Treasury of David at most, for validation and for test each


class CorpusError(Exception):
    """A failure to report in one line, with the exit status that goes with it."""

    def __init__(self, message, status=EX_NOINPUT):
        super().__init__(message)
        self.status = status


# ---- cleaning ---------------------------------------------------------------


def clean(text):
    """Normalise white space and drop control characters; end with one newline.

    No-break spaces become spaces, trailing blanks go, and more than one empty
    line in a row becomes one. Indentation at the start of a line stays.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub("[\u00a0\u202f\u2007]", " ", text)
    text = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u200b]", "", text)
    text = re.sub(r"[ \t]+\n", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text)
    return text.strip("\n") + "\n"


def strip_osis(markup):
    """Plain text of OSIS XML, the markup inside SWORD modules.

    Paragraphs and titles are set apart by an empty line, verse lines, list
    items and table rows by a newline. Footnotes are dropped; where one stood
    between two words without a space, a space is put.
    """
    text = re.sub(r"\s+", " ", markup)
    text = re.sub(r"<note\b.*?</note>", "\0", text)
    text = re.sub(r'<div\b[^>]*type="(?:x-p|paragraph|introduction|book|front)"[^>]*>', "\n\n", text)
    text = re.sub(r"</?(?:title|speaker|list|table|lg)\b[^>]*>", "\n\n", text)
    text = re.sub(r'<chapter\b[^>]*\bn="(\d+)"[^>]*>', "\n\n", text)
    text = re.sub(r"<l\b[^>]*\beID=[^>]*>|<lb\b[^>]*>|</(?:item|row)>", "\n", text)
    text = re.sub(r"<cell\b[^>]*>", " ", text)
    text = re.sub(r"<[^>]*>", "", text)
    text = re.sub(r"\0+(?=[\w“‘(\[])", " ", text).replace("\0", "")
    text = html.unescape(text)
    text = re.sub(r"[ \t]+", " ", text)
    return re.sub(r" ?\n ?", "\n", text)


def strip_html(page):
    """Plain text of the body of an HTML page: paragraphs, items and headings set apart by empty lines."""
    text = re.sub(r"\s+", " ", page[page.index("<body") :])
    text = re.sub(r"</?(?:p|h\d|li|ul|ol|div|blockquote|hr|table|tr|pre)\b[^>]*>", "\n\n", text)
    text = re.sub(r"<br\b[^>]*>", "\n", text)
    text = html.unescape(re.sub(r"<[^>]*>", "", text))
    text = re.sub(r"[ \t]+", " ", text)
    return re.sub(r" ?\n ?", "\n", text)


# ---- readers ----------------------------------------------------------------


def read_sword(folder, testaments=("ot", "nt")):
    """Text of a compressed SWORD module, in the order it was written.

    Each testament is three files; `.?zs` is an array of (offset, size, size
    when unpacked), little-endian 32-bit, of the zlib blocks in `.?zz`. The
    third, the index by verse, is not needed to read from start to end.
    """
    parts = []
    for testament in testaments:
        index_path = only(folder, f"{testament}.?zs")
        index = index_path.read_bytes()
        blocks = index_path.with_name(index_path.name[:-1] + "z").read_bytes()
        for offset, size, full_size in struct.iter_unpack("<III", index):
            block = zlib.decompress(blocks[offset : offset + size])
            if len(block) != full_size:
                raise CorpusError(f"{index_path}: a block of {len(block)} bytes where {full_size} were announced")
            parts.append(block)
    return b"".join(parts).decode("utf-8")


def read_r_character_vectors(path):
    """All character vectors of an R lazy-load database, as lists of strings.

    The file is a row of [u32 unpacked size][zlib stream], big-endian; each
    stream is one R object in XDR serialisation, version 3 here, and must be a
    plain character vector.
    """
    data = path.read_bytes()
    vectors, at = [], 0
    while at < len(data):
        unpacker = zlib.decompressobj()
        stream = unpacker.decompress(data[at + 4 :])
        at = len(data) - len(unpacker.unused_data)
        vectors.append(parse_r_character_vector(stream, path))
    return vectors


def parse_r_character_vector(stream, path):
    """The strings of one serialised R character vector (types STRSXP, CHARSXP)."""
    strsxp, charsxp, missing = 16, 9, 0xFFFFFFFF
    magic, version = struct.unpack_from(">2sI", stream)
    if magic != b"X\n" or version not in (2, 3):
        raise CorpusError(f"{path}: not an R object in XDR form (starts with {stream[:6]!r})")
    at = 14
    if version == 3:  # the name of the native encoding follows
        at += 4 + struct.unpack_from(">I", stream, at)[0]
    kind, count = struct.unpack_from(">II", stream, at)
    at += 8
    if kind & 0xFF != strsxp:
        raise CorpusError(f"{path}: an R object of type {kind & 0xFF} where a character vector was expected")
    strings = []
    for _ in range(count):
        kind, size = struct.unpack_from(">II", stream, at)
        at += 8
        if kind & 0xFF != charsxp:
            raise CorpusError(f"{path}: an R object of type {kind & 0xFF} where a string was expected")
        if size == missing:
            strings.append("")
            continue
        strings.append(stream[at : at + size].decode("utf-8"))
        at += size
    return strings


def read_gzip(path, errors="strict"):
    """Text of a gzip file (dictzip files are gzip files)."""
    return gzip.decompress(path.read_bytes()).decode("utf-8", errors)


def only(folder, pattern):
    """The one file below `folder` that matches the glob pattern."""
    found = sorted(p for p in folder.rglob(pattern) if p.is_file())
    if len(found) != 1:
        raise CorpusError(f"{folder}: {len(found)} files match {pattern}, expected one")
    return found[0]


# ---- documents --------------------------------------------------------------


def split_psalms(text, size):
    """Cut off the longest tail of whole psalms that is no longer than `size` bytes."""
    raw = text.encode("utf-8")
    cut = re.compile(rb"(?m)^Psalm \d+ OVERVIEW$").search(raw, len(raw) - size).start()
    return raw[:cut].decode("utf-8"), raw[cut:].decode("utf-8")


def treasury_of_david(folder):
    """The Treasury of David: psalms 1-119 for training, the rest held out."""
    text = clean(strip_osis(read_sword(folder, ("ot",))))
    text, test = split_psalms(text, HELD_OUT_BYTES)
    train, validation = split_psalms(text, HELD_OUT_BYTES)
    return {
        "train/treasury_of_david": train,
        "validation/treasury_of_david_120_137": validation,
        "test/treasury_of_david_138_150": test,
    }


def world_english_bible(folder):
    """The World English Bible with deuterocanon, without its footnotes."""
    return {"train/world_english_bible": strip_osis(read_sword(folder))}


def matthew_henry(folder):
    """Matthew Henry's Concise Commentary on the Whole Bible."""
    return {"train/matthew_henry_concise": strip_osis(read_sword(folder))}


def jane_austen(folder):
    """Six novels; Emma is the test document, Persuasion the validation one."""
    documents = {}
    for lines in read_r_character_vectors(only(folder, "Rdata.rdb")):
        title = lines[0].strip().lower().replace(" ", "_")
        split = {"emma": "test", "persuasion": "validation"}.get(title, "train")
        documents[f"{split}/austen_{title}"] = "\n".join(lines)
    return documents


def jargon_file(folder):
    """The Jargon File from its first page on, without rules and indentation."""
    text = read_gzip(only(folder, "jargon.txt.gz"))
    text = text[text.index("Welcome to the Jargon File", text.index("Welcome to the Jargon File") + 1) :]
    text = re.sub("[\u2500-\u257f]+", "", text)
    return {"train/jargon_file": re.sub(r"(?m)^ {3}", "", text)}


def devils_dictionary(folder):
    """The Devil's Dictionary, from the preface to the last entry."""
    text = read_gzip(only(folder, "devil.dict.dz"))
    text = text[text.index("PREFACE") :]
    return {"train/devils_dictionary": text.replace("\n abcdefghijklmnopqrstuvwxyz\n", "\n")}


def set_mm(folder):
    """The Metamath proof database of set theory: formal proofs with English comments."""
    return {"test/set_mm": only(folder, "set.mm").read_text("utf-8")}


def webster(folder):
    """The Collaborative International Dictionary of English (Webster 1913 and later additions)."""
    text = read_gzip(only(folder, "gcide.dict.dz"), errors="ignore")  # a few stray bytes
    return {"train/webster": text[text.index("\nA \\A\\ ") + 1 :]}


def anarchist_faq(folder):
    """An Anarchist FAQ: introduction, sections A to J from their introductions to their conclusions, appendices."""
    pages = {}
    for path in only(folder, "secA1.html").parent.glob("*.html"):
        match = re.fullmatch(r"(intro|sec[A-J]|append)(int|con|\d*)", path.stem)
        if match:
            part = {"intro": 0, "append": 2}.get(match[1], 1)
            number = {"int": -1, "con": 1000}.get(match[2])
            if number is None:  # secD11 is section D.11, but append31 is appendix 3.1
                number = 0 if part == 2 else int(match[2] or 0)
            pages[part, match[1], number, match[2]] = path
    texts = [strip_html(pages[place].read_text("utf-8")) for place in sorted(pages)]
    return {"validation/anarchist_faq": "\n\n".join(texts)}


CORPORA = {
    "standard": {
        "sword-comm-tdavid": (treasury_of_david, "public domain"),
        "sword-text-web": (world_english_bible, "public domain"),
        "r-cran-janeaustenr": (jane_austen, "novels public domain; package MIT"),
        "sword-comm-mhcc": (matthew_henry, "public domain"),
        "jargon-text": (jargon_file, "public domain"),
        "dict-devil": (devils_dictionary, "public domain"),
    },
    "long": {
        "metamath-databases": (set_mm, "CC0"),
        "anarchism": (anarchist_faq, "GPL-2"),
        "dict-gcide": (webster, "GPL-3 or later"),
    },
}


# ---- writing ----------------------------------------------------------------


def read_sums(path):
    """The list of sums as {relative file name: hex digest}."""
    sums = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        match = re.fullmatch(r"([0-9a-f]{64})  (\S+)", line)
        if not match:
            raise CorpusError(f"{path}:{number}: not a line of sha256sum: {line!r}")
        sums[match[2]] = match[1]
    return sums


def check(files, sums, sums_path):
    """Fail unless the decoded files are exactly those in the list."""
    problems = []
    for name, data in files.items():
        found = hashlib.sha256(data).hexdigest()
        if sums.get(name) != found:
            problems.append(f"{name}: found {found}, wanted {sums.get(name, 'no such document')} ({sums_path})")
    problems += [f"{name}: not among the decoded documents, wanted {sums[name]}" for name in sums if name not in files]
    if problems:
        raise CorpusError("\n".join(problems), EX_DATAERR)


def install(files, out):
    """Write files under `out`: all of them to a temporary folder, then renamed."""
    out.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".decoding-", dir=out))
    try:
        for name, data in files.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(data)
        for name in files:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(temporary / name, out / name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sources_table(documents, packages):
    """Contents of SOURCES.txt: one tab-separated row per document."""
    rows = [("package", "version", "licence", "document", "bytes", "sha256")]
    for package, version, name, data in documents:
        licence = packages[package][1]
        rows.append((package, version, licence, name, str(len(data)), hashlib.sha256(data).hexdigest()))
    return "".join("\t".join(row) + "\n" for row in rows).encode("utf-8")


def closing_table(files):
    """The documents, their split and size, as printed at the end."""
    width = max(len(Path(name).stem) for name in files)
    lines = [f"{'document':{width}}  {'split':10}  {'bytes':>10}"]
    totals = {}
    for name, data in files.items():
        split = name.split("/")[0]
        totals[split] = totals.get(split, 0) + len(data)
        lines.append(f"{Path(name).stem:{width}}  {split:10}  {len(data):>10}")
    lines += [f"{'total':{width}}  {split:10}  {size:>10}" for split, size in totals.items()]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="Decode unpacked Debian packages into the text corpus.")
    parser.add_argument("--packages", action="store_true", help="list the packages needed, one per line, and stop")
    parser.add_argument("--long", action="store_true", help="the corpus of few very long documents")
    parser.add_argument("--unpacked", type=Path, help="folder with one sub-folder per package, named PACKAGE_VERSION")
    parser.add_argument("--out", type=Path, help="folder of the corpus")
    parser.add_argument("--sums", type=Path, help="list of SHA-256 sums the documents must match")
    parser.add_argument("--write-sums", action="store_true", help="write the list instead of checking against it")
    parser.error = lambda message: usage_error(parser, message)
    options = parser.parse_args()
    packages = CORPORA["long" if options.long else "standard"]
    if options.packages:
        print("\n".join(packages))
        return
    if not (options.unpacked and options.out and options.sums):
        parser.error("--unpacked, --out and --sums are required")

    documents = []
    for package, (decode, _) in packages.items():
        folders = sorted(options.unpacked.glob(f"{package}_*"))
        if len(folders) != 1:
            raise CorpusError(f"{options.unpacked}: {len(folders)} folders match {package}_*, expected one")
        version = folders[0].name[len(package) + 1 :]
        try:
            decoded = decode(folders[0])
        except (OSError, ValueError, struct.error, zlib.error) as error:
            raise CorpusError(f"{package} {version}: cannot be decoded: {error}") from error
        decoded = {name: clean(text).encode("utf-8") for name, text in decoded.items()}
        documents += [(package, version, f"{name}.txt", data) for name, data in decoded.items()]
        print(f"{package} {version}: {len(decoded)} document(s), {sum(map(len, decoded.values()))} bytes", flush=True)

    files = {name: data for _, _, name, data in sorted(documents, key=lambda row: row[2])}
    if options.write_sums:
        lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()]
        options.sums.write_text("".join(lines), "utf-8")
    check(files, read_sums(options.sums), options.sums)
    install({**files, "SOURCES.txt": sources_table(documents, packages)}, options.out)
    print("\n" + closing_table(files))


def usage_error(parser, message):
    """Print the usage and what is wrong with the command line, and exit."""
    parser.print_usage(sys.stderr)
    print(f"{parser.prog}: error: {message}", file=sys.stderr)
    sys.exit(EX_USAGE)


if __name__ == "__main__":
    try:
        main()
    except CorpusError as error:
        for line in str(error).splitlines():
            print(f"decode_corpus.py: error: {line}", file=sys.stderr)
        sys.exit(error.status)
    except OSError as error:
        print(f"decode_corpus.py: error: {error}", file=sys.stderr)
        sys.exit(EX_NOINPUT)
