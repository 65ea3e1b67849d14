"""The students beside the attackers: what they hand in, and the points that it must get, exactly."""

from dataclasses import dataclass

from attack import FULL, NOTHING, ONE_TEST_LOST, Hand, Points, coding, released_notebook
from nbformat.v4 import new_code_cell, new_output

FIGURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@dataclass(frozen=True)
class Honest:
    """An honest submission and its points; `answered`: the written answer waits for a person."""

    name: str
    write: object
    points: Points
    answered: bool = True


def _untouched(hand: Hand) -> None:
    hand.save(released_notebook())


def _in_words(hand: Hand) -> None:
    hand.cell("q1").source = "A batch of one image cannot tell *per image* from **per batch**: $a < b$.\n\n" * 200
    hand.save()


def _with_logs(hand: Hand) -> None:
    log = "".join(f"epoch {epoch}: loss {1 / (1 + epoch):.4f}\n" for epoch in range(400))
    for cell in hand.notebook.cells:
        if "experiment" in cell.metadata.get("tags", []):
            picture = new_output("display_data", data={"image/png": FIGURE, "text/plain": "<Figure>"})
            cell.outputs, cell.execution_count = [new_output("stream", text=log), picture], 3
    trying = "import warnings\nlosses = [1 / n for n in range(1, 9)]\n_ = warnings.warn('old')\nprint(losses)"
    hand.notebook.cells.insert(3, new_code_cell(trying, id="mine", outputs=[new_output("stream", text=log)]))
    hand.save()


HONEST = (
    Honest("honest_ada_all_right", coding(), FULL),
    Honest(
        "honest_bo_other_variance",
        coding(
            normalize_channels="""
            def normalize_channels(images, eps=1e-5):
                mean = images.mean(dim=(0, 2, 3), keepdim=True)
                return (images - mean) / torch.sqrt(images.var(dim=(0, 2, 3), keepdim=True) + eps)
            """
        ),
        ONE_TEST_LOST,  # a small mistake costs a small part
    ),
    Honest("honest_cy_untouched", _untouched, NOTHING, answered=False),
    Honest(
        "honest_di_another_style",
        coding(
            image_to_patches="""
            def image_to_patches(images, patch_size):
                p = patch_size
                rows = images.unfold(2, p, p).unfold(3, p, p)
                return rows.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
            """,
            normalize_channels="""
            def normalize_channels(images, eps=1e-5):
                return F.batch_norm(images, None, None, training=True, eps=eps)
            """,
            PixelLinear="""
            class PixelLinear(nn.Module):
                def __init__(self, in_channels, out_channels):
                    super().__init__()
                    self.mix = nn.Conv2d(in_channels, out_channels, kernel_size=1)

                def forward(self, x):
                    return self.mix(normalize_channels(x))
            """,
        ),
        FULL,
    ),
    Honest("honest_eve_long_answer", _in_words, FULL),
    Honest("honest_flo_training_logs", _with_logs, FULL),
)
