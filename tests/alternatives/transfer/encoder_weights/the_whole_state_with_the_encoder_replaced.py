"""A whole state is put together and loaded strictly."""

import copy


def load_encoder(model, weights):
    state = copy.deepcopy(model.state_dict())
    taken = []
    for name in weights:
        if name.startswith("encoder."):
            if name not in state:
                raise ValueError(f"{name} has no place in the model")
            if state[name].size() != weights[name].size():
                raise ValueError(f"{name}: {state[name].size()} is needed")
            state[name] = weights[name].clone()
            taken.append(name)
    for name in state:
        if name.startswith("encoder.") and name not in taken:
            raise ValueError(f"{name} is missing")
    model.load_state_dict(state)
    return taken
