"""Exercise 3: greedy decoding with a cache, one token a call."""

import itertools

from llmlab.checks.exercise import Exercise, Value
from llmlab.checks.measure import decoding
from llmlab.checks.measure.decoding import cached

# A mistake stands in one line or two, as in a table.
# fmt: off


def generate_cached(model, prompt, max_tokens):
    """Return the right tokens, one by one."""
    return cached(model, prompt, max_tokens)


EXERCISE = Exercise(
    name="generate_cached",
    right=generate_cached,
    gives=(
        Value("the tokens"),
        Value("tokens read", promise="the prompt is read once, and after it one token "
                                     "for each that comes (tokens read)"),
        Value("calls", promise="the prompt is read in one call, and after it the model "
                               "is called once for each token (calls)"),
        Value("later calls", promise="behind the last token no call follows (calls)"),
        Value("the cache", promise="one cache goes along from call to call (what is in "
                                   "it before the later ones)"),
    ),
    cases=decoding.cases,
    covers="the prompt read once and after it one token a call",
    hints=(
        "Read the prompt once; after that the cache knows it, so feed what is new.",
        "cache = model.new_cache(1, len(prompt) + max_tokens); hand it to every call.",
        "Behind the prompt: model(torch.tensor([[token]]), cache)[0, -1].argmax().",
    ),
    hint="the whole prompt first, then the token that was just chosen, all one cache.",
    observe=decoding.watched_with_cache,
    written="list({})",
    tolerance=0.0,
    forgotten=decoding.NOTHING,
    mistakes=decoding.either_way({
        "all tokens come at once: `yield` each as soon as it is known.":
            lambda *a: list(cached(*a)),
        "no cache is used: hand it to the model in every call.": (
            decoding.uncached,
            lambda *a: decoding.uncached(*a, part=lambda text: text[-1:]),
            lambda *a: cached(*a, handed=False),
        ),
        "the prompt is not part of the answer: yield new tokens only.":
            lambda model, prompt, n:
                itertools.chain(prompt, cached(model, prompt, n)),
        "the whole text is fed again; the cache holds it, so feed the new token only.":
            lambda *a: cached(*a, feed=list),
        "the prompt is fed again and again; after it feed the new token only.":
            lambda model, prompt, n:
                cached(model, prompt, n, feed=lambda text: [*prompt]),
        "each token is fed twice; once is enough, and the cache holds both.":
            lambda *a: cached(*a, times=2),
        "the new token is fed twice in one call.":
            lambda *a: cached(*a, feed=lambda text: text[-1:] * 2),
        "the token before the new one is fed; feed the one just chosen.":
            lambda *a: cached(*a, feed=lambda text: text[-2:-1]),
        "the last token of the prompt is fed each time; feed the one just chosen.":
            lambda model, prompt, n:
                cached(model, prompt, n, feed=lambda text: prompt[-1:]),
        "each step forgets the text: hand one cache, made before the loop, to all.":
            lambda *a: cached(*a, fresh=True),
        "each step makes a new cache and reads all again: make one, before the loop.":
            lambda *a: cached(*a, fresh=True, feed=list),
        "the cache has room for the prompt only: len(prompt) + max_tokens.":
            lambda *a: cached(*a, room=lambda prompt, more: prompt),
        "the cache has no room for the prompt: len(prompt) + max_tokens.":
            lambda *a: cached(*a, room=lambda prompt, more: more),
        "the prompt is fed token by token; it goes in at once, in one call.":
            decoding.one_by_one,
        "these logits stand behind the first token; the last are [0, -1].":
            lambda *a: cached(*a, choose=lambda logits: logits[0, 0].argmax()),
        "argmax went over all positions: take the last logits first, [0, -1].":
            lambda *a: cached(*a, choose=lambda logits: logits.argmax()),
        "argmax goes over the vocabulary, not over the positions.":
            lambda *a: cached(*a, choose=lambda logits: logits[0].argmax(0)[-1]),
        "this is the smallest logit; take the largest.":
            lambda *a: cached(*a, choose=lambda logits: logits[0, -1].argmin()),
        "a token is the place of the largest logit, not its value: argmax.":
            lambda *a: cached(*a, choose=lambda logits: logits[0, -1].max()),
        "the model reads rows of a batch: one token is [[token]], a list in a list.":
            lambda *a: decoding.flat(*a, behind=True),
        "the model reads rows of a batch: torch.tensor([prompt]), a list in a list.":
            decoding.flat,
        "one token too many: max_tokens of them.":
            lambda model, prompt, n: cached(model, prompt, n + 1),
        "the tokens do not end: max_tokens of them.":
            lambda model, prompt, n: cached(model, prompt, n + 100, room=lambda *a: 99),
        "one token too few: max_tokens of them.":
            lambda model, prompt, n: cached(model, prompt, n - 1),
        "the first token is missing: the prompt's last logits give it.":
            lambda *a: tuple(cached(*a))[1:],
        "the loop ends after the first token.":
            lambda model, prompt, n: cached(model, prompt, min(n, 1)),
    }) | {decoding.BEHIND: decoding.reading_on(cached)},
)
