"""Every recipe in configs/ is good, and planned as the line in its head says: `#   ropeway plan configs/NAME.yaml ...`.
usage: recipes_test.py TOP_FOLDER ROPEWAY"""
import pathlib
import re
import shlex
import subprocess
import sys

TOP, PROGRAM = pathlib.Path(sys.argv[1]), sys.argv[2]


def said(*arguments):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=TOP)
    return done.returncode, done.stdout, done.stderr


faults, recipes = [], sorted((TOP / "configs").glob("*.yaml"))
for recipe in recipes:
    name = f"configs/{recipe.name}"
    text = recipe.read_text(encoding="utf-8")
    code, _, errors = said("validate", "--offline", name)
    if code != 0:
        faults.append(f"{name}: {errors}")
    lines = re.findall(rf"^#   (?:[\w/.]*bin/)?ropeway plan {re.escape(name)}(.*)$", text, re.MULTILINE)
    if not lines:
        faults.append(f"{name}: no line `#   ropeway plan {name} ...` in its head")
    for line in lines:
        code, out, errors = said("plan", name, *shlex.split(line))
        if code != 0 or "in all" not in out:
            faults.append(f"{name}{line}: {errors or out}")
if faults:
    raise SystemExit("\n".join(faults))
assert len(recipes) >= 10, recipes
print(f"{len(recipes)} recipes are good, and fit where their heads say")
