"""What a student sees when training fails."""

import signal
import types

import torch
from torch.multiprocessing.spawn import ProcessException, ProcessExitedException

from segkit.errors import CourseError

LIBRARIES = ("lightning.", "torch.", "segkit.training.")


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
        interruption = "Training was interrupted: the same call with resume=True continues where it was."
        raise KeyboardInterrupt(interruption) from None
    except Exception as error:
        if _is_out_of_memory(error):
            raise CourseError(
                f"The memory of the GPU is too small for batch_size={batch_size}: try {max(1, batch_size // 2)}, or "
                "accumulate=2, and restart the kernels of other notebooks that use the GPU."
            ) from error
        failure = error
    if isinstance(failure, ProcessException):
        raise _from_process(failure)
    raise failure.with_traceback(_without_library_frames(failure.__traceback__.tb_next))


def _from_process(error: ProcessException) -> Exception:
    """What failed in one of several processes that train together: a CourseError is one here too."""
    if isinstance(error, ProcessExitedException):
        return CourseError(
            "A process of the training has ended unexpectedly, perhaps for want of memory: the same call continues "
            "where it was."
        )
    return CourseError(error.msg.rsplit("CourseError: ", 1)[1].strip()) if "CourseError: " in error.msg else error


def _is_out_of_memory(error: Exception) -> bool:
    """CUDA has a class for it, MPS only words."""
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError | ProcessException) and "out of memory" in str(error)
    )


def _without_library_frames(trace: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback without the frames of Lightning, torch and this package that lie between frames of other files.

    Where an error is raised inside a library, the frames after the last other file stay: they are its story.
    """
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    ours = [not frame.tb_frame.f_globals.get("__name__", "").startswith(LIBRARIES) for frame in frames]
    last = max((index for index, is_ours in enumerate(ours) if is_ours), default=-1)
    kept = [frame for index, frame in enumerate(frames) if ours[index] or index > last]
    trimmed = None
    for frame in reversed(kept):
        trimmed = types.TracebackType(trimmed, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return trimmed
