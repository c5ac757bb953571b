"""Copies the pages, and the files of ours that they link to, into a folder that mkdocs takes, with its mkdocs.yml.
  stage_pages.py ROOT FOLDER        FOLDER/docs, FOLDER/mkdocs.yml
The order of the pages is that of the links in the top-level README."""

import pathlib
import re
import shutil
import subprocess
import sys

import yaml

LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def links_of(page, text):
    """Files that a page links to, as paths from the root."""
    targets = (target for target in LINK.findall(text) if not re.match(r"[a-z]+:", target))
    return [pathlib.Path(*(page.parent / target).parts) for target in targets]


def normal(path):
    parts = []
    for part in path.parts:
        if part == ".." and parts:
            parts.pop()
        elif part != ".":
            parts.append(part)
    return pathlib.Path(*parts)


def title_of(text):
    return re.search(r"^# (.*)$", text, re.MULTILINE)[1]


def main():
    root, folder = map(pathlib.Path, sys.argv[1:])
    tracked = subprocess.run(["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard"], check=True,
                             capture_output=True, text=True).stdout.splitlines()
    texts = {pathlib.Path(name): (root / name).read_text(encoding="utf-8")
             for name in tracked if name.endswith(".md") and (root / name).is_file()}
    wanted = dict.fromkeys([*texts, *(normal(link) for page, text in texts.items() for link in links_of(page, text))])
    for name in wanted:
        if str(name) in tracked and (root / name).is_file():
            (folder / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / "docs" / name)

    top = pathlib.Path("README.md")
    first = [top, *(normal(link) for link in links_of(top, texts[top]))]
    order = dict.fromkeys([*(page for page in first if page in texts), *sorted(texts)])
    config = {
        "site_name": "ropeway",
        "docs_dir": "docs",
        "theme": {"name": "readthedocs", "highlightjs": False},
        "plugins": ["search"],
        "use_directory_urls": False,
        "nav": [{"Start" if page == top else title_of(texts[page]): str(page)} for page in order],
        "validation": {"links": {"anchors": "warn", "not_found": "warn", "absolute_links": "warn",
                                 "unrecognized_links": "warn"}},
    }
    (folder / "mkdocs.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
