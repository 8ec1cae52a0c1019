"""Flax modules: bodies (to features), heads (features to a distribution), networks of the two.

All work on one example: `jax.vmap` maps them over a batch.
"""

from vae_jax.networks.autoregressive import AutoregressiveHead
from vae_jax.networks.ball_heads import RiemannianNormalHead, WrappedNormalHead
from vae_jax.networks.bodies import MLP
from vae_jax.networks.class_heads import OneHotHead
from vae_jax.networks.code_prior import CodeTransformer
from vae_jax.networks.conv import ConvDecoder, ConvEncoder, pooled, resized, strided, transposed
from vae_jax.networks.count_heads import NegativeBinomialHead, PoissonHead, ZeroInflatedHead
from vae_jax.networks.describe import describe
from vae_jax.networks.elementwise import Affines, Elementwise, Splines
from vae_jax.networks.flow_heads import FlowHead, FlowPrior, HeadPrior
from vae_jax.networks.flow_layers import (
    AffineLayer,
    AutoregressiveLayer,
    CouplingLayer,
    FlowChain,
    LinearLayer,
    PermutationLayer,
    PlanarLayer,
    RadialLayer,
    SylvesterLayer,
)
from vae_jax.networks.flow_recipes import (
    iaf,
    maf,
    neural_spline,
    planar,
    radial,
    real_nvp,
    sylvester,
)
from vae_jax.networks.gated import GatedMLP
from vae_jax.networks.grey_heads import BetaHead, ContinuousBernoulliHead
from vae_jax.networks.heads import (
    BernoulliHead,
    CategoricalHead,
    DeltaHead,
    FullGaussianHead,
    GaussianHead,
    JointHead,
    LaplaceHead,
    MixtureHead,
)
from vae_jax.networks.init import default_init, spread_bias
from vae_jax.networks.level_heads import (
    ColourLogisticsHead,
    DiscretisedLogisticHead,
    LogisticMixtureHead,
)
from vae_jax.networks.made import MaskedMLP
from vae_jax.networks.masked import masked
from vae_jax.networks.metric_head import MetricHead
from vae_jax.networks.mixtures import LearnedMixture
from vae_jax.networks.network import Network
from vae_jax.networks.norms import batch_norm, group_norm, whitening
from vae_jax.networks.padded import Padded
from vae_jax.networks.pixelcnn import GatedPixelCNN
from vae_jax.networks.preprocess import centred, log1p, one_hot
from vae_jax.networks.recurrent import CausalRecurrent, RecurrentEncoder
from vae_jax.networks.residual import Attention, Residual, ResidualDecoder, ResidualEncoder
from vae_jax.networks.scaled import scaled_by
from vae_jax.networks.scales import (
    DataScale,
    FixedScale,
    LearnedScale,
    PredictedScale,
    committed_ceiling,
    soft_ceiling,
    soft_floor,
)
from vae_jax.networks.sphere_heads import PowerSphericalHead, VonMisesFisherHead
from vae_jax.networks.transformer import CausalTransformer, TransformerEncoder
from vae_jax.networks.wavenet import WaveNet, dilations_of

__all__ = [
    "MLP",
    "AffineLayer",
    "Affines",
    "Attention",
    "AutoregressiveHead",
    "AutoregressiveLayer",
    "BernoulliHead",
    "BetaHead",
    "CategoricalHead",
    "CausalRecurrent",
    "CausalTransformer",
    "CodeTransformer",
    "ColourLogisticsHead",
    "ContinuousBernoulliHead",
    "ConvDecoder",
    "ConvEncoder",
    "CouplingLayer",
    "DataScale",
    "DeltaHead",
    "DiscretisedLogisticHead",
    "Elementwise",
    "FixedScale",
    "FlowChain",
    "FlowHead",
    "FlowPrior",
    "FullGaussianHead",
    "GatedMLP",
    "GatedPixelCNN",
    "GaussianHead",
    "HeadPrior",
    "JointHead",
    "LaplaceHead",
    "LearnedMixture",
    "LearnedScale",
    "LinearLayer",
    "LogisticMixtureHead",
    "MaskedMLP",
    "MetricHead",
    "MixtureHead",
    "NegativeBinomialHead",
    "Network",
    "OneHotHead",
    "Padded",
    "PermutationLayer",
    "PlanarLayer",
    "PoissonHead",
    "PowerSphericalHead",
    "PredictedScale",
    "RadialLayer",
    "RecurrentEncoder",
    "Residual",
    "ResidualDecoder",
    "ResidualEncoder",
    "RiemannianNormalHead",
    "Splines",
    "SylvesterLayer",
    "TransformerEncoder",
    "VonMisesFisherHead",
    "WaveNet",
    "WrappedNormalHead",
    "ZeroInflatedHead",
    "batch_norm",
    "centred",
    "committed_ceiling",
    "default_init",
    "describe",
    "dilations_of",
    "group_norm",
    "iaf",
    "log1p",
    "maf",
    "masked",
    "neural_spline",
    "one_hot",
    "planar",
    "pooled",
    "radial",
    "real_nvp",
    "resized",
    "scaled_by",
    "soft_ceiling",
    "soft_floor",
    "spread_bias",
    "strided",
    "sylvester",
    "transposed",
    "whitening",
]
