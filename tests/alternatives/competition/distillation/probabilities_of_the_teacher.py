"""kl_div of the teacher's probabilities, whose zeros it takes care of; added up, then divided."""


def channel_distillation(student_logits, teacher_logits, temperature=4.0):
    images, channels = student_logits.shape[:2]
    wanted = torch.softmax(teacher_logits.flatten(-2) / temperature, dim=-1).detach()
    log_student = nn.LogSoftmax(dim=-1)(student_logits.flatten(-2) / temperature)
    return F.kl_div(log_student, wanted, reduction="sum") * (temperature * temperature / (images * channels))
