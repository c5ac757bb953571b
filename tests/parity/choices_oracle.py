"""Log-likelihoods of answers with transformers and tokenizers, each answer alone, the way lm-eval-harness scores them; written
from its documentation and independent of the program.
usage: choices_oracle.py MODEL_DIR REQUESTS.jsonl OUT.jsonl [LIMIT]

OUT: a line per answer, {"question", "answer", "loglikelihood", "is_greedy", "tokens"}, and a last one with acc and acc_norm."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

model_dir, requests, out = sys.argv[1:4]
limit = int(sys.argv[4]) if len(sys.argv) > 4 else 1 << 30
tokenizer = AutoTokenizer.from_pretrained(model_dir)
model = AutoModelForCausalLM.from_pretrained(model_dir, dtype=torch.float32)


def questions():
    lines = [json.loads(line) for line in open(requests, encoding="utf-8")]
    if "request" not in lines[0]:
        for line in lines:
            if "contexts" in line:
                yield [(context, line["continuation"]) for context in line["contexts"]], line["gold"]
            else:
                yield [(line["context"], continuation) for continuation in line["continuations"]], line["gold"]
        return
    docs = {}
    for line in lines:
        if line["doc_id"] < 1_000_000:
            docs.setdefault(line["doc_id"], []).append(line)
    for doc in docs.values():
        doc.sort(key=lambda line: line["idx"])
        yield [(line["request"]["context"], line["request"]["continuation"]) for line in doc], doc[0]["label"]


def score(context: str, continuation: str):
    stripped = context.rstrip()
    continuation, context = context[len(stripped) :] + continuation, stripped
    whole = tokenizer(context + continuation)["input_ids"]
    begin = len(tokenizer(context)["input_ids"])
    window = model.config.max_position_embeddings
    targets, whole = whole[begin:], whole[-(window + 1) :]
    with torch.no_grad():
        logits = model(torch.tensor([whole[:-1]])).logits[0, -len(targets) :].double()
    losses = torch.nn.functional.cross_entropy(logits, torch.tensor(targets), reduction="none")
    return -losses.sum().item(), bool((logits.argmax(-1) == torch.tensor(targets)).all()), len(targets)


right = right_norm = count = 0
with open(out, "w", encoding="utf-8") as file:
    for question, (answers, gold) in enumerate(questions()):
        if question == limit:
            break
        sums, norms = [], []
        for answer, (context, continuation) in enumerate(answers):
            total, greedy, tokens = score(context, continuation)
            line = {"question": question, "answer": answer, "loglikelihood": total, "is_greedy": greedy, "tokens": tokens}
            file.write(json.dumps(line) + "\n")
            sums.append(total)
            norms.append(total / len(continuation.removeprefix(" ")))
        right += sums.index(max(sums)) == gold
        right_norm += norms.index(max(norms)) == gold
        count += 1
    file.write(json.dumps({"acc": right / count, "acc_norm": right_norm / count, "questions": count}) + "\n")
