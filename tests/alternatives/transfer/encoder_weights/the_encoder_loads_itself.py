"""The encoder's own load_state_dict, strict, whose complaint becomes a ValueError."""


def load_encoder(model, weights):
    start = "encoder."
    own = model.encoder.state_dict()
    given = {name[len(start) :]: value for name, value in weights.items() if name[: len(start)] == start}
    wrong = [name for name in own if name in given and given[name].shape != own[name].shape]
    if wrong:
        raise ValueError(f"other shapes: {start}{wrong[0]}")
    try:
        missing = [name for name in own if name not in given]
        surplus = [name for name in given if name not in own]
        if missing or surplus:
            raise KeyError(f"{start}{[*missing, *surplus][0]}")
        model.encoder.load_state_dict(given)
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"the weights do not fit: {error}") from error
    return [start + name for name in given]
