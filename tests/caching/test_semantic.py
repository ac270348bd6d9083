"""What is near enough is served, right or wrong."""

import pytest
import small_models
import torch

from llmlab import models
from llmlab.caching import SemanticCache, embed_with

PLANE = {"east": (2, 0), "north-east": (1, 1), "north": (0, 3), "west": (-1, 0)}


def embed(texts):
    return torch.tensor([PLANE[text] for text in texts], dtype=torch.float32)


def cache(threshold, stored=("east", "north")):
    made = SemanticCache(embed, threshold=threshold)
    made.fill((text, text.upper()) for text in stored)
    return made


@pytest.fixture(scope="module")
def translator():
    return models.load("translator")


def test_the_nearest_answer_is_served_where_it_is_near_enough():
    near = cache(0.7)
    assert near.get("east") == near.nearest(["east"])[0]
    assert (near.get("east").value, near.get("east").similarity) == ("EAST", 1)
    near.put("north", "N")
    assert near.get("north").value == "N" and len(near) == 2
    hit = near.get("north-east")
    assert hit.key in PLANE and hit.similarity == pytest.approx(0.5**0.5)
    assert near.get("west") is None
    assert (near.hits, near.asked) == (5, 6)


def test_the_threshold_itself_is_near_enough():
    exact = cache(1.0)
    assert exact.get("east").value == "EAST" and exact.get("north-east") is None
    similarity = exact.nearest(["north-east"])[0].similarity
    assert cache(similarity).get("north-east")
    assert cache(similarity + 1e-6).get("north-east") is None


def test_an_empty_cache_serves_nothing():
    assert cache(0.1, stored=()).get("east") is None
    assert cache(0.1, stored=()).nearest(["east", "west"]) == [None, None]


def test_a_text_that_is_put_again_has_one_place():
    made = cache(0.9, stored=("east", "north", "east"))
    made.fill([("west", 1), ("east", 2)])
    assert len(made) == 3
    assert [made.get(text).value for text in ("east", "north", "west")] == [
        2, "NORTH", 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cache(1.1), "threshold=1.1 is no cosine"),
        (lambda: cache(None), "threshold=None is no cosine"),
        (lambda: cache(0.5).nearest("east"), "texts='east' is one text"),
        (
            lambda: SemanticCache(lambda _: torch.zeros(1, 3), threshold=0.5).put(
                "", 1
            ),
            "a vector of zeros",
        ),
        (
            lambda: SemanticCache(lambda _: torch.ones(3), threshold=0.5).put("", 1),
            r"gives \(3,\) for 1 texts",
        ),
        (lambda: embed_with(small_models.decoder()), "model 'llama' has no tokenizer"),
        (lambda: embed_with(models.load("coder-small")), "which has no encoder"),
        (lambda: embed_with("translator"), "is a name and no model"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_vector_is_the_mean_state_of_the_encoder(translator):
    vector = embed_with(translator)(["twenty-one"])
    tokens = translator.tokenizer("twenty-one", return_tensors="pt")
    with torch.inference_mode():
        states = translator.get_encoder()(**tokens).last_hidden_state  # (1, T, D)
    torch.testing.assert_close(vector, states.mean(1))


def test_a_vector_does_not_depend_on_the_texts_beside_it(translator):
    look = embed_with(translator)
    texts = ["one", "nine hundred and ninety-nine thousand", "two"]
    alone = torch.cat([look([text]) for text in texts])
    torch.testing.assert_close(look(texts), alone, rtol=1e-4, atol=1e-5)


def test_an_encoder_alone_does_as_well():
    classifier = models.load("classifier")
    vectors = embed_with(classifier)(["import os", "x = 1"])
    assert vectors.shape == (2, classifier.config.hidden_size)


def test_a_number_that_was_never_asked_gets_the_answer_of_another(translator):
    """The false hit, at the threshold that others start from."""
    made = SemanticCache(embed_with(translator), threshold=0.8)
    made.fill([("four hundred and one", "quatre cent un"), ("six", "six")])
    hit = made.get("four hundred and two")
    assert hit is not None and hit.value == "quatre cent un"
    assert made.nearest(["Four hundred and one"])[0].similarity == 1, "lower-cased"
