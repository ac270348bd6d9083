"""Every way to build a step has the model's face and writes the eager model's text."""

import copy
from pathlib import Path

import pytest
import torch
from fused_models import MAKERS, furthest
from native_models import quantized
from small_models import draw_tokens, model

from llmlab import graphs
from llmlab.graphs import engines, folding, fusing, programs, runners, steps
from llmlab.graphs.static import Step, static_mask

LENGTH = 48


@pytest.fixture(scope="module")
def small():
    return MAKERS["llama"]().float()


@pytest.fixture(scope="module")
def static(small):
    return graphs.compiled(small, "static", length=LENGTH)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def inductor(small, folder):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LLMLAB_CACHE", str(folder))
        patched.setenv("TORCHINDUCTOR_CACHE_DIR", "elsewhere")
        made = graphs.compiled(small, "inductor", length=LENGTH)
        assert engines.os.environ["TORCHINDUCTOR_CACHE_DIR"] == "elsewhere"
        return made


@pytest.fixture(scope="module")
def aot(small, folder):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LLMLAB_CACHE", str(folder))
        return graphs.compiled(small, "aot", length=LENGTH)


@pytest.fixture(scope="module")
def onnx(small):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    return graphs.compiled(small, "onnx", length=LENGTH)


@pytest.fixture(scope="module")
def openvino(small):
    pytest.importorskip("openvino")
    return graphs.compiled(small, "openvino", length=LENGTH)


EVERY_WAY = [
    "static",
    pytest.param("inductor", marks=pytest.mark.slow),
    pytest.param("aot", marks=pytest.mark.slow),
    pytest.param("onnx", marks=pytest.mark.onnx),
    pytest.param("openvino", marks=pytest.mark.openvino),
]


@pytest.fixture(params=EVERY_WAY)
def made(request):
    return request.getfixturevalue(request.param)


def test_greedy_tokens_are_the_eager_models(made, small):
    for seed, length in enumerate((1, 7, 20)):
        prompt = draw_tokens(length, seed=seed).tolist()
        before = made.steps
        got = list(made.stream(prompt, max_tokens=24))
        assert got == list(small.stream(prompt, max_tokens=24))
        assert made.steps - before >= 23, "the program ran all but the prefill"


def test_logits_are_close_at_every_position(made, small):
    tokens = draw_tokens(1, LENGTH, seed=5)
    wanted = small(tokens)
    with torch.inference_mode():
        cache = made.new_cache(1, LENGTH)
        got = [made(tokens[:, :3], cache)]
        got += [made(token, cache, last=True) for token in tokens[:, 3:].split(1, 1)]
    assert furthest(torch.cat(got, 1), wanted) < 1e-4
    assert cache.lengths.tolist() == [LENGTH]
    with pytest.raises(ValueError, match=f"this cache holds {LENGTH}"):
        made(tokens[:, :1], cache)


def test_a_program_and_the_model_take_turns_on_one_cache(made, small):
    tokens = draw_tokens(1, 12, seed=2)
    cache, got = made.new_cache(1, 12), []
    with torch.no_grad():  # not in inference mode, either
        for place, token in enumerate(tokens.split(1, 1)):
            got.append((made if place % 2 else small)(token, cache))
        cache.rewind(5)
        again = made(tokens[:, 5:6], cache)
    wanted = small(tokens)
    assert furthest(torch.cat(got, 1), wanted) < 1e-4
    assert furthest(again, wanted[:, 5:6]) < 1e-4


def test_caches_side_by_side_keep_to_themselves(made):
    texts = [draw_tokens(1, 9, seed=seed) for seed in (3, 4)]
    caches = [made.new_cache(1, 9) for _ in texts]
    answers = [[], []]
    for place in range(9):
        for text, cache, kept in zip(texts, caches, answers, strict=True):
            kept.append(made(text[:, place : place + 1], cache))
    for text, kept in zip(texts, answers, strict=True):
        assert furthest(torch.cat(kept, 1), made.model(text)) < 1e-4


def test_the_face_is_the_models_own(made, small):
    assert (made.vocabulary, made.context) == (small.vocabulary, small.context)
    assert made.cost(1, 9) == small.cost(1, 9) and made.layers is small.layers
    assert {*made.state_dict()} == {f"model.{name}" for name in small.state_dict()}
    assert made.built.value > 0 and made.built.kind == "measured"
    assert made.built.details["way"] == made.by and made.by in made.format
    total = sum(made.engine.starts.values())
    said = f"{total} {made.engine.unit}, 1 × 1 tokens, {LENGTH} places"
    assert said in repr(made)
    tokens = draw_tokens(2, 5)
    assert torch.equal(made(tokens), small(tokens)), "without a cache: the model"


def test_half_a_step_does_not_count(static, monkeypatch):
    cache, tokens = static.new_cache(1, 9), draw_tokens(1, 9)
    static(tokens[:, :4], cache)
    run = static.engine.run

    def interrupted(*arguments):
        run(*arguments)
        raise KeyboardInterrupt

    broken = engines.Engine(interrupted, {}, "")
    monkeypatch.setattr(static, "engine", broken)
    with pytest.raises(KeyboardInterrupt):
        static(draw_tokens(1, 1, seed=8), cache)
    monkeypatch.undo()
    assert cache.lengths.tolist() == [4]
    wanted = static.model(tokens[:, :5])[:, 4:]
    assert furthest(static(tokens[:, 4:5], cache), wanted) < 1e-5


def test_several_rows_run_together_and_unequal_ones_by_the_model(small):
    made = graphs.compiled(small, "static", length=LENGTH, batch=2)
    prompts = [draw_tokens(5, seed=seed).tolist() for seed in (1, 2)]
    wanted = list(small.stream_batch(prompts, max_tokens=12))
    assert list(made.stream_batch(prompts, max_tokens=12)) == wanted
    assert made.steps >= 11
    made.steps = 0
    prompts[1] = prompts[1][:3]
    wanted = list(small.stream_batch(prompts, max_tokens=12))
    assert list(made.stream_batch(prompts, max_tokens=12)) == wanted
    assert not made.steps
    cache = made.new_cache(2, 9)
    made(draw_tokens(2, 1), cache, counts=[1, 0])
    assert cache.lengths.tolist() == [1, 0] and not made.steps


EXTRAS = {"onnx": ("onnxruntime", "onnxscript"), "openvino": ("openvino",)}
READ = 8  # tokens that a program reads at once


@pytest.mark.parametrize("by", EVERY_WAY)
def test_a_program_reads_prompts_of_its_length(by, small, folder, monkeypatch):
    for module in EXTRAS.get(by, ()):
        pytest.importorskip(module)
    monkeypatch.setenv("LLMLAB_CACHE", str(folder))
    made = graphs.compiled(small, by, length=LENGTH, batch=2, tokens=READ)
    tokens = draw_tokens(2, 2 * READ + 1)
    wanted = small(tokens)
    with torch.inference_mode():
        cache = made.new_cache(2, LENGTH)
        for start in (0, READ):
            got = made(tokens[:, start : start + READ], cache, last=True)
            assert got.shape == (2, 1, small.vocabulary)
            end = start + READ
            assert furthest(got, wanted[:, end - 1 : end]) < 1e-4
        assert made.steps == 2 and cache.lengths.tolist() == [2 * READ] * 2
        got = made(tokens[:, 2 * READ :], cache, last=True)
        assert furthest(got, wanted[:, 2 * READ :]) < 1e-4
        assert made.steps == 2, "a step of one token is the model's"
        every = made(tokens[:, :READ], made.new_cache(2, READ))
        assert furthest(every, wanted[:, :READ]) < 1e-4
        assert made.steps == 2, "all logits are the model's"


@pytest.mark.slow
@pytest.mark.parametrize("by", ["inductor", "aot"])
def test_bfloat16_compiles_and_rounds_no_further(by, small, folder, monkeypatch):
    monkeypatch.setenv("LLMLAB_CACHE", str(folder))
    half = copy.deepcopy(small).bfloat16()
    made = graphs.compiled(half, by, length=LENGTH)
    tokens, cache = draw_tokens(1, 12), made.new_cache(1, 12)
    with torch.inference_mode():
        made(tokens[:, :4], cache)
        got = [made(token, cache) for token in tokens[:, 4:].split(1, 1)]
    exact = small(tokens)[:, 4:]
    assert made.steps == 8 and got[0].dtype == torch.bfloat16
    off = furthest(half(tokens)[:, 4:].float(), exact)
    assert furthest(torch.cat(got, 1).float(), exact) < 2 * off


@pytest.mark.slow
def test_an_int8_model_compiles_with_its_products_as_they_are(folder, monkeypatch):
    monkeypatch.setenv("LLMLAB_CACHE", str(folder))
    whole = quantized("llama")
    made = graphs.compiled(whole, "inductor", length=LENGTH)
    prompt = draw_tokens(6).tolist()
    wanted = list(whole.stream(prompt, max_tokens=12))
    assert list(made.stream(prompt, max_tokens=12)) == wanted and made.steps >= 11


def test_the_default_length_is_the_contexts_where_that_is_less(small):
    assert graphs.compiled(small, "static").length == small.context < runners.LENGTH


def test_a_learners_mask_is_in_the_program(small):
    strict = graphs.compiled(
        small, "static", length=16, mask=lambda p, n: torch.arange(n) <= p[:, None] + 1
    )
    cache, tokens = strict.new_cache(1, 8), draw_tokens(1, 8)
    got = torch.cat([strict(token, cache) for token in tokens.split(1, 1)], 1)
    assert furthest(got, small(tokens)) > 1e-3


def test_training_goes_by_the_layers_and_has_gradients(small):
    trained = copy.deepcopy(small).requires_grad_(True)
    made = graphs.compiled(trained, "static", length=16).train()
    cache = made.new_cache(1, 4)
    assert made(draw_tokens(1, 1), cache).requires_grad and not made.steps


def test_a_copy_is_built_anew_and_casting_is_refused(static):
    twin = copy.deepcopy(static)
    assert twin.model is not static.model and twin.length == LENGTH
    prompt = draw_tokens(4).tolist()
    wanted = list(static.stream(prompt, max_tokens=6))
    assert list(twin.stream(prompt, max_tokens=6)) == wanted
    assert twin.float() is twin
    with pytest.raises(ValueError, match="move or cast the model, then build"):
        twin.to(torch.bfloat16)
    assert twin.model.embedding.weight.dtype == torch.float32


def test_native_keeps_its_options_and_says_what_building_took():
    made = graphs.compiled(quantized("llama"), threads=1)
    assert isinstance(made, steps.CompiledModel) and made.threads == 1
    assert made.built.details["way"] == "native" and made.built.value > 0


BAD = {
    "way": ({"by": "magic"}, "by='magic' is not known; choose one of native, static"),
    "no word": ({"by": None}, "by=None"),
    "plan": ({"by": "static", "plan": "fast"}, "plan='fast' is no option"),
    "threads": ({"by": "inductor", "threads": 2}, "threads=2 is no option"),
    "no threads": ({"by": "onnx", "threads": 0}, "threads=0 must be"),
    "length of native": ({"length": 8}, "length=8 is no option of by='native'"),
    "batch of native": ({"batch": 2}, "batch=2 is no option of by='native'"),
    "length": ({"by": "static", "length": 97}, "the model's context is 96"),
    "batch": ({"by": "static", "batch": 0}, "batch=0 must be"),
    "mask": ({"by": "static", "mask": 3}, "mask=3"),
    "tokens": ({"by": "static", "length": 8, "tokens": 9}, "tokens=9 .* 8 places"),
    "tokens of native": ({"tokens": 2}, "tokens=2 is no option of by='native'"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_arguments_are_refused_in_one_sentence(case, small):
    options, words = BAD[case]
    with pytest.raises(ValueError, match=words) as told:
        graphs.compiled(small, **options)
    assert "\n" not in str(told.value)


def test_other_models_and_types_are_refused(small):
    with pytest.raises(ValueError, match="decoder of the Llama family"):
        graphs.compiled(model("gpt2"), "static")
    with pytest.raises(ValueError, match="causal"):
        graphs.compiled(torch.nn.Linear(2, 2), "static")
    with pytest.raises(ValueError, match="takes float32 or bfloat16 on the CPU"):
        graphs.compiled(MAKERS["llama"](), "inductor")
    with pytest.raises(ValueError, match="'onnx' takes float32 on the CPU"):
        graphs.compiled(MAKERS["llama"]().bfloat16(), "onnx")


def test_caches_that_the_program_was_not_built_for_are_refused(static):
    with pytest.raises(ValueError, match=r"batch=2, and this program .* batch=2\)"):
        static.new_cache(2, 8)
    with pytest.raises(ValueError, match=r"from 1 to 48; build another"):
        static.new_cache(1, LENGTH + 1)
    with pytest.raises(ValueError, match="length="):
        list(static.stream(draw_tokens(LENGTH).tolist(), max_tokens=4))
    cache = static.new_cache(1, 4)
    with pytest.raises(ValueError, match="token ids"):
        static(torch.tensor([[61]]), cache)
    assert cache.lengths.tolist() == [0]


@pytest.mark.parametrize(
    ("by", "module"),
    [("onnx", "onnxruntime"), ("onnx", "onnxscript"), ("openvino", "openvino")],
)
def test_a_missing_extra_is_named_with_the_way_out(by, module, small, monkeypatch):
    find = engines.importlib.util.find_spec
    monkeypatch.setattr(
        engines.importlib.util, "find_spec", lambda n: None if n == module else find(n)
    )
    if module == "onnxscript":
        pytest.importorskip("onnxruntime")
    words = f"needs {module}, .* pip install 'llmlab\\[{by}\\]'"
    with pytest.raises(ValueError, match=words):
        graphs.compiled(small, by)


def test_without_a_compiler_inductor_names_the_way_out(small, monkeypatch):
    monkeypatch.setattr(engines.shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match=r"needs a C\+\+ compiler.*install g\+\+"):
        graphs.compiled(small, "inductor")


def test_a_folder_that_others_write_to_is_refused(small, monkeypatch, tmp_path):
    (tmp_path / "inductor").mkdir()
    (tmp_path / "inductor").chmod(0o777)
    monkeypatch.setenv("LLMLAB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="others may write to it"):
        graphs.compiled(small, "inductor")


def test_a_mask_that_asks_what_a_tensor_holds_cannot_be_exported(small):
    def mask(positions, length):
        if positions[0] > 3:
            return static_mask(positions, length)
        return static_mask(positions, length).clone()

    step = Step(small, length=16, mask=mask)
    with pytest.raises(ValueError, match="the step cannot be exported"):
        programs.export(step)
    with pytest.raises(ValueError, match="step=3 is no step"):
        programs.export(3)


def test_what_a_program_starts_is_counted(static, small):
    layers = len(small.layers)
    step = Step(small, length=LENGTH)
    nodes = programs.nodes(programs.export(step))
    assert nodes["linear"] == 7 * layers + 1
    assert nodes["scaled_dot_product_attention"] == layers
    assert nodes["index_copy_"] == 2 * layers
    changed = fusing.fuse(folding.fold_norms(small))
    fewer = programs.nodes(programs.export(Step(changed, length=LENGTH)))
    assert fewer["linear"] == 4 * layers + 1
    assert static.engine.starts["mm"] == 7 * layers + 1
    assert static.engine.unit == "operators"


SOURCE = """
cpp_fused_add_0 = async_compile.cpp_pybinding([], '')
def call(self, args):
        buf0 = empty_strided_cpu((1,), (1,), torch.float32)
        cpp_fused_add_0(arg0_1, buf0)
        extern_kernels.mm(buf0, arg1_1, out=buf1)
        buf2 = torch.ops.aten._scaled_dot_product.default(buf0)
        buf3 = buf2[0]
        cpp_fused_add_0(arg0_1, buf1)
        cpp_fused_mul_1(arg0_1, buf1)
"""


def test_calls_of_generated_source_are_counted_where_they_are_made():
    wanted = {programs.FUSED: 3, "mm": 1, "_scaled_dot_product": 1}
    assert programs.kernels(SOURCE) == wanted
    assert programs.kernels([SOURCE, SOURCE]) == {n: 2 * c for n, c in wanted.items()}


@pytest.mark.slow
def test_inductor_leaves_fewer_kernels_and_keeps_them_in_its_folder(
    inductor, static, small, folder
):
    starts, layers = inductor.engine.starts, len(small.layers)
    assert starts["mm"] == 7 * layers + 1
    assert starts["_scaled_dot_product_flash_attention_for_cpu"] == layers
    assert 0 < starts[programs.FUSED] < sum(static.engine.starts.values()) / 4
    libraries = list((folder / "inductor").rglob("*.so"))
    assert libraries and not Path("elsewhere").exists()


@pytest.mark.slow
def test_other_threads_build_nothing_again(inductor):
    """`torch.compile` would: it looks at the threads before every call."""
    import torch._inductor.compile_fx as builder

    before = torch.get_num_threads()
    cache, calls = inductor.new_cache(1, 8), []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(builder, "compile_fx", lambda *a, **k: calls.append(a))
        try:
            for threads in (1, 2):
                torch.set_num_threads(threads)
                inductor(draw_tokens(1, 1), cache)
        finally:
            torch.set_num_threads(before)
    assert not calls and cache.lengths.tolist() == [2]


@pytest.mark.onnx
def test_onnx_runtimes_levels_leave_fewer_nodes(small, onnx):
    written = programs.to_onnx(Step(small, length=LENGTH, in_place=False))
    totals = [
        sum(programs.onnx_nodes(written, level).values()) for level in programs.LEVELS
    ]
    assert totals == sorted(totals, reverse=True) and totals[0] > totals[-1]
    assert sum(onnx.engine.starts.values()) == totals[-1]
    with pytest.raises(ValueError, match="level='most' is none of ONNX"):
        programs.onnx_nodes(written, "most")


@pytest.mark.openvino
def test_openvinos_nodes_are_those_that_run(openvino, small):
    starts = openvino.engine.starts
    assert starts["FullyConnected"] == 7 * len(small.layers) + 1
    assert not {*starts} & {*programs.NOT_COMPUTED}
