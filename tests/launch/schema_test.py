"""`ropeway schema` against PyPI's check-jsonschema: the schema is one, takes every shipped recipe, and refuses broken
recipes that the program refuses too.  usage: schema_test.py TOP_FOLDER ROPEWAY"""
import pathlib
import subprocess
import sys
import tempfile

TOP, PROGRAM = pathlib.Path(sys.argv[1]), sys.argv[2]
CHECKER = pathlib.Path(sys.executable).parent / "check-jsonschema"
if not CHECKER.exists():
    print(f"no {CHECKER}: launch/setup.sh --tests installs it")
    sys.exit(77)

GOOD = """name: demo
seed: 7
model: {path: models/tiny, sliding_window: full}
data:
  train: [train.txt, {path: more.txt, weight: 0.5}]
  validation: [validation.txt]
  test: [test.txt]
  bos: true
mesh: {data: 1, sequence: auto}
engine: {keep_bytes: 1000, save_attention: false}
stages:
  - {name: before, kind: evaluate, lengths: [512]}
  - {name: search_8x, kind: search, from: none, makes: searched, length: 2K, temperature: 1.25}
  - name: tune
    kind: finetune
    from: searched
    makes: tuned
    length: 2K
    steps: 100
    learning_rate: 1e-3
  - name: score
    kind: evaluate
    lengths: [256, 2K]
    factors: [auto, "stretched:tuned"]
    controls: true
    gate: {max_short_loss: 1%}
"""
# What is replaced, by what: each makes the recipe wrong.
BROKEN = [
    ("seed: 7", "seeds: 7"), ("seed: 7", "seed: -1"), ("seed: 7", "seed: seven"), ("seed: 7", "seed: 1.5"),
    ("seed: 7", "dtype: fp8"), ("seed: 7", "version: 2"), ("seed: 7", "device: [cpu]"), ("name: demo", "name: a b"),
    ("name: demo\n", ""), ("path: models/tiny, ", ""), ("sliding_window: full", "sliding_window: half"),
    ("[train.txt, {", "[{pat: x}, {"), ("weight: 0.5", "weight: 0"), ("  test: [test.txt]", "  test: test.txt"),
    ("  test: [test.txt]", "  test: []"), ("bos: true", "bos: 1"), ("sequence: auto", "sequence: 0"),
    ("sequence: auto", "sequence: some"), ("keep_bytes: 1000", "keep_byte: 1000"),
    ("save_attention: false", "save_attention: no"), ("kind: search,", "kind: serach,"),
    ("kind: search,", "kind: search, steps: 5,"), ("makes: searched, ", ""), ("length: 2K, t", "length: 2k, t"),
    ("temperature: 1.25", "temperature: 0"), ("temperature: 1.25", "temperature: hot"), ("steps: 100", "steps: 0"),
    ("    steps: 100", "    checkpoint_every: 10x\n    steps: 100"),
    ("    steps: 100\n", ""), ("learning_rate: 1e-3", "learning_rate: fast"), ("lengths: [256, 2K]", "lengths: 256"),
    ("lengths: [256, 2K]", "lengths: [256, 1]"), ("controls: true", "controls: [cropp]"),
    ("max_short_loss: 1%", "max_short_loss: much"), ("{max_short_loss: 1%}", "{max_shortloss: 1%}"),
    ('"stretched:tuned"', '"stretched:"'),
]
# What stays good.
KEPT = [
    ("    steps: 100", "    checkpoint_every: 1h30m\n    steps: 100"), ("seed: 7", "seed: ${SEED:-3}"), ("steps: 100", "steps: ${STEPS:-5}"), ("[256, 2K]", '["${LENGTH:-256}", 2K]'),
    ("models/tiny", '"${MODELS:-models}/tiny"'), ("temperature: 1.25", "temperature: yarn"), ("name: demo", "name: 2024"),
    ("controls: true", "controls: false"), ("bos: true", "bos: auto"), ("sequence: auto", "sequence: 2"),
]


def refused_by_schema(*files):
    """Names of the files that check-jsonschema refuses."""
    done = subprocess.run([CHECKER, "--schemafile", schema, "--output-format", "json", *files], capture_output=True,
                          text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stdout + done.stderr)
    import json
    report = json.loads(done.stdout)
    assert not report.get("parse_errors"), report
    return {pathlib.Path(error["filename"]) for error in report.get("errors", [])}


def refused_by_program(file):
    return subprocess.run([PROGRAM, "validate", "--offline", file], capture_output=True).returncode == 78


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    schema = folder / "schema.json"
    schema.write_bytes(subprocess.run([PROGRAM, "schema"], check=True, capture_output=True).stdout)
    subprocess.run([CHECKER, "--check-metaschema", schema], check=True)

    shipped = sorted([*(TOP / "configs").glob("*.yaml"), TOP / "tests/e2e/tiny.yaml"])
    assert len(shipped) > 8, shipped
    assert not refused_by_schema(*shipped), refused_by_schema(*shipped)

    def written(cases, stem):
        files = {}
        for number, (find, put) in enumerate(cases):
            assert GOOD.count(find) == 1, find
            file = folder / f"{stem}_{number}.yaml"
            file.write_text(GOOD.replace(find, put))
            files[file] = f"{find!r} -> {put!r}"
        return files

    good, broken = written([("demo", "demo"), *KEPT], "kept"), written(BROKEN, "broken")
    refused = refused_by_schema(*good, *broken)
    faults = [f"the schema takes {what}" for file, what in broken.items() if file not in refused]
    faults += [f"the schema refuses {what}" for file, what in good.items() if file in refused]
    faults += [f"the program takes {what}" for file, what in broken.items() if not refused_by_program(file)]
    faults += [f"the program refuses {what}" for file, what in good.items() if refused_by_program(file)]
    if faults:
        raise SystemExit("\n".join(faults))
    print(f"{len(shipped)} shipped recipes taken, {len(broken)} broken ones refused")
