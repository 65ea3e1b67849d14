"""Public checks of the bonus of 03_model: another order of work, the same logits."""

from segkit.checking.inputs import Numbers
from segkit.checking.probes import module_weights
from segkit.checking.public import PublicCheck, Task
from segkit.tasks.segformer.decoder_probes import FAST, fast_output, with_own_weights

CHANNELS = (7, 9, 10, 11)


def _case(seed: int, height: int, width: int, out_dims: tuple[int, int] | None = None) -> dict:
    numbers = Numbers(seed)
    maps = [
        numbers.normal(2, count, -(-height // 2**level), -(-width // 2**level)) for level, count in enumerate(CHANNELS)
    ]
    arguments = dict(in_channels=list(CHANNELS), embed_channels=13, out_dims=out_dims, num_classes=3)
    return dict(arguments=arguments, inputs=[maps])


FAST_DECODER = Task(
    "fast_decoder",
    "3.4 Bonus: the same logits with fewer multiplications",
    (
        PublicCheck("at the size of the first map: logits and multiply-adds", fast_output, _case(331, 8, 16)),
        PublicCheck(
            "in training mode, at a size of its own: logits and multiply-adds",
            fast_output,
            dict(**_case(332, 6, 10, (11, 18)), train=True),
        ),
        PublicCheck(
            "with the weights of your MLPDecoder: the logits of your MLPDecoder",
            with_own_weights,
            dict(**_case(333, 8, 12), seed=334),
        ),
        PublicCheck(
            "as many weights as MLPDecoder has, and all of them learn",
            module_weights,
            dict(**_case(335, 4, 6), name=FAST, cotangent=Numbers(336).normal(2, 3, 4, 6)),
        ),
    ),
)

TASKS = (FAST_DECODER,)
