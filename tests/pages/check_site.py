"""The site that launch/site.sh makes is whole: a page for every page, links that lead somewhere, a search index, nothing
loaded from elsewhere. A dead link gives no site.
  check_site.py ROOT PROGRAM"""

import html.parser
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.parse

from page import tracked_files


class Links(html.parser.HTMLParser):
    """Of an HTML page: where its links lead, what it loads, and its anchors."""

    def __init__(self, file):
        super().__init__()
        self.leads_to, self.loads, self.anchors = [], [], set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "a" and values.get("href"):
            self.leads_to.append(values["href"])
        if tag in ("script", "img", "link", "iframe") and (values.get("src") or values.get("href")):
            self.loads.append(values.get("src") or values["href"])


def faults_of_page(file, pages, site):
    for target in pages[file].leads_to + pages[file].loads:
        url = urllib.parse.urlparse(target)
        if url.scheme or url.netloc:
            if target in pages[file].loads:
                yield f"{file} loads {target}"
            continue
        # The page for addresses that do not exist has links from the top: it may be shown anywhere.
        start = site if url.path.startswith("/") else file.parent
        there = (start / urllib.parse.unquote(url.path).lstrip("/")).resolve() if url.path else file
        if not there.is_file():
            yield f"{file}: {target} leads nowhere"
        elif url.fragment and there in pages and url.fragment not in pages[there].anchors:
            yield f"{file}: {target}: no such heading"


def faults_of_site(root, site):
    pages = {file.resolve(): Links(file) for file in site.rglob("*.html")}
    faults = [fault for file in pages for fault in faults_of_page(file, pages, site)]
    for name in tracked_files(root):
        made = site / name.replace("README.md", "index.html").replace(".md", ".html")
        if name.endswith(".md") and not made.is_file():
            faults.append(f"{name} is not in the site")
    index = json.loads((site / "search/search_index.json").read_text(encoding="utf-8"))
    found = {entry["location"].split("#")[0] for entry in index["docs"] if entry["text"] or entry["title"]}
    faults += [f"{file} is not in the search index" for file in pages
               if file.name != "404.html" and file.name != "search.html" and str(file.relative_to(site.resolve())) not in found]
    return faults


def build(root, out):
    return subprocess.run([root / "launch/site.sh", out], capture_output=True, text=True)


def dead_link_is_refused(root, folder):
    """A copy of the pages in which one links to nothing."""
    for name in tracked_files(root):
        if name.endswith((".md", ".yaml")) or name.startswith("launch/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, folder / name)
    (folder / ".venv").symlink_to(root / ".venv")
    (folder / ".gitignore").write_text("/.venv\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q", folder], check=True)
    with (folder / "parallel/README.md").open("a", encoding="utf-8") as page:
        page.write("\nSee [this](gone.md).\n")
    done = build(folder, folder / "site")
    if done.returncode == 0 or "gone.md" not in done.stderr + done.stdout or (folder / "site").exists():
        return [f"a dead link gave {done.returncode}: {done.stdout}{done.stderr}"]
    return []


def main():
    if importlib.util.find_spec("mkdocs") is None:
        print("skipped: mkdocs is not there: launch/setup.sh --tests or --site installs it")
        return 77
    root = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as name:
        site = pathlib.Path(name) / "site"
        done = build(root, site)
        if done.returncode != 0 or done.stdout:
            print(f"launch/site.sh ended with {done.returncode}\n{done.stdout}{done.stderr}")
            return 1
        copy = pathlib.Path(name) / "copy"
        copy.mkdir()
        faults = faults_of_site(root, site) + dead_link_is_refused(root, copy)
        for fault in faults:
            print(fault)
        print(f"{len(list(site.rglob('*.html')))} pages, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
