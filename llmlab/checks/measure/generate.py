"""Exercise 1: greedy decoding that reads the whole text again for each token."""

import itertools

from llmlab.checks.exercise import Exercise, Value
from llmlab.checks.measure import decoding
from llmlab.checks.measure.decoding import uncached

# A mistake stands in one line or two, as in a table.
# fmt: off


def generate(model, prompt, max_tokens):
    """Return the right tokens, one by one."""
    return uncached(model, prompt, max_tokens)


EXERCISE = Exercise(
    name="generate",
    right=generate,
    gives=(
        Value("the tokens"),
        Value("tokens read", promise="before each token the whole text is read again, "
                                     "one more than before (tokens read)"),
        Value("calls", promise="before each token the model is called once (calls)"),
        Value("later calls", promise="behind the last token no call follows (calls)"),
    ),
    cases=decoding.cases,
    covers="after prompts of one token to nine, one token at a time",
    hints=(
        "The logits behind the last token say what is next. Then the text is longer.",
        "model(torch.tensor([text]))[0, -1] are the logits of the next token; argmax.",
        "text = list(prompt); for each token: argmax, text.append(token), yield token.",
    ),
    hint="read all of the text so far, take the largest of the last logits, add it.",
    observe=decoding.watched,
    written="list({})",
    tolerance=0.0,
    forgotten=decoding.NOTHING,
    mistakes=decoding.either_way({
        "all tokens come at once: `yield` each as soon as it is known.":
            lambda *a: list(uncached(*a)),
        "the prompt is not part of the answer: yield new tokens only.":
            lambda model, prompt, n:
                itertools.chain(prompt, uncached(model, prompt, n)),
        "the model reads rows of a batch: torch.tensor([row]), a list in a list.":
            decoding.flat_text,
        "only the last token is read; the model needs the whole text so far.":
            lambda *a: uncached(*a, part=lambda text: text[-1:]),
        "the new token is not read: append it to the text.":
            lambda *a: uncached(*a, keep=lambda text, token: text),
        "the new token belongs at the end of the text.":
            lambda *a: uncached(*a, keep=lambda text, token: [token, *text]),
        "the prompt is gone: the text is the prompt and all new tokens.":
            lambda model, prompt, n:
                uncached(model, prompt, n, part=lambda t: t[len(prompt):] or t),
        "these logits stand behind the first token; the last are [0, -1].":
            lambda *a: uncached(*a, choose=lambda logits: logits[0, 0].argmax()),
        "these logits stand one too early; the last are [0, -1].":
            lambda *a: uncached(*a, choose=lambda logits: logits[0, -2].argmax()),
        "argmax went over all positions: take the last logits first, [0, -1].":
            lambda *a: uncached(*a, choose=lambda logits: logits.argmax()),
        "argmax goes over the vocabulary, not over the positions.":
            lambda *a: uncached(*a, choose=lambda logits: logits[0].argmax(0)[-1]),
        "this is the smallest logit; take the largest.":
            lambda *a: uncached(*a, choose=lambda logits: logits[0, -1].argmin()),
        "this is the second best: the largest logit wins.":
            lambda *a: uncached(*a, choose=lambda logits: logits[0, -1].topk(2)[1][1]),
        "a token is the place of the largest logit, not its value: argmax.":
            lambda *a: uncached(*a, choose=lambda logits: logits[0, -1].max()),
        "one token too many: max_tokens of them.":
            lambda model, prompt, n: uncached(model, prompt, n + 1),
        "the tokens do not end: max_tokens of them.":
            lambda model, prompt, n: uncached(model, prompt, n + 100),
        "one token too few: max_tokens of them.":
            lambda model, prompt, n: uncached(model, prompt, n - 1),
        "max_tokens counts new tokens; the prompt is not among them.":
            lambda model, prompt, n: uncached(model, prompt, n - len(prompt)),
        "the loop ends after the first token.":
            lambda model, prompt, n: uncached(model, prompt, min(n, 1)),
        "a cache comes two exercises later; here the whole text is read each time.":
            decoding.cached,
    }) | {decoding.BEHIND: decoding.reading_on(uncached)},
)
