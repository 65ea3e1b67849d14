"""A group for each part of the model that has something to train."""


def build_optimizer(model, learning_rate):
    groups = []
    for part in model.children():
        trained = [p for p in part.parameters() if p.requires_grad]
        if trained:
            groups.append({"params": trained, "lr": learning_rate})
    return torch.optim.AdamW(groups, lr=learning_rate, amsgrad=True)
