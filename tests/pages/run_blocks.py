"""Runs the commands that pages show, as a reader would: page by page, block after block, in a folder of its own that
holds the repository's folders and what earlier blocks of the page have made.
  run_blocks.py ROOT PROGRAM [PAGE ...]      exit code 1 where a command fails
A block marked <!-- not run: REASON --> is passed over; see page.py for the marks."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

from page import FOLDERS, all_pages

SECONDS_PER_BLOCK = 400
PRELUDE = "set -euo pipefail; . launch/mpi_env.sh\n"


def furnish(folder, root, program):
    """What a reader finds in the top folder after building."""
    for name in (*FOLDERS, "data", ".venv"):
        if (root / name).exists():
            (folder / name).symlink_to(root / name)
    (folder / "build" / "release").mkdir(parents=True)
    (folder / "build" / "release" / "bin").symlink_to(program.parent)


def is_run(block):
    return block.language == "sh" and "not run" not in block.marks


def run_page(page, root, program):
    """(faults, number of blocks that ran)"""
    faults, count = [], 0
    if not any(is_run(block) for block in page.blocks):
        return faults, count
    with tempfile.TemporaryDirectory(prefix="ropeway-pages-") as name:
        folder = pathlib.Path(name)
        furnish(folder, root, program)
        # A home of its own keeps the files of whoever runs this out of reach.
        environment = {**os.environ, "HOME": name, "PATH": f"{program.parent}:{os.environ['PATH']}"}
        for block in page.blocks:
            if "file" in block.marks:
                (folder / block.marks["file"]).write_text(block.text, encoding="utf-8")
            if not is_run(block):
                continue
            count += 1
            try:
                done = subprocess.run(["bash", "-c", PRELUDE + block.text], cwd=folder, env=environment,
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      timeout=SECONDS_PER_BLOCK)
            except subprocess.TimeoutExpired:
                faults.append(page.fault(block.line, f"took more than {SECONDS_PER_BLOCK} s"))
                break
            if done.returncode != 0:
                said = (done.stdout[-500:] + done.stderr[-1500:]).strip()
                faults.append(page.fault(block.line, f"ended with {done.returncode}:\n{block.text}{said}"))
                break  # what follows builds on it
    return faults, count


def main():
    root, program = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    wanted = sys.argv[3:]
    total, all_faults = 0, []
    for page in all_pages(root):
        if wanted and page.name not in wanted:
            continue
        start = time.monotonic()
        faults, count = run_page(page, root, program)
        if count:
            print(f"{page.name}: {count} blocks, {time.monotonic() - start:.1f} s", flush=True)
        total += count
        all_faults += faults
    for fault in all_faults:
        print(fault)
    print(f"{total} blocks ran, {len(all_faults)} faults")
    return 1 if all_faults or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
