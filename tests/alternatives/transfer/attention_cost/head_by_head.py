"""Counted head by head, layer by layer."""


def attention_cost(height, width, channels, num_heads, reduction_ratio=1):
    n, m, d = height * width, (height // reduction_ratio) * (width // reduction_ratio), channels // num_heads
    total = 0
    for _ in range(num_heads):
        total += n * channels * d  # queries
        total += 2 * m * channels * d  # keys and values
        total += n * m * d  # scores
        total += n * m * d  # weighted sum
        total += n * d * channels  # this head's part of the output layer
    if reduction_ratio != 1:
        total += m * channels * (channels * reduction_ratio * reduction_ratio)
    return total
