from tests.support.native_loop import each_sender

__all__ = ["each_sender"]
