"""What bash, zsh and fish complete, each as the shell itself says.  usage: completion_test.py TOP_FOLDER ROPEWAY"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP, PROGRAM = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
RECIPE = "tests/e2e/tiny.yaml"
ENVIRONMENT = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}


def said(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=TOP, env=ENVIRONMENT, timeout=60)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout


def bash(words):
    script = said(PROGRAM, "completion", "bash")
    quoted = " ".join(f"'{word}'" for word in words)
    return said("bash", text=f"{script}\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n_ropeway\n"
                             "printf '%s\\n' \"${COMPREPLY[@]}\"\n").split()


def zsh(words):
    """With stand-ins for the functions of zsh's completion system, which print what they would offer."""
    script = said(PROGRAM, "completion", "zsh")
    quoted = " ".join(f"'{word}'" for word in words)
    stand_ins = """
compdef() { }
compadd() { while [[ $1 != -- ]]; do shift; done; shift; print -l -- $@; }
_describe() { [[ $1 == -o ]] && shift; for item in ${(P)2}; do print -r -- ${item%%:*}; done; }
_files() { }
"""
    offered = said("zsh", "-f", text=f"{stand_ins}\n{script}\nwords=({quoted})\nCURRENT={len(words)}\n_ropeway\n").split()
    return [word for word in offered if word.startswith(words[-1])]


def fish(words):
    with tempfile.NamedTemporaryFile("w", suffix=".fish") as file:
        file.write(said(PROGRAM, "completion", "fish"))
        file.flush()
        line = " ".join(words)
        offered = said("fish", "--no-config", "-c", f"source {file.name}; complete -C '{line}'")
    return [entry.split("\t")[0] for entry in offered.splitlines()]


def verbs():
    return set(said(PROGRAM, "completion", "verbs").split())


def described():
    """Verbs that have a manual page."""
    with tempfile.TemporaryDirectory() as folder:
        said(PROGRAM, "help", "--man", folder)
        return {path.stem.removeprefix("ropeway-") for path in pathlib.Path(folder).glob("man1/ropeway-*")}


CASES = [
    (["ropeway", "va"], {"validate"}),
    (["ropeway", "validate", "--of"], {"--offline"}),
    (["ropeway", "plan", "x.yaml", "--gpu", "h"], {"h200", "h100"}),
    (["ropeway", "validate", "x.yaml", "--set", "mesh."],
     {"mesh.data=", "mesh.sequence=", "mesh.ring=", "mesh.heads=", "mesh.placement="}),
]
ran = []
for shell, complete in (("bash", bash), ("zsh", zsh), ("fish", fish)):
    if not shutil.which(shell):
        continue
    for words, expected in CASES:
        found = set(complete(words))
        assert expected <= found, (shell, words, expected - found)
        assert all(word.startswith(words[-1]) for word in found), (shell, words, found)
    every = set(complete(["ropeway", ""]))
    assert verbs() <= every, (shell, verbs() - every)
    keys = set(complete(["ropeway", "validate", RECIPE, "--set", "stages.tune."]))
    assert "stages.tune.steps=" in keys and "stages.tune.lengths=" not in keys, (shell, keys)
    if "run" in described():
        stages = set(complete(["ropeway", "run", RECIPE, "--stage", ""]))
        assert "tune" in stages, (shell, stages)
    ran.append(shell)

# Every option that --help shows is offered, with no other.
for verb in sorted(described()):
    rows = [line[2:].split("  ")[0] for line in said(PROGRAM, verb, "--help").splitlines() if line.startswith("  -")]
    shown = {word.rstrip(",") for row in rows for word in row.split() if word.startswith("--")}
    offered = set(bash(["ropeway", verb, "--"])) - {"--help", "--quiet", "--verbose"}
    assert offered == shown, (verb, offered ^ shown)
print("completed by", ", ".join(ran))
