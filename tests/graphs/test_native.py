"""One native call gives what the layers give, bit for bit alike however it is cut."""

import copy

import pytest
import torch
from native_models import MAKERS, READ_HERE, exact, quantized
from small_models import draw_tokens, model

from llmlab import batching, graphs, models, quantization
from llmlab.kernels import Format, Plan, plans
from llmlab.kernels.native import decoding, planning
from llmlab.models import generation, surgery

each_model = pytest.mark.parametrize("name", READ_HERE)
pytestmark = pytest.mark.filterwarnings("error::UserWarning")


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.inference_mode():
        yield


def compiled(name="llama", **options):
    made = graphs.compiled(quantized(name), **options)
    assert not made.reason
    return made


def relative(got, wanted):
    return float((got.double() - wanted).norm() / wanted.norm())


def after(native, tokens, *, parts, cache=None):
    """Read a text in parts of these lengths; return all logits."""
    cache = cache or native.new_cache(len(tokens), 64)
    pieces = tokens.split(list(parts), dim=1)
    return torch.cat([native(piece, cache) for piece in pieces], 1)


@each_model
def test_the_logits_are_those_of_the_dequantized_weights(name):
    tokens = draw_tokens(3, 24)
    logits = compiled(name)(tokens)
    # Scores of 900 have no digits to spare in float32.
    bound = 4e-3 if name == "large scores" else 2e-3
    assert relative(logits, exact(quantized(name))(tokens)) < bound


@each_model
def test_a_row_of_a_batch_has_the_bits_that_it_has_alone(name):
    native, tokens = compiled(name), draw_tokens(5, 23)
    together = native(tokens)
    for row in range(5):
        assert torch.equal(together[row], native(tokens[row : row + 1])[0])


@each_model
def test_a_text_has_the_same_bits_token_by_token_and_in_blocks(name):
    native, tokens = compiled(name), draw_tokens(2, 23)
    whole = native(tokens)
    for parts in ([1] * 23, [7, 1, 1, 9, 5], [22, 1]):
        assert torch.equal(after(native, tokens, parts=parts), whole)


@each_model
def test_one_thread_gives_the_bits_of_two_and_three(name):
    tokens = draw_tokens(3, 11)
    one, *more = (compiled(name, threads=count) for count in (1, 2, 3))
    for other in more:
        assert torch.equal(other(tokens), one(tokens))
        parts = [4, 1, 6]
        assert torch.equal(after(other, tokens, parts=parts), one(tokens))


def test_a_long_text_is_read_in_several_calls_with_the_same_bits(monkeypatch):
    native, tokens = compiled(), draw_tokens(3, 40)
    whole = native(tokens)
    monkeypatch.setattr(decoding, "MOST", 7)
    assert torch.equal(native(tokens), whole)
    assert torch.equal(native(tokens, last=True), whole[:, -1:])


def test_rows_of_different_lengths_are_read_as_if_each_were_alone():
    native, tokens = compiled(), draw_tokens(4, 9)
    counts = [9, 0, 4, 1]
    cache = native.new_cache(4, 40)
    first = native(tokens, cache, counts=counts)
    last = native(tokens, native.new_cache(4, 40), counts=counts, last=True)
    more = draw_tokens(4, 3, seed=1)
    second = native(more, cache, counts=[3, 3, 0, 2])
    assert cache.lengths.tolist() == [12, 3, 4, 3]
    assert torch.isfinite(first).all() and torch.isfinite(last).all()
    for row, (old, new) in enumerate(zip(counts, [3, 3, 0, 2], strict=True)):
        text = torch.cat((tokens[row, :old], more[row, :new]))[None]
        alone = native(text)[0]
        assert torch.equal(first[row, :old], alone[:old])
        assert torch.equal(second[row, :new], alone[old:])
        if old:
            assert torch.equal(last[row, 0], alone[old - 1])


def test_what_lies_in_memory_and_is_nobodys_is_never_read():
    """Stale places after a rewind, places not yet used, the room between layers."""
    native, tokens = compiled(), draw_tokens(2, 12)
    clean = native(tokens)
    cache = native.new_cache(2, 64)
    after(native, draw_tokens(2, 30, seed=3), parts=[30], cache=cache)
    cache.rewind(0)
    for keys, values in cache.layers:
        keys.fill_(float("nan"))
        values.fill_(float("nan"))
    for part in native._pass._room.tensors.values():
        whole = not part.is_floating_point()
        part.fill_(torch.iinfo(part.dtype).min if whole else float("nan"))
    parts = [1, 5, 6]  # place 0 alone, then blocks
    assert torch.equal(after(native, tokens, parts=parts, cache=cache), clean)


def test_torch_layers_and_native_calls_take_turns_on_one_cache():
    native, tokens = compiled(), draw_tokens(3, 30)
    wanted = exact(quantized("llama"))(tokens)
    for counts in (None, [5, 2, 4]):
        cache, held = native.new_cache(3, 64), torch.zeros(3, dtype=torch.int64)
        for turn, reader in enumerate([native, native.model] * 3):
            block = tokens.gather(1, held[:, None] + torch.arange(5))
            logits = reader(block, cache, counts=counts)
            for row, count in enumerate(counts or [5] * 3):
                span = slice(int(held[row]), int(held[row]) + count)
                got = logits[row, :count]
                assert relative(got, wanted[row, span]) < 2e-3, (turn, row)
            held = cache.lengths


def test_ragged_rows_leave_a_cache_that_torch_can_read():
    """A mask multiplies hidden places by zero: they must be numbers in every row."""
    native, tokens = compiled(), draw_tokens(2, 20)
    cache = native.new_cache(2, 64)
    for keys, values in cache.layers:
        keys.fill_(float("nan"))
        values.fill_(float("nan"))
    native(tokens, cache, counts=[20, 3])
    logits = native.model(draw_tokens(2, 2, seed=1), cache)
    assert torch.isfinite(logits).all()


def test_half_a_step_does_not_count(monkeypatch):
    native, tokens = compiled(), draw_tokens(2, 10)
    whole, cache = native(tokens), native.new_cache(2, 64)
    native(tokens[:, :6], cache)
    run = native._pass.run

    def interrupted(*arguments):
        run(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(native._pass, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        native(draw_tokens(2, 3, seed=5), cache)
    monkeypatch.undo()
    assert cache.lengths.tolist() == [6, 6]
    assert torch.equal(native(tokens[:, 6:], cache), whole[:, 6:])


def test_generation_streams_batches_and_selected_rows_go_on():
    native = compiled()
    prompts = [draw_tokens(n, seed=n).tolist() for n in (3, 9, 6)]
    together = list(native.stream_batch(prompts, max_tokens=20))
    for row, prompt in enumerate(prompts):
        alone = list(generation.stream(native, prompt, max_tokens=20))
        assert [step[row] for step in together] == alone
    tokens = draw_tokens(3, 12)
    cache = native.new_cache(3, 40)
    native(tokens[:, :8], cache)
    chosen = cache.select([2, 0]).join(cache.select([1]))
    assert torch.equal(
        native(tokens[[2, 0, 1], 8:], chosen), native(tokens)[[2, 0, 1], 8:]
    )


def test_an_engine_serves_a_compiled_decoder_on_pages_with_its_own_tokens():
    native = compiled()
    engine = batching.Engine(native, max_running=3, budget=8)
    assert isinstance(engine.memory, batching.Pages)
    lengths = ((5, 7), (1, 4), (23, 9), (12, 1), (2, 6))
    asked = [
        batching.Request(draw_tokens(1, read)[0].tolist(), write)
        for read, write in lengths
    ]
    names = [engine.submit(request) for request in asked]
    answers = {name: [] for name in names}
    while engine.busy:
        for event in engine.step():
            answers[event.request].append(event.token)
    for name, request in zip(names, asked, strict=True):
        alone = native.stream(request.prompt, max_tokens=request.max_tokens)
        assert answers[name] == list(alone)


def test_layers_of_their_own_sizes_and_shared_layers_are_read_as_they_are():
    plain = MAKERS["llama"]()
    plain.layers[1].window = 3
    made = quantization.quantize(plain, Format(bits=8))
    made.layers.append(made.layers[0])
    narrow = surgery.clone(made)
    tokens = draw_tokens(2, 14)
    native = graphs.compiled(narrow)
    assert not native.reason
    first, _, last = native._pass.weights.layers
    assert first.gate is last.gate
    assert relative(native(tokens), exact(narrow)(tokens)) < 2e-3


def test_the_face_is_the_models_own():
    native = compiled()
    theirs = quantized("llama")
    assert native.cost(4, 7, batch=2) == theirs.cost(4, 7, batch=2)
    assert native.vocabulary == theirs.vocabulary and native.context == theirs.context
    assert native.format == "int8-native" and "one native call" in repr(native)
    weights = {id(weight) for weight in theirs.parameters()}
    assert weights == {id(weight) for weight in native.parameters()}
    twin = copy.deepcopy(native)
    tokens = draw_tokens(2, 5)
    assert torch.equal(twin(tokens), native(tokens))
    assert twin._pass is not native._pass


def planned(*chosen):
    trial = plans.Trial(
        plans.PASS, chosen, {plans.LAYERS: (1.0,) * 3, plans.NATIVE: (1.0,) * 3}
    )
    return plans.Plan("a machine", "2026-11-26", 1, (trial,))


def test_by_a_plan_a_rows_way_depends_on_its_own_new_tokens_alone():
    """One token goes natively, more by the layers; rows of both kinds in one call."""
    native = compiled(plan=planned("native", "layers", "layers"))
    tokens = draw_tokens(3, 8)
    counts = [1, 8, 0]
    for last in (False, True):
        cache = native.new_cache(3, 40)
        logits = native(tokens, cache, counts=counts, last=last)
        assert cache.lengths.tolist() == counts
        assert torch.equal(logits[0, 0], compiled()(tokens[:1, :1])[0, 0])
        theirs = native.model(tokens[1:2])[0]
        assert relative(logits[1], theirs[-1:] if last else theirs) < 1e-4
    steps = list(native.stream_batch([[1], [2, 3, 4]], max_tokens=8))
    assert len(steps) == 8
    for counts in ([0, 8, 8], [0, 0, 0]):  # none of the native rows brings a token
        cache = native.new_cache(3, 40)
        assert torch.isfinite(native(tokens, cache, counts=counts)).all()
        assert cache.lengths.tolist() == counts


def test_rows_of_both_kinds_count_together_or_not_at_all(monkeypatch):
    native = compiled(plan=planned("native", "layers", "layers"))
    cache = native.new_cache(2, 40)
    native(draw_tokens(2, 3), cache)

    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(native._pass, "run", fail)
    with pytest.raises(KeyboardInterrupt):
        native(draw_tokens(2, 4), cache, counts=[1, 4])
    assert cache.lengths.tolist() == [3, 3]


@pytest.mark.parametrize("name", READ_HERE[::11])  # int8, and int4 where C reads it
def test_a_plan_is_measured_saved_and_handed_in(name, tmp_path):
    plan = planning.plan(quantized(name))
    assert {*plan.trials[-1].seconds} == {"layers", "native"}
    assert Plan.load(plan.save(tmp_path / "plan.json")) == plan
    assert compiled(name, plan=plan).plan is plan
    with pytest.raises(ValueError, match="no operators for step"):
        compiled(plan=Plan("a machine", "today", 1, ()))
    with pytest.raises(ValueError, match="no int8 layer"):
        planning.plan(MAKERS["llama"]())


REFUSED = {
    "quantized": (lambda: MAKERS["llama"](), "is a Linear"),
    "Decoder|decoder": (lambda: model("gpt2"), "TransformersModel"),
    "RNN": (lambda: model("lstm"), "RecurrentModel"),
    "groups of 32": (
        lambda: quantization.quantize(MAKERS["llama"](), Format(bits=4, group_size=16)),
        "groups of 16|plain C",
    ),
    "int8 or int4": (
        lambda: quantization.quantize(MAKERS["llama"](), Format(bits=5, group_size=16)),
        "int5-g16",
    ),
    "activations": (
        lambda: quantization.quantize(
            MAKERS["llama"](), Format(bits=8, activations=True)
        ),
        "int8-dynamic",
    ),
    "float32": (
        lambda: quantization.quantize(MAKERS["llama"]().bfloat16(), Format(bits=8)),
        "bfloat16",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_c_does_not_take_runs_by_its_layers_and_one_sentence_says_so(case):
    make, word = REFUSED[case]
    theirs, tokens = make(), draw_tokens(2, 6)
    with pytest.warns(UserWarning, match=word) as told:
        made = graphs.compiled(theirs)
    assert len(told) == 1 and str(told[0].message).count("\n") == 0
    assert torch.equal(made(tokens), theirs(tokens))
    assert len(list(made.stream([1, 2], max_tokens=3))) == 3


def test_a_cache_without_addresses_is_read_by_the_layers_and_said_once():
    native, tokens = compiled(), draw_tokens(2, 6)

    class Closed:  # what a cache of another kind offers: no addresses
        def __init__(self, cache):
            self.cache = cache

        def __getattr__(self, name):
            if name in ("memory", "places", "reserve"):
                raise AttributeError(name)
            return getattr(self.cache, name)

    cache = Closed(native.new_cache(2, 20))
    with pytest.warns(UserWarning, match="Closed does not say where"):
        logits = native(tokens, cache)
    assert torch.equal(logits, native.model(tokens))
    native(tokens, cache)  # a second time nothing is said


def test_wrong_arguments_are_refused_in_one_sentence():
    theirs = quantized("llama")
    for arguments, word in (
        ({"by": "magic"}, "by='magic'"),
        ({"threads": 0}, "threads"),
        ({"plan": "fast"}, "plan='fast'"),
    ):
        with pytest.raises(ValueError, match=word):
            graphs.compiled(theirs, **arguments)
    with pytest.raises(ValueError, match="causal"):
        graphs.compiled(torch.nn.Linear(2, 2))


def test_tokens_and_caches_that_do_not_fit_are_refused_before_a_byte_is_written():
    native = compiled()
    cache = native.new_cache(2, 8)
    with pytest.raises(ValueError, match="token ids"):
        native(torch.tensor([[61], [0]]), cache)
    with pytest.raises(ValueError, match="this cache holds 8"):
        native(draw_tokens(2, 9), cache)
    other = graphs.compiled(quantized("heads of 64")).new_cache(2, 8)
    with pytest.raises(ValueError, match="new_cache"):
        native(draw_tokens(2, 3), other)
    first = cache.layers[0][0]
    lying = torch.empty(2, 8, 2, 8).transpose(1, 2)  # other strides than the values
    for strange in (first.double(), lying, first[:, :1]):
        spoilt = native.new_cache(2, 8)
        spoilt.layers[0] = (strange, spoilt.layers[0][1])
        with pytest.raises(ValueError):
            native(draw_tokens(2, 3), spoilt)
        assert spoilt.lengths.tolist() == [0, 0]
    assert cache.lengths.tolist() == [0, 0]
    assert not any(part.any() for layer in cache.layers for part in layer)


def test_a_cast_model_looks_up_its_addresses_again():
    native = graphs.compiled(surgery.share(quantized("llama")))
    native.to(torch.bfloat16)
    assert "bfloat16" in native.reason
    assert native(draw_tokens(1, 4)).dtype == torch.bfloat16
    assert not native.to(torch.float32).reason


def test_coder_writes_the_same_text_natively():
    coder = quantization.quantize(models.load("coder"), Format(bits=8))
    native = graphs.compiled(coder)
    text = "def read_lines(path):\n"
    prompt = coder.tokenizer(text)["input_ids"]
    ours = list(native.stream(prompt, max_tokens=24))
    theirs = list(coder.stream(prompt, max_tokens=24))
    agree = sum(a == b for a, b in zip(ours, theirs, strict=True))
    assert agree == 24
