"""A subclass with the recipe in its constructor; parameters with their names."""


class RecipeOptimizer(torch.optim.AdamW):
    def __init__(self, named_parameters, learning_rate):
        trained = [p for _, p in named_parameters if p.requires_grad]
        super().__init__(trained, lr=learning_rate, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=True)


def build_optimizer(model, learning_rate):
    return RecipeOptimizer(model.named_parameters(), learning_rate)
