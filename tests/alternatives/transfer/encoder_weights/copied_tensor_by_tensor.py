"""Compared as a whole, then copied tensor by tensor; counters of batches are left out."""


def load_encoder(model, weights):
    own = {**dict(model.named_parameters()), **dict(model.named_buffers())}

    def is_wanted(name):
        return name.split(".")[0] == "encoder" and not name.endswith("num_batches_tracked")

    shapes = {name: value.shape for name, value in own.items() if is_wanted(name)}
    given = {name: value.shape for name, value in weights.items() if is_wanted(name)}
    if shapes != given:
        names = sorted(name for name in {**shapes, **given} if shapes.get(name) != given.get(name))
        raise ValueError("these do not fit: " + ", ".join(names))
    with torch.no_grad():
        for name in shapes:
            own[name].copy_(weights[name])
    return sorted(shapes)
