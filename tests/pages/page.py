"""A page (a Markdown file) as the checks see it: code blocks with their marks, inline code, links, anchors.

A mark is an HTML comment right above a code block, which readers of the page do not see:
  <!-- not run: REASON -->   the commands below are checked, but not run by run_blocks.py
  <!-- file: NAME -->        run_blocks.py writes the block to this file, for the commands after it
  <!-- part of a recipe -->  keys and values of the YAML below are checked one by one: it is no whole recipe
"""

import dataclasses
import pathlib
import re
import subprocess

from markdown_it import MarkdownIt

MARK = re.compile(r"<!--\s*(not run|file|part of a recipe)(?::\s*(.*?))?\s*-->", re.DOTALL)
FOLDERS = ("configs", "kernels", "launch", "parallel", "tests", "trainer")


@dataclasses.dataclass
class Block:
    line: int
    language: str
    text: str
    marks: dict  # mark: what it says


@dataclasses.dataclass
class Fault:
    page: str
    line: int
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"


def anchor_of(heading):
    """The anchor that forges make of a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def line_in(text, token, wanted):
    """The line, counted from 1, where a token's inline element stands; a token may span several lines."""
    first, last = token.map
    lines = text.split("\n")
    start = wanted.split("\n")[0]
    for number in range(first, last):
        if start in lines[number]:
            return number + 1
    return first + 1


class Page:
    def __init__(self, root, name):
        self.root = pathlib.Path(root)
        self.name = name
        self.text = (self.root / name).read_text(encoding="utf-8")
        self.blocks, self.codes, self.links, self.anchors = [], [], [], set()
        self.translations = []  # (line, names of other programs, our keys): rows of tables whose last heading is "ropeway"
        self.keys = []  # (line, name): code in the first column of tables whose heading is "key ..."
        tokens = MarkdownIt("commonmark").enable("table").parse(self.text)
        for i, token in enumerate(tokens):
            if token.type in ("fence", "code_block"):
                above = tokens[i - 1].content if i > 0 and tokens[i - 1].type == "html_block" else ""
                marks = {kind: says or "" for kind, says in MARK.findall(above)}
                self.blocks.append(Block(token.map[0] + 1, token.info.strip(), token.content, marks))
            if token.type == "heading_open":
                self.anchors.add(anchor_of(tokens[i + 1].content.replace("`", "")))
            if token.type == "inline":
                self._read_inline(token)
            if token.type == "table_open":
                self._read_keys(tokens[i:])
                self._read_translations(tokens[i:])

    def _read_inline(self, token):
        for child in token.children:
            if child.type == "code_inline":
                self.codes.append((line_in(self.text, token, child.content), child.content))
            target = child.attrGet("href") or child.attrGet("src") if child.type in ("link_open", "image") else None
            if target:
                self.links.append((line_in(self.text, token, target), target))

    def _read_keys(self, tokens):
        """Of the table that these tokens begin with."""
        heading, first = None, False
        for token, inside in zip(tokens, tokens[1:]):
            if token.type == "table_close" or (heading is not None and not heading.startswith("key")):
                return
            if token.type == "th_open" and heading is None:
                heading = inside.content
            first = token.type == "tr_open" or (first and token.type != "td_close")
            if first and token.type == "td_open":
                codes = [child.content for child in inside.children if child.type == "code_inline"]
                self.keys += [(inside.map[0] + 1, code) for code in codes if ":" not in code]

    def _read_translations(self, tokens):
        """Of the table that these tokens begin with."""
        rows, headings = [], []
        for token, inside in zip(tokens, tokens[1:]):
            if token.type == "table_close":
                break
            if token.type == "th_open":
                headings.append(inside.content)
            if token.type == "tr_open":
                rows.append([])
            if token.type == "td_open":
                rows[-1].append(inside)
        if headings[-1:] != ["ropeway"]:
            return
        for row in (row for row in rows if row):
            names = [[child.content for child in cell.children if child.type == "code_inline"] for cell in row]
            theirs = [name.split(":")[0] for cell in names[:-1] for name in cell]
            self.translations.append((row[0].map[0] + 1, theirs, names[-1]))

    def fault(self, line, text):
        return Fault(self.name, line, text)


def tracked_files(root):
    """Every file of the checkout that git knows or would add."""
    listing = subprocess.run(["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard"],
                             capture_output=True, text=True, check=True).stdout
    return [name for name in listing.splitlines() if (pathlib.Path(root) / name).is_file()]


def all_pages(root):
    return [Page(root, name) for name in tracked_files(root) if name.endswith(".md")]
