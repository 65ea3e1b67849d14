"""Image by image and channel by channel, with logsumexp."""


def channel_distillation(student_logits, teacher_logits, temperature=4.0):
    with torch.no_grad():
        of_teacher = teacher_logits / temperature - torch.logsumexp(teacher_logits / temperature, (2, 3), keepdim=True)
    total = 0
    for image, wanted in zip(student_logits / temperature, of_teacher, strict=True):
        for channel, goal in zip(image, wanted, strict=True):
            total = total + (goal.exp() * (goal - channel + channel.flatten().logsumexp(0))).sum()
    return total * temperature**2 / (student_logits.shape[0] * student_logits.shape[1])
