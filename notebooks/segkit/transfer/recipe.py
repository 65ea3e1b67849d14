"""How the runs of the transfer assignment are trained: the same for all of them, but for what is compared."""

from dataclasses import dataclass

from segkit.training.settings import check_seed, check_whole, require


@dataclass(frozen=True)
class Recipe:
    """Settings of a run; the defaults are the assignment's.

    Args:
        learning_rate: of the first epoch.
        gamma: factor of the learning rate from one epoch to the next, as in `torch.optim.lr_scheduler.ExponentialLR`.
        batch_size: images per step.
        epochs: times that every training image is shown.
        validate_every: epochs from one validation to the next; the last epoch is always validated.
        seed: of the order of the images, and of the weights where `train_run` builds the model.

    Raises:
        CourseError: if a setting is wrong.
    """

    learning_rate: float = 1e-3
    gamma: float = 0.98
    batch_size: int = 64
    epochs: int = 30
    validate_every: int = 2
    seed: int = 0

    def __post_init__(self):
        for name in ("batch_size", "epochs", "validate_every"):
            check_whole(name, getattr(self, name))
        require(self.learning_rate > 0, f"learning_rate={self.learning_rate} must be positive, for example 1e-3.")
        require(0 < self.gamma <= 1, f"gamma={self.gamma} must lie between 0 and 1; 1 leaves the rate as it is.")
        check_seed(self.seed)
