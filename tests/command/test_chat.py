"""`llmlab chat` and `llmlab complete`, on a terminal and in a pipe."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import chat_models
import pytest

from llmlab import models
from llmlab.models import generation

LLMLAB = [sys.executable, "-m", "llmlab"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model that answers every message with the same text, in a folder."""
    place = tmp_path_factory.mktemp("models") / "tiny"
    return models.save(chat_models.scripted(), place)


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """One whose answer has no end."""
    place = tmp_path_factory.mktemp("models") / "endless"
    model = chat_models.scripted("abc", again=True, context=8192)
    return models.save(model, place)


def piped(*words, said):
    """Run the command with a text on its standard input."""
    return subprocess.run(
        [*LLMLAB, *map(str, words)],
        input=said, capture_output=True, text=True, timeout=200,
    )  # fmt: skip


class Terminal:
    """The command on a pseudo-terminal of its own."""

    def __init__(self, *words):
        self.ours, theirs = pty.openpty()
        self.child = subprocess.Popen(
            [*LLMLAB, *map(str, words)],
            stdin=theirs, stdout=theirs, stderr=theirs,
            env=os.environ | {"TERM": "dumb"},
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""

    def type(self, text):
        os.write(self.ours, text.encode())

    def until(self, wanted):
        """Read on until this is shown; return all that was new."""
        start, data = len(self.shown), self.shown.encode()
        while wanted not in self.shown[start:]:
            try:
                piece = os.read(self.ours, 4096)
            except OSError:  # Linux tells the end of a terminal so
                piece = b""
            assert piece, f"{wanted!r} never came: {self.shown}"
            data += piece
            self.shown = data.decode(errors="ignore").replace("\r\n", "\n")
        return self.shown[start:]

    def interrupt(self, wanted):
        """Press Ctrl-C until this is shown: a signal before the read is not seen."""
        self.child.send_signal(signal.SIGINT)
        while not select.select([self.ours], [], [], 5)[0]:
            self.child.send_signal(signal.SIGINT)
        return self.until(wanted)

    def ended(self):
        status = self.child.wait(timeout=100)
        os.close(self.ours)
        return status


def test_each_line_of_a_pipe_gets_one_line(folder):
    done = piped("chat", folder, said="Hello\n\n  \nAnd again\n/reset\nOnce more")
    assert done.stderr == ""
    assert done.stdout == f"{chat_models.HELLO}\n" * 3
    assert done.returncode == 0


def test_line_breaks_of_an_answer_in_a_pipe_are_spaces(tmp_path):
    place = models.save(chat_models.scripted("a\nb"), tmp_path / "lines")
    assert piped("chat", place, said="Hello\nHello\n").stdout == "a b\na b\n"


def test_a_pipe_ends_at_exit(folder):
    assert piped("chat", folder, said="/exit\nHello\n").stdout == ""


def test_a_full_context_is_told_and_the_chat_goes_on(tmp_path):
    place = models.save(chat_models.scripted(context=64), tmp_path / "short")
    done = piped("chat", place, "--max-tokens", 12, said="Hello\n" * 4)
    assert done.stdout == f"{chat_models.HELLO}\n" * 4
    told = done.stderr.splitlines()
    assert told and all("The context is full" in line for line in told)


@pytest.mark.slow
def test_a_terminal_shows_answers_until_it_is_told_to_stop(folder):
    terminal = Terminal("chat", folder)
    assert "/reset" in terminal.until("> ")
    terminal.type("Hello\n")
    assert chat_models.HELLO in terminal.until(f"{chat_models.HELLO}\n> ")
    terminal.type("/reset\n")
    assert "forgotten" in terminal.until("\n> ")
    terminal.type("/leave\n")
    assert "/leave is no command" in terminal.until("\n> ")
    terminal.type("\n/exit\n")
    assert terminal.ended() == 0


@pytest.mark.slow
def test_the_end_of_the_input_ends_a_chat(folder):
    terminal = Terminal("chat", folder)
    terminal.until("> ")
    terminal.type("\x04")
    assert terminal.ended() == 0


@pytest.mark.slow
def test_ctrl_c_ends_the_answer_and_not_the_chat(endless):
    terminal = Terminal("chat", endless, "--max-tokens", 8000)
    terminal.until("> ")
    assert "Ctrl-D ends the chat" in terminal.interrupt("\n> ")  # nothing is answered
    terminal.type("go\n")
    terminal.until("abcabc")
    terminal.child.send_signal(signal.SIGINT)
    assert "Stopped." in terminal.until("\n> ")
    terminal.type("/exit\n")
    assert terminal.ended() == 0


@pytest.mark.slow
def test_an_answer_that_is_cut_says_so(endless):
    terminal = Terminal("chat", endless, "--max-tokens", 6)
    terminal.until("> ")
    terminal.type("go\n")
    assert "Cut after 6 tokens" in terminal.until("\n> ")
    terminal.type("\x04")
    assert terminal.ended() == 0


@pytest.mark.slow
def test_an_answer_is_shown_while_it_is_written(endless):
    """The first words are there long before the last of thousands."""
    words = [*LLMLAB, "complete", ":", "--model", endless, "--max-tokens", "8000"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout.read(6) == b"abcabc"
        assert child.poll() is None
        child.stdout.close()  # as `head` would: no error
        assert child.stderr.read() == b""
    assert child.returncode == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("chat", "coder"), "no chat template"),
        (("chat", "classifier"), "writes no text"),
        (("chat", "smolm2"), "Did you mean 'smollm2'?"),
        (("chat", "coder", "--temperature", "-1"), "temperature=-1.0"),
        (("complete", "a", "--max-tokens", "-3"), "max_tokens=-3"),
        (("complete", ""), "TEXT is missing"),
    ],
)
def test_what_cannot_be_is_one_sentence(words, told):
    done = piped(*words, said="")
    assert done.returncode == 2
    assert done.stdout == ""
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


def test_complete_writes_what_follows_and_nothing_else():
    text = "def add(a, b):\n"
    done = piped("complete", text, "--max-tokens", 12, said="")
    model = models.load("coder")
    follows = generation.complete(model, text, max_tokens=12)
    assert done.stderr == ""
    assert done.stdout.rstrip("\n") == follows.rstrip("\n")
    from_pipe = piped("complete", "--max-tokens", 12, said=text)
    assert from_pipe.stdout == done.stdout


def test_a_seed_decides_what_is_drawn():
    words = ("complete", "import ", "--max-tokens", 12, "--temperature", 1, "--seed")
    one, same, other = (piped(*words, seed, said="").stdout for seed in (1, 1, 2))
    assert one == same != other


@pytest.mark.slow
def test_complete_shows_the_text_on_a_terminal(folder):
    terminal = Terminal("complete", "go:", "--model", folder)
    assert terminal.until(f"go:{chat_models.HELLO}")
    time.sleep(0.1)
    assert terminal.ended() == 0
