"""The Kernels lab's presets: one for each architecture, each the question a student asks next."""

from __future__ import annotations

from tpapp.page import Preset

# sigma_w^2 E phi'(z)^2 = 1 at the fixed point of the variance
EDGE = {"phi": "tanh", "depth": 20, "sigma_w": 1.32, "sigma_b": 0.22, "draws": 1000}
BLOCK = "dense~act~layernorm~attention{}~dense~act~meanpool"


def words(net: str, **values) -> dict:
    """A network on sentences, whose rows are their words."""
    return {"net": net, "data": "sentences", "x": 0, "x2": 8, "draws": 1000, "width": 1024} | values


PRESETS = {
    "relu": Preset("ReLU network on digits"),
    "narrow": Preset("Eight neurons", {"width": 8}, question="A very narrow network?"),
    "million": Preset("A million neurons", {"width": 10**6}, question="How wide can it be?"),
    "deep": Preset("Ten layers", {"depth": 10}, question="Does depth matter?"),
    "erf": Preset("erf instead of ReLU", {"phi": "erf"}, question="What if the activation is erf?"),
    "edge": Preset("tanh at the edge of chaos", EDGE, question="At the edge of chaos?"),
    "ntk": Preset("Tangent kernel", {"kernel": "ntk"}, question="What does gradient descent see?"),
    "rnn": Preset("Simple RNN on sentences", words("RNN"), question="What if the weights are tied?"),
    "gru": Preset("GRU on sentences", words("GRU", draws=400), question="With gates?"),
    "lstm": Preset("LSTM on sentences", words("LSTM", draws=400), question="With a memory?"),
    "cnn": Preset("Convolutions on digits", {"net": "CNN", "width": 256, "draws": 400},
                  question="One filter everywhere?"),
    "pool": Preset("Convolutions, pooled", {"net": "conv~act~avgpool~conv~act~meanpool", "width": 256, "draws": 400},
                   question="And with pooling?"),
    "text": Preset("Convolutions over words", words("CNN-hmean", x=0, x2=1), question="Convolutions over words?"),
    "graph": Preset("Graph convolutions", {"net": "GraphConv", "data": "graph", "x": 0, "x2": 33, "draws": 1000,
                                           "width": 1024}, question="What about a graph?"),
    "resnet": Preset("Skip connections", {"net": "ResNet", "draws": 1000}, question="With skip connections?"),
    "batchnorm": Preset("Batchnorm", {"net": "BatchNormMLP", "draws": 1000, "width": 1024}, question="With batchnorm?"),
    "layernorm": Preset("Layernorm", {"net": "LayerNormMLP", "draws": 1000}, question="With layernorm?"),
    "attention": Preset("Transformer block on digits", {"net": BLOCK.format(""), "draws": 1000}, question="Attention?"),
    "masked": Preset("Four heads that look back", {"net": BLOCK.format("-h4-m1"), "draws": 1000, "width": 1024},
                     question="Several heads, one direction?"),
    "sqrt": Preset("Logits divided by √n", {"net": BLOCK.format("-lsqrt"), "draws": 1000, "width": 1024},
                   question="Logits divided by √n?"),
    "transformer": Preset("Transformer on sentences", words("Transformer", draws=2000),
                          question="A whole transformer?"),
}  # fmt: skip
