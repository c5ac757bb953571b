"""Recipe keys and values that pages name. The program is asked: `ropeway validate` judges each as --set of a recipe that
has a stage of every kind, so a key, a choice or a range that changed makes the page fail."""

import re
import subprocess
import tempfile

import yaml

SECTIONS = ("model", "data", "mesh", "engine", "model.architecture")
STAGES = ("pretrain", "search", "finetune", "readjust", "evaluate")
ON_A_MODEL = """
name: x
model: {path: none}
data: {train: [a], validation: [b], test: [c]}
stages:
  - {name: search, kind: search, from: none, makes: a, length: 512}
  - {name: finetune, kind: finetune, from: a, makes: b, length: 512, steps: 1}
  - {name: readjust, kind: readjust, from: b, makes: c, length: 256}
  - {name: evaluate, kind: evaluate, lengths: [256]}
"""
NEW_MODEL = """
name: x
model:
  architecture: {hidden_size: 8, intermediate_size: 8, num_layers: 1, num_heads: 1, num_kv_heads: 1, head_dim: 8,
                 window: 256}
data: {train: [a], validation: [b], test: [c]}
stages:
  - {name: pretrain, kind: pretrain, length: 256, steps: 1}
"""
# Keys whose values are names that the reader chooses: only the key is judged.
CHOSEN = ("name", "from", "makes", "sets", "factors", "path")
# `key: value` and `section: {key: value}`; JSON starts with a quote.
SNIPPET = re.compile(r"[a-z_0-9]+(\.[a-z_0-9]+)*: [^\s\"].*", re.DOTALL)
DOTTED = re.compile(r"(model|data|mesh|engine|model\.architecture|stages\.\w+)\.[a-z_0-9]+")


def settings_in(text, node, path=""):
    """(path, value as it is written) of a snippet: "data: {bos: auto}" gives data.bos, auto"""
    for name, value in node.value:
        here = f"{path}.{name.value}" if path else name.value
        if isinstance(value, yaml.MappingNode):
            yield from settings_in(text, value, here)
        else:
            written = text[value.start_mark.index:value.end_mark.index]
            yield here, None if name.value in CHOSEN else written


def alternatives(snippet):
    """Snippets of "key: a | b | c", each with one of the values."""
    head, _, values = snippet.partition(":")
    parts = re.split(r"\s*\|\s*", values.strip())
    if len(parts) < 2 or "{" in values:
        return [snippet]
    return [f"{head}: {value}" for value in parts]


def settings_of_snippet(snippet):
    """Those of block YAML, or of the inside of a flow map; none where it is no YAML."""
    for text in (snippet, "{" + snippet + "}"):
        try:
            node = yaml.compose(text)
        except yaml.YAMLError:
            continue
        if isinstance(node, yaml.MappingNode):
            return list(settings_in(text, node))
    return []


def candidates(path):
    """Where a path that a page gives may stand in a recipe."""
    first = path.split(".")[0]
    if first in ("model", "data", "mesh", "engine"):
        return [path]
    if first == "stages":
        return [f"stages.{kind}.{path.split('.', 2)[2]}" for kind in STAGES]
    places = [path] + [f"{section}.{path}" for section in SECTIONS]
    return places + [f"stages.{kind}.{path}" for kind in STAGES]


class Judge:
    """Asks the program about many settings in few calls."""

    def __init__(self, program):
        self.program = program
        self.said = {}  # (path, value): None, or the fault

    def ask(self, settings):
        """Judges (path, value) pairs; a call takes each path once."""
        left = [s for s in dict.fromkeys(settings) if s not in self.said]
        while left:
            call, rest, seen = [], [], set()
            for setting in left:
                (rest if setting[0] in seen else call).append(setting)
                seen.add(setting[0])
            for new in (False, True):
                self._call(NEW_MODEL if new else ON_A_MODEL, [s for s in call if is_for_new(s[0]) == new])
            left = rest

    def _call(self, recipe, settings):
        if not settings:
            return
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(recipe)
            file.flush()
            overrides = [word for path, value in settings for word in ("--set", f"{path}={value}")]
            errors = subprocess.run([self.program, "validate", "--offline", file.name, *overrides], capture_output=True,
                                    text=True).stderr
        for path, value in settings:
            # "--set data.bos=maybe: data.bos: found maybe, wanted ..."; other keys' lines are of no interest.
            key = path.rsplit(".", 1)[-1]
            lead = re.escape(f"--set {path}={value}: ") + rf"\S*\b{re.escape(key)}\S*: (.*)"
            found = re.search(lead, errors)
            self.said[path, value] = found[1] if found else None

    def fault(self, path, value):
        """None where some place of a recipe takes the setting; else what is said of the likeliest."""
        said = [self.said[place, value] for place in candidates(path)]
        if any(fault is None for fault in said):
            return None
        return min(said, key=lambda fault: "unknown key" in fault)


def is_for_new(path):
    return path.startswith(("model.architecture", "stages.pretrain"))


def settings_of(page):
    """(line, snippet, path, value) of every setting that a page shows; value None: only a key is named."""
    for line, code in page.keys:
        yield line, code, code, None
    for line, code in page.codes:
        if DOTTED.fullmatch(code):
            yield line, code, code, None
        if not SNIPPET.fullmatch(code):
            continue
        for snippet in alternatives(code.replace("\n", " ")):
            for path, value in settings_of_snippet(snippet):
                yield line, code, path, value
    for block in page.blocks:
        if block.language == "yaml" and "part of a recipe" in block.marks:
            for path, value in settings_of_snippet(block.text):
                yield block.line, block.text.split("\n")[0], path, value
        if block.language == "sh":
            for offset, text in enumerate(block.text.split("\n")):
                for path, value in re.findall(r"--set[ =]['\"]?([\w.\[\]]+)=([^\s'\"]+)", text):
                    yield block.line + 1 + offset, f"--set {path}", re.sub(r"\[(\d+)\]", r".\1", path), value


def check_recipes(page, program):
    """YAML blocks are whole recipes, or say that they are not."""
    faults = []
    for block in page.blocks:
        if block.language != "yaml" or "part of a recipe" in block.marks:
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(block.text)
            file.flush()
            done = subprocess.run([program, "validate", "--offline", file.name], capture_output=True, text=True)
        if done.returncode != 0:
            said = done.stderr.strip().replace(file.name, "line")
            faults.append(page.fault(block.line, f"a recipe with errors: {said}"))
    return faults


def check_translations(page, program):
    """Who writes another program's name for a key is told ours."""
    faults = []
    for line, theirs, ours in page.translations:
        wanted = {key.rsplit(".", 1)[-1] for key in ours if DOTTED.fullmatch(key)}
        for name in theirs if wanted else []:
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(ON_A_MODEL)
                file.flush()
                said = subprocess.run([program, "validate", "--offline", file.name, "--set", f"{name}=1"], capture_output=True,
                                      text=True).stderr
            meant = re.search(r"did you mean (?:\S+\.)?(\w+)", said)
            if not meant or meant[1] not in wanted:
                faults.append(page.fault(line, f"{name}: wanted a hint at {' or '.join(sorted(wanted))}: {said.strip()}"))
    return faults


# Stands for a value where only the key is judged: no key takes it, but an unknown key is told as such.
ANY = "\u2205"


def check_keys(pages, program):
    judge = Judge(program)
    shown = [(page, *setting) for page in pages for setting in settings_of(page)]
    judge.ask([(place, value or ANY) for *_, path, value in shown for place in candidates(path)])
    faults = []
    for page, line, code, path, value in shown:
        said = judge.fault(path, value or ANY)
        if said and (value is not None or "unknown key" in said):
            faults.append(page.fault(line, f"{code}: {path}: {said}"))
    for page in pages:
        faults += check_recipes(page, program) + check_translations(page, program)
    return faults
