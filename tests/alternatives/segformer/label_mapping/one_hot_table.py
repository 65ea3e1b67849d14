"""A one-hot table of the ids, times the labels."""


def map_labels(annotation):
    one_hot = torch.zeros(256, 4)
    one_hot[:, 0] = 1
    for label, ids in ADE20K_CLASSES.items():
        for number in ids:
            one_hot[number] = torch.eye(4)[label]
    votes = torch.nn.functional.embedding(annotation.long(), one_hot.to(annotation.device))
    return votes.argmax(dim=-1)
