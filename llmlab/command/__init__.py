"""The command: thin, and lazy, so that `llmlab --help` loads no torch.

Every subcommand is a module of this package with `run(options) -> int`, imported only
when it is called. What a user can cause (a wrong word, a full disk, Ctrl-C) ends as one
sentence on stderr and an exit status: 0 done, 1 failed, 2 called wrongly, 130 Ctrl-C.
LLMLAB_DEBUG=1 shows the traceback instead.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import llmlab
from llmlab.core import faces


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one sentence."""

    def error(self, message: str) -> None:
        self.exit(2, f"{self.prog}: {message}. `{self.prog} --help` shows the ways.\n")


def parser() -> Parser:
    """Describe the whole command line; imports no subcommand."""
    whole = Parser(
        prog="llmlab",
        description="Make a language model fast without making it dumb, by measuring.",
        epilog="Every error is one sentence; LLMLAB_DEBUG=1 shows the traceback.",
    )
    whole.add_argument("--version", action="version", version=llmlab.__version__)
    commands = whole.add_subparsers(dest="command", metavar="COMMAND")

    start = _add(commands, "start", "copy the labs into a folder and open JupyterLab")
    start.usage = "llmlab start [-h] [--no-lab] [FOLDER] [-- JUPYTER ARGUMENT ...]"
    start.add_argument(
        "folder",
        nargs="?",
        default="llmlab-course",
        metavar="FOLDER",
        help="where the labs go (llmlab-course); what you changed there stays",
    )
    start.add_argument("--no-lab", action="store_true", help="copy, open nothing")

    _add(commands, "doctor", "try every fast path once and say what this machine does")

    measure = _add(commands, "measure", "measure one model on this machine")
    measure.add_argument(
        "--model",
        default="coder",
        help="a bundled name, a folder or a Hugging Face id (coder)",
    )
    measure.add_argument(
        "--dtype", help="fp32, bf16 or fp16 (fp32; a quantized model: as it was saved)"
    )
    measure.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (cpu)")
    measure.add_argument(
        "--formats",
        nargs="?",
        const="",
        metavar="WORDS",
        help="compare formats instead, such as fp32,bf16,int8,int8-dynamic,int4-g32",
    )
    measure.add_argument("--out", metavar="FOLDER", help="write JSON and a PNG there")

    chat = _add(commands, "chat", "talk with a model that follows instructions")
    chat.add_argument(
        "model",
        nargs="?",
        default="smollm2",
        metavar="MODEL",
        help="smollm2, a folder or a Hugging Face id, with a chat template (smollm2)",
    )
    chat.add_argument("--system", metavar="TEXT", help="what the model is to be")
    _add_writing(chat, max_tokens=None, usual="512, or half of a small context")

    complete = _add(commands, "complete", "let a model write on from a text")
    complete.add_argument(
        "text", nargs="?", metavar="TEXT", help="what it begins with (standard input)"
    )
    complete.add_argument(
        "--model",
        default="coder",
        help="a bundled name, a folder or a Hugging Face id (coder)",
    )
    _add_writing(complete, max_tokens=128, usual="128")

    export = _add(commands, "export", "write a model as a file of another engine")
    export.add_argument(
        "--model",
        default="coder",
        help="a bundled name, a folder or a Hugging Face id (coder)",
    )
    export.add_argument("--to", choices=["gguf"], default="gguf", help="gguf (gguf)")
    export.add_argument(
        "--type", default="q8_0", help="of the weights: f32, f16, q8_0, q4_0 (q8_0)"
    )
    export.add_argument("--out", metavar="FILE", help="the file (MODEL-TYPE.gguf)")
    _add_batch(commands)

    _add(commands, "labs", "list the labs and which of them are installed")

    where = _add(commands, "where", "show the places of a lab's word")
    where.add_argument("word", metavar="WORD", help="for example quantization")

    _add_class(commands)
    return whole


def _add_batch(commands) -> None:
    """Describe how a file of prompts is answered."""
    batch = _add(commands, "batch", "answer a file of prompts, many at once")
    batch.epilog = (
        "The form is that of OpenAI's batch API: a JSON object on each line, with "
        "custom_id, method, url and body. Run it again to go on after an interruption."
    )
    batch.add_argument(
        "--model",
        default="coder",
        help="a bundled name, a folder or a Hugging Face id (coder)",
    )
    batch.add_argument("--input", required=True, metavar="FILE", help="of requests")
    batch.add_argument("--output", required=True, metavar="FILE", help="of answers")
    batch.add_argument(
        "--max-running",
        type=int,
        default=8,
        metavar="N",
        help="requests that run side by side (8)",
    )
    _add_writing(batch, max_tokens=None, usual="512, or what the context leaves")


def _add_class(commands) -> None:
    """Describe what a teacher does; `class` is a word of Python, no module's name."""
    whole = _add(commands, "class", "grade a class's submissions")
    whole.set_defaults(module="classroom")
    tasks = whole.add_subparsers(dest="task", metavar="TASK", required=True)

    grade = _add(tasks, "grade", "grade all submissions in a folder")
    grade.epilog = "Example: llmlab class grade submitted --out marks"
    grade.add_argument(
        "folder",
        metavar="FOLDER",
        help="with submitted/LEARNER/LAB/LAB.ipynb, or with LEARNER_LAB.ipynb",
    )
    grade.add_argument(
        "--out", default="marks", metavar="FOLDER", help="where the marks go (marks)"
    )
    grade.add_argument(
        "--solutions",
        metavar="FOLDER",
        help="the complete notebooks (those of the checkout, where this is one)",
    )
    grade.add_argument(
        "--seconds",
        type=int,
        default=5,
        metavar="N",
        help="of processor time that an exercise may take (5)",
    )

    agree = _add(tasks, "agree", "compare these marks with nbgrader's")
    agree.epilog = "Example: llmlab class agree marks/marks.csv gradebook.db"
    agree.add_argument("marks", metavar="MARKS", help="a marks.csv")
    agree.add_argument("gradebook", metavar="GRADEBOOK", help="nbgrader's database")

    table = _add(tasks, "table", "print points and minutes of all exercises")
    table.epilog = "Example: llmlab class table"


def _add(commands, name: str, purpose: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=purpose, description=f"{purpose[0].upper()}{purpose[1:]}."
    )


def _add_writing(
    command: argparse.ArgumentParser, *, max_tokens: int | None, usual: str
) -> None:
    """Add what both commands take that have a model write."""
    command.add_argument(
        "--max-tokens",
        type=int,
        default=max_tokens,
        metavar="N",
        help=f"tokens written at most ({usual})",
    )
    command.add_argument(
        "--temperature",
        type=float,
        default=0.0,
        metavar="T",
        help="0 takes the best token each time, 1 draws as the model says (0)",
    )
    command.add_argument(
        "--top-p", type=float, metavar="P", help="draw from this share of the best"
    )
    command.add_argument("--seed", type=int, default=0, help="of the draws (0)")
    command.add_argument("--dtype", help="fp32, bf16 or fp16 (fp32)")
    command.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (cpu)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    if sys.stdout is None:  # closed by the caller, who wants to hear nothing
        sys.stdout = open(os.devnull, "w")
    if hasattr(sys.stdout, "reconfigure"):  # a Windows console may know no ✓
        sys.stdout.reconfigure(errors="replace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    words, rest = _split(words)
    options = parser().parse_args(words)
    if options.command is None:
        parser().print_help(sys.stderr)
        return 2
    if rest and options.command != "start":
        parser().error(f"{options.command} takes nothing behind `--`")
    options.jupyter = rest
    try:
        name = getattr(options, "module", options.command)
        module = importlib.import_module(f"llmlab.command.{name}")
        status = module.run(options)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # `llmlab labs | head -1`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        from llmlab.command import errors  # not needed when all goes well

        if os.environ.get("LLMLAB_DEBUG") == "1" or not errors.is_foreseen(error):
            raise
        print(f"llmlab: {errors.sentence(error)}", file=sys.stderr)
        _give_output_up()
        return errors.status(error)


def _give_output_up() -> None:
    """Have Python not try again, at its end, what a full disk did not take."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in words:
        return words, []
    cut = words.index("--")
    return words[:cut], words[cut + 1 :]


__all__ = [
    "Parser",
    "batch",
    "chat",
    "classroom",
    "complete",
    "doctor",
    "errors",
    "labs",
    "main",
    "measure",
    "parser",
    "start",
    "where",
    "writing",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
