"""What a student sees when training fails."""

import signal
import types

import torch

from segkit.errors import CourseError


def call_readably(batch_size: int, function, *args, **kwargs):
    """Call `function`, a step of Lightning's; what fails in it comes out as a reader needs it.

    A student's error has the student's frames and none of the thirty of Lightning around them; an interruption is one,
    and does not end the process; too little memory for the batch is a sentence.
    """
    interrupt_handler = signal.getsignal(signal.SIGINT)
    try:
        return function(*args, **kwargs)
    except SystemExit as error:
        # Lightning turns an interruption into the end of the process, and makes the process deaf to further ones
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        signal.signal(signal.SIGINT, interrupt_handler)
        interruption = "Training was interrupted: the same call with resume=True continues after the last whole epoch."
        raise KeyboardInterrupt(interruption) from None
    except Exception as error:
        if _is_out_of_memory(error):
            raise CourseError(
                f"The memory of the GPU is too small for batch_size={batch_size}: try {max(1, batch_size // 2)}, "
                "and restart the kernels of other notebooks that use the GPU."
            ) from error
        failure = error
    raise failure.with_traceback(_without_library_frames(failure.__traceback__.tb_next))


def _is_out_of_memory(error: Exception) -> bool:
    """CUDA has a class for it, MPS only words."""
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "out of memory" in str(error)
    )


def _without_library_frames(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback without the frames of Lightning and torch that lie between frames of other files.

    Where an error is raised inside a library, the frames after the last other file stay: they are its story.
    """
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    ours = [not frame.tb_frame.f_globals.get("__name__", "").startswith(("lightning.", "torch.")) for frame in frames]
    last = max((index for index, is_ours in enumerate(ours) if is_ours), default=-1)
    kept = [frame for index, frame in enumerate(frames) if ours[index] or index > last]
    trimmed = None
    for frame in reversed(kept):
        trimmed = types.TracebackType(trimmed, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return trimmed
