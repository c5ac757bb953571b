"""Links between pages, and the files and folders that pages name, are there."""

import fnmatch
import itertools
import pathlib
import posixpath
import re
import urllib.parse

from page import FOLDERS, Page

SOURCE = (".cc", ".cu", ".h", ".sh", ".py")
PATH = re.compile(r"[\w.\-*{},<>/]+")


def check_links(page, files):
    faults = []
    here = posixpath.dirname(page.name)
    for line, target in page.links:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = urllib.parse.unquote(target).partition("#")
        name = posixpath.normpath(posixpath.join(here, path)) if path else page.name
        if name not in files:
            faults.append(page.fault(line, f"link to {target}: there is no file {name}"))
        elif anchor and name.endswith(".md") and anchor not in Page(page.root, name).anchors:
            faults.append(page.fault(line, f"link to {target}: {name} has no heading for #{anchor}"))
    return faults


def with_braces(pattern):
    """a{b,c}d as [abd, acd]"""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        return [pattern]
    head, tail = pattern[:match.start()], pattern[match.end():]
    return list(itertools.chain(*(with_braces(head + word + tail) for word in match[1].split(","))))


class Tree:
    """Names of files and of folders, for looking up what a page calls them."""

    def __init__(self, files):
        self.names = set(files)
        for name in files:
            self.names.update(str(folder) for folder in pathlib.PurePosixPath(name).parents)
        self.base_names = {posixpath.basename(name) for name in files}

    def has(self, name):
        name = name.rstrip("/")
        return name in self.names or ("*" in name and any(fnmatch.fnmatch(n, name) for n in self.names))


def faults_of_word(word, tree, here):
    """What is wrong with a word of inline code or of a command as the name of a file of ours."""
    if not PATH.fullmatch(word) or "<" in word:
        return []
    missing = []
    for name in with_braces(word):
        # `build/` and the folders of users are made by running something.
        ours = name.split("/")[0] in FOLDERS and "/" in name
        source = name.endswith(SOURCE) and "/" not in name
        if ours and not tree.has(name) and not tree.has(posixpath.join(here, name)):
            missing.append(f"there is no {name}")
        if source and name not in tree.base_names:
            missing.append(f"no folder has a file {name}")
    return missing


def check_paths(page, files):
    tree = Tree(files)
    here = posixpath.dirname(page.name)
    places = list(page.codes)
    for block in page.blocks:
        if block.language == "sh":
            places += [(block.line + 1 + i, text) for i, text in enumerate(block.text.split("\n"))]
    return [page.fault(line, fault)
            for line, text in places for word in text.split("#")[0].split()
            for fault in faults_of_word(word.strip(",;:()\"'"), tree, here)]
