"""A process apart that reads flow files and evaluates costly expressions, and can be killed.

    Sandbox.compile(data: bytes, source: str) -> dict     FlowFileError with every problem
    Sandbox.evaluate(expression, names) -> Any            ExpressionError; killed after 1 s
    Sandbox.resolve(value, names) -> Any                  as engine.expression.resolve
    Sandbox.prestart()                                    start the process before it is needed
    await Sandbox.close()

`client` runs in the engine's event loop; `process` is the other side.
"""

from .client import Sandbox

__all__ = ["Sandbox"]
