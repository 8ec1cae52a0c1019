"""The options of every config of data."""

from dataclasses import dataclass

from vae_jax.configs.choices.names import (
    Activation,
    Decoder,
    Dtype,
    Gradient,
    Group,
    Likelihood,
    MeanBound,
    Network,
    Norm,
    Objective,
    Optimizer,
    Posterior,
    Prior,
    PseudoStart,
    Reduction,
    Rise,
    Scale,
    Start,
    Step,
    Updates,
)
from vae_jax.networks.scales import FLOOR


@dataclass(frozen=True)
class Choices:
    """What the data are modelled by, and what is descended.

    Args:
      objective: elbo; capacity, the least distortion at a rate; iwae of all draws; miwae, the mean
        of iwae over groups of draws; piwae, iwae with an encoder that follows miwae; ciwae, elbo
        and iwae mixed; rloo and vimco, elbo and iwae of a posterior whose draws have no gradient;
        enumerated, elbo of classes, exactly, by all states of z, where they are few.
      draws: Of z for each example and step, by default 1 of elbo and capacity, 5 of iwae, ciwae and
        vimco, 4 of rloo; of miwae and piwae in each group, by default 8.
      groups: Of draws, of miwae and piwae, by default 8.
      mix: Of ciwae, the weight of the elbo, by default 0.5.
      gradient: plain, or score-free: sticking the landing of elbo, else doubly reparameterized.
      beta: Of elbo, the weight of the rate; below 1 the loss is no bound.
      beta_warmup: Steps in which beta rises from 0, by default none; of binary images 200.
      beta_rise: linear: once; cyclical: again and again, held as long as it has risen.
      free_bits: Of elbo, the nats below which a rate costs no less, by default none; the mean rate
        of a batch.
      free_bits_per: dimension: each dimension of z has so many; total: all have together.
      capacity: Of capacity, the mean rate that is asked for, in nats, by default 25.
      capacity_warmup: Steps in which it rises from 0, by default none.
      gamma: Of capacity, the weight of the distance from it, by default 1000.
      likelihood: gaussian or laplace on real numbers, or on dequantised integers; full_gaussian,
        with every covariance, on tables and series of few numbers; bernoulli: each
        intensity is the probability of a 1; continuous_bernoulli and beta: densities on [0, 1], of
        integers dequantised; categorical: a probability for each integer; logistic and
        logistic_mixture: masses of a density on the intervals of the integers; poisson,
        negative_binomial and zinb, the same with further zeros: of counts in a table.
      scale: Of gaussian, full_gaussian, laplace, beta and logistic, the standard deviation: fixed;
        that of the training data, or, as VQ-VAEs have it, sigma^2 = D Var / 2; one learned, one
        learned for each dimension, or predicted for each dimension from z; of gaussian optimal, the
        one that is best of each batch, and in evaluation of the training data; by default predicted
        of images, and of the rest learned for each dimension.
      sigma: Of these, the standard deviation (of beta that at a mean of one half), or where it
        begins to be learned, by default at half that of the training data; of numbers that are
        standardised, in those units. Of negative_binomial and zinb both are of the deviation,
        relative to the mean, beyond a Poisson's.
      logistics: Of logistic_mixture, how many for each intensity, or pixel of three colours, by
        default 10.
      mean_bound: Of gaussian and laplace, what the mean goes through: sigmoid, into (0, 1), or
        tanh, into (-1, 1).
      network: mlp; gated, a sigmoid in the place of its activation; of images and series conv, and
        residual, conv with residual blocks; of texts and series gru, lstm and transformer, which
        read them, and whose decoder is an mlp.
      hidden: Of mlp and gated, units of each layer of the encoder; the decoder mirrors it. Of gru,
        lstm and transformer the decoder is those mirrored.
      channels: Of conv and residual, of each stage of the encoder, which halves the image; the
        decoder mirrors it.
      blocks: Of residual, of each stage, by default 1.
      attention: Of residual, heights of maps in which all positions attend to all: 7, say.
      skips: Of residual, each stage of the decoder is told z anew.
      encoder_layers: Of gru and lstm, by default 1, and of transformer, by default 2.
      encoder_width: Features of each layer of gru and lstm, in each direction, and of
        transformer, by default 128.
      encoder_heads: Of transformer, of the attention, by default 4.
      activation: Of the layers, but of gated.
      norm: Of the layers, but of gru, lstm and transformer: layer of the channels of a pixel, group
        of all of an example, batch.
      dropout: Probability that a feature is left out in training; none is in the decoders wavenet
        and pixelcnn.
      dtype: Of the arithmetic of bodies and heads: float32 or bfloat16; parameters, densities and
        bounds are float32.
      decoder: independent: each value is drawn by itself, given z; or one after the other, each
        given those before it: of text and series transformer, wavenet, gru, lstm; of images
        pixelcnn; or all together, of a table of numbers: flow, the likelihood through flows.
      decoder_layers: Of transformer and flow, by default 2, of gru and lstm, by default 1, and of
        pixelcnn, by default 5.
      decoder_width: Features of each layer of transformer, gru and lstm, by default 128, of
        wavenet and flow, by default 64, and of pixelcnn, by default 32.
      decoder_heads: Of transformer, of the attention, by default 4.
      word_dropout: Of these but pixelcnn, how probably a place is not told what is before it.
      posterior: gaussian, diagonal; full, with every covariance; committed: diagonal, with a least
        rate; point: a plain autoencoder, which has no bound; hamiltonian, a gaussian whose draws
        are moved by leapfrog steps; riemannian_hamiltonian, by those in a metric that is learned;
        planar, radial, sylvester and iaf: a gaussian through flows of the features; codes, the
        nearest of a table, at each position of the smallest map of convolutions; residual_codes,
        sums of these; fsq, levels of each channel; lfq and bsq, signs of each, bsq on a sphere;
        categorical, each latent a class, for rloo, vimco and enumerated; gumbel, the same, relaxed;
        vmf and power_spherical, on a sphere of one dimension less; wrapped and riemannian, in
        hyperbolic space.
      posterior_floor: Of all with a standard deviation, the least log of it; of flows that of the
        Gaussian they begin at.
      committed_rate: Of committed, the least rate of each dimension, by default 0.1 nats.
      leapfrog_steps: Of hamiltonian and riemannian_hamiltonian, by default 3.
      metric_examples: Of riemannian_hamiltonian, images that its metric is around, by default 100.
      flow_layers: Of planar and radial, by default 8, of sylvester, by default 4, of iaf, 2.
      flow_width: Of iaf, units of the networks, by default 128.
      flow_rank: Of sylvester, directions of each layer, by default 8 at most.
      num_codes: Of codes and residual_codes, of a table, by default 512.
      code_groups: Of codes, of channels, each with a table of its own, by default 1.
      code_cosine: Of codes, vectors of length 1: the nearest is that of the largest cosine.
      code_depth: Of residual_codes, how many are summed, by default 4.
      code_dropout: Of residual_codes, how probably training draws their number, by default 0.
      code_updates: Of codes and residual_codes: averages of the features, or gradients.
      code_decay: Of the averages, by default 0.99.
      code_start: Of codes that follow by averages: kmeans, of the first batch, or normal; by
        default kmeans.
      code_restart: Of these, the share of an equal one below which a code begins anew at a vector
        of the batch, by default 0.05; 0 for never.
      code_commitment: Of codes, residual_codes and lfq, the weight of the features' distance, by
        default 0.25.
      code_reduction: Of codes and residual_codes, of the distances over positions and channels:
        sum, or mean, with scale=data_vqvae the original code's.
      code_levels: Of fsq, of each of its latents, by default (8, 5, 5, 5).
      code_whitened: Of fsq, channels of variance 1 and no correlations over the batch.
      code_entropy: Of lfq and bsq, the weight of the mean entropy less that of the mean, by default
        0.1.
      code_temperature: Of lfq and bsq, of the soft choices whose entropy it is, by default 1.
      code_vectors: Of codes without convolutions, how many vectors there are, by default 1.
      latent_classes: Of categorical and gumbel, of each latent, by default 10.
      temperature: Of gumbel, of the relaxation, by default 1.
      temperature_end: Where it ends, by default where it begins.
      temperature_steps: In how many steps of training.
      straight_through: Of gumbel, draw classes, with the gradient of the relaxation.
      curvature: Of wrapped, riemannian and hyperbolic, c of the curvature -c, by default 1.
      prior: standard normal; or learned: mixture, of Gaussians; vamp, of the posteriors of inputs
        that are learned; exemplars, Gaussians around those of training images; real_nvp, maf and
        spline, a normal through flows; autoregressive, each latent given those before it; or, of
        classes, all alike; sphere, uniform on it; hyperbolic, a Gaussian wrapped around that space.
      components: Of mixture, by default 10.
      pseudo_inputs: Of vamp, by default 500.
      pseudo_start: Where these begin: data, at training images; noise, of images about the middle
        grey, and of mean 0 and deviation 1 where data are standardised; by default data of images.
      num_exemplars: Of exemplars, by default 500, at most 10,000; x is not left out of them.
      nearest: Of exemplars, of how many the density is, those nearest to z, by default of all.
      prior_layers: Of real_nvp, by default 6, of maf and spline, 4, of autoregressive, 2.
      prior_width: Of these four, units of the networks, by default 64.
      optimizer: adam, adamw, sgd, adamax, rmsprop, lion.
      weight_decay: Of adamw and lion, of kernels, by default 0.0001.
      momentum: Of sgd and rmsprop, by default none.
      epsilon: Of adam, adamw, adamax and rmsprop, by default 1e-08.
      step: together: one descent of all parameters; encoder_ahead: the encoder descends fresh parts
        of a batch until its bound stops rising, as long as z tells more and more of x.
      parts: Of encoder_ahead, how many make a batch, which is to be so much larger, by default 10.
      window: Of encoder_ahead, how many parts the bound is a mean of, by default 10.
      looks: Of encoder_ahead, the steps between looks at what z tells, by default 20.
    """

    objective: Objective = "elbo"
    draws: int | None = None
    groups: int | None = None
    mix: float | None = None
    gradient: Gradient = "plain"
    beta: float = 1.0
    beta_warmup: int | None = None
    beta_rise: Rise = "linear"
    free_bits: float = 0.0
    free_bits_per: Group = "dimension"
    capacity: float | None = None
    capacity_warmup: int | None = None
    gamma: float | None = None
    likelihood: Likelihood = "gaussian"
    scale: Scale | None = None
    sigma: float | None = None
    logistics: int | None = None
    mean_bound: MeanBound = "none"
    network: Network = "mlp"
    hidden: tuple[int, ...] = (512, 512)
    channels: tuple[int, ...] = (32, 64)
    blocks: int | None = None
    attention: tuple[int, ...] = ()
    skips: bool = False
    encoder_layers: int | None = None
    encoder_width: int | None = None
    encoder_heads: int | None = None
    activation: Activation = "relu"
    norm: Norm = "none"
    dropout: float = 0.0
    dtype: Dtype = "float32"
    decoder: Decoder = "independent"
    decoder_layers: int | None = None
    decoder_width: int | None = None
    decoder_heads: int | None = None
    word_dropout: float | None = None
    posterior: Posterior = "gaussian"
    posterior_floor: float | None = FLOOR
    committed_rate: float | None = None
    leapfrog_steps: int | None = None
    metric_examples: int | None = None
    flow_layers: int | None = None
    flow_width: int | None = None
    flow_rank: int | None = None
    num_codes: int | None = None
    code_groups: int | None = None
    code_cosine: bool = False
    code_depth: int | None = None
    code_dropout: float | None = None
    code_updates: Updates = "averages"
    code_decay: float | None = None
    code_start: Start | None = None
    code_restart: float | None = None
    code_commitment: float | None = None
    code_reduction: Reduction = "sum"
    code_levels: tuple[int, ...] | None = None
    code_whitened: bool = False
    code_entropy: float | None = None
    code_temperature: float | None = None
    code_vectors: int | None = None
    latent_classes: int | None = None
    temperature: float | None = None
    temperature_end: float | None = None
    temperature_steps: int | None = None
    straight_through: bool = False
    curvature: float | None = None
    prior: Prior = "standard"
    components: int | None = None
    pseudo_inputs: int | None = None
    pseudo_start: PseudoStart | None = None
    num_exemplars: int | None = None
    nearest: int | None = None
    prior_layers: int | None = None
    prior_width: int | None = None
    optimizer: Optimizer = "adam"
    weight_decay: float | None = None
    momentum: float | None = None
    epsilon: float | None = None
    step: Step = "together"
    parts: int | None = None
    window: int | None = None
    looks: int | None = None
