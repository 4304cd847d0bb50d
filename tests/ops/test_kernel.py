import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from tests.oracles import softmax as oracle
from tfrs_ext.ops import dense_row_loss, objectives, row_loss

SOFTMAX = objectives.softmax_cross_entropy
ID_TYPES = {"int32": np.int32, "int64": np.int64, "string": lambda ids: ids.astype(str)}


def make(rows, size, width=5, spread=1.0, ids=None, mask=False, seed=0):
    rng = np.random.default_rng(seed)
    case = {
        "queries": rng.normal(size=(rows, width)),
        "candidates": spread * rng.normal(size=(size, width)),
        "positive": spread * rng.normal(size=rows),
        "scale": 1.7,
        "bias": rng.uniform(0, 9, size=size),
        "weight": rng.uniform(0, 2, size=rows),
    }
    case = {name: np.float32(value) for name, value in case.items()}
    if ids is not None:
        case["row_ids"] = ID_TYPES[ids](rng.integers(0, max(size // 2, 2), size=rows))
        case["candidate_ids"] = ID_TYPES[ids](rng.integers(0, max(size // 2, 2), size=size))
    if mask:
        case["mask"] = rng.uniform(size=(rows, size)) < 0.7
    return case


def run(case, block_rows=None, upstream=None, **changes):
    tensors = {name: tf.constant(value) for name, value in {**case, **changes}.items()}
    watched = [n for n in ("queries", "candidates", "positive", "scale", "bias") if n in tensors]
    with tf.GradientTape() as tape:
        tape.watch([tensors[name] for name in watched])
        rows = row_loss(SOFTMAX, block_rows=block_rows, **tensors)
        total = tf.reduce_sum(rows if upstream is None else rows * upstream)
    gradients = tape.gradient(total, [tensors[name] for name in watched])
    return rows.numpy(), {n: g.numpy() for n, g in zip(watched, gradients, strict=True)}


def assert_near(actual, expected, tolerance=1e-5):
    values, gradients = actual
    expected_values, expected_gradients = expected
    scale = max(np.max(np.abs(expected_values)), 1e-6)
    np.testing.assert_allclose(values, expected_values, rtol=tolerance, atol=tolerance * scale)
    for name, gradient in gradients.items():
        scale = max(np.max(np.abs(expected_gradients[name])), 1e-6)
        np.testing.assert_allclose(
            gradient,
            expected_gradients[name],
            rtol=tolerance,
            atol=tolerance * scale,
            err_msg=name,
        )


@hypothesis.settings(max_examples=40, deadline=None, derandomize=True)
@hypothesis.given(
    rows=st.integers(1, 17),
    size=st.integers(1, 23),
    spread=st.sampled_from([0.3, 3.0, 30.0]),  # Within the bound for plain exponentials, and not.
    ids=st.sampled_from([None, *ID_TYPES]),
    mask=st.booleans(),
    block_rows=st.sampled_from([None, 1, 3, 8]),
    seed=st.integers(0, 99),
)
def test_value_and_gradients_equal_loops_in_float64(
    rows, size, spread, ids, mask, block_rows, seed
):
    case = make(rows, size, spread=spread, ids=ids, mask=mask, seed=seed)
    expected = oracle.cross_entropy(**case)
    assert_near(run(case, block_rows), expected, 1e-5 if spread < 30 else 1e-4)


@pytest.mark.parametrize("spread", [0.3, 30.0])
@pytest.mark.parametrize("mask", [False, True])
def test_rows_with_different_upstream_gradients_get_their_own(spread, mask):
    case = make(9, 14, spread=spread, ids="int64", mask=mask)
    upstream = np.linspace(-1, 2, 9).astype(np.float32)
    values, gradients = run(case, block_rows=4, upstream=upstream)
    weighted = {**case, "weight": case["weight"] * upstream}
    expected = oracle.cross_entropy(**weighted)[1]
    assert_near((values, gradients), (oracle.cross_entropy(**case)[0], expected))


def test_weights_have_gradients_too():
    case = make(4, 6)
    weight = tf.constant(case.pop("weight"))
    with tf.GradientTape() as tape:
        tape.watch(weight)
        rows = row_loss(SOFTMAX, weight=weight, **{k: tf.constant(v) for k, v in case.items()})
    np.testing.assert_allclose(
        tape.gradient(rows, weight), oracle.cross_entropy(**case)[0], rtol=1e-5
    )


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_half_precision_embeddings_accumulate_in_float32(dtype):
    case = make(6, 300, spread=0.5)
    half = {name: tf.cast(case[name], dtype) for name in ("queries", "candidates")}
    rounded = {**case, **{name: tf.cast(value, tf.float32).numpy() for name, value in half.items()}}
    expected_values, expected = oracle.cross_entropy(**rounded)
    values, gradients = run({**case, **half})
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected_values, rtol=1e-5)
    for name in half:
        assert gradients[name].dtype == dtype.as_numpy_dtype
        np.testing.assert_allclose(
            gradients[name].astype(np.float64), expected[name], rtol=2e-2, atol=2e-3
        )
    np.testing.assert_allclose(gradients["bias"], expected["bias"], rtol=1e-4, atol=1e-6)


def test_float64_queries_compute_in_float64():
    case = {k: np.float64(v) if v.dtype == np.float32 else v for k, v in make(5, 9).items()}
    assert_near(run(case), oracle.cross_entropy(**case), 1e-12)


@pytest.mark.parametrize("block_rows", [None, 4])
@pytest.mark.parametrize("objective", [SOFTMAX, objectives.pairwise_logistic])
def test_graph_with_unknown_shapes_equals_eager(objective, block_rows):
    case = {k: tf.constant(v) for k, v in make(13, 21, ids="string").items()}
    expected = row_loss(objective, **case)
    signature = {name: tf.TensorSpec([None] * t.shape.rank, t.dtype) for name, t in case.items()}

    @tf.function(input_signature=[signature])
    def graph(case):
        with tf.GradientTape() as tape:
            tape.watch([case["queries"], case["candidates"]])
            rows = row_loss(objective, block_rows=block_rows, **case)
        return rows, tape.gradient(rows, [case["queries"], case["candidates"]])

    rows, gradients = graph(case)
    np.testing.assert_allclose(rows, expected, rtol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch([case["queries"], case["candidates"]])
        rows = row_loss(objective, **case)
    eager = tape.gradient(rows, [case["queries"], case["candidates"]])
    for actual, wanted in zip(gradients, eager, strict=True):
        np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-6)


def test_products_know_their_rank_as_batched_ones_are_slower():
    case = {k: tf.constant(v) for k, v in make(13, 21, ids="int64").items()}

    @tf.function
    def graph(case):
        with tf.GradientTape() as tape:
            tape.watch(case["queries"])
            rows = row_loss(SOFTMAX, block_rows=4, **case)
        return tape.gradient(rows, case["queries"])

    definition = graph.get_concrete_function(case).graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    operations = {node.op for node in nodes}
    assert "MatMul" in operations
    assert not {name for name in operations if name.startswith("BatchMatMul")}


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("kind", ["every", "all_masked", "duplicates", "one"])
def test_extremes_are_finite_in_value_and_gradient(size, kind):
    rows = 4
    columns = 1 if kind == "one" else rows
    case = {
        "queries": np.array([[1.0], [-1.0], [1.0], [0.0]], np.float32),
        "candidates": np.float32(size) * np.array([[1.0], [-1.0], [1.0], [1.0]], np.float32),
        "positive": np.float32(size) * np.array([1.0, -1.0, -1.0, 0.0], np.float32),
    }
    case["candidates"] = case["candidates"][:columns]
    if kind == "all_masked":
        case["mask"] = np.zeros((rows, columns), bool)
    if kind == "duplicates":
        case["row_ids"] = np.zeros(rows, np.int64)
        case["candidate_ids"] = np.zeros(columns, np.int64)
    actual = run(case)
    assert_near(actual, oracle.cross_entropy(**case), 1e-5)
    if kind in ("all_masked", "duplicates"):
        assert not np.any(actual[0])
        assert not any(np.any(gradient) for gradient in actual[1].values())


def test_huge_biases_and_tiny_pools_stay_exact():
    case = {**make(3, 4, spread=0.1), "bias": np.float32([1e4, -1e4, 0, 5e3])}
    assert_near(run(case), oracle.cross_entropy(**case), 1e-4)


def test_rows_do_not_see_each_other():
    case = make(6, 8, ids="int32")
    values, _ = run(case)
    changed = {name: value.copy() for name, value in case.items()}
    for name in ("queries", "positive", "weight", "row_ids"):
        changed[name][3] = changed[name][3] * 3 + 1
    others = [0, 1, 2, 4, 5]
    np.testing.assert_allclose(run(changed)[0][others], values[others], rtol=1e-6)


@pytest.mark.parametrize("dense", [False, True])
def test_second_gradients_are_refused_not_wrong(dense):
    case = {k: tf.constant(v) for k, v in make(3, 4).items()}
    queries, positive = case["queries"], case["positive"]

    def total():
        if not dense:
            return tf.reduce_sum(row_loss(SOFTMAX, **case))
        logits = tf.matmul(queries, case["candidates"], transpose_b=True)
        valid = tf.ones_like(logits, tf.bool)
        return tf.reduce_sum(dense_row_loss(SOFTMAX, logits, positive, valid))

    with tf.GradientTape() as outer:
        outer.watch(queries)
        with tf.GradientTape() as inner:
            inner.watch(queries)
            value = total()
        gradient = inner.gradient(value, queries)
    with pytest.raises(NotImplementedError, match="first gradients only"):
        outer.gradient(gradient, queries)


def test_ids_come_in_pairs():
    case = {k: tf.constant(v) for k, v in make(3, 4, ids="int64").items() if k != "row_ids"}
    with pytest.raises(ValueError, match="`row_ids` and `candidate_ids` must be given together"):
        row_loss(SOFTMAX, **case)


every_objective = pytest.mark.parametrize(
    "objective",
    [
        objectives.softmax_cross_entropy,
        objectives.pairwise_logistic,
        objectives.hinge(0.7),
        objectives.hardest_hinge(0.7),
        objectives.semi_hard_hinge(0.7),
        objectives.binary_cross_entropy(lambda count: 0.1 * count),
    ],
    ids=["softmax", "pairwise", "hinge", "hardest", "semi_hard", "binary"],
)


@pytest.mark.parametrize("block_rows", [None, 2])
@every_objective
def test_a_model_of_nan_has_a_loss_of_nan(objective, block_rows):
    case = {name: tf.constant(value) for name, value in make(4, 6, ids="int64").items()}
    case["queries"] = tf.fill([4, 5], float("nan"))
    case["positive"] = tf.fill([4], float("nan"))
    assert np.all(np.isnan(row_loss(objective, block_rows=block_rows, **case)))


@pytest.mark.parametrize("divide", [True, False])
def test_a_mean_over_no_rows_moves_no_candidate(divide):
    case = {name: tf.constant(value) for name, value in make(0, 6).items()}
    candidates = case.pop("candidates")

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(candidates)
            losses = row_loss(SOFTMAX, candidates=candidates, **case)
            total = tf.reduce_sum(losses) / 0.0 if divide else tf.reduce_mean(losses)
        return tape.gradient(total, candidates)

    np.testing.assert_array_equal(gradient(), np.zeros([6, 5]))


@every_objective
def test_objectives_derivatives_are_those_of_their_values(objective):
    rng = np.random.default_rng(3)
    logits, positive = tf.constant(rng.normal(size=(5, 7))), tf.constant(rng.normal(size=5))
    valid = tf.constant(rng.uniform(size=(5, 7)) < 0.8)
    with tf.GradientTape() as tape:
        tape.watch([logits, positive])
        rows = dense_row_loss(objective, logits, positive, valid)
    d_logits, d_positive = tape.gradient(rows, [logits, positive])
    step = 1e-6
    for i in range(5):
        for j in range(7):
            move = np.zeros((5, 7))
            move[i, j] = step
            up = dense_row_loss(objective, logits + move, positive, valid)[i]
            down = dense_row_loss(objective, logits - move, positive, valid)[i]
            np.testing.assert_allclose(d_logits[i, j], (up - down) / (2 * step), atol=1e-7)
    up = dense_row_loss(objective, logits, positive + step, valid)
    down = dense_row_loss(objective, logits, positive - step, valid)
    np.testing.assert_allclose(d_positive, (up - down) / (2 * step), atol=1e-7)


def test_replicas_compute_their_own_rows(two_replicas):
    case = make(6, 8, ids="string")
    expected_values, expected = oracle.cross_entropy(**case)
    of_rows = ("queries", "positive", "weight", "row_ids")

    def part(context):
        half = slice(0, 2) if context.replica_id_in_sync_group == 0 else slice(2, 6)
        return {k: tf.constant(v[half] if k in of_rows else v) for k, v in case.items()}

    @tf.function
    def step(case):
        with tf.GradientTape() as tape:
            tape.watch(case["candidates"])
            rows = row_loss(SOFTMAX, **case)
        return rows, tape.gradient(rows, case["candidates"])

    rows, gradients = two_replicas.run(
        step, args=(two_replicas.experimental_distribute_values_from_function(part),)
    )
    rows = np.concatenate([r.numpy() for r in two_replicas.experimental_local_results(rows)])
    np.testing.assert_allclose(rows, expected_values, rtol=1e-5)
    total = sum(g.numpy() for g in two_replicas.experimental_local_results(gradients))
    np.testing.assert_allclose(total, expected["candidates"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("ids", [None, "int64"])
@pytest.mark.parametrize("mask", [False, True])
def test_compiled_by_xla_it_is_the_same(ids, mask):
    case = make(7, 9, ids=ids, mask=mask)
    watched = ["queries", "candidates", "positive", "bias"]

    @tf.function(jit_compile=True, autograph=False)
    def compiled(upstream, **tensors):
        with tf.GradientTape() as tape:
            tape.watch([tensors[name] for name in watched])
            rows = row_loss(SOFTMAX, **tensors)
            total = tf.reduce_sum(rows * upstream)
        return rows, tape.gradient(total, [tensors[name] for name in watched])

    for upstream in (np.ones(7, np.float32), np.arange(7, dtype=np.float32)):
        rows, gradients = compiled(
            tf.constant(upstream), **{n: tf.constant(v) for n, v in case.items()}
        )
        values, expected = run(case, upstream=upstream)
        actual = {name: g.numpy() for name, g in zip(watched, gradients, strict=True)}
        assert_near((rows.numpy(), actual), (values, expected))
