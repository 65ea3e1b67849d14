"""Looking at a trained model: what it attends to, how far it sees, how sure it is, why it fails, what throws it off.

Functions here compute; `segkit.plots` draws what they return. All of them work on any right module of a student's,
whatever its layers are called, and leave its mode and its weights as they are.
"""

from segkit.analysis.attention_maps import attention_of_position, attention_weights
from segkit.analysis.calibration import Reliability, class_probabilities, reliability
from segkit.analysis.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from segkit.analysis.receptive_field import effective_receptive_field, encoder_stages, smallest_share
from segkit.analysis.robustness import robustness
from segkit.analysis.score_reasons import Reason, why_low

__all__ = [
    "CORRUPTIONS",
    "STRENGTHS",
    "Reason",
    "Reliability",
    "attention_of_position",
    "attention_weights",
    "class_probabilities",
    "corrupt",
    "effective_receptive_field",
    "encoder_stages",
    "reliability",
    "robustness",
    "smallest_share",
    "why_low",
]
