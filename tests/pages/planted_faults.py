"""Plants faults in pages and wants the checks to find each of them, and nothing in a good page.
  planted_faults.py ROOT PROGRAM"""

import pathlib
import subprocess
import sys
import tempfile

from check_form import check_form
from check_pages import faults_of
from page import Page
from run_blocks import run_page

GOOD = """# A page

See [the rest](other/README.md#a-heading), `launch/tool.sh`, `tool.sh --quick` and `launch/{tool,nothing}.*`.

Keys: `data.packing`, `packing: documents`, `engine: {activations: host}`, `model: {path: mine}`, `mesh: {data: 2}`,
`from: a, length: 16K`, `bos`, `data.chat_template: chatml | llama3`, `train: [{path: a, weight: 2}, b]`.

Options: `--lengths`, `ropeway evaluate --bos true|false`, `evaluate --factors auto`, `ropeway VERB --help`.

```sh
launch/tool.sh --quick    # a comment with --nonsense
ropeway plan mine.yaml --gpus 8 \\
  --gpu h100 | tail -1
```

| meaning | other | ropeway |
|---|---|---|
| text | `sample_packing`, `packing: documents` | `data.packing`, and more |
| other | `lora` | none |

| key of `data` | |
|---|---|
| `packing`, `bos: auto` | `whatever` |

<!-- part of a recipe -->
```yaml
data: {bos: true}
```
"""

# (page text, what the fault says). Each is a good page but for one thing.
PLANTED = [
    ("[x](other/GONE.md)", "there is no file other/GONE.md"),
    ("[x](other/README.md#nowhere)", "no heading for #nowhere"),
    ("[x](#nowhere)", "no heading for #nowhere"),
    ("`launch/gone.sh`", "there is no launch/gone.sh"),
    ("`launch/{tool,gone}.sh`", "there is no launch/gone.sh"),
    ("`launch/*.py`", "there is no launch/*.py"),
    ("`gone.cc`", "no folder has a file gone.cc"),
    ("`ropeway evaluat x`", "unknown verb 'evaluat'"),
    ("`ropeway evaluate x --lengts 4K`", "unknown option --lengts"),
    ("`--lengts`", "--lengts: no verb has this option"),
    ("`data.paking`", "unknown key"),
    ("| key | |\n|---|---|\n| `packing` | `x` |\n| `paking`, `bos` | |", "paking: paking: unknown key"),
    ("| meaning | other | ropeway |\n|---|---|---|\n| x | `cutoff_len` | `data.packing` |", "cutoff_len: wanted a hint at packing"),
    ("| meaning | other | ropeway |\n|---|---|---|\n| x | `zzzz` | `data.packing` |", "zzzz: wanted a hint at packing"),
    ("`packing: document`", "found document, wanted concat or documents"),
    ("`paking: documents`", "unknown key"),
    ("`engine: {activations: hosts}`", "found hosts, wanted"),
    ("`engine: {packing: documents}`", "unknown key"),
    ("`data.chat_template: chatml | llama9`", "found llama9"),
    ("`mesh: {data: many}`", "found many, wanted an integer"),
    ("```sh\nropeway run a.yaml --sett x=1\n```", "unknown option --sett"),
    ("```sh\nmpirun -n 2 build/release/bin/ropeway rnu a.yaml\n```", "unknown verb 'rnu'"),
    ("```sh\nropeway plan a.yaml --gpus many\n```", "--gpus"),
    ("```sh\nropeway run a.yaml --set data.paking=documents\n```", "unknown key"),
    ("```sh\nropeway run a.yaml --set stages.tune.steps=-1\n```", "wanted an integer"),
    ("```sh\nlaunch/tool.sh --slow\n```", "launch/tool.sh knows no --slow"),
    ("```sh\nlaunch/gone.sh\n```", "there is no launch/gone.sh"),
    ("```sh\nropeway validate configs/gone.yaml\n```", "there is no configs/gone.yaml"),
    ("```\nropeway\n```", "language ''"),
    ("<!-- not run: -->\n```sh\ntrue\n```", "not run, but why?"),
    ("```yaml\nname: x\nstages: []\nkey: 1\n```", "a recipe with errors"),
    ("<!-- part of a recipe -->\n```yaml\ndata:\n  bos: maybe\n```", "found maybe"),
]


def make_tree(folder):
    for name, text in {"other/README.md": "# A heading\n", "configs/.keep": "", "launch/nothing.txt": "",
                       "launch/mpi_env.sh": "", "launch/tool.sh": "case $1 in --quick) ;; *) exit 2 ;; esac\n"}.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / "launch/tool.sh").chmod(0o755)
    subprocess.run(["git", "init", "-q", folder], check=True)


def wrong(case, why):
    print(f"{case!r}: {why}")
    return 1


def check_all(folder, program):
    """Number of cases that went wrong. All planted pages are checked in one call, which costs one start for each
    question to the program."""
    count = 0
    (folder / "README.md").write_text(GOOD, encoding="utf-8")
    for fault in faults_of(folder, program):
        count += wrong("the good page", fault)
    (folder / "README.md").unlink()
    for i, (text, _) in enumerate(PLANTED):
        (folder / f"{i:02}.md").write_text("# Planted\n\n" + text + "\n", encoding="utf-8")
    found = faults_of(folder, program)
    for i, (text, wanted) in enumerate(PLANTED):
        said = [str(fault) for fault in found if fault.page == f"{i:02}.md"]
        if not any(wanted in line for line in said):
            count += wrong(text, f"wanted '{wanted}', found {said}")
    return count


def check_forms(folder):
    """The same of the form of pages."""
    count = 0
    for name, text, wanted in [("README.md", "# A\n" + "\n" * 120, "121 lines, wanted at most 120"),
                               ("README.md", "A page\n", "begins with its title"),
                               ("CHANGELOG.md", "# C\n\n## 2026-01-01\n", "wanted Unreleased first"),
                               ("CHANGELOG.md", "# C\n\n## Unreleased\n\n### News\n", "wanted one of Added"),
                               ("CHANGELOG.md", "# C\n\n## Unreleased\n\n## 0.1\n", "and its date"),
                               ("CHANGELOG.md", "# C\n\n## Unreleased\n\n## 2026-01-01\n\n## 2026-01-02\n", "then the newest"),
                               ("CHANGELOG.md", "# C\n\n## Unreleased\n\n## 0.2 - 2026-01-02\n\n## 2026-01-01\n", None)]:
        (folder / name).write_text(text, encoding="utf-8")
        said = [str(fault) for fault in check_form(Page(folder, name))]
        if (wanted is None) != (not said) or not any((wanted or "") in line for line in said or [""]):
            count += wrong(text, f"wanted '{wanted}', found {said}")
    return count


def run_all(folder, program):
    """The same of commands that run: a failing one is found, a marked one is left alone."""
    count = 0
    for text, blocks, faults in [("```sh\nexit 3\n```", 1, 1), ("```sh\nfalse | true\n```", 1, 1),
                                 ("```sh\nropeway version\n```", 1, 0),
                                 ("<!-- not run: planted -->\n```sh\nexit 3\n```", 0, 0),
                                 ("<!-- file: a.txt -->\n```text\nx\n```\n\n```sh\ngrep x a.txt\n```", 1, 0)]:
        (folder / "run.md").write_text(text, encoding="utf-8")
        found, ran = run_page(Page(folder, "run.md"), folder, program)
        if (ran, len(found)) != (blocks, faults):
            count += wrong(text, f"{ran} blocks ran, {[str(fault) for fault in found]}")
    return count


def main():
    program = pathlib.Path(sys.argv[2]).resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_tree(folder)
        count = check_all(folder, str(program)) + check_forms(folder) + run_all(folder, program)
    print(f"{len(PLANTED)} faults planted, {count} cases went wrong")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
