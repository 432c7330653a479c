from tests.support.native_loop import NATIVE

# without a compiler there is nothing to test
collect_ignore_glob = ["test_[!c]*.py"] if NATIVE is None else []
