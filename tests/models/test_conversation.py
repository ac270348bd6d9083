"""A conversation is read by the template, ends with the turn, and fits the context."""

import chat_models
import pytest
import small_models
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmlab import models
from llmlab.models import chat_template, generation, pieces
from llmlab.models.conversation import Conversation, stream

HELLO = [{"role": "user", "content": "Hello"}]


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def test_a_chat_is_read_as_the_template_writes_it():
    model = chat_models.random()
    messages = [{"role": "system", "content": "brief"}, *HELLO]
    tokens = chat_template.prompt(model, messages)
    whole = model.tokenizer.decode(tokens)
    assert whole == "system:brief<turn>user:Hello<turn>assistant:"
    assert tokens == model.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_dict=False
    )


def test_an_answer_ends_at_the_templates_end_of_turn():
    """Which is not the end token of this tokenizer, and is no part of the answer."""
    model = chat_models.scripted()
    turn = model.tokenizer.convert_tokens_to_ids(chat_models.TURN)
    text = model.tokenizer.convert_tokens_to_ids(chat_models.TEXT)
    assert set(chat_template.ends(model)) == {turn, text}
    assert models.chat(model, HELLO) == chat_models.HELLO


def test_what_the_config_calls_an_end_ends_an_answer_too():
    model = chat_models.scripted()
    model.generation_config = type("Settings", (), {"eos_token_id": [7, 9]})()
    assert {7, 9} < set(chat_template.ends(model))


def test_an_answer_comes_in_whole_characters():
    model = chat_models.scripted()
    assert list(stream(model, HELLO)) == list(chat_models.HELLO)


def test_an_answer_has_at_most_max_tokens():
    """The cut falls inside a character, which then shows as broken."""
    model = chat_models.scripted()
    assert models.chat(model, HELLO, max_tokens=2) == "H\ufffd"


def test_sampling_decides_what_is_answered():
    model = chat_models.random()
    answers = {
        models.chat(
            model,
            HELLO,
            max_tokens=8,
            sampling=models.Sampling(
                temperature=1.0, generator=torch.Generator().manual_seed(seed)
            ),
        )
        for seed in range(4)
    }
    assert len(answers) > 1


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20))
def test_pieces_joined_are_the_text_and_none_is_empty(text):
    words = chat_models.tokenizer()
    before = words("é:")["input_ids"]
    parts = list(pieces.whole(words, words(text)["input_ids"], after=before))
    assert "".join(parts) == text
    assert all(parts)
    if "\ufffd" not in text:
        assert not [part for part in parts if "\ufffd" in part]


@given(st.lists(st.integers(0, 257), max_size=20))
def test_pieces_of_any_tokens_are_what_all_of_them_make(tokens):
    words = chat_models.tokenizer()
    whole = words.decode(tokens, skip_special_tokens=True)
    assert "".join(pieces.whole(words, tokens)) == whole


@pytest.mark.parametrize("context", [512, 90])
def test_a_conversation_answers_as_chat_does_with_all_that_was_said(context):
    """Whatever the cache keeps, and whichever turns had to leave."""
    model = chat_models.random(context=context)
    talk = Conversation(model, system="odd", max_tokens=12)
    left = []
    for number in range(6):
        answer = "".join(talk.answer(f"question {number}"))
        left.append(talk.left_out)
        asked = talk.messages[:-1]
        assert asked[0]["content"] == "odd", "what the system says stays"
        assert asked[-1] == user(f"question {number}")
        assert asked[1]["role"] == "user", "turns leave as a whole"
        assert answer == models.chat(model, asked, max_tokens=12)
        assert talk.messages[-1] == assistant(answer)
    assert any(left) == (context == 90)


def test_a_turn_reads_only_what_is_new():
    model = chat_models.scripted(context=4096)
    read = []
    model.register_forward_pre_hook(lambda _, given: read.append(given[0].shape[1]))
    talk = Conversation(model, max_tokens=20)
    "".join(talk.answer("x" * 40))
    first, *steps = read
    assert first > 40 and set(steps) == {1}
    read.clear()
    "".join(talk.answer("y"))
    assert read[0] < 30, "of 80"


def test_a_conversation_works_on_a_cache_that_gives_no_tokens_back():
    model = chat_models.ready(
        small_models.spread(
            small_models.recurrent(
                vocab_size=chat_models.WIDTH, max_position_embeddings=512
            )
        )
    )
    talk = Conversation(model, max_tokens=6)
    for text in ("one", "two"):
        answer = "".join(talk.answer(text))
        assert answer == models.chat(model, talk.messages[:-1], max_tokens=6)


def test_an_answer_that_is_stopped_is_remembered_so_far():
    talk = Conversation(chat_models.scripted("abc", again=True), max_tokens=30)
    answer = talk.answer("go")
    assert [next(answer) for _ in range(4)] == ["a", "b", "c", "a"]
    answer.close()
    assert talk.messages == [user("go"), assistant("abca")]
    assert "".join(talk.answer("go")) == "abc" * 10
    assert talk.cut


def test_reset_forgets_all_but_what_the_system_says():
    talk = Conversation(chat_models.scripted(), system="odd")
    "".join(talk.answer("Hello"))
    talk.reset()
    assert talk.messages == [{"role": "system", "content": "odd"}]
    assert "".join(talk.answer("Hello")) == chat_models.HELLO


def test_a_message_that_the_context_cannot_hold_is_refused_and_changes_nothing():
    talk = Conversation(chat_models.scripted(context=64), max_tokens=10)
    "".join(talk.answer("Hello"))
    before = list(talk.messages)
    with pytest.raises(ValueError, match="the context of 64 is too small"):
        talk.answer("x" * 60)
    assert talk.messages == before


def test_a_model_without_a_template_is_refused_with_what_it_can():
    with pytest.raises(ValueError, match=r"'coder' has no chat template.*smollm2"):
        models.chat(models.load("coder"), HELLO)
    bare = small_models.decoder()
    with pytest.raises(ValueError, match="has no chat template"):
        Conversation(bare)


def test_a_template_that_refuses_says_so_in_one_sentence():
    strict = "{{ raise_exception('turns must alternate') }}"
    model = chat_models.random(template=strict)
    with pytest.raises(ValueError, match=r"turns must alternate.*take turns"):
        models.chat(model, HELLO)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "no list of messages"),
        ("Hello", "no list of messages"),
        (HELLO[0], "no list of messages"),
        ([{"role": "user"}], r"messages\[0\]"),
        ([*HELLO, "Hello"], r"messages\[1\]"),
        ([{"role": "user", "content": 3}], r"messages\[0\]"),
    ],
)
def test_what_are_no_messages_is_refused(messages, told):
    model = chat_models.random()
    with pytest.raises(ValueError, match=told):
        models.chat(model, messages)
    with pytest.raises(ValueError, match=told):
        chat_template.fitting(model, messages, max_tokens=1)


@pytest.mark.parametrize("max_tokens", [0, -1, 512, 1.5])
def test_max_tokens_out_of_range_is_refused(max_tokens):
    with pytest.raises(ValueError, match=f"max_tokens={max_tokens}"):
        Conversation(chat_models.random(), max_tokens=max_tokens)


def test_an_answer_is_what_the_model_writes_on_from_the_prompt():
    model = chat_models.random()
    tokens = generation.stream(
        model, chat_template.prompt(model, HELLO), max_tokens=16,
        stop=chat_template.ends(model),
    )  # fmt: skip
    whole = model.tokenizer.decode([*tokens], skip_special_tokens=True)
    assert models.chat(model, HELLO, max_tokens=16) == whole
