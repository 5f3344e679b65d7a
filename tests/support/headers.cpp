// Nothing of its own: the target that it is in compiles the headers of all tests ahead of them. See
// cmake/tests.cmake.
