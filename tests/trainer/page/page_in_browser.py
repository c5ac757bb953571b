"""The page of tests/data/demo_run in headless Chromium: nothing on the console, nothing fetched, all links lead
somewhere, nothing wider than the window, every picture drawn; in two widths, light and dark, on paper, and as single
pictures. Screenshots are kept where PAGE_SCREENSHOTS says."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

ROOT, PROGRAM = Path(sys.argv[1]), sys.argv[2]
RUN = ROOT / "tests/data/demo_run"
MEASURE = """<script>addEventListener('load', () => {
  const out = {width: document.documentElement.scrollWidth, window: innerWidth, small: [], pictures: 0};
  for (const svg of document.querySelectorAll('svg.picture')) {
    out.pictures++;
    const box = svg.getBoundingClientRect();
    if (box.width < 100 || box.height < 60) out.small.push(svg.getAttribute('aria-labelledby'));
    for (const text of svg.querySelectorAll('text')) {
      const t = text.getBoundingClientRect();
      if (t.right > box.right + 3 || t.left < box.left - 3 || t.bottom > box.bottom + 3 || t.top < box.top - 3)
        out.small.push('text beyond its picture: ' + text.textContent);
    }
  }
  const pre = document.createElement('pre');
  pre.id = 'measured'; pre.textContent = JSON.stringify(out); document.body.append(pre);
});</script>"""


class Page(HTMLParser):
    """Ids, links and pictures of a page, and whether its elements are closed in order."""
    VOID = {"meta", "link", "br", "img", "input", "hr"}

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.labels, self.open, self.details, self.figures = [], [], [], [], 0, []
        self.feed(text)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for key in ("href", "src"):
            if key in attributes:
                self.links.append(attributes[key])
        self.labels += attributes.get("aria-labelledby", "").split()
        if tag == "figure":
            self.figures.append({"svg": 0, "table": 0})
        if self.figures and tag in ("svg", "table") and "figure" in self.open:
            self.figures[-1][tag] += 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        if dict(attributes).get("id"):
            self.ids.append(dict(attributes)["id"])

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


def check_text(text):
    page = Page(text)
    assert len(page.ids) == len(set(page.ids)), "ids twice: " + str({i for i in page.ids if page.ids.count(i) > 1})
    for link in page.links:
        assert link == "data:," or (link.startswith("#") and link[1:] in page.ids), f"link to {link}"
    for label in page.labels:
        assert label in page.ids, f"aria-labelledby {label}"
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]+", text)) - {"http://www.w3.org"}
    assert not addresses, f"addresses in the page: {addresses}"
    assert len(text) < 1.5e6, f"{len(text)} bytes"
    assert page.figures and all(f["table"] == 1 for f in page.figures), "a picture without its table"
    return page


def chromium(folder, *arguments):
    command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
               "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--log-level=0",
               f"--user-data-dir={folder / 'profile'}", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90)
    console = [line for line in result.stderr.splitlines() if "CONSOLE" in line]
    assert not console, console
    return result.stdout


def check_layout(folder, page, width):
    dom = chromium(folder, f"--window-size={width},900", "--dump-dom", f"file://{page}")
    found = re.search(r'<pre id="measured">(.*?)</pre>', dom, re.S)
    assert found, "the page was not laid out"
    measured = json.loads(found[1])
    assert measured["width"] <= measured["window"] + 1, f"wider than the window: {measured}"
    assert measured["pictures"] >= 15 and not measured["small"], measured


def check_shot(folder, page, name, width, *arguments):
    shot = folder / f"{name}.png"
    chromium(folder, f"--window-size={width},1400", f"--screenshot={shot}", *arguments, f"file://{page}")
    image = Image.open(shot).convert("RGB")
    colours = image.getcolors(1 << 24)
    ground = max(colours)[1]
    assert len(colours) > 100, f"{name}: {len(colours)} colours"
    if os.environ.get("PAGE_SCREENSHOTS"):
        shutil.copy(shot, Path(os.environ["PAGE_SCREENSHOTS"]) / shot.name)
    return sum(ground) / 3


def main():
    folder = Path(tempfile.mkdtemp(prefix="ropeway-page-"))
    try:
        run = lambda *arguments: subprocess.run([PROGRAM, "report", *map(str, arguments)], check=True, cwd=folder,
                                                capture_output=True, text=True).stdout
        page, both, pictures = folder / "report.html", folder / "both.html", folder / "pictures"
        run(RUN, "-o", page, "--pictures", pictures)
        run(RUN, "--compare", RUN, "-o", both)
        for path in (page, both):
            check_text(path.read_text())
        for picture in pictures.glob("*.svg"):
            ElementTree.parse(picture)
        assert len(list(pictures.glob("*.svg"))) >= 15
        measured = folder / "measured.html"
        for path in (page, both):
            measured.write_text(path.read_text().replace("</body>", MEASURE + "</body>"))
            for width in (1280, 500):
                check_layout(folder, measured, width)
        assert check_shot(folder, page, "wide", 1280) > 200
        assert check_shot(folder, page, "narrow", 500) > 200
        assert check_shot(folder, page, "dark", 1280, "--blink-settings=preferredColorScheme=0") < 60
        paper = folder / "paper.pdf"
        chromium(folder, f"--print-to-pdf={paper}", "--no-pdf-header-footer", f"file://{page}")
        pages = paper.read_bytes().count(b"/Type /Page\n") or len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
        assert 3 <= pages <= 20, f"{pages} pages on paper"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
