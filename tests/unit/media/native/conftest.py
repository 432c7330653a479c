from tests.support.native_loop import NATIVE

# without a compiler there is nothing to test
collect_ignore = ["test_fan_out.py"] if NATIVE is None else []
