"""The command does what it says, and says in one sentence why it cannot."""

import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest
import torch

import llmlab
from llmlab import kernels, measure, models, quantization
from llmlab.command import errors, labs, main, where
from llmlab.core import records


def command(*words, **options):
    """Run `python -m llmlab` as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "llmlab", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=280,
        **options,
    )


def assert_one_sentence(done, *words):
    """The error is one line on stderr, with the way out, and no traceback."""
    assert done.returncode not in (0, None)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("llmlab") and "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_help_names_every_command():
    done = command("--help")
    assert done.returncode == 0
    names = "start", "doctor", "measure", "chat", "complete", "batch", "export"
    names += ("labs", "where", "class")
    for name in names:
        assert f"  {name}" in done.stdout


def test_no_command_shows_the_help_and_fails():
    done = command()
    assert done.returncode == 2
    assert "COMMAND" in done.stderr


def test_an_unknown_command_names_the_ones_there_are():
    assert_one_sentence(command("mesure"), "mesure", "measure", "--help")


@pytest.mark.parametrize("words", [(), ("--help",), ("grade", "--help")])
def test_class_says_what_a_teacher_can_do(words):
    done = command("class", *words)
    assert done.returncode == (0 if words else 2)
    shown = done.stdout + done.stderr
    assert "llmlab class grade submitted" in shown or "TASK" in shown


def test_class_grade_wants_a_folder_with_submissions(tmp_path):
    assert_one_sentence(command("class", "grade", tmp_path), "<learner>_01_measure")
    assert_one_sentence(command("class", "grade", tmp_path / "none"), "no folder")


def test_labs_lists_every_lab_with_its_question_and_state():
    lines = command("labs").stdout.splitlines()
    for lab, line in zip(llmlab.LABS, lines, strict=False):
        number = labs.number(lab.word) + lab.letter
        assert line.startswith(f"{number:<3} {lab.word} ")
        takes = f" ({lab.minutes} minutes)" if lab.minutes else ""
        assert line.endswith(f"  {lab.question}{takes}")
        here = (labs.folder() / labs.file(lab)).exists()
        assert (" here " in line) == here


def test_where_shows_only_what_exists():
    for word in llmlab.WORDS:
        found = where.places(word)
        assert all(path.exists() for _, path in found)
        done = command("where", word)
        assert done.returncode == (0 if found else 1)
        for what, path in found:
            assert re.search(rf"  {what} .*{path.name}", done.stdout)


def test_where_knows_every_kind_of_place_of_lab_04():
    kinds = [what for what, _ in where.places("quantization")]
    two = ["lab", "lab", "solution", "solution", "page", "page"]  # 04 and 04b
    assert kinds[:8] == ["module", *two, "checks"]
    assert {*kinds[8:]} == {"show", "tests", "recorded", "benchmark"}


def test_where_corrects_a_misspelt_word():
    done = command("where", "quantisation")
    assert_one_sentence(done, "did you mean 'quantization'?", "tradeoffs")


def test_output_into_a_pipe_that_closes_early_is_no_error():
    both = f"{sys.executable} -m llmlab labs | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", both], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr == ""


def test_torch_without_memory_is_foreseen():
    with pytest.raises(RuntimeError) as failure:
        torch.empty(2**60, dtype=torch.int8)
    assert errors.is_foreseen(failure.value)
    assert "smaller" in errors.sentence(failure.value)


@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize(("to", "status"), [("> /dev/full", 1), (">&-", 0)])
def test_a_full_or_closed_output_gives_no_traceback(to, status, buffered):
    words = f"PYTHONUNBUFFERED={buffered} {sys.executable} -m llmlab labs {to}"
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True)
    assert done.returncode == status
    assert done.stderr.count("\n") == status


def test_colour_is_for_terminals_only():
    assert "\x1b[" not in command("labs").stdout
    assert "\x1b[" in on_a_terminal("labs")
    os.environ["NO_COLOR"] = "1"
    assert "\x1b[" not in on_a_terminal("labs")


def on_a_terminal(*words):
    """Run the command on a pseudo-terminal and return what it shows."""
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "llmlab", *words]
    environment = os.environ | {"TERM": "xterm"}
    with subprocess.Popen(words, stdout=theirs, stdin=theirs, env=environment) as child:
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # Linux tells the end of a terminal so
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    assert child.returncode == 0
    return shown.decode()


@pytest.mark.parametrize(
    ("error", "word", "status"),
    [
        (ValueError("bits=5 is odd;\n choose 4."), "bits=5 is odd; choose 4.", 2),
        (OSError(28, "No space left on device", "a/b"), "free some space", 1),
        (PermissionError(13, "Permission denied", "/x"), "may write to", 1),
        (ModuleNotFoundError("No module named 'ray'", name="ray"), "llmlab[ray]", 1),
        (ModuleNotFoundError("no", name="sklearn.svm"), "llmlab[zoo]", 1),
        (MemoryError(), "smaller", 1),
        (torch.OutOfMemoryError("CUDA out of memory."), "smaller", 1),
        (KeyboardInterrupt(), "Ctrl-C", 130),
    ],
)
def test_a_foreseen_error_is_one_sentence_with_a_way_out(error, word, status):
    assert errors.is_foreseen(error)
    assert word in errors.sentence(error)
    assert "\n" not in errors.sentence(error)
    assert errors.status(error) == status


def test_a_mistake_of_ours_keeps_its_traceback():
    assert not errors.is_foreseen(AttributeError("x"))
    assert not errors.is_foreseen(ZeroDivisionError())


def test_debug_shows_the_traceback_of_a_foreseen_error():
    os.environ["LLMLAB_DEBUG"] = "1"
    done = command("where", "nothing")
    assert "Traceback" in done.stderr and "ValueError" in done.stderr


def test_arguments_behind_the_dashes_are_for_jupyterlab_only(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["labs", "--", "--no-browser"])
    assert stop.value.code == 2
    assert "takes nothing" in capsys.readouterr().err


def test_start_refuses_a_file_and_a_folder_it_may_not_write(tmp_path):
    (tmp_path / "taken").write_text("mine")
    done = command("start", "--no-lab", tmp_path / "taken")
    assert_one_sentence(done, "taken", "is a file")
    assert (tmp_path / "taken").read_text() == "mine"
    done = command("start", "--no-lab", "/proc/llmlab-course")
    assert_one_sentence(done, "/proc/llmlab-course")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A model of two layers with random weights, in a folder."""
    return models.save(models.random_model("tiny"), tmp_path_factory.mktemp("tiny"))


@pytest.mark.slow
def test_measure_shows_a_table_and_writes_json_and_a_picture(tiny, tmp_path):
    os.environ["LLMLAB_TIME"] = "0.1"
    out = tmp_path / "out"
    done = command("measure", "--model", tiny, "--dtype", "bf16", "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for word in ("prefill", "decode", "measured", "estimated"):
        assert word in done.stdout
    facts = records.load(out / f"{tiny.name}_bf16.json")
    assert {fact.kind for fact in facts} >= {"measured", "estimated"}
    assert all(fact.command.startswith("llmlab measure") for fact in facts)
    picture = (out / f"{tiny.name}_bf16.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(list(out.iterdir())) == 2


@pytest.mark.slow
def test_measure_takes_a_quantized_folder_in_the_format_that_it_has(tmp_path):
    os.environ["LLMLAB_TIME"] = "0.1"
    model = models.random_model("tiny", dtype="bf16")
    small = quantization.quantize(model, kernels.Format(bits=4))
    folder = models.save(kernels.autotune(small), tmp_path / "mine")
    done = command("measure", "--model", folder, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert f"{folder} int4:" in done.stdout
    facts = records.load(tmp_path / "out" / "mine_int4.json")
    (weights,) = [fact for fact in facts if fact.name == "weights"]
    assert weights.value == measure.memory.weight_bytes(models.load(folder))
    assert all("--dtype" not in fact.command for fact in facts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--model", "no-such-model"), "no-such-model"),
        (("--dtype", "int9"), "int9"),
        (("--device", "tpu"), "tpu"),
        (("--out", "/proc/llmlab"), "/proc/llmlab"),
    ],
)
def test_measure_says_in_one_sentence_what_it_cannot(words, told):
    assert_one_sentence(command("measure", *words), told)


@pytest.mark.slow
def test_measure_stopped_by_ctrl_c_says_so_and_leaves_nothing(tiny, tmp_path):
    words = [sys.executable, "-m", "llmlab", "measure", "--model", tiny]
    words += ["--out", tmp_path / "out"]
    environment = os.environ | {"LLMLAB_TIME": "50"}  # so that it is still at work
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, text=True, env=environment
    ) as child:
        while not (tmp_path / "out").exists():  # then it is at work
            time.sleep(0.01)
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        said = child.stderr.read()
    assert child.returncode == 130
    assert said.count("\n") == 1 and "Ctrl-C" in said
    assert list((tmp_path / "out").iterdir()) == []
