"""`llmlab batch`: answers in a file, each of them once, whatever interrupts it."""

import json
import os
import signal
import subprocess
import sys
import time

import chat_models
import pytest
from batching import alone
from small_models import model

from llmlab import models
from llmlab.batching import Engine, answering, files
from llmlab.command import main
from llmlab.models import conversation, generation

PROMPTS = ["def main():\n", "import os\n", "class Page:\n", "for row in", "x = [", "#"]


def line(name, body, url=files.TEXT):
    return json.dumps({"custom_id": name, "method": "POST", "url": url, "body": body})


def write(folder, *lines):
    path = folder / "prompts.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def asked(count=6, **body):
    return [
        line(f"r{place}", {"prompt": prompt, "max_tokens": 9 + place} | body)
        for place, prompt in enumerate(PROMPTS[:count])
    ]


def answers(path):
    found = [json.loads(one) for one in path.read_text("utf-8").splitlines()]
    names = [one["custom_id"] for one in found]
    assert len(names) == len(set(names)), "no request is answered twice"
    return {one["custom_id"]: one for one in found}


def by_name(answer):
    return answer["custom_id"]


def text(answer):
    return answer["response"]["body"]["choices"][0]["text"]


def run(source, target, *more):
    words = ["batch", "--input", str(source), "--output", str(target), *more]
    return main(words)


def test_a_file_of_prompts_is_answered_as_complete_does(tmp_path, capsys):
    source, target = write(tmp_path, *asked()), tmp_path / "new" / "answers.jsonl"
    assert run(source, target) == 0
    assert "6 requests are answered in" in capsys.readouterr().out
    found, coder = answers(target), models.load("coder")
    for place, prompt in enumerate(PROMPTS):
        right = generation.complete(coder, prompt, max_tokens=9 + place)
        answer = found[f"r{place}"]
        assert text(answer) == right
        body = answer["response"]["body"]
        assert body["model"] == "coder" and answer["error"] is None
        used = body["usage"]
        assert used["total_tokens"] == used["prompt_tokens"] + used["completion_tokens"]
    before = target.read_bytes()
    assert run(source, target) == 0
    assert target.read_bytes() == before
    assert "All 6 requests are answered" in capsys.readouterr().out
    assert run(source, target, "--seed", "1") == 2
    assert "answers another request or model" in capsys.readouterr().err
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_it_goes_on_behind_the_last_whole_line(tmp_path, capsys):
    source, target = write(tmp_path, *asked()), tmp_path / "answers.jsonl"
    assert run(source, target) == 0
    whole = answers(target)
    lines = target.read_bytes().splitlines(keepends=True)
    target.write_bytes(lines[0] + lines[1] + lines[2][:50])
    assert run(source, target) == 0
    assert "6 requests are answered" in capsys.readouterr().out
    assert answers(target) == whole
    assert target.read_bytes().startswith(lines[0] + lines[1])


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_interrupted_is_gone_on_with(sign, tmp_path):
    many = [
        line(f"r{n}", {"prompt": PROMPTS[n % 6], "max_tokens": 40 + n})
        for n in range(24)
    ]
    source, target = write(tmp_path, *many), tmp_path / "answers.jsonl"
    words = ["batch", "--input", source, "--output", target, "--max-running", "2"]
    command = [sys.executable, "-m", "llmlab", *words]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not target.exists() or target.stat().st_size < 300:
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.01)
    os.kill(running.pid, sign)
    told = running.communicate(timeout=60)[1]
    before = len(target.read_bytes().splitlines())
    assert before < 24, "it was interrupted"
    if sign == signal.SIGINT:
        assert running.returncode == 130 and told.count("\n") == 1
    assert run(source, target) == 0
    assert len(answers(target)) == 24


def test_what_cannot_be_served_gets_a_line_that_says_why(tmp_path, capsys):
    bodies = {
        "good": {"prompt": "x = ", "max_tokens": 3},
        "long": {"prompt": "x = ", "max_tokens": 5000},
        "odd": {"prompt": "x", "logit_bias": {"1": 2}},
        "many": {"prompt": "x", "n": 2},
        "list": {"prompt": ["x", "y"]},
        "cold": {"prompt": "x", "temperature": "0"},
        "empty": {"prompt": []},
    }
    lines = [line(name, body) for name, body in bodies.items()]
    lines.append(line("chat", {"messages": [{"role": "user"}]}, url=files.CHAT))
    source, target = write(tmp_path, *lines), tmp_path / "answers.jsonl"
    assert run(source, target) == 1
    assert "1 requests are answered" in capsys.readouterr().out
    found = answers(target)
    told = {name: (one["error"] or {}).get("message") for name, one in found.items()}
    assert told.pop("good") is None
    words = {
        "long": "the context is 1024", "odd": "'logit_bias'", "many": "n=2",
        "list": "one text", "cold": "temperature='0'", "empty": "prompt is empty",
        "chat": "chat template",
    }  # fmt: skip
    for name, word in words.items():
        assert word in told[name] and found[name]["response"] is None


BAD = {
    "no json": ("{", "line 1, is no JSON"),
    "no object": ("[1]", "line 1, is no request; it needs custom_id"),
    "no name": ('{"body": {}, "url": "/v1/completions"}', "lacks a custom_id"),
    "another url": (line("a", {}, url="/v1/embeddings"), "choose POST /v1/completions"),
    "twice": ("\n".join([line("a", {}), line("a", {})]), "line 2, has the custom_id"),
    "empty": ("\n\n", "holds no request"),
}


@pytest.mark.parametrize("word", BAD)
def test_a_file_of_something_else_is_refused_before_anything_runs(
    word, tmp_path, capsys
):
    content, told = BAD[word]
    source, target = write(tmp_path, content), tmp_path / "answers.jsonl"
    assert run(source, target) == 2
    assert told in capsys.readouterr().err
    assert not target.exists()
    target.write_text("my notes\n")
    assert run(write(tmp_path, *asked(1)), target) == 2
    assert "line 1, is no answer; choose another file" in capsys.readouterr().err
    assert run(source, source) == 2
    assert target.read_text() == "my notes\n"


def test_texts_that_end_an_answer_are_cut_off(tmp_path):
    """A stop may begin within a token; the answer ends before it."""
    coder = models.load("coder")
    whole = generation.complete(coder, PROMPTS[0], max_tokens=40)
    stop = whole[9:12]
    source = write(tmp_path, *asked(1, stop=stop, max_tokens=40))
    engine = Engine(coder)
    (one,) = files.read(source)
    (found,) = answering.serve(engine, [one], answering.Defaults())
    assert text(found) == whole[: whole.index(stop)]
    assert found["response"]["body"]["choices"][0]["finish_reason"] == "stop"
    assert not engine.requests


def test_conversations_are_answered_as_chat_does(tmp_path):
    one = chat_models.random()
    messages = [{"role": "user", "content": "Hello"}]
    bodies = [{"messages": messages, "max_tokens": n} for n in (5, 8)]
    lines = [line(str(n), body, files.CHAT) for n, body in enumerate(bodies)]
    asks = files.read(write(tmp_path, *lines))
    found = answering.serve(Engine(one), asks, answering.Defaults())
    for answer, body in zip(sorted(found, key=by_name), bodies, strict=True):
        (choice,) = answer["response"]["body"]["choices"]
        right = conversation.chat(one, messages, max_tokens=body["max_tokens"])
        if choice["finish_reason"] == "length":
            assert choice["message"] == {"role": "assistant", "content": right}


def test_sampled_answers_are_the_same_whoever_is_beside_them(tmp_path):
    coder = models.load("coder")
    lines = asked(4, temperature=1.0, seed=3)
    together = write(tmp_path, *lines)
    asks = files.read(together)
    all_of_them = {
        one["custom_id"]: text(one)
        for one in answering.serve(Engine(coder), asks, answering.Defaults())
    }
    for one in asks:
        (single,) = answering.serve(
            Engine(coder, max_running=1), [one], answering.Defaults()
        )
        assert text(single) == all_of_them[one.name]


def test_the_loop_of_the_tests_is_the_models_own():
    """What every answer is compared with is `models.stream`, where it is greedy."""
    for length in (1, 4, 17):
        asks = alone.Request(alone.prompt_of(length), 9)
        right = list(model("decoder").stream(asks.prompt, max_tokens=9))
        assert alone.answer("decoder", asks) == (right, "length")
