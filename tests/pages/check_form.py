"""The top-level README is short, every page begins with its title, and the changelog keeps its form."""

import re

README_LINES = 120
CHANGES = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def check_changelog(page):
    faults, versions = [], []
    for number, line in enumerate(page.text.split("\n"), 1):
        if line.startswith("## "):
            versions.append(line[3:])
            if len(versions) > 1 and not re.search(r"\d{4}-\d\d-\d\d$", line):
                faults.append(page.fault(number, f"'{line}': wanted a version and its date, or a date"))
        if line.startswith("### ") and line[4:] not in CHANGES:
            faults.append(page.fault(number, f"'{line}': wanted one of {', '.join(CHANGES)}"))
    dates = [version[-10:] for version in versions[1:]]
    if versions[:1] != ["Unreleased"] or dates != sorted(dates, reverse=True):
        faults.append(page.fault(1, f"wanted Unreleased first, then the newest: {versions}"))
    return faults


def check_form(page):
    faults = []
    if not re.match(r"# \S", page.text):
        faults.append(page.fault(1, "a page begins with its title: # ..."))
    lines = page.text.count("\n")
    if page.name == "README.md" and lines > README_LINES:
        faults.append(page.fault(lines, f"{lines} lines, wanted at most {README_LINES}: the pages of the folders have room"))
    return faults + (check_changelog(page) if page.name == "CHANGELOG.md" else [])
