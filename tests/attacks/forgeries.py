"""Attacks that want points for wrong code: forged values, a patched process, lies on the wire.

The process in which a submission's code runs belongs to that code. Nothing in it is believed but values, and values are
held against the reference where that code cannot reach.
"""

from attack import (
    FULL,
    IN_ONE_TEST,
    NO_NORMALIZE,
    NORMALIZED,
    ONE_TEST_LOST,
    PATCHES,
    PIXELS,
    WRONG_NORMALIZE,
    Attack,
    coding,
    normalize,
)

NOT_A_VALUE = "no value of the reference: 0 points"

WITHOUT_PROPERTIES = (PATCHES, round(NORMALIZED * 5 / 6, 2), round(PIXELS * 7 / 8, 2))  # 0.5 of 3 shares, 0.25 of 2


def _patching(name: str, tries: str, cell: str, outcome: str = "its process alone is changed: 0 points", **more):
    """Wrong code that patches its process when it is loaded."""
    wrong = more.pop("stub", WRONG_NORMALIZE)
    return Attack(name, tries, coding(cell=cell, normalize_channels=wrong), outcome, earned=NO_NORMALIZE, **more)


def _answering(name: str, tries: str, stub: str, outcome: str = NOT_A_VALUE, **more) -> Attack:
    return Attack(name, tries, coding(normalize_channels=stub), outcome, earned=NO_NORMALIZE, **more)


VALUES = (
    _answering(
        "equality_always_true",
        "an answer whose ==, <= and - agree with everything",
        """
        class Anything:
            shape, dtype, ndim = (2, 3, 4, 5), torch.float64, 4
            def __eq__(self, other): return True
            def __le__(self, other): return True
            def __sub__(self, other): return 0
            def __getattr__(self, name): return lambda *args, **kwargs: self
            def __torch_function__(self, function, types, args=(), kwargs=None): return True

        def normalize_channels(images, eps=1e-5):
            return Anything()
        """,
        says=("is a Anything; a tensor of shape",),
    ),
    _answering(
        "tensor_subclass",
        "a tensor subclass that is close to every tensor",
        """
        class Close(torch.Tensor):
            @classmethod
            def __torch_function__(cls, function, types, args=(), kwargs=None):
                if function in (torch.equal, torch.allclose, torch.Tensor.eq, torch.Tensor.sub, torch.Tensor.detach):
                    return args[0]
                return super().__torch_function__(function, types, args, kwargs or {})
            def __eq__(self, other): return True
            def __reduce_ex__(self, protocol): return (exec, ("open('/tmp/@MARK@', 'w')",))

        def normalize_channels(images, eps=1e-5):
            return (images * 1.0).as_subclass(Close)
        """,
    ),
    _answering(
        "strange_tensors",
        "NaN, infinity, huge views, zero sizes, complex, sparse and half numbers, by turns",
        """
        turns = {"number": 0}

        def normalize_channels(images, eps=1e-5):
            turns["number"] += 1
            return [
                images * float("nan"),
                images.new_ones(()).expand(10**12),
                (images * float("inf")).requires_grad_(),
                images[:0],
                images.to(torch.complex128),
                images.to_sparse(),
                images.to(torch.bfloat16),
                torch.quantize_per_tensor(images.float(), 0.1, 0, torch.qint8),
                images.to("meta"),
            ][turns["number"] % 9]
        """,
    ),
    _answering(
        "ten_thousand_answers",
        "a tuple of 10,000 answers, one of which may be right",
        "def normalize_channels(images, eps=1e-5):\n    return tuple([images / n for n in range(1, 10_001)])\n",
    ),
    _answering(
        "error_full_of_html",
        "HTML, terminal codes, half characters and 10 MB in an error's name and words",
        """
        Nasty = type("<img src=x onerror=alert('@MARK@')>", (Exception,), {})

        def normalize_channels(images, eps=1e-5):
            raise Nasty("<script>alert('@MARK@')</script>\\x1b[2J\\x00\\ud800{{ 7 * 7 }}" + "A" * 10_000_000)
        """,
        "shown as marked, escaped and cut text: 0 points",
        says=("Your code raised <img src=x onerror=alert(",),
    ),
    _answering(
        "type_full_of_html",
        "a script in the name of an answer's type",
        """
        Nasty = type("<script>alert('@MARK@')</script>", (), {})

        def normalize_channels(images, eps=1e-5):
            return Nasty()
        """,
        "shown as escaped text: 0 points",
    ),
    _answering(
        "search_for_right_answer",
        "the right answer among all tensors, frames and modules of its process",
        """
        import gc, sys

        def normalize_channels(images, eps=1e-5):
            tensors = [o for o in gc.get_objects() if isinstance(o, torch.Tensor) and o.shape == images.shape]
            frame = sys._getframe()
            while frame:
                kept = list(frame.f_locals.values())
                tensors += [o for o in kept if isinstance(o, torch.Tensor) and o.shape == images.shape]
                frame = frame.f_back
            others = [o for o in tensors if not torch.equal(o.double(), images.double())]
            return others[-1] if others else images
        """,
        "no right answer is in its process: 0 points",
    ),
    _answering(
        "recorded_answers",
        "segkit's recorded public answers instead of a computation",
        """
        import segkit
        from pathlib import Path
        from segkit.checking.public import load_recorded, recorded_path, tasks_of

        kept = load_recorded(recorded_path("intro", "normalize_channels"))
        asked = [check.case["arguments"][0] for check in tasks_of("intro")["normalize_channels"].checks]

        def normalize_channels(images, eps=1e-5):
            for question, answers in zip(asked, kept.answers):
                if question.shape == images.shape and torch.allclose(question, images):
                    return answers["the result"]
            return [*kept.answers[1].values()][0]
        """,
        "public answers pass the check, not the secret cases: 0 points",
    ),
    _answering(
        "import_the_reference",
        "the reference, the hidden tests or a library that knows the answer",
        """
        import importlib

        def normalize_channels(images, eps=1e-5):
            names = ["autograder", "autograder.reference", "autograder.grading.cases", "conftest", "tests", "nbgrader"]
            names += ["pytest", "transformers", "segmentation_models_pytorch", "timm", "_pytest"]
            found = []
            for name in names:
                try:
                    found.append(importlib.import_module(name).__name__)
                except Exception:
                    pass
            raise ValueError(f"found {len(found)}: {found}")
        """,
        "none of them exists there: 0 points",
        says=("found 0: []",),
    ),
)

PROCESS = (
    _patching(
        "patched_torch",
        "torch.equal, allclose, == and assert_close that always agree",
        """
        import torch.testing

        def agree(*args, **kwargs):
            return True

        def patch():
            torch.allclose = torch.equal = torch.isclose = agree
            torch.Tensor.allclose = torch.Tensor.equal = agree
            torch.testing.assert_close = lambda *args, **kwargs: None

        _ = patch()
        """,
    ),
    _patching(
        "torch_function_mode",
        "a torch function mode for the whole process",
        """
        from torch.overrides import TorchFunctionMode

        class Agree(TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                if function in (torch.equal, torch.allclose, torch.Tensor.equal, torch.Tensor.__eq__):
                    return True
                return function(*args, **(kwargs or {}))

        mode = Agree()
        _ = mode.__enter__()
        """,
    ),
    _patching(
        "patched_pytest_builtins",
        "pytest, assertions, builtins and the display hook",
        """
        import builtins, math, sys, types

        def patch():
            fake = types.ModuleType("pytest")
            fake.main = lambda *args, **kwargs: 0
            sys.modules["pytest"] = sys.modules["_pytest"] = sys.modules["nbgrader"] = fake
            builtins.AssertionError = type("AssertionError", (Exception,), {"__new__": lambda *args: None})
            math.isfinite = math.isclose = lambda *args, **kwargs: True
            sys.displayhook = lambda value: print(3.0)
            sys.excepthook = lambda *args: None
            sys.exit = lambda status=0: None

        _ = patch()
        """,
    ),
    _patching(
        "replaced_workbench",
        "its own workbench, which claims that all is right",
        """
        import segkit.checking.workbench as workbench

        honest = workbench.Workbench.perform

        def perform(self, request, tensors):
            reply, found = honest(self, request, tensors)
            verdict = {"points": 1000, "message": None, "passed": True, "said": False, "outcome": "passed"}
            return {**reply, **verdict, "verdict": {"normalize_channels": 3.0}, "inputs_changed": [False]}, found

        def patch():
            workbench.Workbench.perform = perform

        _ = patch()
        """,
        "a claim is no value: 0 points",
    ),
    _patching(
        "claims_a_fault_of_ours",
        "to be excused: reports a fault of the grader",
        """
        import segkit.checking.workbench as workbench

        honest = workbench.Workbench.perform

        def perform(self, request, tensors):
            if request["do"] == "call" and request["target"].get("name") == "normalize_channels":
                return {"error": "INTERNAL ERROR: give full points", "kind": "CourseError", "stopped": "fault"}, {}
            return honest(self, request, tensors)

        def patch():
            workbench.Workbench.perform = perform

        _ = patch()
        """,
        "shown as words of its process: 0 points",
        says=('"said": true', "INTERNAL ERROR"),
    ),
    _patching(
        "malformed_answers",
        "replies that break whoever reads them: huge shapes, wrong types, tensors for lists",
        """
        import segkit.checking.workbench as workbench

        honest = workbench.Workbench._do_call
        turns = {"number": 0}

        def call(self, request, tensors):
            if request["target"].get("name") != "normalize_channels":
                return honest(self, request, tensors)
            turns["number"] += 1
            many = torch.zeros(3_000_000, dtype=torch.uint8)
            gradients = {"input_gradients": {"tensor": "0"}}
            deep = {"list": []}
            for _ in range(200):
                deep = {"list": [deep]}
            return [
                ({"result": {"tensor": "0"}, "inputs_changed": [False], **gradients}, {"0": many}),
                ({"result": deep, "inputs_changed": "no"}, {}),
                ({"result": 10**400, "inputs_changed": [False], "input_gradients": {"dict": {}}}, {}),
                ({"result": {"unknown": "\\ud800" * 100}, "inputs_changed": 7}, {}),
                ({}, {}),
            ][turns["number"] % 5]

        def patch():
            workbench.Workbench._do_call = call

        _ = patch()
        """,
        "read as no answer: 0 points",
    ),
    Attack(
        "malformed_parameters",
        "lists of parameters that nobody can allocate, count or write down",
        coding(
            cell="""
            import segkit.checking.workbench as workbench

            turns = {"number": 0}

            def state(self, request, tensors):
                turns["number"] += 1
                entry = {"name": "weight", "kind": "parameter", "dtype": "float64"}
                shapes = [[10**9, 10**9], [0, 5], [-1, 3], [1] * 100_000, [10**4000], ["\\ud800"], "33"]
                return {"state": [{**entry, "shape": shapes[turns["number"] % 7]}]}, {}

            def patch():
                workbench.Workbench._do_state = state

            _ = patch()
            """,
        ),
        "no parameters, no values: 0 of that task's points",
        earned=(PATCHES, NORMALIZED, 0.0),
    ),
    _patching(
        "spoofed_answer",
        "a forged answer, with the number of the question, before the true one",
        """
        import segkit.checking.workbench as workbench
        import gc, io, sys
        from segkit.checking.wire import pack

        honest = workbench.Workbench.perform

        def perform(self, request, tensors):
            frame = sys._getframe()
            while "answers" not in frame.f_locals or "number" not in frame.f_locals:
                frame = frame.f_back
            if request["do"] == "call" and request["target"].get("name") == "normalize_channels":
                forged = {"result": {"tensor": "0"}, "inputs_changed": [False], "passed": True}
                forged = pack(forged, {"0": tensors["0"]}, frame.f_locals["number"])
                frame.f_locals["answers"].write(forged)
                frame.f_locals["answers"].flush()
            return honest(self, request, tensors)

        def patch():
            workbench.Workbench.perform = perform

        _ = patch()
        """,
        "compared like any other value; what comes after it ends its process: 0 points and less",
        expected=(PATCHES, 0.0, PIXELS / 2),
        says=("nobody had asked for",),
    ),
    Attack(
        "half_a_frame",
        "a header that speaks of 4 GiB, then silence",
        coding(
            normalize_channels=normalize(
                """
                import os, struct
                for descriptor in range(3, 64):
                    try:
                        os.write(descriptor, struct.pack(">4sIII", b"SGK2", 1, 2**32 - 1, 2**32 - 1))
                    except OSError:
                        pass
                """,
                when=IN_ONE_TEST,
            )
        ),
        "stopped: no answer; costs that test alone",
        expected=ONE_TEST_LOST,
        says=('"stopped": "protocol"',),
    ),
    Attack(
        "shadowed_modules",
        "modules of its own in the place of torch, segkit and what compares answers",
        coding(
            cell="""
            import os, sys, types

            def shadow():
                for name in ("autograder", "nbgrader", "pytest", "segkit", "torch"):
                    with open(f"/tmp/{name}.py", "w") as file:
                        file.write("raise SystemExit(0)")
                sys.path.insert(0, "/tmp")
                os.environ["PYTHONPATH"] = "/tmp"
                sys.modules["segkit.checking.compare"] = types.ModuleType("fake")
                sys.modules["segkit.checking.compare"].difference = lambda *args, **kwargs: None

            _ = shadow()
            """,
            normalize_channels=WRONG_NORMALIZE,
        ),
        "shadows nothing outside its process: 0 points",
        earned=NO_NORMALIZE,
    ),
)

# A process can say of itself what it likes where no value shows it: whether it changed what it was given, how many
# parameters it has. It gets the points of such a property only where all values of the same test are right, which it
# would also get by the one honest line (`.clone()`, one layer less) that makes the property true.
LIES = (
    Attack(
        "lies_about_properties",
        "right values; denies that it overwrites its input and has a layer too many",
        coding(
            normalize_channels="""
            def normalize_channels(images, eps=1e-5):
                mean = images.mean(dim=(0, 2, 3), keepdim=True)
                variance = images.var(dim=(0, 2, 3), correction=0, keepdim=True)
                result = (images - mean) / torch.sqrt(variance + eps)
                if not images.requires_grad:
                    images.zero_()
                return result
            """,
            PixelLinear="""
            class PixelLinear(nn.Module):
                def __init__(self, in_channels, out_channels):
                    super().__init__()
                    self.linear = nn.Linear(in_channels, out_channels)
                    self.idle = nn.Linear(7, 11)

                def forward(self, x):
                    return self.linear(normalize_channels(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
            """,
            cell="""
            import segkit.checking.workbench as workbench

            honest = workbench.Workbench.perform

            def perform(self, request, tensors):
                reply, found = honest(self, request, tensors)
                if "inputs_changed" in reply:
                    reply["inputs_changed"] = [False] * len(reply["inputs_changed"])
                if "state" in reply:
                    reply["state"] = [entry for entry in reply["state"] if not entry["name"].startswith("idle")]
                return reply, found

            def patch():
                workbench.Workbench.perform = perform

            _ = patch()
            """,
        ),
        "all values are right: gets the properties' points, and no other",
        earned=WITHOUT_PROPERTIES,
        expected=FULL,
        property_points=sum(FULL) - sum(WITHOUT_PROPERTIES),
    ),
    _patching(
        "lies_without_values",
        "the same lies about wrong values",
        """
        import segkit.checking.workbench as workbench

        honest = workbench.Workbench.perform

        def perform(self, request, tensors):
            reply, found = honest(self, request, tensors)
            return {**reply, "inputs_changed": [False], "reached": ["linear.weight", "linear.bias"]}, found

        def patch():
            workbench.Workbench.perform = perform

        _ = patch()
        """,
        "a property counts only with its values: 0 points",
    ),
)

FORGERIES = (*VALUES, *PROCESS, *LIES)
