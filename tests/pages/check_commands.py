"""Verbs and options of the commands that pages show. The program itself is asked: with --help behind it, a command
line is read and judged as any other, and then nothing is done."""

import functools
import re
import shlex
import subprocess

LANGUAGES = ("sh", "yaml", "json", "text", "python")
# Options that pages name and that are other programs'.
FOREIGN = {
    "--bind-to": "mpirun",
    "--max-model-len": "vLLM",
}
OPTION = re.compile(r"--[a-z][a-z0-9-]*")


@functools.cache
def answer(program, arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@functools.cache
def verbs(program):
    return tuple(answer(program, ("completion", "verbs"))[1].split())


@functools.cache
def known_options(program):
    """Those of all verbs."""
    return {option for verb in verbs(program) for option in OPTION.findall(answer(program, (verb, "--help"))[1])}


def words_of(line):
    """The words of a line of shell, without its comment; [] of a line that continues a quoted text."""
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


def commands_in(text):
    """(line offset, words after `ropeway`) of every call in a block; lines that end with \\ are joined."""
    lines = text.split("\n")
    i = 0
    while i < len(lines):
        start, line = i, lines[i]
        while line.rstrip().endswith("\\") and i + 1 < len(lines):
            i += 1
            line = line.rstrip()[:-1] + " " + lines[i]
        i += 1
        words = words_of(line)
        for at, word in enumerate(words):
            if word == "ropeway" or word.endswith("/bin/ropeway"):
                rest = words[at + 1:]
                ends = [k for k, w in enumerate(rest) if w in ("|", ">", "&&", ";", "||", "&")]
                yield start, tuple(rest[:ends[0]] if ends else rest)


def fault_of_call(program, arguments):
    """What the program says against these arguments; None where it takes them."""
    if not arguments or arguments[0].isupper():  # `ropeway`, `ropeway VERB --help`
        return None
    arguments = tuple(word for word in arguments if word != "...")
    code, _, said = answer(program, (*arguments, "--help"))
    return None if code == 0 else said.strip()


def fault_of_option(program, option, page):
    scripts = {name for _, code in page.codes for name in re.findall(r"[\w/]+\.sh", code)}
    texts = [(page.root / name).read_text(encoding="utf-8") for name in scripts if (page.root / name).is_file()]
    if option in FOREIGN or option in known_options(program) or any(option in text for text in texts):
        return None
    return f"{option}: no verb has this option (one of another program goes into FOREIGN)"


def is_shortened(said):
    """A page may name an option without its value or with a word that stands for it (--gpus N), and a verb without its
    arguments."""
    stands_for = re.search(r"the argument \('[A-Z]+'\) for option '\S+' is invalid", said)
    return stands_for or "the required argument for option" in said or "is missing; see --help" in said


def check_inline(page, program):
    faults = []
    for line, code in page.codes:
        words = words_of(code)
        calls = [arguments for _, arguments in commands_in(code)]
        if not calls and len(words) > 1 and words[0] in verbs(program) and words[1].startswith("--"):
            calls = [tuple(words)]
        for arguments in calls:
            # `--bos true|false` names both choices.
            said = fault_of_call(program, tuple(word.split("|")[0] for word in arguments))
            if said and not is_shortened(said):
                faults.append(page.fault(line, f"{code}: {said}"))
        if not calls and code.startswith("--"):
            said = fault_of_option(program, code.split()[0].split("=")[0], page)
            if said:
                faults.append(page.fault(line, said))
    return faults


def check_script_options(page, block):
    """Options of our own scripts: a script names every option it takes."""
    faults = []
    for offset, line in enumerate(block.text.split("\n")):
        words = words_of(line)
        for script in (page.root / word for word in words[:1] if word.endswith(".sh")):
            if not script.is_file():
                continue  # check_paths reports it
            text = script.read_text(encoding="utf-8")
            for option in (word for word in words[1:] if word.startswith("--") and word not in text):
                faults.append(page.fault(block.line + 1 + offset, f"{words[0]} knows no {option}"))
    return faults


def check_commands(page, program):
    faults = check_inline(page, program)
    for block in page.blocks:
        if block.language not in LANGUAGES:
            faults.append(page.fault(block.line, f"a code block of language '{block.language}', wanted one of "
                                                 f"{', '.join(LANGUAGES)}"))
        if block.marks.get("not run") == "":
            faults.append(page.fault(block.line, "not run, but why? <!-- not run: REASON -->"))
        if block.language != "sh":
            continue
        faults += check_script_options(page, block)
        for offset, arguments in commands_in(block.text):
            said = fault_of_call(program, arguments)
            if said:
                faults.append(page.fault(block.line + 1 + offset, f"ropeway {' '.join(arguments)}: {said}"))
    return faults
