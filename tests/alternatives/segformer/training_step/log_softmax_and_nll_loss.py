"""log_softmax, nn.NLLLoss as a sum, divided by the labelled pixels."""


def segmentation_loss(logits: Tensor, target: Tensor, ignore_index: int = 255) -> Tensor:
    log_probabilities = F.log_softmax(logits, dim=1)
    total = nn.NLLLoss(ignore_index=ignore_index, reduction="sum")(log_probabilities, target)
    count = (target != ignore_index).sum().item()
    return total / max(count, 1)


def training_step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, target: Tensor) -> float:
    model.train()
    model.zero_grad()
    loss = segmentation_loss(model(images), target)
    loss.backward()
    optimizer.step()
    return loss.detach().item()
