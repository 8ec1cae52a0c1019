"""Causal networks of sequences: what each place is told, and that steps are a pass."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from vae_jax import (
    Autoregressive,
    Masked,
    descend,
    evaluate,
    fit,
    standard_gaussian,
    vae,
    weighted_sum,
)
from vae_jax.networks import (
    MLP,
    AutoregressiveHead,
    CategoricalHead,
    CausalRecurrent,
    CausalTransformer,
    GaussianHead,
    Network,
    WaveNet,
    dilations_of,
    masked,
    one_hot,
)

T, K = 6, 3
NETWORKS = {
    "transformer": CausalTransformer(T, width=8, layers=2, heads=2),
    "wavenet": WaveNet(dilations_of(T), width=6),
    "gru": CausalRecurrent(6),
    "lstm": CausalRecurrent(4, layers=2, cell=nn.OptimizedLSTMCell),
}
networks = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
FEATURES = jnp.array([0.3, -1.0, 0.5])
TEXT = jnp.array([0, 2, 1, 1, 0, 2])


def head_of(network):
    return AutoregressiveHead(network, CategoricalHead((T,), K), one_hot(K))


def stirred(head, key, *inputs):
    """Parameters none of which is zero: at first some layers give nothing."""
    params = jax.jit(head.init)(key, *inputs)
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    noise = [0.5 * jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(tree, [leaf + n for leaf, n in zip(leaves, noise, strict=True)])


def made(network, key):
    head = head_of(network)
    return head.apply(stirred(head, key, FEATURES), FEATURES)


@networks
def test_each_place_is_told_of_all_before_it_and_of_no_other(network, key):
    """Integers, by changing one of them."""
    q = made(network, key)
    logits = jax.jit(lambda x: q.conditionals(x).logits)
    for j in range(T):
        change = np.abs(logits(TEXT.at[j].set((TEXT[j] + 1) % K)) - logits(TEXT)).max(axis=1)
        np.testing.assert_array_equal(change[: j + 1], 0)
        assert np.all(change[j + 1 :] > 1e-6)


@networks
def test_steps_are_a_pass(network, key):
    q = made(network, key)
    assert q.steps is not None

    def step(carried, place):
        carried, conditionals = q.steps.advance(q.given, carried, TEXT, place)
        return carried, conditionals.logits[place]

    logits = jax.jit(lambda: jax.lax.scan(step, q.steps.begin(q.given), jnp.arange(T))[1])()
    np.testing.assert_allclose(logits, q.conditionals(TEXT).logits, rtol=1e-5, atol=1e-5)
    both = [jax.jit(p.sample)(key) for p in (q, q.replace(steps=None))]
    np.testing.assert_array_equal(*both)


@networks
def test_frequencies_of_pairs_are_their_masses(network, key):
    """Of the first two places, in 4000 draws."""
    q = made(network, key)
    x = jax.jit(jax.vmap(q.sample))(jax.random.split(key, 4000))
    pairs = np.array([(a, b) for a in range(K) for b in range(K)])
    events = jnp.concatenate([jnp.array(pairs), jnp.zeros((K * K, T - 2), int)], axis=1)
    masses = np.exp(jax.vmap(q.log_prob_factors)(events)[:, :2].sum(axis=1))
    np.testing.assert_allclose(masses.sum(), 1, rtol=1e-5)
    found = [(np.asarray(x[:, :2]) == pair).all(axis=1).mean() for pair in pairs]
    assert np.all(np.abs(found - masses) < 4 * np.sqrt(masses * (1 - masses) / 4000) + 1e-9)


@networks
def test_what_the_padding_holds_changes_nothing(network, key):
    """To the bit; and a shorter sequence is the beginning of a longer one."""
    q = made(network, key)
    log_prob = jax.jit(lambda x, length: Masked(q, length).log_prob(x))
    padded = [log_prob(TEXT.at[4:].set(pad), 4) for pad in (0, 2, -1, 99)]
    assert len(set(map(float, padded))) == 1
    np.testing.assert_allclose(padded[0], q.log_prob_factors(TEXT)[:4].sum(), rtol=1e-6)


@networks
def test_how_much_padding_there_is_changes_nothing_but_rounding(network, key):
    """The same parameters in an array half as long again; of a Transformer's places the first."""
    longer, M = network.clone(), 9
    if isinstance(network, CausalTransformer):
        longer = network.clone(length=M)
    heads = [
        AutoregressiveHead(n, CategoricalHead((t,), K), one_hot(K))
        for n, t in ((network, T), (longer, M))
    ]
    whole = stirred(heads[1], key, FEATURES)
    own = {**whole["params"]["network"]}
    if isinstance(network, CausalTransformer):
        own["places"] = own["places"][:T]
    params = [{"params": {**whole["params"], "network": own}}, whole]

    @jax.jit
    def both(x, length):
        padded = (x, jnp.concatenate([x, jnp.array([2, 1, 0])]))
        q = [head.apply(p, FEATURES) for head, p in zip(heads, params, strict=True)]
        return [Masked(one, length).log_prob(x) for one, x in zip(q, padded, strict=True)]

    for length in (4, T):
        short, long = both(TEXT, length)
        assert short < -1
        np.testing.assert_allclose(short, long, rtol=1e-6)


@networks
def test_all_places_are_told_the_latent(network, key):
    head = head_of(network)
    params = stirred(head, key, FEATURES)
    one, other = (head.apply(params, f).conditionals(TEXT).logits for f in (FEATURES, -FEATURES))
    assert np.all(np.abs(one - other).max(axis=1) > 1e-4)


def test_heads_made_alike_are_equal(key):
    """So that a compiled function knows the distribution again; their parameters are outside."""
    trees = [jax.tree.structure(made(NETWORKS["transformer"].clone(), key)) for _ in range(2)]
    assert trees[0] == trees[1]
    assert hash(trees[0]) == hash(trees[1])
    params = jax.eval_shape(head_of(NETWORKS["wavenet"]).init, key, FEATURES)["params"]
    assert set(params) == {"network", "head"}


def test_words_are_left_out_with_a_key_alone(key):
    network = NETWORKS["transformer"].clone(word_dropout=1.0)
    head = head_of(network)
    params = stirred(head, key, FEATURES)
    told = head.apply(params, FEATURES)
    gone = head.apply(params, FEATURES, rngs={"dropout": key})
    other = jnp.zeros_like(TEXT)
    same = [gone.conditionals(x).logits for x in (TEXT, other)]
    np.testing.assert_array_equal(*same)
    assert gone.steps is None
    assert np.any(told.conditionals(TEXT).logits != told.conditionals(other).logits)
    some = head_of(network.clone(word_dropout=0.5)).apply(params, FEATURES, rngs={"dropout": key})
    np.testing.assert_array_equal(some.log_prob(TEXT), some.log_prob(TEXT))


@networks
def test_numbers_are_drawn_so_too(network, key):
    """A series of two channels, a Gaussian at each time."""
    head = AutoregressiveHead(network, GaussianHead((T, 2)))
    q = head.apply(stirred(head, key, FEATURES), FEATURES)
    assert q.reparameterized
    assert q.base_measure == "volume"
    x, log_p = jax.jit(q.sample_and_log_prob)(key)
    assert x.shape == (T, 2)
    np.testing.assert_allclose(log_p, q.log_prob(x), rtol=1e-5)
    assert q.log_prob_factors(x).shape == (T, 2)


@networks
def test_half_precision_is_inside_alone(network, key):
    head = head_of(network.clone(dtype=jnp.bfloat16))
    params = stirred(head, key, FEATURES)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    q = head.apply(params, FEATURES)
    full = head_of(network).apply(params, FEATURES)
    assert q.log_prob(TEXT).dtype == jnp.float32
    np.testing.assert_allclose(q.log_prob(TEXT), full.log_prob(TEXT), rtol=0.05)
    assert jax.jit(q.sample)(key).shape == (T,)


def test_dilations_cover_a_window():
    assert [dilations_of(T) for T in (1, 2, 3, 4, 9, 10, 64)] == [
        *((1,), (1,), (1,), (1, 2), (1, 2, 4), (1, 2, 4, 8), (1, 2, 4, 8, 16, 32)),
    ]


@networks
def test_what_is_no_sequence_is_refused(network, key):
    with pytest.raises(ValueError, match=r"one sequence \[.*, D\], .* shape \(6,\)"):
        network.init(key, FEATURES, TEXT)


def test_a_transformer_has_its_length_and_heads(key):
    with pytest.raises(ValueError, match=r"one sequence \[6, D\], .* shape \(5, 3\)"):
        NETWORKS["transformer"].init(key, FEATURES, jnp.zeros((5, 3)))
    with pytest.raises(ValueError, match="heads=3 must divide width=8"):
        CausalTransformer(T, width=8, heads=3).init(key, FEATURES, jnp.zeros((T, 3)))


# ---- in a model ----

N = 24
X = np.tile(np.arange(T) % K, (N, 1)).astype(np.int32)
LENGTHS = (np.arange(N) % T + 1).astype(np.int32)


def test_a_model_of_sequences_of_several_lengths_learns(key):
    """What comes next is known from what was before, but for the beginning."""
    tell = one_hot(T + 1)
    body = Network(MLP((8,)), head_of(NETWORKS["wavenet"]), tell)
    model = vae(
        Network(MLP((8,)), GaussianHead((2,)), tell),
        masked(body, lambda length: length),
        standard_gaussian(2),
    )
    data = {"x": X, "c": LENGTHS}
    step = descend(weighted_sum(model), optax.adam(3e-2))
    fitted = fit(model, step, data, key=key, epochs=40, batch_size=12)
    rows = [row["distortion"] for row in fitted.rows if row["data"] == "train"]
    assert rows[-1] < 0.3 * rows[0]
    params = fitted.params
    likelihood = model.decode(params, jnp.zeros(2), jnp.array(3))
    assert isinstance(likelihood.distribution, Autoregressive)
    padded = [likelihood.log_prob(jnp.array([0, 1, 2, *rest])) for rest in ((0, 1, 2), (-1, 9, 2))]
    np.testing.assert_array_equal(*padded)
    evaluate.check_support(model, params, data)


# ---- to tokens ----


def test_all_places_attend_to_every_token(key):
    """Latents [N, F], or an encoder's features; their order changes nothing."""
    head = head_of(NETWORKS["transformer"])
    tokens = jnp.array(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)
    params = stirred(head, key, tokens)
    logits = jax.jit(lambda tokens: head.apply(params, tokens).conditionals(TEXT).logits)
    for token in range(3):
        change = np.abs(logits(tokens.at[token, 0].add(1.0)) - logits(tokens)).max(axis=1)
        assert np.all(change > 1e-4)
    np.testing.assert_allclose(logits(tokens[::-1]), logits(tokens), rtol=1e-4, atol=1e-5)
    q = head.apply(params, tokens)
    draws = [jax.jit(p.sample)(key) for p in (q, q.replace(steps=None))]
    np.testing.assert_array_equal(*draws)


def test_a_draw_reads_the_tokens_once(key):
    """Their keys and values are carried, and no step asks for the tokens again."""
    head = head_of(NETWORKS["transformer"])
    tokens = jnp.array(np.random.default_rng(0).normal(size=(3, 4)), jnp.float32)
    q = head.apply(stirred(head, key, tokens), tokens)
    carried = q.steps.begin(q.given)
    spoilt = {**q.given, "features": jnp.full_like(tokens, jnp.nan)}
    (_, step), (_, same) = (q.steps.advance(g, carried, TEXT, 0) for g in (q.given, spoilt))
    np.testing.assert_array_equal(step.logits[0], same.logits[0])
    np.testing.assert_allclose(step.logits[0], q.conditionals(TEXT).logits[0], rtol=1e-5)
