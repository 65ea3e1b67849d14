"""A closure, a loss of numpy's float."""


def segmentation_loss(logits, target, ignore_index=255):
    return F.cross_entropy(logits, target, ignore_index=ignore_index).nan_to_num(0.0)


def training_step(model, optimizer, images, target):
    model.train(True)

    def closure():
        optimizer.zero_grad(set_to_none=False)
        loss = segmentation_loss(logits=model(images), target=target)
        loss.backward()
        return loss

    return optimizer.step(closure).detach().numpy()
